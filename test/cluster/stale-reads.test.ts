/** A node that has lost its way to the database answers nothing that others may have changed. */
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { startCluster } from './support/cluster.js';
import { isWhole } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';
import type { ClusterBody } from './support/three-nodes.js';

t.setTimeout(120_000);

interface Shown {
  readonly status?: string;
  readonly total?: number;
  readonly pending?: number;
}

async function ownsAll(node: ClusterNode): Promise<boolean> {
  const { body } = await node.api.get<ClusterBody>('/cluster');
  return body.shards.every(({ owner }) => owner === body.node) && isWhole(node);
}

t.test('own shards are read under a lease only', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 2, settings: ['fsync=off'] });
  const [first, second] = nodes as [ClusterNode, ClusterNode];
  await eventually(() => isWhole(second), 'all shards are run', 30_000);
  const { id } = await first.api.create({ name: 'noop', delay: '1h' });
  const questions = [`/jobs/${id}`, '/jobs?status=pending', '/stats', '/job-types/noop', '/jobs?q=x&status=pending'];
  for (const each of questions) t.equal((await first.api.get(each)).status, 200, each);

  first.database?.cut('hold');
  await eventually(() => ownsAll(second), 'the other has the shards', 60_000);
  t.equal((await second.api.delete(`/jobs/${id}`)).status, 200, 'and changes the job');
  for (const each of questions) t.equal((await first.api.get<Shown>(each)).status, 503, `${each} of the first`);

  first.database?.mend();
  await eventually(() => isWhole(first), 'the first is back', 30_000);
  t.equal((await first.api.job(id)).status, 'cancelled');
  t.equal((await first.api.get<Shown>('/jobs?status=pending')).body.total, 0);
  t.equal((await first.api.get<Shown>('/stats')).body.pending, 0);
});
