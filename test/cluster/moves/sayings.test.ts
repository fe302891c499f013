/** What attempts say whose shards have moved: it is gathered for a moment, and told to the owner of each shard until that has taken it. */
import t from 'tap';
import { type NumberedLine, Sayings, type SayingsMessage } from '../../../src/cluster/moves/sayings.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function said() {
  const told: SayingsMessage[] = [];
  const pauses: (() => void)[] = [];
  /** What the owners answer from now on. */
  const owners = { take: true as boolean | 'gone' };
  const sayings = new Sayings({
    shardOf: (jobSeq) => jobSeq % 4,
    pause: () => new Promise((resolve) => pauses.push(resolve)),
    deliver: async (message) => {
      told.push(message);
      if (owners.take === 'gone') throw new Error('nobody owns it');
      return owners.take;
    },
  });
  /** A moment goes by. */
  const pass = async (): Promise<void> => {
    for (const resume of pauses.splice(0)) resume();
    for (let i = 0; i < 5; i++) await turn();
  };
  const lineOf = (jobSeq: number, message: string, n = 0): NumberedLine => ({
    ...{ jobSeq, fence: 1, jobId: `job_1_${jobSeq}`, name: 'talks', level: 'info' as const },
    ...{ message, at: 1, n },
  });
  return { sayings, told, owners, pass, lineOf };
}

t.test('lines in order, and of progress the latest, to each shard once', async (t) => {
  const { sayings, told, pass, lineOf } = said();
  sayings.lines([lineOf(5, 'a'), lineOf(6, 'b')]);
  sayings.lines([lineOf(5, 'c', 1)]);
  for (const progress of ['1', '2']) sayings.progress([{ jobSeq: 5, fence: 1, progress }]);
  t.same(told, [], 'nothing at once');
  await pass();
  t.same(told, [
    {
      shard: 1,
      handed: [],
      lines: [lineOf(5, 'a'), lineOf(5, 'c', 1)],
      progress: [{ jobSeq: 5, fence: 1, progress: '2' }],
    },
    { shard: 2, handed: [], lines: [lineOf(6, 'b')], progress: [] },
  ]);
  t.ok(sayings.isEmpty);
  sayings.lines([lineOf(5, 'd', 2)]);
  await pass();
  t.match(told.at(-1), { shard: 1, lines: [{ message: 'd' }] });
  t.equal(told.length, 3, 'each once');
});

t.test('what nobody has taken is told again, in order, with what has come since', async (t) => {
  const { sayings, told, owners, pass, lineOf } = said();
  const handed = { jobSeq: 5, run: 1, until: 1, lines: [{ n: 0, at: 1, level: 'info', message: 'before' }] };
  sayings.hand(1, [handed]);
  sayings.progress([{ jobSeq: 5, fence: 1, progress: '1' }]);
  owners.take = 'gone';
  await pass();
  sayings.lines([lineOf(5, 'a', 1)]);
  owners.take = false;
  await pass();
  sayings.progress([{ jobSeq: 5, fence: 1, progress: '2' }]);
  const over = sayings.told().then(() => told.length);
  owners.take = true;
  await pass();
  t.same(told.at(-1), {
    shard: 1,
    handed: [handed],
    lines: [lineOf(5, 'a', 1)],
    progress: [{ jobSeq: 5, fence: 1, progress: '2' }],
  });
  t.equal(told.length, 3);
  t.ok(sayings.isEmpty);
  t.equal(await over, 3, 'who waits for that is told');
});

t.test('before an end is told, what was said is told at once', async (t) => {
  const { sayings, told, owners, pass, lineOf } = said();
  await sayings.tell(1);
  t.same(told, [], 'there is nothing');
  sayings.lines([lineOf(5, 'a')]);
  await Promise.all([sayings.tell(1), sayings.tell(1)]);
  t.equal(told.length, 1);
  owners.take = 'gone';
  sayings.lines([lineOf(5, 'b', 1)]);
  await sayings.tell(1);
  t.equal(told.length, 2, 'it is tried once, and does not reject');
  owners.take = true;
  await pass();
  t.ok(sayings.isEmpty);
});

t.test('of too many lines the last stay', async (t) => {
  const { sayings, told, pass, lineOf } = said();
  sayings.lines(Array.from({ length: 5000 }, (_, at) => lineOf(3, String(at), at)));
  await pass();
  t.equal(told[0]?.lines.length, 1000);
  t.match(told[0]?.lines.at(-1), { message: '4999' });
  sayings.lines(Array.from({ length: 300 }, (_, at) => lineOf(3, 'x'.repeat(8000), 5000 + at)));
  await pass();
  const bytes = (told[1]?.lines ?? []).length * 8000;
  t.ok(bytes <= 1024 * 1024 && bytes > 1000 * 1000, `${bytes} bytes`);
});

t.test('when all ends, nothing is told any more', async (t) => {
  const { sayings, told, pass, lineOf } = said();
  sayings.lines([lineOf(3, 'a')]);
  const over = sayings.told();
  sayings.close();
  await over;
  await pass();
  await sayings.tell(3);
  t.same(told, []);
});
