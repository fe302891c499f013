/** A clock that ran ahead and was set back: repeating jobs go on at once, and no slot runs twice. */
import fc from 'fast-check';
import t from 'tap';
import type { JobDraft } from '../../src/scheduler/messages.js';
import { metaKey } from '../../src/store/format/layout.js';
import { World } from '../support/world.js';
import { after, cron, fillDisk, hour, make, minute, running, second, state, update } from './worlds.js';

/** Ends all that runs, as time passes, and gathers the slots that attempts were started for. */
function live(world: World, ms: number, slots: number[]): void {
  const until = world.clock.wall + ms;
  do {
    for (const seq of running(world)) {
      slots.push(world.pool.attempts.get(seq)?.scheduledFor as number);
      world.end(seq);
    }
    world.pass(Math.max(1, Math.min(second, until - world.clock.wall)));
  } while (world.clock.wall < until);
}

const twice = (slots: readonly number[]): number[] => slots.filter((slot, at) => slots.indexOf(slot) !== at);

const schedules: readonly [string, Partial<JobDraft>][] = [
  ['cron', { trigger: cron('*/10 * * * * *') }],
  ['an interval', { trigger: after(10 * second) }],
];

for (const [kind, draft] of schedules) {
  for (const misfire of ['run_once', 'skip'] as const) {
    t.test(`${kind}, ${misfire}: goes on at once when the clock is back, and skips what has run`, async (t) => {
      const world = new World();
      const seq = make(world, { ...draft, isRepeat: true, misfire });
      const slots: number[] = [];
      live(world, minute, slots);
      world.clock.wall += hour;
      live(world, minute, slots);
      const ahead = slots.filter((slot) => slot > world.clock.wall - 2 * minute);
      t.ok(ahead.length >= 5, 'it ran by the clock that was ahead');
      world.clock.wall -= hour;
      const before = slots.length;
      live(world, minute, slots);
      t.ok(slots.length >= before + 5, 'it goes on at once');
      live(world, hour, slots);
      t.same(twice(slots), [], 'no slot twice');
      live(world, 5 * minute, slots);
      t.ok((slots.at(-1) as number) > world.clock.wall - 20 * second, 'and goes on behind the slots that have run');
      t.equal(state(world, seq).status === 'failed', false);
    });
  }
}

for (const [kind, draft] of schedules) {
  t.test(`${kind}: a clock that is set back in the middle of a turn, wherever that is`, async (t) => {
    const silent: number[] = [];
    const wrong: number[] = [];
    for (let reads = 0; reads < 60; reads++) {
      const world = new World();
      make(world, { ...draft, isRepeat: true });
      const slots: number[] = [];
      live(world, 15 * second, slots);
      world.clock.wall += 3 * minute;
      live(world, minute, slots);
      world.clock.setAfter(reads, -3 * minute);
      while (world.clock.isToBeSet) live(world, 2 * second, slots);
      const before = slots.length;
      live(world, minute, slots);
      if (slots.length < before + 5) silent.push(reads);
      live(world, 5 * minute, slots);
      if (twice(slots).length > 0) wrong.push(reads);
    }
    t.same(silent, [], 'it goes on at once');
    t.same(wrong, [], 'no slot twice');
  });

  t.test(`${kind}: a clock that is set ahead in the middle of a turn, wherever that is`, async (t) => {
    const counted: number[] = [];
    for (let reads = 0; reads < 60; reads++) {
      const world = new World();
      const seq = make(world, { ...draft, isRepeat: true, misfire: 'skip' });
      const slots: number[] = [];
      live(world, 15 * second, slots);
      world.clock.setAfter(reads, hour);
      while (world.clock.isToBeSet) live(world, 5 * second, slots);
      live(world, minute, slots);
      const { missed, skipped } = state(world, seq);
      // While an attempt runs, what comes due is skipped.
      if (missed + skipped < 350 || missed + skipped > 360) counted.push(reads, missed, skipped);
    }
    t.same(counted, [], 'what came due meanwhile was missed or skipped');
  });
}

t.test('a daily job that ran by a clock two minutes ahead does not run again that day', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('0 0 9 * * *'), isRepeat: true });
  const slots: number[] = [];
  world.pass(9 * hour - minute);
  world.clock.wall += 2 * minute;
  live(world, 5 * second, slots);
  t.equal(slots.length, 1);
  world.clock.wall -= 2 * minute;
  world.settle();
  t.equal(new Date(state(world, seq).due).toISOString(), '2026-01-02T09:00:00.000Z');
  live(world, 10 * minute, slots);
  t.equal(slots.length, 1);
});

t.test('what runs when the clock is set back goes on from the present when it ends', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
  world.pass(10 * second);
  world.clock.wall += hour;
  world.settle();
  world.pass(minute);
  t.same(running(world), [seq]);
  const slot = world.pool.attempts.get(seq)?.scheduledFor as number;
  world.clock.wall -= hour;
  world.settle();
  world.end(seq);
  t.ok(state(world, seq).due - world.clock.wall <= minute);
  const slots: number[] = [slot];
  live(world, 2 * hour, slots);
  t.same(twice(slots), []);
});

t.test('a restart between makes no difference, nor does one after', async (t) => {
  for (const when of ['between', 'after'] as const) {
    let world = new World();
    const seq = make(world, { trigger: cron('*/10 * * * * *'), isRepeat: true });
    const slots: number[] = [];
    live(world, minute, slots);
    world.clock.wall += hour;
    live(world, minute, slots);
    if (when === 'between') {
      world.restart();
      world.clock.wall -= hour;
      world = world.crash();
    } else {
      world.clock.wall -= hour;
      live(world, minute, slots);
      world = world.crash();
    }
    world.settle();
    t.ok(state(world, seq).due - world.clock.wall <= 10 * second, when);
    live(world, 2 * hour, slots);
    t.same(twice(slots), [], when);
  }
});

t.test('the slot of an attempt that a crash has ended by a clock that was ahead does not come again', async (t) => {
  const before = new World();
  const seq = make(before, { trigger: cron('0 0 9 * * *'), isRepeat: true });
  before.pass(9 * hour - minute);
  before.clock.wall += 2 * minute;
  before.settle();
  t.same(running(before), [seq]);
  before.clock.wall -= 2 * minute;
  const world = before.crash();
  world.settle();
  t.same(running(world), [seq], 'it is tried again at once');
  world.clock.wall += 2 * minute;
  world.end(seq);
  world.clock.wall -= 2 * minute;
  world.settle();
  t.equal(new Date(state(world, seq).due).toISOString(), '2026-01-02T09:00:00.000Z');
});

t.test('jobs made while the clock was ahead, retries and single jobs', async (t) => {
  const world = new World();
  world.pass(second);
  world.clock.wall += hour;
  world.settle();
  const interval = make(world, { trigger: after(10 * second), isRepeat: true });
  const cronJob = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
  const single = make(world, { trigger: after(10 * second) });
  const weekly = make(world, { trigger: cron('0 0 0 * * 1'), isRepeat: true, retryDelayMs: minute });
  const dueOfSingle = state(world, single).due;
  world.clock.wall += 7 * 24 * hour;
  world.settle();
  for (const seq of running(world)) world.end(seq, seq === weekly ? { kind: 'failed' } : { kind: 'succeeded' });
  t.match(state(world, weekly), { status: 'pending', retryCount: 1 });
  world.clock.wall -= 7 * 24 * hour + hour;
  world.settle();
  const wait = (seq: number): number => state(world, seq).due - world.clock.wall;
  t.ok(wait(interval) <= 10 * second);
  t.ok(wait(cronJob) <= minute);
  t.ok(wait(weekly) <= minute, 'a retry waits as long as it was to');
  t.equal(state(world, single).due, dueOfSingle, 'the due time of a single job is an instant, and stays');
});

t.test('a disk that refuses the change for a while', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
  world.pass(10 * second);
  world.clock.wall += hour;
  world.settle();
  for (const each of running(world)) world.end(each);
  const empty = fillDisk(world);
  world.clock.wall -= hour;
  world.settle();
  world.pass(10 * second);
  empty();
  world.pass(second);
  t.ok(state(world, seq).due - world.clock.wall <= minute);
});

/** One job runs by a clock that is an hour ahead, and waits for its next slot then. */
function runAhead(world: World, draft: Partial<JobDraft> = {}): number {
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true, ...draft });
  world.pass(10 * second);
  world.clock.wall += hour;
  world.settle();
  for (const each of running(world)) world.end(each);
  return seq;
}

const note = (world: World): Buffer | undefined => world.kv.get('meta', metaKey('setBack'));

t.test('a record that reaches the disk before the jobs are looked at does not hide from the next server', async (t) => {
  const world = new World();
  const seq = runAhead(world);
  const empty = fillDisk(world);
  update(world, seq, { payload: '{}' });
  t.equal(world.scheduler.mode.name, 'blocked');
  world.clock.wall -= hour;
  world.settle();
  empty();
  const { position } = world.jobs;
  world.clock.advance(second);
  world.scheduler.turn();
  world.store.step();
  t.equal(world.jobs.position, position + 1, 'one record is on disk');
  const next = world.crash();
  t.ok(note(next), 'and that the clock was set back');
  next.settle();
  t.ok(state(next, seq).due - next.clock.wall <= minute);
  t.equal(note(next.crash()), undefined, 'nothing of it stays');
});

t.test('a crash between two slices, and again in the next server', async (t) => {
  let world = new World({ looksPerTurn: 1 });
  const seqs = Array.from({ length: 3 }, () => runAhead(world));
  t.equal(new Set(seqs).size, 3);
  world.clock.wall -= 3 * hour;
  for (let round = 0; round < 2; round++) {
    world.scheduler.turn();
    world.store.step();
    world = world.crash();
    t.ok(note(world), 'there is more to look at');
  }
  world.settle();
  for (const seq of seqs) t.ok(state(world, seq).due - world.clock.wall <= minute);
});

t.test('a thousand jobs that wait for later are left as they are', async (t) => {
  const world = new World();
  const seqs = Array.from({ length: 1000 }, () => make(world, { trigger: after(hour), isRepeat: true }));
  const before = seqs.map((seq) => state(world, seq).due);
  world.clock.wall += 10 * minute;
  world.settle();
  world.clock.wall -= 10 * minute;
  world.settle();
  t.same(
    seqs.map((seq) => state(world, seq).due),
    before,
  );
});

t.test('any number of jumps: no slot twice, and never silent', async () => {
  const jump = fc.record({
    byMs: fc.integer({ min: -3 * hour, max: 3 * hour }),
    thenMs: fc.integer({ min: 1, max: 5 * minute }),
  });
  fc.assert(
    fc.property(
      fc.array(jump, { maxLength: 6 }),
      fc.constantFrom<'run_once' | 'skip'>('run_once', 'skip'),
      (jumps, misfire) => {
        const world = new World();
        const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true, misfire });
        const slots: number[] = [];
        let ahead = 0;
        for (const { byMs, thenMs } of jumps) {
          // As a clock goes wrong: ahead, and back to what is right.
          const by = ahead > 0 ? -ahead : Math.abs(byMs);
          ahead += by;
          world.clock.wall += by;
          live(world, thenMs, slots);
        }
        world.clock.wall -= ahead;
        live(world, 2 * minute, slots);
        const { due } = state(world, seq);
        // It is silent for no more slots than have run by the clock that was ahead.
        const lived = jumps.reduce((sum, { thenMs }) => sum + thenMs, 0);
        return twice(slots).length === 0 && due - world.clock.wall <= lived + 10 * minute;
      },
    ),
    {
      numRuns: 60,
      examples: [
        [
          // What was missed is caught up twice, the second time with an earlier slot: the first is known to have run.
          [
            { byMs: 901_001, thenMs: 1 },
            { byMs: 0, thenMs: 10_804 },
            { byMs: 890_196, thenMs: 196_457 },
            { byMs: 0, thenMs: 283_006 },
            { byMs: 0, thenMs: 230_732 },
          ],
          'run_once',
        ],
      ],
    },
  );
});
