/** While nodes come, go and die, whoever is asked has all jobs, or says that some cannot be had. */
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { startCluster } from './support/cluster.js';
import { isWhole as answers } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(240_000);

const made = 80;

/** A connection that it had kept may be gone. */
const isWhole = (node: ClusterNode): Promise<boolean> => answers(node).catch(() => false);
const isRefusing = async ({ api }: ClusterNode): Promise<boolean> => {
  const answer = await api.get('/jobs').catch(() => undefined);
  return answer?.status === 503;
};

/** What a node says that there is, by each of the questions; undefined where it does not answer, or cannot say. */
const questions: readonly ((node: ClusterNode) => Promise<{ status: number; found: unknown }>)[] = [
  async ({ api }) => {
    const { status, body } = await api.get<{ total: number }>('/jobs?limit=1');
    return { status, found: body.total };
  },
  async ({ api }) => {
    const { status, body } = await api.get<{ items: unknown[] }>('/jobs?limit=100&sort=due');
    return { status, found: body.items?.length };
  },
  async ({ api }) => {
    const { status, body } = await api.get<{ pending: number }>('/stats');
    return { status, found: body.pending };
  },
  async ({ api }) => {
    const { status, body } = await api.get<{ counts?: { pending: number } }>('/job-types/noop');
    return { status, found: body.counts?.pending };
  },
];

t.test('a list is whole, or it is none', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 3, settings: ['fsync=off'] });
  const [first, second, third] = nodes as [ClusterNode, ClusterNode, ClusterNode];
  await eventually(() => isWhole(third), 'all shards are run', 30_000);
  for (let i = 0; i < made; i++) await (nodes[i % 3] as ClusterNode).api.create({ name: 'noop', delay: `${i + 60}m` });

  let isOver = false;
  const seen = { whole: 0, refused: 0, unreached: 0 };
  const wrong: string[] = [];
  const asking = nodes.map(async (node, index) => {
    for (let n = index; !isOver; n++) {
      const ask = questions[n % questions.length] as (typeof questions)[number];
      const answer = await ask(node).catch(() => undefined);
      if (answer === undefined) seen.unreached++;
      else if (answer.status === 503) seen.refused++;
      else if (answer.status === 200 && answer.found === made) seen.whole++;
      else wrong.push(`question ${n % questions.length} of node ${index}: ${answer.status}, ${answer.found}`);
      // Whoever is not there is asked again in a moment.
      await new Promise((done) => setTimeout(done, answer?.status === 200 ? 5 : 100));
    }
  });
  await first.kill();
  await eventually(() => isWhole(third), 'others have what the killed one had', 60_000);
  await first.start();
  t.equal(await second.end(), 0);
  await eventually(() => isWhole(first), 'others have what the ended one had', 60_000);
  await second.start();
  third.stop();
  await eventually(() => isRefusing(second), 'one stands still', 20_000);
  await eventually(() => isWhole(first), 'others have what it had', 60_000);
  third.continue();
  await eventually(() => isWhole(third), 'and it is one of them again', 60_000);
  isOver = true;
  await Promise.all(asking);
  t.same(wrong, []);
  t.ok(seen.whole > 100, `${seen.whole} whole answers, ${seen.refused} refused, ${seen.unreached} not reached`);
  t.ok(seen.refused > 0, 'some could not be had');
});
