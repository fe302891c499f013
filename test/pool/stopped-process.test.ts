import t from 'tap';
import { PoolHarness } from './harness.js';
import { stopFor } from './stop-for.js';

t.test('time in which the whole process was stopped makes no attempt fail', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const seqs = harness.sendMany(100, 'sleep', { ms: 700 }, { timeoutMs: 1200 });
  await harness.begun(100);
  await stopFor(2000);
  const outcomes = await harness.outcomesOf(seqs);
  t.ok(Math.max(...outcomes.map((outcome) => outcome.durationMs)) > 1200, 'late by the clock');
  for (const outcome of outcomes) t.match(outcome, { kind: 'succeeded' });
  t.equal(harness.said(/thread/).length, 0, 'no thread was stopped');
});

t.test('neither does a main thread that was held', async (t) => {
  const harness = await PoolHarness.start(t);
  const seqs = harness.sendMany(5, 'sleep', { ms: 300 }, { timeoutMs: 250 });
  await harness.begun(5);
  const until = performance.now() + 600;
  while (performance.now() < until);
  for (const outcome of await harness.outcomesOf(seqs)) t.match(outcome, { kind: 'succeeded' });
});
