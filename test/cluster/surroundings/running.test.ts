/** Real nodes in bad surroundings: an address that is not theirs, a clock that is wrong. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Client, eventually } from '../../support/client.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { startCluster } from '../support/cluster.js';
import { isWell } from '../support/looks.js';
import { type ClusterNode, startNodes } from '../support/nodes.js';

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
