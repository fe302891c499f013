/** Where the server listens, and what it says when it cannot. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { WebSocket } from 'ws';
import { bind } from '../../src/server/http/bind.js';
import { Client, eventually } from '../support/client.js';
import { needs } from '../support/faults.js';
import { hasV6, makeCertificate, needsV6 } from '../support/network.js';
import { temporary } from '../support/server.js';
import { FakeLog, serve } from './fixture.js';

t.test('by default on both loopback addresses, on one port', async (t) => {
  const { port, urls } = await serve({ host: undefined });
  t.equal(urls[0], `http://127.0.0.1:${port}`);
  t.equal((await new Client({ port }).get('/health')).status, 200);
  if (!hasV6) return t.same(urls.length, 1);
  t.equal(urls[1], `http://[::1]:${port}`);
  t.equal((await new Client({ port }, {}, '::1').get('/health')).status, 200);
});

t.test('a port that is taken', async (t) => {
  const { port } = await serve();
  await t.rejects(serve({ port }), {
    message: `cannot listen on 127.0.0.1:${port}: another process has this port; choose another with --port, or stop that process`,
  });
});

t.test('a port that is taken on ::1 only', needsV6, async (t) => {
  const other = createServer();
  await new Promise<void>((done) => other.listen({ host: '::1', port: 0 }, done));
  const { port } = other.address() as { port: number };
  await t.rejects(serve({ host: undefined, port }), /cannot listen on \[::1\]:\d+: another process/);
  other.close();
});

t.test('a port that is free on one address only is not taken when any will do', needsV6, async (t) => {
  let next = 5000;
  const asked: string[] = [];
  const app = {
    listen: async (host: string, port: number) => {
      asked.push(`${host}:${port}`);
      if (host === '127.0.0.1') return (next += 1);
      return port === 5003 ? port : undefined;
    },
    unlisten: () => void asked.push('unlisten'),
  };
  t.same(await bind(app, undefined, 0, new FakeLog()), { port: 5003, hosts: ['127.0.0.1', '::1'] });
  t.equal(asked.filter((what) => what === 'unlisten').length, 2);
});

t.test('addresses that are not there', async (t) => {
  await t.rejects(serve({ host: '192.0.2.1', tokens: { full: ['secret'], read: [] } }), /does not have that address/);
  await t.rejects(
    serve({ host: 'no-such-host.invalid', tokens: { full: ['secret'], read: [] } }),
    /cannot listen on no-such-host\.invalid:0: /,
  );
});

t.test('an address that others can reach needs a token', async (t) => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com'])
    await t.rejects(serve({ host }), /needs a token.*ESCAPEMENT_TOKEN/);
  const { port } = await serve({ host: '0.0.0.0', tokens: { full: ['secret'], read: [] } });
  t.equal((await new Client({ port }).get('/health')).status, 200);
  t.equal((await new Client({ port }).get('/jobs')).status, 401);
});

t.test('closing lets an answer out that is under way, and may be asked for twice', async (t) => {
  const { server, api, scheduler, port } = await serve();
  const answer = api.post('/jobs', { name: 'payment_check', delay: '1h' });
  while (scheduler.asked.length === 0) await new Promise((done) => setImmediate(done));
  const closing = [server.close(), server.close()];
  t.equal((await answer).status, 201);
  t.equal((await answer).headers.connection, 'close');
  await Promise.all(closing);
  await t.rejects(new Client({ port }).get('/health'));
});

t.test('a certificate that cannot be used', async (t) => {
  const folder = temporary('tls');
  const [tlsCert, tlsKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await t.rejects(serve({ tlsCert, tlsKey }), /cannot read the file .*cert\.pem of --tls-cert: ENOENT/);
  writeFileSync(tlsCert, 'no certificate');
  writeFileSync(tlsKey, 'no key');
  await t.rejects(serve({ tlsCert, tlsKey }), /must be PEM/);
});

t.test('TLS', needs('openssl'), async (t) => {
  const { cert: tlsCert, key: tlsKey } = makeCertificate();
  const { port, urls, server } = await serve({ tlsCert, tlsKey });
  t.equal(urls[0], `https://127.0.0.1:${port}`);
  const status = await new Promise((done, failed) => {
    request({ host: '127.0.0.1', port, path: '/api/v1/health', rejectUnauthorized: false, agent: false }, (response) =>
      done(response.statusCode),
    )
      .on('error', failed)
      .end();
  });
  t.equal(status, 200);
  const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, { rejectUnauthorized: false });
  const heard = new Promise((done) => socket.on('message', (data) => done(String(data))));
  await new Promise((done) => socket.once('open', done));
  socket.send('{"action":"ping"}');
  t.match(await heard, /pong/);
  const closed = new Promise((done) => socket.on('close', done));
  await server.close();
  t.equal(await closed, 1001);
});

t.test('as many connections beside WebSockets as are allowed', async (t) => {
  const log = new FakeLog();
  const { port, api } = await serve({ maxConnections: 3 }, { log });
  const open = async () => {
    const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  /** Whether it is served, rather than closed. */
  const isServed = async (socket: Awaited<ReturnType<typeof open>>) => {
    const first = Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
    socket.write('GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    return first;
  };
  const sockets = [await open(), await open(), await open()];
  for (const socket of sockets) t.ok(await isServed(socket));
  t.notOk(await isServed(await open()), 'one too many is closed');
  await eventually(
    async () => log.lines.includes('new connections were closed: --max-connections are open already'),
    'the log does not say so',
  );
  sockets[0]!.destroy();
  await eventually(async () => isServed(await open()), 'the place of one that has gone is not free');

  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  await once(webSocket, 'error');
  sockets[1]!.destroy();
  await eventually(
    () =>
      new Promise<boolean>((done) => {
        const next = new WebSocket(`ws://127.0.0.1:${port}/ws`);
        next.on('open', () => done(true)).on('error', () => done(false));
      }),
    'there is no place for a WebSocket',
  );
  t.equal((await api.get('/health')).status, 200, 'which leaves its place to others');
});
