/** Real nodes whose database is half a second away in each direction: all goes on, more slowly. A lease needs most of that time, so nothing else runs beside. */
import t from 'tap';
import { eventually } from '../../support/client.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { asNode } from '../support/cluster.js';
import { isWell, isWhole } from '../support/looks.js';
import { type ClusterNode, startNodes } from '../support/nodes.js';

t.setTimeout(280_000);

const echo = { name: 'echo', delay: '0s', payload: {} };

/** Asks until it is made: a beat that comes a bit late costs the lease for a moment. */
async function make<Body>({ api }: ClusterNode, path: string, body: unknown): Promise<Body> {
  let made: Body | undefined;
  await eventually(
    async () => {
      const answer = await api.post<Body>(path, body);
      if (answer.status < 300) made = answer.body;
      else if (answer.status < 500) throw new Error(answer.text);
      return made !== undefined;
    },
    `${path} is taken`,
    60_000,
  );
  return made as Body;
}

async function succeeds({ api }: ClusterNode, id: string): Promise<void> {
  const isDone = async (): Promise<boolean> => {
    const { status, body } = await api.get<{ status: string }>(`/jobs/${id}`);
    return status === 200 && body.status === 'success';
  };
  await eventually(isDone, `${id} succeeds`, 60_000);
}

t.test('a database that is half a second away in each direction', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  // With a password it takes three times the way there and back until a connection is there.
  await postgres.sql(`CREATE ROLE guarded LOGIN PASSWORD 'right'`);
  await postgres.sql('CREATE DATABASE guarded OWNER guarded');
  await postgres.allow('host all guarded 127.0.0.1/32 scram-sha-256');
  const nodes = await startNodes({
    count: 2,
    database: postgres.url('guarded', 'guarded:right'),
    // Each that is taken over takes several times the way there and back.
    args: (place) => [...asNode(place), '--shards', '4', '--settle', '500ms'],
  });
  t.teardown(() => Promise.all(nodes.map((node) => node.kill())));
  const [first, second] = nodes as [ClusterNode, ClusterNode];
  const rows = async (sql: string): Promise<Record<string, unknown>[]> => await postgres.sql(sql, 'guarded');
  const halves = async (): Promise<boolean> => {
    const counts = await rows('SELECT owner, count(*) AS shards FROM escapement.shard GROUP BY owner');
    return counts.length === 2 && counts.every(({ owner, shards }) => owner !== null && shards === '2');
  };
  await eventually(halves, 'each has its half, which it keeps', 60_000);
  for (const node of nodes) await eventually(() => isWell(node), 'all shards are run', 30_000);
  const epochs = async (): Promise<unknown> => await rows('SELECT shard, epoch FROM escapement.shard ORDER BY 1');
  const beats = async (): Promise<number> =>
    Number((await rows('SELECT min(beat) AS beat FROM escapement.node WHERE NOT dead'))[0]!.beat);
  const before = await epochs();
  for (const { database } of nodes) database!.delayMs = 500;

  const one = await make<{ id: string }>(first, '/jobs', echo);
  const many = Array.from({ length: 300 }, () => echo);
  const batch = await make<{ items: { id: string }[] }>(second, '/jobs/batch', many);
  t.equal(batch.items.length, 300);
  for (const id of [one.id, batch.items[0]!.id, batch.items.at(-1)!.id]) await succeeds(first, id);
  const keyed = await make<{ id: string }>(second, '/jobs', { ...echo, key: 'far-away' });
  await succeeds(first, keyed.id);
  const since = await beats();
  await eventually(async () => (await beats()) > since + 6, 'they beat', 120_000);
  t.same(await epochs(), before, 'no shard has changed hands');
  for (const { server } of nodes) t.notMatch(server.output(), /is dead/, 'nobody was given up');

  // All connections anew.
  await postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guarded'`);
  await succeeds(second, (await make<{ id: string }>(first, '/jobs', echo)).id);
  for (const node of nodes) await eventually(() => isWell(node), 'both are well again', 60_000);

  await first.kill();
  await eventually(() => isWhole(second), 'what the first had is taken over', 120_000);
  await succeeds(second, (await make<{ id: string }>(second, '/jobs', echo)).id);
});
