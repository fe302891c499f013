import t from 'tap';
import { PoolHarness } from './harness.js';

const timeoutMs = 500;
/** The promise is one second, and it takes a third of that; on a busy machine it may take longer. */
const lateMs = 5000;

t.test('for(;;){} is stopped soon after its timeout; those beside it are not charged', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const beside = harness.sendMany(50, 'sleep', { ms: 60_000 });
  await harness.begun(50);
  const started = performance.now();
  t.match(await harness.run('spin', {}, { timeoutMs }), {
    kind: 'failed',
    code: 'timeout',
    message: /timeout of 500ms/,
  });
  t.ok(performance.now() - started < timeoutMs + lateMs, `stopped after ${Math.round(performance.now() - started)} ms`);
  t.match(harness.said(/holds it past a timeout/), [{ name: 'spin', fields: { at: /\/spin\.mjs:\d+$/ } }]);
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
  t.ok(performance.now() - started < timeoutMs + lateMs);
});

t.test('after an await among 50 others of its type it alone is charged, and nobody is suspected', async (t) => {
  const harness = await PoolHarness.start(t);
  const beside = harness.sendMany(50, 'spin_after_await', { afterMs: 60_000 });
  const started = performance.now();
  const spinner = harness.send('spin_after_await', { deep: true }, { timeoutMs });
  t.match(await harness.outcome(spinner), { kind: 'failed', code: 'timeout' });
  t.ok(performance.now() - started < timeoutMs + lateMs, `${Math.round(performance.now() - started)} ms`);
  for (const outcome of await harness.outcomesOf(beside)) {
    t.match(outcome, { kind: 'interrupted', begun: true, suspect: false });
  }
  t.match(harness.said(/holds it past a timeout/), [
    { name: 'spin_after_await', fields: { running: 51, at: /spin_after_await\.mjs:\d+$/ } },
  ]);
});

t.test('one that holds the thread is not charged before its own timeout, whoever is late beside it', async (t) => {
  const harness = await PoolHarness.start(t);
  const late = harness.sendMany(5, 'sleep', { ms: 60_000 }, { timeoutMs: 300 });
  const spinner = harness.send('spin_after_await', { ms: 1200 }, { timeoutMs: 20_000 });
  t.match(await harness.outcome(spinner), { kind: 'succeeded' });
  for (const outcome of await harness.outcomesOf(late)) t.match(outcome, { kind: 'failed', code: 'timeout' });
  t.same(harness.said(/thread is stopped/), []);
});

t.test(
  'of a callback nobody knows which of two of a type it is: nobody is charged; alone it shows itself',
  async (t) => {
    const harness = await PoolHarness.start(t);
    const beside = harness.sendMany(50, 'sleep', { ms: 60_000 });
    await harness.begun(50);
    const started = performance.now();
    const spinners = harness.sendMany(2, 'spin_in_callback', {}, { timeoutMs });
    const outcomes = await harness.outcomesOf([...beside, ...spinners]);
    t.ok(performance.now() - started < timeoutMs + lateMs);
    for (const outcome of outcomes) t.match(outcome, { kind: 'interrupted', begun: true, suspect: true });
    t.match(
      harness.said(/holds it past a timeout/),
      [{ fields: { at: /spin_in_callback\.mjs:\d+$/ } }],
      'the log tells',
    );
    const again = harness.dispatch('spin_in_callback', {}, { timeoutMs, alone: true });
    const others = harness.sendMany(10, 'sleep', { ms: 1 }, { alone: true });
    t.match(await harness.outcome(again), { kind: 'failed', code: 'timeout' });
    for (const outcome of await harness.outcomesOf(others)) t.match(outcome, { kind: 'succeeded' });
  },
);

t.test('a callback of the only one of its type is known by its file', async (t) => {
  const harness = await PoolHarness.start(t);
  const beside = harness.sendMany(50, 'sleep', { ms: 60_000 });
  await harness.begun(50);
  t.match(await harness.run('spin_in_callback', {}, { timeoutMs }), { kind: 'failed', code: 'timeout' });
  for (const outcome of await harness.outcomesOf(beside)) t.notOk(outcome.suspect, 'nobody else is suspected');
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
  const spinner = harness.dispatch('spin', {}, { timeoutMs: 3000 });
  const behind = harness.sendMany(20, 'noop');
  for (const outcome of await harness.outcomesOf(behind)) t.match(outcome, { kind: 'succeeded' });
  t.equal(harness.ended(spinner), undefined, 'before the spinner was stopped');
  t.match(await harness.outcome(spinner), { kind: 'failed', code: 'timeout' });
});

for (const [what, name, payload] of [
  ['promises that resolve without end', 'spin_in_promises', {}],
  ['native code', 'block', { ms: 8000 }],
] as const) {
  t.test(`${what}: the thread is stopped, though it may not say whose code it is`, async (t) => {
    const harness = await PoolHarness.start(t);
    t.match(await harness.run(name, payload, { timeoutMs }), { kind: 'failed', code: 'timeout' });
    // On a busy machine it may be asked first: then its grace passes.
    t.match(harness.said(/holds it past a timeout|ignores its signal past the grace/), [{ name }]);
    t.match(await harness.run('noop'), { kind: 'succeeded' });
  });
}
