import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('the signal fires at the timeout, and an attempt that then ends has failed', async (t) => {
  const harness = await PoolHarness.start(t);
  const outcome = await harness.run('sleep', { ms: 60_000 }, { timeoutMs: 200 });
  t.match(outcome, {
    kind: 'failed',
    code: 'timeout',
    name: 'TimeoutError',
    message: 'the attempt exceeded its timeout of 200ms',
    retryable: true,
  });
  t.ok(outcome.durationMs >= 200 && outcome.durationMs < 10_000, `${outcome.durationMs} ms`);
  t.equal(harness.said(/thread/).length, 0, 'its thread lives');
});

t.test('the reason of the signal says so', async (t) => {
  const harness = await PoolHarness.start(t);
  await harness.run('sleep', { ms: 60_000 }, { timeoutMs: 50 });
  const [line] = harness.said('attempt failed');
  t.match(line?.fields?.error, /TimeoutError\W+the attempt exceeded its timeout of 50ms/);
});

t.test('one that ignores it is stopped with its thread after the grace; those beside it are not charged', async (t) => {
  const harness = await PoolHarness.start(t, { graceMs: 300 });
  const beside = harness.sendMany(5, 'sleep', { ms: 60_000 });
  const started = performance.now();
  const outcome = await harness.run('stubborn', { ms: 60_000 }, { timeoutMs: 200 });
  const tookMs = performance.now() - started;
  t.match(outcome, { kind: 'failed', code: 'timeout' });
  t.ok(tookMs >= 500 && tookMs < 10_000, `stopped after ${Math.round(tookMs)} ms`);
  for (const each of await harness.outcomesOf(beside)) t.match(each, { kind: 'interrupted', begun: true });
  t.match(harness.said(/grace period/), [{ level: 'warn', name: 'stubborn' }]);
  t.match(await harness.run('noop'), { kind: 'succeeded' });
});

t.test('one that succeeds between its timeout and the end of the grace has failed all the same', async (t) => {
  const harness = await PoolHarness.start(t, { graceMs: 5000 });
  t.match(await harness.run('stubborn', { ms: 400 }, { timeoutMs: 100 }), { kind: 'failed', code: 'timeout' });
  t.match(
    await harness.run('spin', { ms: 150 }, { timeoutMs: 100 }),
    { kind: 'failed', code: 'timeout' },
    'synchronous',
  );
  t.match(await harness.run('spin_after_await', { ms: 200 }, { timeoutMs: 100 }), { kind: 'failed', code: 'timeout' });
});

t.test('waiting for a thread is no part of the timeout', async (t) => {
  const harness = await PoolHarness.start(t);
  const spinner = harness.dispatch('spin', { ms: 400 });
  const behind = harness.sendMany(3, 'noop', {}, { timeoutMs: 100 });
  for (const outcome of await harness.outcomesOf([spinner, ...behind])) t.match(outcome, { kind: 'succeeded' });
});

t.test('timeouts of many at once', async (t) => {
  // On a busy machine a hundred that end at once take longer than the harness's grace.
  const harness = await PoolHarness.start(t, { threads: 2, graceMs: 20_000 });
  const late = harness.sendMany(100, 'sleep', { ms: 60_000 }, { timeoutMs: 150 });
  const inTime = harness.sendMany(100, 'sleep', { ms: 50 }, { timeoutMs: 20_000 });
  for (const outcome of await harness.outcomesOf(late)) t.match(outcome, { kind: 'failed', code: 'timeout' });
  for (const outcome of await harness.outcomesOf(inTime)) t.match(outcome, { kind: 'succeeded' });
});
