/** A server that ends soon after its start leaves a record, and still does not hide from the next when nobody ran. */
import t from 'tap';
import { World } from '../support/world.js';
import { cron, fillDisk, hour, make, minute, running, second, state } from './worlds.js';

/** A job that is due in the downtime, and another that runs when it begins: that it was interrupted is what the next server records first. */
function begin(misfire: 'run_once' | 'skip'): { world: World; seq: number } {
  const world = new World();
  make(world);
  const seq = make(world, { trigger: cron('20 * * * * *'), isRepeat: true, misfire });
  world.pass(5 * second);
  return { world, seq };
}

/** The process ends, an hour passes, and the next ends behind its first record. */
function crashTwice(before: World): World {
  before.clock.advance(hour);
  return endBehindRecord(before.crash());
}

function endBehindRecord(world: World): World {
  const { position } = world.jobs;
  while (world.jobs.position === position && world.store.step());
  t.equal(world.jobs.position, position + 1, 'it left a record');
  const next = world.crash();
  next.settle();
  return next;
}

function finish(world: World, seq: number): number[] {
  const slots: number[] = [];
  for (let round = 0; round < 20 && running(world).length > 0; round++) {
    for (const one of running(world)) {
      if (one === seq) slots.push(world.pool.attempts.get(one)?.scheduledFor as number);
      world.end(one);
    }
  }
  return slots;
}

for (const misfire of ['run_once', 'skip'] as const) {
  t.test(
    `${misfire}: what came due in a downtime is missed, although a server has run for a moment since`,
    async (t) => {
      const { world, seq } = begin(misfire);
      const last = crashTwice(world);
      const slots = finish(last, seq);
      t.equal(state(last, seq).missed, 60);
      t.equal(slots.length, misfire === 'run_once' ? 1 : 0);
      t.ok(
        slots.every((slot) => slot > last.clock.now() - 2 * minute),
        'and of those the last runs',
      );
    },
  );
}

t.test('no slot runs twice when the clock is set back after that', async (t) => {
  const { world, seq } = begin('run_once');
  const last = crashTwice(world);
  const slots = finish(last, seq);
  last.clock.wall -= hour;
  const until = last.clock.wall + 2 * hour;
  while (last.clock.wall < until) {
    last.pass(10 * second);
    slots.push(...finish(last, seq));
  }
  t.same(
    slots.filter((slot, at) => slots.indexOf(slot) !== at),
    [],
  );
});

for (const [how, pass] of [
  ['the clock was set ahead', (world: World) => void (world.clock.wall += hour)],
  ['the process stood still', (world: World) => world.clock.stand(hour)],
] as const) {
  t.test(`the same where ${how}, and then it crashed`, async (t) => {
    const { world, seq } = begin('skip');
    pass(world);
    // What it does first is to record an outcome.
    const [attempt] = world.pool.attempts.values();
    if (!attempt) throw new Error('nothing runs');
    const { jobSeq, fence } = attempt;
    world.window.add = () => {};
    world.scheduler.outcomes([{ kind: 'succeeded', jobSeq, fence, durationMs: 1 }]);
    const next = endBehindRecord(world);
    finish(next, seq);
    t.equal(state(next, seq).missed, 60);
  });
}

t.test('a first record that the disk refuses hides nothing either', async (t) => {
  const { world, seq } = begin('skip');
  world.clock.advance(hour);
  const second = world.crash();
  const empty = fillDisk(second);
  second.store.step();
  empty();
  second.clock.advance(1000);
  second.scheduler.turn();
  const last = endBehindRecord(second);
  finish(last, seq);
  t.equal(state(last, seq).missed, 60);
});

t.test('a clock that is set back while no server runs has not been there', async (t) => {
  const { world, seq } = begin('run_once');
  const slots = finish(crashTwice(world), seq);
  const second = world.crash();
  finish(second, seq);
  second.clock.wall -= hour;
  const last = second.crash();
  const until = last.clock.wall + 2 * hour;
  while (last.clock.wall < until) {
    last.pass(10 * 1000);
    slots.push(...finish(last, seq));
  }
  t.same(
    slots.filter((slot, at) => slots.indexOf(slot) !== at),
    [],
  );
  t.ok(slots.length >= 60, 'and what comes due while it runs does run');
});
