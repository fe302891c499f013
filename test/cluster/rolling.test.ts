/**
 * Real nodes over a real PostgreSQL, stopped in order and started again one after the other: no attempt is cut off that ends within the grace,
 * nothing counts as an interruption, and no request fails that is sent twice.
 */
import t from 'tap';
import { type Answer, eventually, type Job } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { check, report } from './checker/check.js';
import { Recorder } from './checker/recorder.js';
import { asNode, startCluster } from './support/cluster.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(240_000);

/** Each node runs some of them when it is stopped. */
const longJobs = 12;
const longMs = 3000;

interface ClusterBody {
  readonly node: string;
  readonly nodes: readonly { readonly node: string; readonly state: string; readonly shards: number }[];
}

async function seen({ api }: ClusterNode): Promise<ClusterBody> {
  return (await api.get<ClusterBody>('/cluster')).body;
}

/** All nodes live, each owns a part, and each is well. */
async function isShared(nodes: readonly ClusterNode[]): Promise<boolean> {
  for (const node of nodes) {
    const { nodes: known } = await seen(node);
    const owning = known.filter(({ state, shards }) => state === 'live' && shards > 0);
    const { body } = await node.api.get<{ status: string }>('/health');
    if (owning.length !== nodes.length || body.status !== 'healthy') return false;
  }
  return true;
}

t.test('nodes are restarted one after the other', { skip: withoutPostgres }, async (t) => {
  const recorder = new Recorder();
  const { nodes } = await startCluster(t, {
    count: 3,
    recorder,
    settings: ['fsync=off'],
    args: (place) => [...asNode(place), '--shards', '8', '--settle', '500ms', '--grace', '20s'],
  });
  await eventually(() => isShared(nodes), 'each has its part', 60_000);

  let isOver = false;
  const failed: string[] = [];
  /** Asks for one job after the other, of one node after the other. What fails is asked for once more, of the next. */
  const asking = async (): Promise<void> => {
    for (let next = 0; !isOver; next++) {
      const job = recorder.job({}, { delay: '20ms' });
      const ask = (at: number): Promise<Answer<Job> | undefined> =>
        recorder.create(nodes[at % nodes.length]!.api, job, `asked-${next}`);
      const first = await ask(next);
      const made = first?.status === 201 ? first : await ask(next + 1);
      if (made?.status !== 201) failed.push(`job ${next}: ${first?.text} and ${made?.text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const asked = asking();
  const long: string[] = [];
  for (const [index, node] of nodes.entries()) {
    for (let i = 0; i < longJobs; i++) {
      const made = await recorder.create(nodes[i % nodes.length]!.api, recorder.job({ ms: longMs }));
      if (made?.status === 201) long.push(made.body.id);
    }
    const owned = (await seen(node)).node;
    t.equal(await node.end(), 0, `node ${index} ends in order`);
    const other = nodes[(index + 1) % nodes.length]!;
    const gone = (await seen(other)).nodes.find((each) => each.node === owned);
    t.equal(gone?.shards ?? 0, 0, 'it leaves nothing behind');
    await node.start();
    await eventually(() => isShared(nodes), 'each has its part again', 60_000);
  }
  isOver = true;
  await asked;
  await recorder.lastLook(nodes[0]!.api);
  t.same(failed, []);
  t.ok(long.length > longJobs, `${long.length} long jobs`);
  for (const id of long) {
    const { body } = await nodes[0]!.api.get<{ items: { outcome: string }[] }>(`/jobs/${id}/runs`);
    t.same(
      body.items.map(({ outcome }) => outcome),
      ['success'],
      'no attempt was cut off',
    );
  }
  const verdict = check(recorder.lines());
  t.same(verdict.violations, [], report(verdict));
  t.ok(verdict.counts.attempts > 3 * longJobs, `${verdict.counts.attempts} attempts`);
  for (const { server } of nodes) t.notMatch(server.output(), /no other node has taken/);
});
