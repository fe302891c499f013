/** Real nodes whose PostgreSQL, or the way to it, changes for the worse while they run. */
import t, { type Test } from 'tap';
import { eventually } from '../../support/client.js';
import { startPostgres, type TestPostgres, withoutPostgres } from '../../support/postgres.js';
import { asNode, startCluster } from '../support/cluster.js';
import { isWell } from '../support/looks.js';
import type { ClusterNode } from '../support/nodes.js';
import { startNodes } from '../support/nodes.js';

t.setTimeout(240_000);

interface Health {
  readonly status: string;
  readonly reason?: string;
}

const healthOf = async ({ api }: ClusterNode): Promise<Health> => (await api.get<Health>('/health')).body;
const echo = { name: 'echo', delay: '0s', payload: {} };

/** A user with a password, and nodes that come as that user, through a proxy each. */
async function guarded(t: Test, postgres: TestPostgres, count: number): Promise<ClusterNode[]> {
  await postgres.sql(`CREATE ROLE guarded LOGIN PASSWORD 'before'`);
  await postgres.sql('CREATE DATABASE guarded OWNER guarded');
  await postgres.allow('host all guarded 127.0.0.1/32 scram-sha-256');
  const database = postgres.url('guarded', 'guarded:before');
  const nodes = await startNodes({ count, database, args: asNode });
  t.teardown(() => Promise.all(nodes.map((node) => node.kill())));
  for (const node of nodes) await eventually(() => isWell(node), 'all shards are run', 30_000);
  return nodes;
}

/** Ends the sessions of nodes: they need new ones. */
const endSessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guarded'`;

t.test('the password is changed', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const [node] = (await guarded(t, postgres, 1)) as [ClusterNode];
  await postgres.sql(`ALTER ROLE guarded PASSWORD 'after'`);
  await postgres.sql(endSessions);
  const refused =
    /does not let this node in any more: password authentication failed for user "guarded"\. Start the node again with the user and password of today in --store/;
  await eventually(async () => refused.test((await healthOf(node)).reason ?? ''), 'it says what is wrong', 30_000);
  t.match(
    node.server.output(),
    /does not let this node in any more: password authentication failed/,
    'in its log, too',
  );
  t.notMatch(node.server.output(), /guarded:before/);
  t.equal((await node.api.post('/jobs', echo)).status, 503);
  t.equal(node.server.output().match(/does not let this node in/g)?.length, 1, 'it is said once');
  await postgres.sql(`ALTER ROLE guarded PASSWORD 'before'`);
  await eventually(() => isWell(node), 'it goes on by itself', 30_000);
  t.match(node.server.output(), /takes connections of this node again/);
  t.equal((await node.api.post('/jobs', echo)).status, 201);
});

t.test('connections are used up', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const [node] = (await guarded(t, postgres, 1)) as [ClusterNode];
  await postgres.sql('ALTER ROLE guarded CONNECTION LIMIT 0');
  await postgres.sql(endSessions);
  const full = /takes no new connection of this node: it has no connection left: raise max_connections, or end some/;
  await eventually(async () => full.test((await healthOf(node)).reason ?? ''), 'it says what is wrong', 30_000);
  t.match(node.server.output(), full);
  t.equal((await node.api.post('/jobs', echo)).status, 503);
  await postgres.sql('ALTER ROLE guarded CONNECTION LIMIT 20');
  await eventually(() => isWell(node), 'it goes on by itself', 30_000);
  const { status, body } = await node.api.post<{ id: string }>('/jobs', echo);
  t.equal(status, 201);
  await node.api.until(body.id, 'success', 30_000);
});

t.test('who shows no token is not told where the database is', { skip: withoutPostgres }, async (t) => {
  const { postgres, nodes } = await startCluster(t, {
    count: 1,
    settings: ['fsync=off'],
    args: (place) => [...asNode(place), '--token', 'full-one'],
  });
  const [node] = nodes as [ClusterNode];
  await eventually(() => isWell(node), 'all shards are run', 30_000);
  await postgres.stop();
  await eventually(
    async () => (await healthOf(node)).reason?.includes('takes no connections') === true,
    'it is told',
    30_000,
  );
  t.equal((await healthOf(node)).reason, 'PostgreSQL takes no connections of this node: its log says why');
  const { body } = await node.api.get<Health>('/health', { authorization: 'Bearer full-one' });
  t.match(body.reason, /^PostgreSQL at 127\.0\.0\.1:\d+\/test_1 takes no new connection of this node: /);
  await postgres.start();
  await eventually(() => isWell(node), 'it goes on by itself', 30_000);
});
