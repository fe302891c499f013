/** Real nodes in bad surroundings: an address that is not theirs, a clock that is wrong, a database that is slow. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Client, eventually } from '../support/client.js';
import { startPostgres, withoutPostgres } from '../support/postgres.js';
import { startCluster } from './support/cluster.js';
import { startNodes } from './support/nodes.js';

t.setTimeout(180_000);

interface Health {
  readonly status: string;
  readonly reason?: string;
}

const healthOf = async ({ api }: { readonly api: Client }): Promise<Health> => (await api.get<Health>('/health')).body;

t.test('two nodes with one address: the second takes nothing, and says why', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const database = await postgres.fresh();
  const addresses: string[] = [];
  const [first, second] = await startNodes({
    count: 2,
    database,
    args: ({ advertise, database: store = '' }) => {
      addresses.push(advertise);
      return ['--store', store, '--advertise', addresses[0] as string];
    },
  });
  await eventually(async () => (await healthOf(first!)).status === 'healthy', 'the first runs all shards', 30_000);
  await eventually(
    async () => (await healthOf(second!)).reason?.includes('another node has the same --advertise') === true,
    'the second says why it has none',
    30_000,
  );
  const { body } = await second!.api.get<{ node: string; nodes: { node: string; shards: number }[] }>('/cluster');
  t.equal(body.nodes.find(({ node }) => node === body.node)?.shards, 0);
});

t.test('a database that is slow by half a second', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 1, settings: ['fsync=off'] });
  const [node] = nodes;
  await eventually(async () => (await healthOf(node!)).status === 'healthy', 'it runs all shards', 30_000);
  node!.database!.delayMs = 250;
  const { status, body } = await node!.api.post<{ id: string }>('/jobs', { name: 'echo', delay: '0s', payload: {} });
  t.equal(status, 201);
  await eventually(async () => (await node!.api.job(body.id)).status === 'success', 'it runs', 30_000);
  t.not((await healthOf(node!)).reason?.includes('clock'), true, 'that is not taken for a clock that is wrong');
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
