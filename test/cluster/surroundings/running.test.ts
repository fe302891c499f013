/** Real nodes in bad surroundings: an address that is not theirs, a clock that is wrong, handlers that nobody has. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Client, eventually, type Problem } from '../../support/client.js';
import { freePort } from '../../support/network.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { handlersFolder } from '../../support/server.js';
import { startCluster } from '../support/cluster.js';
import { isWell } from '../support/looks.js';
import { type ClusterNode, startNodes } from '../support/nodes.js';
import { StartingNode } from './starting.js';

t.setTimeout(280_000);

interface Health {
  readonly status: string;
  readonly reason?: string;
}

const healthOf = async ({ api }: { readonly api: Client }): Promise<Health> => (await api.get<Health>('/health')).body;

interface ClusterBody {
  readonly node: string;
  readonly nodes: readonly { readonly node: string; readonly shards: number }[];
}

/** How many shards a node has, as it sees that itself. */
async function shardsOf({ api }: ClusterNode): Promise<number | undefined> {
  const { body } = await api.get<ClusterBody>('/cluster');
  return body.nodes.find(({ node }) => node === body.node)?.shards;
}

t.test('two nodes with one address: the second takes nothing, and says why', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const database = await postgres.fresh();
  const addresses: string[] = [];
  const nodes = await startNodes({
    count: 2,
    database,
    args: ({ advertise, database: store = '' }) => {
      addresses.push(advertise);
      return ['--store', store, '--advertise', addresses[0] as string];
    },
  });
  const [first, second] = nodes;
  t.teardown(() => Promise.all(nodes.map((node) => node.kill())));
  await eventually(async () => (await healthOf(first!)).status === 'healthy', 'the first runs all shards', 30_000);
  await eventually(
    async () => (await healthOf(second!)).reason?.includes('another node has the same --advertise') === true,
    'the second says why it has none',
    30_000,
  );
  t.equal(await shardsOf(second!), 0);
});

/** Gives a process another clock. */
const fakeClock = ['/usr/lib', '/usr/lib64']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => [folder, ...readdirSync(folder).map((each) => join(folder, each))])
  .map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1'))
  .find((file) => existsSync(file));

t.test(
  'a clock that is a minute ahead',
  { skip: withoutPostgres || (fakeClock === undefined && 'libfaketime is not installed') },
  async (t) => {
    const { nodes } = await startCluster(t, {
      count: 1,
      settings: ['fsync=off'],
      env: { LD_PRELOAD: fakeClock as string, FAKETIME: '+60s', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
    });
    const [node] = nodes;
    await eventually(
      async () => /ahead of that of PostgreSQL, so it takes no shards/.test((await healthOf(node!)).reason ?? ''),
      'it takes no shards, and says why',
      30_000,
    );
    const { body } = await node!.api.get<{ shards: { owner: string | null }[] }>('/cluster');
    t.ok(body.shards.every(({ owner }) => owner === null));
  },
);

t.test(
  'two nodes whose clocks are a minute apart',
  { skip: withoutPostgres || (fakeClock === undefined && 'libfaketime is not installed') },
  async (t) => {
    const { nodes } = await startCluster(t, {
      count: 2,
      settings: ['fsync=off'],
      env: ({ index }) =>
        index === 0 ? {} : { LD_PRELOAD: fakeClock as string, FAKETIME: '-60s', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
    });
    const [right, wrong] = nodes as [ClusterNode, ClusterNode];
    await eventually(() => isWell(right), 'the right one runs all shards', 30_000);
    await eventually(
      async () =>
        /the clock of this node is 6\d{4} ms behind that of PostgreSQL, so it takes no shards: keep both in order/.test(
          (await healthOf(wrong)).reason ?? '',
        ),
      'the wrong one says why it takes none',
      30_000,
    );
    const { status, body } = await wrong.api.post<{ id: string }>('/jobs', { name: 'echo', delay: '0s', payload: {} });
    t.equal(status, 201, 'it takes jobs all the same');
    const { started_at: startedAt } = await wrong.api.until(body.id, 'success', 30_000);
    t.ok(Math.abs(Date.parse(startedAt as string) - Date.now()) < 45_000, 'they run by the clock of the right one');
  },
);

t.test('an address that this node reaches and the others do not', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 2, settings: ['fsync=off'] });
  const [owner, other] = nodes as [ClusterNode, ClusterNode];
  for (const node of nodes)
    await eventually(async () => (await shardsOf(node)) === 8, 'each has its half, which it keeps', 30_000);
  const { id } = await owner.api.create({ name: 'echo', delay: '1h', payload: {} });
  t.equal((await other.api.get(`/jobs/${id}`)).status, 200);
  // It has heard itself there before.
  owner.front.cut('break');
  const { status, body } = await other.api.get<Problem>(`/jobs/${id}`);
  t.equal(status, 503);
  t.match(body, {
    code: 'storage_unavailable',
    detail: /does not answer the one that was asked.*Try again in a moment\.$/,
  });
  const told =
    /another node beats and does not answer this one at http:\/\/127\.0\.0\.1:\d+: its jobs cannot be reached from here\. Set its --advertise/;
  await eventually(
    async () => {
      await other.api.get(`/jobs/${id}`);
      return told.test(other.server.output());
    },
    'the log says what to do',
    60_000,
  );
  t.equal(other.server.output().match(/another node beats and does not answer/g)?.length, 1, 'once');
  owner.front.mend();
  await eventually(async () => (await other.api.get(`/jobs/${id}`)).status === 200, 'it is had again', 30_000);
  const isOver = (): boolean => /another node answers this one again/.test(other.server.output());
  await eventually(isOver, 'the log says so');
});

t.test('an address that leads each machine to itself', async (t) => {
  const node = new StartingNode({ store: 'postgres://somebody@db.invalid/jobs', advertise: 'http://localhost:8080' });
  await node.said(/the address of --advertise is a loopback address, and the database is on another machine/);
  t.equal(await node.stop(), 0);
  const alone = new StartingNode({ store: `postgres://somebody@127.0.0.1:${await freePort()}/jobs` });
  await alone.said(/waiting for PostgreSQL/);
  t.equal(await alone.stop(), 0);
  t.notMatch(alone.text, /is a loopback address/, 'nor where all is on one machine');
});

t.test('jobs that nobody can run', { skip: withoutPostgres }, async (t) => {
  const rare = 'export default async () => {};';
  const folder = handlersFolder({ rare, rarer: rare });
  const { nodes } = await startCluster(t, { count: 1, settings: ['fsync=off'], handlers: folder });
  const [node] = nodes as [ClusterNode];
  await eventually(() => isWell(node), 'it runs all shards', 30_000);
  for (const name of ['rare', 'rarer', 'rarer', 'echo']) await node.api.create({ name, delay: '1h', payload: {} });
  for (const name of ['rare', 'rarer']) rmSync(join(folder, `${name}.mjs`));
  await node.server.restart();
  await eventually(() => /have no handler on any node/.test(node.server.output()), 'it is told', 30_000);
  const lines = node.server
    .output()
    .split('\n')
    .filter((line) => /no handler on any node/.test(line));
  t.equal(lines.length, 1, 'once');
  t.match(JSON.parse(lines[0] as string), {
    jobs: { rare: 1, rarer: 2 },
    msg: 'jobs of this node have no handler on any node, and wait for one: put it into the handlers folder of all nodes',
  });
});
