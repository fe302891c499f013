/** What a node sends to its database is counted by what became of it. */
import t from 'tap';
import { countedDatabase } from '../../../src/cluster/standing/counted-database.js';
import { type Append, type Database, UnknownEnd } from '../../../src/store/postgres/database.js';
import { ClusterCounts } from '../../../src/telemetry/cluster/cluster-counts.js';

t.test('statements are counted and timed', async (t) => {
  const counts = new ClusterCounts();
  let now = 0;
  const answers = [{ end: 'done' }, { end: 'fenced' }, new UnknownEnd('no answer'), new Error('refused')];
  class Answering {
    readonly #own = 'its own';
    async append(): Promise<unknown> {
      now += 40;
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    }
    async take(): Promise<undefined> {}
    async nodes(): Promise<unknown> {
      return this.#own;
    }
  }
  const database = countedDatabase(new Answering() as unknown as Database, counts, () => now);
  const append = (): Promise<unknown> => database.append({} as Append);
  t.same(await append(), { end: 'done' });
  t.same(await append(), { end: 'fenced' });
  await t.rejects(append(), UnknownEnd);
  await t.rejects(append(), { message: 'refused' });
  t.same(counts.ends.append, { done: 1, fenced: 1, rewound: 0, claimed: 0, refused: 1, unknown: 1 });
  t.equal(counts.durations.append.sum.toFixed(2), '0.16');
  await database.take(0, 'old', 'owner');
  t.equal(counts.ends.take.missed, 1);
  t.equal(await database.nodes(), 'its own', 'all else is as it was');
  t.equal(database.nodes, database.nodes, 'and made once');
});
