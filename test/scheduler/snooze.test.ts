/** Attempts that ask to wait: they come again as the same attempt, over refused writes and restarts. */
import t from 'tap';
import { World } from '../support/world.js';
import { cron, fillDisk, make, minute, running, second, state, told } from './worlds.js';

t.test('it starts again when its wait is over, as the same attempt', async (t) => {
  const world = new World();
  const seq = make(world, { maxRetries: 0 });
  for (let times = 0; times < 3; times++) {
    t.match(world.pool.attempts.get(seq), { attempt: 1, fence: times + 1 });
    world.end(seq, { kind: 'snoozed', waitMs: 10 * minute });
    t.match(state(world, seq), { status: 'pending', retryCount: 0, attempt: times + 1 });
    world.pass(10 * minute - 1);
    t.same(running(world), []);
    world.pass(1);
  }
  world.end(seq, { kind: 'succeeded' });
  t.same(told(world), ['scheduled', ...Array(3).fill(['started', 'retrying']).flat(), 'started', 'completed']);
});

t.test('it gives way to the next occurrence', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
  world.pass(minute);
  t.same(running(world), [seq]);
  world.end(seq, { kind: 'snoozed', waitMs: 10 * minute });
  t.match(state(world, seq), { status: 'pending', skipped: 1, runCount: 1, lastOutcome: undefined });
  world.pass(minute);
  t.same(running(world), [seq]);
  t.same(told(world), ['scheduled', 'started', 'scheduled', 'started']);
});

t.test('one that the disk refuses is decided again, as of its instant', async (t) => {
  const world = new World();
  const seq = make(world);
  const at = world.clock.now();
  const free = fillDisk(world);
  world.end(seq, { kind: 'snoozed', waitMs: minute });
  t.equal(state(world, seq).status, 'running');
  free();
  world.pass(second);
  t.match(state(world, seq), { status: 'pending', due: at + minute });
});

t.test('it waits over a restart', async (t) => {
  const world = new World();
  const seq = make(world);
  world.end(seq, { kind: 'snoozed', waitMs: minute });
  const next = world.crash();
  t.same(running(next), []);
  next.pass(minute);
  t.match(next.pool.attempts.get(seq), { attempt: 1, fence: 2 });
});
