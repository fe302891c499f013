/** A node that has no shard, since there are fewer than nodes, takes everything all the same: another decides it. */
import t, { type Test } from 'tap';
import { eventually, type Job, type Problem } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { startCluster } from './support/cluster.js';
import type { ClusterBody } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(180_000);

const lookAt = async ({ api }: ClusterNode): Promise<ClusterBody> => (await api.get<ClusterBody>('/cluster')).body;

/** Two nodes and one shard. */
async function twoNodes(t: Test): Promise<{ readonly owning: ClusterNode; readonly without: ClusterNode }> {
  const { nodes } = await startCluster(t, { count: 2, settings: ['fsync=off'], env: { ESCAPEMENT_SHARDS: '1' } });
  const ownerAsOf = async (node: ClusterNode): Promise<unknown> => (await lookAt(node)).shards[0]?.owner;
  const all = async (): Promise<unknown[]> => await Promise.all(nodes.map(ownerAsOf));
  const agree = ([first, second]: unknown[]): boolean => typeof first === 'string' && first === second;
  await eventually(async () => agree(await all()), 'not all know who has the shard', 60_000);
  const owner = await ownerAsOf(nodes[0]!);
  const [owning, without] = (await lookAt(nodes[0]!)).node === owner ? nodes : [...nodes].reverse();
  return { owning: owning!, without: without! };
}

const requests = [
  ['/jobs', { name: 'echo', delay: '1h' }],
  ['/jobs/batch', [{ name: 'echo', delay: '1h' }]],
] as const;

t.test('jobs are made through a node that has no shard', { skip: withoutPostgres }, async (t) => {
  const { owning, without } = await twoNodes(t);
  const { api } = without;
  const isWell = async (): Promise<boolean> => (await api.get<{ status: string }>('/health')).body.status === 'healthy';
  await eventually(isWell, 'it serves, and is well', 30_000);

  const one = await api.post<Job>('/jobs', { name: 'echo', delay: '0s', payload: { n: 1 } });
  t.equal(one.status, 201, one.text);
  t.equal(one.headers.location, `/api/v1/jobs/${one.body.id}`);
  t.equal((await api.until(one.body.id, 'success')).status, 'success');
  t.equal((await owning.api.job(one.body.id)).status, 'success');

  const waited = await api.post<Job>('/jobs', { name: 'echo', delay: '0s', payload: { n: 2 } }, { prefer: 'wait=60' });
  t.equal(waited.body.status, 'success', 'its end is waited for');

  const keyed = { name: 'echo', delay: '1h', key: 'account-8' };
  const first = await api.post<Job>('/jobs', keyed);
  const second = await api.post<Job>('/jobs', { ...keyed, if_exists: 'return' });
  t.same([first.status, second.status], [201, 200], second.text);
  t.equal(second.body.id, first.body.id);
  const repeated = [];
  for (let n = 0; n < 2; n++)
    repeated.push(await api.post<Job>('/jobs', { name: 'echo', delay: '1h' }, { 'idempotency-key': 'order-7' }));
  t.equal(repeated[1]!.body.id, repeated[0]!.body.id);
  t.equal(repeated[1]!.headers['idempotent-replayed'], 'true');

  const batch = await api.post<{ items: Job[] }>('/jobs/batch', [
    { name: 'echo', delay: '1h' },
    { name: 'echo', delay: '2h' },
  ]);
  t.equal(batch.status, 201, batch.text);
  const faulty = await api.post<{ errors: { path: string }[] }>('/jobs/batch', [{ name: 'echo' }]);
  t.equal(faulty.status, 400);
  t.ok(faulty.body.errors.length > 0, 'it is told what is wrong');
  const wrong = await api.post<{ errors: { path: string }[] }>('/jobs', { name: 'echo', delay: 5 });
  t.equal(wrong.status, 400);

  t.equal((await api.list('?limit=1')).total, 6);
});

t.test('what was passed on and not answered is not passed on twice', { skip: withoutPostgres }, async (t) => {
  const { owning, without } = await twoNodes(t);
  owning.front.cut('break');
  for (const [path, body] of requests) {
    const { status, body: problem } = await without.api.post<Problem>(path, body);
    t.same([status, problem.code], [504, 'timeout'], 'it may have been done');
  }
  owning.front.mend();
  for (const [path, body] of requests) t.equal((await without.api.post(path, body)).status, 201);
});
