/** Real nodes over a real PostgreSQL: one is killed, another takes what it had, and nothing that was acknowledged is lost. */
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { Asking } from './checker/asking.js';
import { check, report } from './checker/check.js';
import { Recorder } from './checker/recorder.js';
import { startCluster } from './support/cluster.js';
import { type ClusterBody, isWell } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(180_000);

const asked = 60;

/** It runs all shards. */
async function ownsAll(node: ClusterNode): Promise<boolean> {
  const { body } = await node.api.get<ClusterBody>('/cluster');
  const { length } = body.shards;
  return length > 0 && body.shards.every(({ owner }) => owner === body.node) && (await isWell(node));
}

t.test('what a killed node had runs on another', { skip: withoutPostgres }, async (t) => {
  const recorder = new Recorder();
  const { nodes } = await startCluster(t, { count: 2, recorder, settings: ['fsync=off'] });
  const [first, second] = nodes as [ClusterNode, ClusterNode];
  await eventually(() => isWell(first), 'all shards are run', 30_000);

  const asking = new Asking(recorder);
  for (let i = 0; i < asked; i++) await asking.next(first.api);
  const cutShort = await recorder.create(first.api, recorder.job({ ms: 5_000 }));
  t.equal(cutShort?.status, 201);
  const id = cutShort!.body.id;
  await eventually(async () => (await first.api.job(id)).status === 'running', 'a job runs');
  t.equal((await second.api.job(id)).status, 'running', 'the other passes on what it is asked');
  await first.kill();

  await eventually(() => ownsAll(second), 'the second has them all', 30_000);
  for (let i = 0; i < asked; i++) await asking.next(second.api);
  await recorder.lastLook(second.api);
  const verdict = check(recorder.lines());
  t.same(verdict.violations, [], report(verdict));
  t.same(await asking.wrong(second.api), []);
  const metrics = (await second.api.absolute('GET', '/metrics')).text;
  t.match(metrics, /^escapement_cluster_shards\{owner="own"\} 16$/m);
  t.match(metrics, /^escapement_cluster_declared_dead_total\{node="other"\} 1$/m);
  t.match(metrics, /^escapement_cluster_statements_total\{statement="append",end="done"\} [1-9]/m);
  t.equal((await second.api.job(id)).status, 'success', 'what was cut short ran again');
  t.ok(verdict.counts.attempts > asked, `${verdict.counts.attempts} attempts`);

  await first.start();
  t.equal((await first.api.job(id)).status, 'success', 'it is a node again');
  t.equal(await second.end(), 0);
  await eventually(() => ownsAll(first), 'the first takes at once what the second leaves', 30_000);
  t.equal((await first.api.job(id)).status, 'success');
});

t.test('what is started anew at once goes on with what it had', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 1, settings: ['fsync=off'] });
  const [node] = nodes as [ClusterNode];
  await eventually(() => isWell(node), 'all shards are run', 30_000);
  const { body } = await node.api.post<{ id: string }>('/jobs', { name: 'sleep', delay: '1h' });
  await node.kill();
  await node.start();
  await eventually(() => ownsAll(node), 'it has them all', 30_000);
  t.equal((await node.api.job(body.id)).status, 'pending');
  t.match(node.server.output(), /this process was that node before/, 'nobody has waited for its beats');
});
