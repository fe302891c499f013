/** What became of attempts in the last minute, made of what is counted anyway. */
import t from 'tap';
import { attemptBounds, Counts, latenessBounds } from '../../src/telemetry/counts.js';
import { quantile, Recent } from '../../src/telemetry/recent.js';

t.test('what is older than a minute does not count', async (t) => {
  const counts = new Counts();
  const recent = new Recent(counts);
  t.equal(recent.of('mail'), undefined, 'nothing has ever started');
  counts.attemptStarted('mail', 5);
  counts.attemptEnded('mail', 'succeeded', 40);
  t.match(recent.of('mail'), { started: 1, succeeded: 1, failed: 0 });
  for (let copies = 0; copies < 11; copies++) recent.copy();
  t.match(recent.of('mail'), { started: 1 }, 'it was less than a minute ago');
  recent.copy();
  const { lateness, duration, ...rest } = recent.of('mail')!;
  t.same(rest, { started: 0, succeeded: 0, failed: 0 });
  t.ok([...lateness, ...duration].every((count) => count === 0));
  t.same([lateness.length, duration.length], [latenessBounds.length + 1, attemptBounds.length + 1]);
  counts.attemptStarted('mail', 5);
  counts.attemptEnded('mail', 'failed', 40);
  t.match(recent.of('mail'), { started: 1, succeeded: 0, failed: 1 });
});

t.test('a part of all values lies in its bucket', async (t) => {
  const bounds = [0.001, 0.01, 0.1];
  t.equal(quantile(bounds, [0, 0, 0, 0], 0.5), null);
  t.equal(quantile(bounds, [10, 0, 0, 0], 0.5), 0.5, 'in the middle of the first');
  t.equal(quantile(bounds, [50, 40, 10, 0], 0.5), 1);
  t.equal(quantile(bounds, [0, 0, 100, 0], 0.99), 99.1);
  t.equal(quantile(bounds, [0, 0, 0, 3], 0.99), 100, 'what lies beyond all bounds is taken for the last');
});
