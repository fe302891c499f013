import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('an attempt that has not begun is taken back', async (t) => {
  const harness = await PoolHarness.start(t);
  const spinner = harness.dispatch('spin', { ms: 300 });
  const behind = harness.sendMany(200, 'noop');
  for (const jobSeq of behind) harness.pool.abort(jobSeq, 1, 'cancelled');
  t.equal(harness.outcomes.length, 0, 'no outcome from within the call');
  for (const outcome of await harness.outcomesOf(behind)) t.match(outcome, { kind: 'interrupted', begun: false });
  t.equal(harness.ended(spinner), undefined, 'long before the thread came to them');
  t.match(await harness.outcome(spinner), { kind: 'succeeded' });
  t.match(await harness.run('noop'), { kind: 'succeeded' });
});

t.test('the signal of one that runs fires, and its end is its outcome', async (t) => {
  const harness = await PoolHarness.start(t);
  const seq = harness.send('sleep', { ms: 60_000 });
  await harness.begun(1);
  harness.pool.abort(seq, 1, 'cancelled');
  t.match(await harness.outcome(seq), { kind: 'failed', name: 'AbortError', message: 'the job was cancelled' });
  const [line] = harness.said('attempt aborted');
  t.match(line, { level: 'info', name: 'sleep', fields: { reason: 'cancelled' } }, 'the log tells it from a failure');
  t.same(harness.said('attempt failed'), []);
});

t.test('one that ignores its signal is stopped with its thread after the grace', async (t) => {
  const harness = await PoolHarness.start(t, { graceMs: 200 });
  const seq = harness.send('stubborn', { ms: 60_000 });
  const beside = harness.send('sleep', { ms: 60_000 });
  await harness.begun(2);
  const started = performance.now();
  harness.pool.abort(seq, 1, 'cancelled');
  t.match(await harness.outcome(seq), { kind: 'interrupted', begun: true });
  const tookMs = performance.now() - started;
  t.ok(tookMs >= 200 && tookMs < 10_000, `stopped after ${Math.round(tookMs)} ms`);
  t.match(await harness.outcome(beside), { kind: 'interrupted', begun: true });
});

t.test('so is one that spins', async (t) => {
  const harness = await PoolHarness.start(t, { graceMs: 200 });
  const seq = harness.send('spin');
  await harness.until(() => harness.pool.free === 0, 'it holds its thread');
  harness.pool.abort(seq, 1, 'cancelled');
  t.match(await harness.outcome(seq), { kind: 'interrupted', begun: true });
});

t.test('a wrong fence, an unknown job, one that has ended: nothing happens', async (t) => {
  const harness = await PoolHarness.start(t);
  const seq = harness.send('sleep', { ms: 100 });
  harness.pool.abort(seq, 2, 'cancelled');
  harness.pool.abort(99, 1, 'cancelled');
  t.match(await harness.outcome(seq), { kind: 'succeeded' });
  harness.pool.abort(seq, 1, 'cancelled');
  t.match(await harness.run('noop'), { kind: 'succeeded' });
});

t.test('all at once', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2, graceMs: 200 });
  const polite = harness.sendMany(20, 'sleep', { ms: 60_000 });
  const rude = harness.sendMany(2, 'stubborn', { ms: 60_000 });
  await harness.begun(22);
  const waiting = harness.sendMany(5, 'noop', {}, { alone: true });
  harness.pool.abortAll('shutdown');
  for (const outcome of await harness.outcomesOf(polite)) {
    t.match(outcome, { kind: 'interrupted', begun: true }, 'it gave up because it was asked to');
  }
  for (const outcome of await harness.outcomesOf(rude)) t.match(outcome, { kind: 'interrupted', begun: true });
  for (const outcome of await harness.outcomesOf(waiting)) t.match(outcome, { kind: 'interrupted', begun: false });
});
