/** Occurrences of a repeating job that came due while the server did not run are missed; all others are late at most. */
import t from 'tap';
import { World } from '../support/world.js';
import { after, cron, draftOf, fillDisk, hour, make, minute, running, second, state, told } from './worlds.js';

for (const [how, begin] of [
  ['a crash', (world: World) => world.crash()],
  ['a stop in order', (world: World) => world.restart()],
  ['a stopped process', (world: World) => world],
] as const) {
  t.test(`${how}: run_once runs one of them at once and counts them all`, async (t) => {
    let world = new World();
    const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
    world.pass(10 * second);
    world.clock.stand(3 * minute);
    world = begin(world);
    world.settle();
    t.same(running(world), [seq]);
    t.match(state(world, seq), { missed: 3, skipped: 0 });
    t.match(world.pool.attempts.get(seq), { attempt: 1, scheduledFor: world.clock.now() - 10 * second });
    world.end(seq);
    t.match(state(world, seq), { status: 'pending', missed: 3, skipped: 0, due: world.clock.now() + 50 * second });
    world.pass(50 * second);
    t.same(running(world), [seq], 'and goes on as before');
  });

  t.test(`${how}: skip runs none and waits for the next`, async (t) => {
    let world = new World();
    const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true, misfire: 'skip' });
    world.pass(10 * second);
    world.clock.stand(3 * minute);
    world = begin(world);
    world.settle();
    t.same(running(world), []);
    t.match(state(world, seq), { status: 'pending', missed: 3, due: world.clock.now() + 50 * second });
    world.pass(50 * second);
    t.same(running(world), [seq]);
    t.equal(told(world, seq).filter((type) => type === 'scheduled').length, begin(world) === world ? 2 : 1);
  });
}

t.test('one second late is in time, a millisecond more is missed', async (t) => {
  for (const [late, missed] of [
    [1000, 0],
    [1001, 1],
  ] as const) {
    const world = new World();
    const seq = make(world, { trigger: after(10 * second), isRepeat: true, misfire: 'skip' });
    world.clock.stand(10 * second + late);
    world.settle();
    t.equal(state(world, seq).missed, missed, `${late} ms`);
    t.equal(running(world).length, 1 - missed);
  }
});

t.test('one-shot jobs run however late, cron jobs without repetition too', async (t) => {
  const world = new World();
  const seqs = [
    make(world, { trigger: after(second) }),
    make(world, { trigger: cron('0 0 * * * *') }),
    make(world, { trigger: after(second), misfire: 'skip' }),
  ];
  world.clock.advance(100 * hour);
  const next = world.restart();
  next.settle();
  t.same(running(next).sort(), seqs);
});

t.test('a retry is not missed, nor is an attempt that was interrupted', async (t) => {
  for (const kind of ['failed', 'interrupted'] as const) {
    const world = new World();
    const seq = make(world, { trigger: after(10 * hour), isRepeat: true, misfire: 'skip', retryDelayMs: minute });
    world.pass(10 * hour);
    if (kind === 'failed') world.end(seq, { kind });
    const next = world.crash();
    next.clock.advance(hour);
    next.settle();
    t.match(state(next, seq), { status: 'running', missed: 0 }, kind);
    t.equal(next.pool.attempts.get(seq)?.attempt, kind === 'failed' ? 2 : 1);
  }
});

t.test('an occurrence that was seen in time and waits for a thread is not missed', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const busy = make(world);
  const seq = make(world, { trigger: after(10 * second), isRepeat: true, misfire: 'skip' });
  world.pass(10 * second);
  t.same(running(world), [busy]);
  world.pass(5 * second);
  world.end(busy);
  t.same(running(world), [seq]);
  t.match(state(world, seq), { missed: 0 });
});

t.test('what came due while the server ran is late, however long it waits', async (t) => {
  const herd = (world: World, misfire: 'skip' | 'run_once'): number[] =>
    Array.from({ length: 20 }, () => make(world, { trigger: cron('0 0 * * * *'), isRepeat: true, misfire }));
  const runAll = (world: World, seqs: number[]): void => {
    for (let round = 0; round < 20 && running(world).length > 0; round++) {
      world.pass(10 * second);
      for (const seq of running(world)) world.end(seq);
    }
    for (const seq of seqs) t.match(state(world, seq), { missed: 0, skipped: 0, fence: 1 }, `job ${seq}`);
  };
  for (const misfire of ['skip', 'run_once'] as const) {
    t.test(`more than the pool holds, ${misfire}`, async () => {
      const world = new World({ poolCapacity: 2 });
      const seqs = herd(world, misfire);
      world.pass(hour);
      runAll(world, seqs);
    });
    t.test(`a full disk, ${misfire}`, async (t) => {
      const world = new World();
      const seqs = herd(world, misfire);
      world.pass(hour - minute);
      const empty = fillDisk(world);
      world.scheduler.request({ kind: 'create', draft: draftOf() }, 1, () => {});
      world.pass(5 * minute);
      t.same(running(world), []);
      empty();
      world.pass(second);
      runAll(world, seqs);
    });
    t.test(`a main thread that is held, ${misfire}`, async () => {
      const world = new World();
      const seqs = herd(world, misfire);
      world.pass(hour - second);
      world.clock.advance(minute);
      world.settle();
      runAll(world, seqs);
    });
    t.test(`and is so after a crash while it waited, ${misfire}`, async (t) => {
      let world = new World({ poolCapacity: 0 });
      const [seq] = herd(world, misfire) as [number];
      world.pass(hour + 10 * second);
      world = world.crash({ poolCapacity: 100 });
      world.clock.advance(10 * minute);
      world = world.crash();
      world.settle();
      t.match(state(world, seq), { status: 'running', missed: 0 });
    });
  }
});

t.test('what waits while nothing else happens leaves a few small records, and then none', async (t) => {
  const world = new World({ poolCapacity: 0 });
  make(world, { trigger: cron('0 0 * * * *'), isRepeat: true });
  world.pass(hour);
  const before = world.jobs.position;
  world.pass(minute);
  t.ok(world.jobs.position > before);
  t.ok(world.jobs.position <= before + 13);
});

t.test('the wall clock moved over it: missed', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true, misfire: 'skip' });
  world.pass(10 * second);
  world.clock.wall += 10 * minute;
  world.settle();
  t.match(state(world, seq), { status: 'pending', missed: 10, fence: 0 });
});

t.test(
  'a clock that was ahead for a moment: what is not yet due is not missed when its time comes again',
  async (t) => {
    const world = new World();
    world.pass(10 * second);
    world.clock.wall += 30 * minute;
    world.settle();
    world.pass(second);
    world.clock.wall -= 30 * minute;
    world.settle();
    const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true, misfire: 'skip' });
    world.pool.capacity = 0;
    world.pass(5 * minute);
    world.pool.capacity = 8;
    world.scheduler.turn();
    world.settle();
    t.match(state(world, seq), { status: 'running', missed: 0 });
  },
);

t.test('what was missed is counted once, though the server dies again before it could run', async (t) => {
  let world = new World();
  const seq = make(world, { trigger: after(minute), isRepeat: true });
  world.clock.advance(3 * minute + 5 * second);
  world = world.crash({ poolCapacity: 0 });
  world.settle();
  t.equal(state(world, seq).missed, 3);
  world.clock.advance(minute);
  world = world.crash({ poolCapacity: 8 });
  world.settle();
  t.match(state(world, seq), { status: 'running', missed: 4 });
  t.equal(running(world).length, 1, 'one run for all of them');
});

t.test('a thousand jobs that were all missed are one pass, not one by one in time', async (t) => {
  const world = new World({ poolCapacity: 2000 });
  for (let i = 0; i < 1000; i++) make(world, { trigger: after(minute), isRepeat: true });
  world.clock.stand(10 * minute + 5 * second);
  world.settle();
  t.equal(running(world).length, 1000);
  t.ok([1, 500, 1000].every((seq) => state(world, seq).missed === 10));
});
