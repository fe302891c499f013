/** A pool with a deadline: nothing begins after it, wherever it waits, and all comes back as not begun. */
import t from 'tap';
import { BeginDeadline } from '../../src/pool/shared/deadline.js';
import { monotonicMs } from '../../src/pool/shared/slots.js';
import { PoolHarness } from './harness.js';
import { stopFor } from './stop-for.js';

/** Far enough for any machine. */
const aheadMs = 1_000_000;

t.test('the deadline is whichever of its two instants comes first', async (t) => {
  const deadline = new BeginDeadline();
  t.ok(deadline.hasPassed(), 'a new one has passed');
  t.ok(deadline.hasPassed(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY), 'at any time');
  deadline.set(1000, 500_000);
  const cases: [monotonic: number, wall: number, passed: boolean][] = [
    [999, 499_999, false],
    [1000, 499_999, true],
    [999, 500_000, true],
    [Number.NaN, 0, true],
    [0, Number.NaN, true],
  ];
  for (const [monotonic, wall, passed] of cases)
    t.equal(deadline.hasPassed(monotonic, wall), passed, `at ${monotonic} and ${wall}`);
  const onThread = new BeginDeadline(deadline.memory);
  t.notOk(onThread.hasPassed(999, 499_999), 'who has its memory sees the same');
  deadline.end();
  t.ok(onThread.hasPassed(0, 0), 'and its end');
});

t.test('what is dispatched after the deadline comes back, and there is no room', async (t) => {
  const deadline = new BeginDeadline();
  const harness = await PoolHarness.start(t, { deadline });
  t.equal(harness.pool.free, 0);
  t.equal(harness.pool.placesOf('echo'), 0);
  t.match(await harness.run('echo'), { kind: 'interrupted', begun: false });
  t.equal(harness.pool.free, 0);
  const { rooms } = harness;
  deadline.set(monotonicMs() + aheadMs, Date.now() + aheadMs);
  harness.pool.deadlineMoved();
  t.equal(harness.rooms, rooms + 1, 'its owner hears when there is room again');
  t.ok(harness.pool.free > 0);
  t.match(await harness.run('echo'), { kind: 'succeeded' });
});

t.test(
  'what waits on its thread does not begin after the deadline, though the process stood still meanwhile',
  async (t) => {
    const deadline = new BeginDeadline();
    const harness = await PoolHarness.start(t, { deadline });
    const [leaseMs, eachMs] = [1000, 400];
    deadline.set(monotonicMs() + leaseMs, Date.now() + leaseMs);
    const attempts = harness.sendMany(10, 'spin', { ms: eachMs });
    await stopFor(2 * leaseMs);
    const outcomes = await harness.outcomesOf(attempts);
    const begun = outcomes.filter(({ kind }) => kind === 'succeeded').length;
    t.ok(begun <= Math.ceil(leaseMs / eachMs), `${begun} have begun`);
    for (const outcome of outcomes.slice(begun))
      t.match(outcome, { kind: 'interrupted', begun: false, suspect: false });
  },
);
