import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('stop ends all, and what had no outcome is interrupted', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const begun = [...harness.sendMany(4, 'stubborn', { ms: 60_000 }), ...harness.sendMany(2, 'sleep', { ms: 60_000 })];
  await harness.begun(6);
  const waiting = harness.sendMany(3, 'noop', {}, { alone: true });
  await harness.pool.stop();
  for (const jobSeq of begun) t.match(harness.ended(jobSeq), { kind: 'interrupted', begun: true });
  for (const jobSeq of waiting) t.match(harness.ended(jobSeq), { kind: 'interrupted', begun: false });
  t.equal(harness.pool.alive, 0);
  t.equal(harness.pool.free, 0);
});

t.test('also threads that spin', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const spinners = harness.sendMany(2, 'spin');
  await harness.until(() => harness.pool.free === 0, 'both are held');
  const behind = harness.sendMany(20, 'noop');
  await harness.pool.stop();
  for (const jobSeq of spinners) t.match(harness.ended(jobSeq), { kind: 'interrupted', begun: true });
  for (const jobSeq of behind) t.match(harness.ended(jobSeq), { kind: 'interrupted', begun: false });
});

t.test('twice, at once, before the start, while it starts', async (t) => {
  const harness = await PoolHarness.start(t);
  await Promise.all([harness.pool.stop(), harness.pool.stop()]);
  await harness.pool.stop();

  await new PoolHarness().pool.stop();

  const starting = new PoolHarness();
  const refused = t.rejects(starting.pool.start(), /stopped while it started/);
  await starting.pool.stop();
  await refused;
  await t.rejects(starting.pool.start(), /not after its stop/);
});

t.test('an attempt dispatched after the stop is interrupted', async (t) => {
  const harness = await PoolHarness.start(t);
  await harness.pool.stop();
  t.match(await harness.run('noop'), { kind: 'interrupted', begun: false });
});
