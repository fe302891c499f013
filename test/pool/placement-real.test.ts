import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('long jobs do not queue behind one another while a thread is free', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const started = performance.now();
  const outcomes = await harness.outcomesOf(harness.sendMany(2, 'spin', { ms: 1000 }));
  const took = performance.now() - started;
  const oneAfterTheOther = outcomes.reduce((sum, { durationMs }) => sum + durationMs, 0);
  t.ok(took < oneAfterTheOther, `${Math.round(took)} ms for two that took ${Math.round(oneAfterTheOther)} ms`);
});

t.test('an idle thread takes back what a held one has not begun', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  // The type is known as quick, so many are sent at once; then one of them holds its thread.
  await harness.outcomesOf(harness.sendMany(2000, 'spin', { ms: 0 }));
  const slow = harness.dispatch('spin', { ms: 3000 });
  const quick = harness.sendMany(100, 'spin', { ms: 0 });
  await harness.outcomesOf(quick);
  t.equal(harness.ended(slow), undefined);
  await harness.outcome(slow);
});

t.test('at most 256 are in flight on a thread; room comes with outcomes or is told', async (t) => {
  const harness = await PoolHarness.start(t);
  let sent = 0;
  const feed = (): void => {
    while (harness.pool.free > 0) {
      harness.dispatch('stubborn', { ms: 800 });
      sent++;
    }
    harness.pool.flush();
  };
  feed();
  t.ok(sent > 0 && sent < 256, `${sent} at first, of a type that is not known`);
  for (let rooms = 0; sent < 256; rooms = harness.rooms) {
    await harness.until(() => harness.rooms > rooms, 'there is room');
    feed();
  }
  await harness.begun(256);
  t.equal(sent, 256);
  t.equal(harness.pool.free, 0);
  t.equal(harness.outcomes.length, 0, 'all without a single outcome');
  await harness.until(() => harness.outcomes.length === 256, 'all have ended');
  t.ok(harness.pool.free > 0);
});

t.test('a thread holds no more attempts than the option says', async (t) => {
  const harness = await PoolHarness.start(t, { attemptsPerThread: 3 });
  const seqs = harness.sendMany(7, 'sleep', { ms: 50 });
  let most = 0;
  await harness.until(() => {
    const running = harness.said('begun').length - harness.outcomes.length;
    most = Math.max(most, running);
    return harness.outcomes.length === seqs.length;
  }, 'all have ended');
  t.equal(most, 3);
});

t.test('what is dispatched beyond the room waits and runs', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const seqs = harness.sendMany(3000, 'sleep', { ms: 1 });
  t.equal(harness.pool.free, 0);
  for (const outcome of await harness.outcomesOf(seqs)) t.equal(outcome.kind, 'succeeded');
});

t.test('nothing is taken before the start', (t) => {
  const harness = new PoolHarness();
  t.equal(harness.pool.free, 0);
  t.end();
});
