/** Pauses and extra occurrences beside priorities, deadlines and bounds: in the window, in the due index and over endings. */
import t from 'tap';
import { World } from '../support/world.js';
import { after, cron, endings, faultsOf, hour, id, make, minute, running, second, state, told } from './worlds.js';

const ask = (world: World, kind: 'resume' | 'run', seq: number): unknown => world.ask({ kind, id: id(world, seq) });
const pause = (world: World, seq: number, until?: number): unknown =>
  world.ask({ kind: 'pause', id: id(world, seq), change: until === undefined ? {} : { until } });

for (const [how, again] of endings) {
  t.test(`what is paused expires in time, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const single = make(world, { trigger: after(second), expiresAfterMs: minute, priority: 5 });
    const repeats = make(world, { trigger: after(hour), isRepeat: true, expiresAfterMs: minute });
    for (const seq of [single, repeats]) pause(world, seq);
    world = again(world);
    world.settle();
    t.same(faultsOf(world), []);
    world.pass(second + minute);
    t.equal(state(world, single).status, 'pending');
    world.pass(second);
    t.match(state(world, single), { status: 'failed', pause: null });
    world.pass(hour);
    t.match(state(world, repeats), { status: 'pending', skipped: 1, pause: {} });
    world = again(world);
    t.same(faultsOf(world), []);
    t.match(ask(world, 'resume', repeats), { ok: true, jobs: [{ state: { skipped: 1, pause: null } }] });
  });

  t.test(`a pause ends by itself in the lane of its priority, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const seq = make(world, { trigger: after(second), priority: -3 });
    pause(world, seq, world.clock.now() + hour);
    world = again(world);
    world.pass(hour - 1);
    t.same(running(world), []);
    t.same(faultsOf(world), []);
    world.pass(1);
    t.same(running(world), [seq]);
  });

  t.test(`an extra occurrence is no run of the schedule, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const seq = make(world, { trigger: after(hour), isRepeat: true, maxRuns: 1, priority: 7, expiresAfterMs: minute });
    pause(world, seq);
    ask(world, 'run', seq);
    t.same(running(world), [seq]);
    world = again(world);
    world.settle();
    t.same(faultsOf(world), []);
    t.same(running(world), [seq], 'if it was interrupted it runs again');
    world.end(seq);
    t.match(state(world, seq), { status: 'pending', runCount: 0, lastOutcome: 'success', pause: {}, nextSlot: 0 });
    world = again(world);
    ask(world, 'resume', seq);
    world.pass(hour);
    t.same(running(world), [seq]);
    world.end(seq);
    t.match(state(world, seq), { status: 'success', runCount: 1, lastOutcome: 'success' });
    t.same(faultsOf(world), []);
  });

  t.test(`a job whose last slot passes in a pause that ends by itself comes to its end, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const now = world.clock.now();
    const trigger = after(10 * minute);
    const seq = make(world, { trigger, isRepeat: true, endAt: now + 25 * minute, jitterMs: minute });
    pause(world, seq, now + hour);
    world = again(world);
    world.pass(hour - 1);
    t.match(state(world, seq), { status: 'pending', skipped: 0 });
    world.pass(1);
    t.match(state(world, seq), { status: 'success', skipped: 2, pause: null });
    if (how === 'in one life') t.match(told(world, seq).slice(-2), ['resumed', 'updated']);
    t.same(running(world), []);
    t.same(faultsOf(world), []);
  });
}

t.test('what is paused lets a lower priority pass', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const high = make(world, { trigger: after(second), priority: 100 });
  const low = make(world, { trigger: after(second), priority: -100 });
  pause(world, high);
  world.pass(second);
  t.same(running(world), [low]);
  const next = make(world, { priority: -100 });
  ask(world, 'resume', high);
  world.end(low);
  world.settle();
  t.same(running(world), [high], 'and goes before one when it is resumed');
  world.end(high);
  world.settle();
  t.same(running(world), [next]);
});

for (const [passes, skipped] of [
  [30 * second, 0],
  [90 * second, 1],
] as const) {
  t.test(
    `what was missed, paused and run behind the last slot is counted once, and so is what passed: ${skipped}`,
    async (t) => {
      const world = new World();
      world.ask({ kind: 'pauseServer' });
      const last = world.clock.now() + 3 * minute;
      const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true, endAt: last + skipped * minute });
      world.pass(second);
      world.clock.stand(3 * minute + second);
      world.settle();
      t.match(state(world, seq), { missed: 3, skipped: 0, occurrence: last });
      pause(world, seq);
      world.pass(passes);
      ask(world, 'run', seq);
      world.ask({ kind: 'resumeServer' });
      t.equal(world.pool.attempts.get(seq)?.scheduledFor, last, 'it is the one that it owed');
      world.end(seq);
      t.match(state(world, seq), { status: 'success', missed: 3, skipped, runCount: 1 });
    },
  );
}
