/** Real nodes over a PostgreSQL with a damaged record: its shard is tried by each, the others go on, and all say which it is, and why. */
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { asNode, startCluster } from './support/cluster.js';
import { isWell, isWhole } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(240_000);

interface Body {
  readonly shards: readonly {
    readonly shard: number;
    readonly appended?: number;
    readonly given_up?: readonly { readonly node: string; readonly reason: string }[];
  }[];
}

const damaged = 1;
const flip = (position: string): string =>
  `UPDATE log SET bytes = set_byte(bytes, 60, 255 - get_byte(bytes, 60)) WHERE shard = ${damaged} AND position = ${position}`;

t.test('a record that cannot be applied costs its shard, and no node', { skip: withoutPostgres }, async (t) => {
  const { postgres, nodes } = await startCluster(t, {
    count: 2,
    settings: ['fsync=off'],
    args: (place) => [...asNode(place), '--shards', '2', '--settle', '0s', '--merge-age', '1h'],
  });
  const [first, second] = nodes as [ClusterNode, ClusterNode];
  await eventually(() => isWell(first), 'all shards are run', 30_000);
  // So that each of both shards has some.
  for (let n = 0; n < 20; n++) await first.api.post('/jobs', { name: 'echo', delay: '1h', payload: { n } });
  const { total } = (await first.api.get<{ total: number }>('/jobs')).body;
  t.equal(total, 20);
  const [database] = (await postgres.sql(
    "SELECT datname FROM pg_stat_activity WHERE application_name LIKE 'escapement%' AND datname <> 'postgres' LIMIT 1",
  )) as { datname: string }[];
  const name = database?.datname as string;
  const [{ position }] = (await postgres.sql(
    `SELECT max(position) AS position FROM escapement.log WHERE shard = ${damaged}`,
    name,
  )) as [{ position: unknown }];
  const inSchema = (sql: string) => postgres.sql(`SET search_path = escapement; ${sql}`, name);

  await first.kill();
  await second.kill();
  await inSchema(flip(String(position)));
  await Promise.all([first.start(), second.start()]);

  const givenUpAt = async ({ api }: ClusterNode): Promise<readonly string[]> => {
    const { body } = await api.get<Body>('/cluster');
    return (body.shards.find(({ shard }) => shard === damaged)?.given_up ?? []).map(({ reason }) => reason);
  };
  for (const node of [first, second])
    await eventually(async () => (await givenUpAt(node)).length === 2, 'both have tried it', 60_000);
  const [reason] = await givenUpAt(first);
  t.match(reason, /^log record \d+ does not match its checksum$/);
  let body: { status?: string; reason?: string } = {};
  await eventually(
    async () => {
      body = (await second.api.get<{ status: string; reason?: string }>('/health')).body;
      return /shard 1/.test(body.reason ?? '');
    },
    'its health names the shard',
    60_000,
  );
  t.match(body, {
    status: 'degraded',
    reason: /could not run shard 1: log record \d+ does not match its checksum\. Nobody runs it: its jobs wait/,
  });
  const made = await second.api.post<{ id: string }>('/jobs', { name: 'echo', delay: '0s', payload: {} });
  t.equal(made.status, 201, 'the other shard goes on');
  await eventually(async () => (await second.api.job(made.body.id)).status === 'success', 'it runs', 30_000);
  t.match((await first.api.absolute('GET', '/metrics')).text, /cluster_shards_lost_total\{reason="given_up"\} [1-9]/);

  await inSchema(flip(String(position)));
  for (const node of [first, second]) {
    await eventually(() => isWell(node), 'it is tried again', 60_000);
    await eventually(() => isWhole(node), 'all shards answer', 30_000);
  }
  t.equal((await first.api.get<{ total: number }>('/jobs')).body.total, 21);
});
