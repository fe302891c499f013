/** What remains of a history when the database has lost a part of it, and where subscribers were not told. */
import t from 'tap';
import type { Line, Message } from './lines.js';
import { eventsNotTold, withoutLost } from './loss.js';

const heard = (at: number, message: Partial<Message>): Line => ({
  ...{ line: 'heard', at, subscriber: 'one' },
  message: { type: 'job.created', shard: 0, ...message },
});

t.test('what was told during a loss is not promised', async (t) => {
  const lines: Line[] = [
    { line: 'asked', at: 1, request: 'a', action: 'create' },
    { line: 'told', at: 2, request: 'a', status: 201 },
    { line: 'asked', at: 3, request: 'b', action: 'create' },
    { line: 'told', at: 5, request: 'b', status: 201 },
    heard(2, { seq: 1 }),
    heard(6, { seq: 2 }),
    heard(11, { type: 'gap' }),
    heard(12, { seq: 2 }),
  ];
  const left = withoutLost(lines, { from: 4, to: 10 });
  t.same(
    left.map(({ line, at }) => `${line} ${at}`),
    ['asked 1', 'told 2', 'asked 3', 'heard 2', 'heard 12'],
  );
  t.match(left.at(-1), { subscriber: 'one, after the loss' });
});

t.test('events that do not follow each other need a gap, in their shard', async (t) => {
  const gap = { type: 'gap' };
  const cases: readonly [what: string, events: readonly Partial<Message>[], found: number][] = [
    ['in order', [{ seq: 1 }, { seq: 2 }], 0],
    ['one is missing', [{ seq: 1 }, { seq: 3 }], 1],
    ['again from before', [{ seq: 7 }, { seq: 3 }], 1],
    ['told', [{ seq: 7 }, gap, { seq: 3 }, { seq: 4 }], 0],
    ['told of one place only', [{ seq: 7 }, gap, { seq: 3 }, { seq: 5 }], 1],
    ['told of another shard', [{ seq: 7 }, { ...gap, shard: 1 }, { seq: 3 }], 1],
  ];
  for (const [what, events, found] of cases)
    t.equal(eventsNotTold(events.map((event, at) => heard(at, event))).length, found, what);
});
