/** A node whose PostgreSQL is not there yet: it listens, says what it waits for, and can be stopped. */
import { once } from 'node:events';
import { request } from 'node:https';
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { WebSocket } from 'ws';
import { Client, eventually, type Problem } from '../../support/client.js';
import { needs } from '../../support/faults.js';
import { freePort, makeCertificate } from '../../support/network.js';
import { lastingPort } from '../../support/ports.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { StartingNode } from './starting.js';

t.setTimeout(240_000);

interface Health {
  readonly status: string;
  readonly reason: string;
}

const listens = /the server listens meanwhile/;

t.test('PostgreSQL comes later', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const store = await postgres.fresh();
  await postgres.stop();
  const port = lastingPort();
  const node = new StartingNode({ store, port, advertise: `http://127.0.0.1:${port}` });
  await node.said(listens);
  const client = new Client({ port });

  const health = await client.get<Health>('/health');
  t.equal(health.status, 503);
  t.equal(health.headers['retry-after'], '5');
  t.match(health.body, {
    status: 'degraded',
    reason: `this node waits for PostgreSQL at 127.0.0.1:${postgres.port}/test_1, and serves once that is there: connect ECONNREFUSED 127.0.0.1:${postgres.port}`,
  });
  t.equal((await client.get('/health/ready')).status, 503, 'a balancer keeps requests away');
  t.equal((await client.get('/health/live')).status, 200, 'a probe of life lets it wait');
  for (const [method, path] of [
    ['GET', '/jobs'],
    ['POST', '/jobs'],
    ['PUT', '/jobs/x'],
    ['DELETE', '/jobs/x'],
    ['PATCH', '/jobs/x'],
    ['GET', '/stats'],
    ['GET', '/history'],
    ['GET', '/cron?expr=%40daily'],
  ] as const) {
    const { status, headers, body } = await client.request<Problem>(method, path, method === 'GET' ? {} : { body: {} });
    t.same([status, body.code, headers['retry-after']], [503, 'storage_unavailable', '5'], `${method} ${path}`);
    t.match(body.detail, /^This node waits for PostgreSQL at .*ECONNREFUSED .*\.$/);
  }
  t.equal(await webSocketStatus(port), 503);

  await postgres.start();
  await node.said(/PostgreSQL at .* is there/);
  const [, url] = await node.said(/escapement listening on (\S+)/);
  t.equal(url, `http://127.0.0.1:${port}`, 'on the same address');
  await eventually(async () => (await client.get<Health>('/health')).body.status === 'healthy', 'it serves', 30_000);
  t.equal((await client.post('/jobs', { name: 'echo', delay: '1h', payload: {} })).status, 201);
  t.equal(await node.stop(), 0);
});

t.test('it waits for a database, and for connections', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  await postgres.sql('CREATE ROLE crowded LOGIN');
  const port = lastingPort();
  const node = new StartingNode({
    store: postgres.url('later', 'crowded'),
    port,
    advertise: `http://127.0.0.1:${port}`,
  });
  await node.said(listens);
  const reason = async (): Promise<string> => (await new Client({ port }).get<Health>('/health')).body.reason;
  t.match(await reason(), /the database does not exist: create it, or put another into --store$/);
  await postgres.sql('ALTER ROLE crowded CONNECTION LIMIT 0');
  await postgres.sql('CREATE DATABASE later OWNER crowded');
  await node.said(/no connection left/);
  t.match(await reason(), /it has no connection left: raise max_connections, or end some of the others$/);
  await postgres.sql('ALTER ROLE crowded CONNECTION LIMIT 20');
  await node.said(/escapement listening on/);
  t.equal(await node.stop(), 0);
});

t.test('what waiting does not mend ends it', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  await postgres.stop();
  const port = lastingPort();
  const node = new StartingNode({ store: postgres.url('postgres', 'nobody'), port });
  await node.said(listens);
  await postgres.start();
  t.equal(await node.ended, 1);
  t.match(node.text, /role "nobody" does not exist\. Check the user in --store/);
});

t.test('it is stopped while it waits', { skip: withoutPostgres }, async (t) => {
  const node = new StartingNode({ store: `postgres://somebody@127.0.0.1:${await freePort()}/jobs` });
  await node.said(listens);
  t.equal(await node.stop(), 0);
  t.match(node.text, /stopped during startup/);
});

t.test('it is stopped while a connection is being made', async (t) => {
  // Accepts and says nothing.
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const node = new StartingNode({ store: `postgres://somebody@127.0.0.1:${port}/jobs` });
  await once(silent, 'connection');
  t.equal(await node.stop(), 0);
  t.notMatch(node.text, /waiting for PostgreSQL/, 'the connection was still being made');
});

t.test('who shows no token is not told where the database is', async (t) => {
  const port = lastingPort();
  const database = await freePort();
  const store = `postgres://somebody:se-cret@127.0.0.1:${database}/jobs`;
  const node = new StartingNode({ store, port, args: ['--token', 'full-one', '--read-token', 'reading-one'] });
  await node.said(listens);
  const reasonFor = async (headers: Record<string, string>): Promise<string> => {
    const { status, body } = await new Client({ port }, headers).get<Health>('/health');
    t.equal(status, 503);
    return body.reason;
  };
  const anybody = await reasonFor({});
  t.equal(anybody, 'this node waits for PostgreSQL, and serves once that is there: its log says why');
  t.equal(await reasonFor({ authorization: 'Bearer wrong' }), anybody);
  for (const token of ['full-one', 'reading-one'])
    t.match(await reasonFor({ authorization: `Bearer ${token}` }), new RegExp(`at 127\\.0\\.0\\.1:${database}/jobs`));
  const refused = await new Client({ port }).get<Problem>('/jobs');
  t.same([refused.status, refused.body.code], [401, 'unauthorized']);
  const { status, body } = await new Client({ port }, { authorization: 'Bearer full-one' }).get<Problem>('/jobs');
  t.same([status, body.code], [503, 'storage_unavailable']);
  t.equal(await node.stop(), 0);
  for (const text of [node.text, body.detail]) t.notMatch(text, /se-cret/);
});

t.test('with a certificate', { skip: withoutPostgres || (needs('openssl').skip ?? false) }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const store = await postgres.fresh();
  for (const http of ['uws', 'node']) {
    await postgres.stop();
    const { cert, key } = makeCertificate();
    const port = lastingPort();
    const args = ['--tls-cert', cert, '--tls-key', key, '--http', http, '--host', '127.0.0.1'];
    const node = new StartingNode({ store, port, args });
    t.match((await node.said(/"urls":\[([^\]]*)\]/))[1], `"https://127.0.0.1:${port}"`);
    t.equal(await tlsStatus(port, '/api/v1/health'), 503);
    t.equal(await tlsStatus(port, '/api/v1/health/live'), 200);
    await postgres.start();
    const [, url] = await node.said(/escapement listening on (\S+)/);
    t.equal(url, `https://127.0.0.1:${port}`);
    t.equal(await tlsStatus(port, '/api/v1/health/live'), 200);
    t.equal(await node.stop(), 0);
  }
});

function tlsStatus(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    call.on('error', reject);
    call.end();
  });
}

function webSocketStatus(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    socket.on('unexpected-response', (_, answer) => {
      answer.resume();
      resolve(answer.statusCode);
      socket.terminate();
    });
    socket.on('open', () => reject(new Error('it was taken')));
    socket.on('error', () => {});
  });
}
