import t from 'tap';
import { PoolHarness } from './harness.js';

const timeoutMs = 500;

t.test('for(;;){} is stopped within its timeout and a second; those beside it are not charged', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const beside = harness.sendMany(50, 'sleep', { ms: 60_000 });
  await harness.begun(50);
  const started = performance.now();
  t.match(await harness.run('spin', {}, { timeoutMs }), {
    kind: 'failed',
    code: 'timeout',
    message: /timeout of 500ms/,
  });
  t.ok(performance.now() - started < timeoutMs + 1000, `stopped after ${Math.round(performance.now() - started)} ms`);
  await harness.until(() => harness.pool.alive === 2, 'the pool is whole');
  t.match(await harness.run('noop'), { kind: 'succeeded' });
  for (const jobSeq of beside) {
    const outcome = harness.ended(jobSeq);
    if (outcome) t.match(outcome, { kind: 'interrupted', begun: true });
  }
});

t.test('after an await, alone on its thread, it is charged', async (t) => {
  const harness = await PoolHarness.start(t);
  const started = performance.now();
  t.match(await harness.run('spin_after_await', {}, { timeoutMs }), { kind: 'failed', code: 'timeout' });
  t.ok(performance.now() - started < timeoutMs + 1000);
});

t.test('after an await among 50 others nobody is charged; alone it shows itself', async (t) => {
  const harness = await PoolHarness.start(t);
  const beside = harness.sendMany(50, 'sleep', { ms: 60_000 });
  await harness.begun(50);
  const started = performance.now();
  const spinner = harness.send('spin_after_await', {}, { timeoutMs });
  const outcomes = await harness.outcomesOf([...beside, spinner]);
  t.ok(performance.now() - started < timeoutMs + 1000);
  for (const outcome of outcomes) t.match(outcome, { kind: 'interrupted', begun: true });
  const again = harness.dispatch('spin_after_await', {}, { timeoutMs, alone: true });
  const others = harness.sendMany(10, 'sleep', { ms: 1 }, { alone: true });
  t.match(await harness.outcome(again), { kind: 'failed', code: 'timeout' });
  for (const outcome of await harness.outcomesOf(others)) t.match(outcome, { kind: 'succeeded' });
});

t.test('a job whose timeout passes while another holds the thread is not charged', async (t) => {
  const harness = await PoolHarness.start(t);
  const starved = harness.send('sleep', { ms: 300 }, { timeoutMs: 400 });
  await harness.begun(1);
  t.match(await harness.run('spin', { ms: 900 }), { kind: 'succeeded' });
  t.match(await harness.outcome(starved), { kind: 'succeeded' }, 'it had slept long enough, but could not say so');
});

t.test('a job starved by one that never returns is interrupted, the other charged', async (t) => {
  const harness = await PoolHarness.start(t);
  const starved = harness.send('sleep', { ms: 60_000 }, { timeoutMs: 200 });
  await harness.begun(1);
  t.match(await harness.run('spin', {}, { timeoutMs: 900 }), { kind: 'failed', code: 'timeout' });
  t.match(await harness.outcome(starved), { kind: 'interrupted', begun: true });
});

t.test('what has not begun behind a spinner runs elsewhere', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const started = performance.now();
  const spinner = harness.dispatch('spin', {}, { timeoutMs: 3000 });
  const behind = harness.sendMany(20, 'noop');
  for (const outcome of await harness.outcomesOf(behind)) t.match(outcome, { kind: 'succeeded' });
  t.ok(performance.now() - started < 1500, 'long before the spinner was stopped');
  t.match(await harness.outcome(spinner), { kind: 'failed', code: 'timeout' });
});
