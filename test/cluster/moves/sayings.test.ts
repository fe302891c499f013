/** What attempts say whose shards have moved: it is gathered for a moment, and told to the owner of each shard, the latest progress only. */
import t from 'tap';
import { Sayings, type SayingsMessage } from '../../../src/cluster/moves/sayings.js';

function said() {
  const told: SayingsMessage[] = [];
  const later: (() => void)[] = [];
  const sayings = new Sayings({
    shardOf: (jobSeq) => jobSeq % 4,
    later: (step) => void later.push(step),
    deliver: async (message) => {
      told.push(message);
      if (message.shard === 3) throw new Error('nobody owns it');
    },
  });
  const lineOf = (jobSeq: number, message: string) => ({
    ...{ jobSeq, fence: 1, jobId: `job_1_${jobSeq}`, name: 'talks', level: 'info' as const },
    message,
  });
  return { sayings, told, later, lineOf };
}

t.test('lines in order, and of progress the latest, to each shard once', async (t) => {
  const { sayings, told, later, lineOf } = said();
  sayings.lines([lineOf(5, 'a'), lineOf(6, 'b')]);
  sayings.lines([lineOf(5, 'c')]);
  for (const progress of ['1', '2']) sayings.progress([{ jobSeq: 5, fence: 1, progress }]);
  t.same(told, [], 'nothing at once');
  t.equal(later.length, 1);
  later.shift()?.();
  t.same(told, [
    { shard: 1, lines: [lineOf(5, 'a'), lineOf(5, 'c')], progress: [{ jobSeq: 5, fence: 1, progress: '2' }] },
    { shard: 2, lines: [lineOf(6, 'b')], progress: [] },
  ]);
  sayings.lines([lineOf(5, 'd')]);
  later.shift()?.();
  t.match(told.at(-1), { shard: 1, lines: [{ message: 'd' }] }, 'each once');
});

t.test('what cannot be told is lost, and too many lines are left out', async (t) => {
  const { sayings, told, later, lineOf } = said();
  sayings.lines(Array.from({ length: 5000 }, (_, at) => lineOf(3, String(at))));
  later.shift()?.();
  t.equal(told[0]?.lines.length, 1000);
  sayings.lines([lineOf(3, 'next')]);
  later.shift()?.();
  t.equal(told.length, 2, 'it is tried with the next');
});
