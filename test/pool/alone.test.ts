import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('an attempt that runs alone waits for its thread to be empty, and others for it', async (t) => {
  const harness = await PoolHarness.start(t);
  const before = harness.sendMany(3, 'sleep', { ms: 150 });
  await harness.begun(3);
  const alone = harness.send('stubborn', { ms: 150 }, { alone: true });
  const after = harness.sendMany(3, 'noop');
  await harness.outcomesOf([...before, alone, ...after]);
  t.same(
    harness.outcomes.map((outcome) => outcome.jobSeq),
    [...before, alone, ...after],
  );
});

t.test('several, one after the other on one thread', async (t) => {
  const harness = await PoolHarness.start(t);
  const seqs = harness.sendMany(5, 'sleep', { ms: 20 }, { alone: true });
  const begins: number[] = [];
  for (const jobSeq of seqs) {
    await harness.outcome(jobSeq);
    begins.push(harness.said('begun').length);
  }
  t.same(begins, [1, 2, 3, 4, 5], 'none began before its predecessor had ended');
});

t.test('they leave one thread to the others', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const suspects = harness.sendMany(3, 'stubborn', { ms: 400 }, { alone: true });
  await harness.begun(1);
  for (const outcome of await harness.outcomesOf(harness.sendMany(50, 'noop'))) t.match(outcome, { kind: 'succeeded' });
  t.equal(harness.ended(suspects[0] as number), undefined);
  for (const outcome of await harness.outcomesOf(suspects)) t.match(outcome, { kind: 'succeeded' });
});

t.test('a thread with long jobs does not keep it from an empty one', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const long = harness.send('sleep', { ms: 60_000 });
  await harness.begun(1);
  t.match(await harness.run('noop', {}, { alone: true }), { kind: 'succeeded' });
  harness.pool.abort(long, 1, 'cancelled');
});
