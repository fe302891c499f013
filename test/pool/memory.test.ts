import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('a handler that exhausts its heap fails; server and other jobs live', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2, threadMemoryMiB: 32 });
  const outcome = await harness.run('oom');
  t.match(outcome, {
    kind: 'failed',
    code: 'worker_lost',
    retryable: true,
    message: "the handler exhausted its thread's memory (limit 32 MiB)",
  });
  await harness.until(() => harness.pool.alive === 2, 'the thread is replaced');
  for (const each of await harness.outcomesOf(harness.sendMany(50, 'echo'))) t.match(each, { kind: 'succeeded' });
});

t.test('after an await, among others, nobody is charged; alone it is', async (t) => {
  const harness = await PoolHarness.start(t, { threadMemoryMiB: 32 });
  const beside = harness.sendMany(5, 'sleep', { ms: 60_000 });
  const greedy = harness.send('oom', { afterMs: 50 });
  for (const outcome of await harness.outcomesOf([...beside, greedy])) {
    t.match(outcome, { kind: 'interrupted', begun: true });
  }
  t.match(await harness.run('oom', { afterMs: 5 }, { alone: true }), { kind: 'failed', code: 'worker_lost' });
});
