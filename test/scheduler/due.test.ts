/** A job starts at its due time: never before, and as soon after as there is a thread for it. */
import fc from 'fast-check';
import t from 'tap';
import { anyHandler, World } from '../support/world.js';
import { after, cancel, cron, fillDisk, hour, make, running, second, state, told, update } from './worlds.js';

t.test('a job starts in the very millisecond it is due', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(1000) });
  world.pass(999);
  t.same(running(world), []);
  world.pass(1);
  t.same(running(world), [seq]);
  const attempt = world.pool.attempts.get(seq);
  t.match(attempt, {
    attempt: 1,
    fence: 1,
    name: 'noop',
    payload: '{}',
    scheduledFor: world.clock.now(),
    alone: false,
  });
  world.end(seq);
  t.same(told(world), ['scheduled', 'started', 'completed']);
});

t.test('a job without delay, or due in the past, starts at once', async (t) => {
  const world = new World();
  const now = make(world);
  const past = make(world, { trigger: { kind: 'at', at: -hour } });
  t.same(running(world), [now, past]);
  t.equal(world.pool.attempts.get(past)?.scheduledFor, -hour);
});

t.test('a cron job without repetition runs once, at the next match', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('0 5 * * * *') });
  world.pass(5 * 60 * second - 1);
  t.same(running(world), []);
  world.pass(1);
  t.same(running(world), [seq]);
  world.end(seq);
  world.pass(2 * hour);
  t.equal(state(world, seq).status, 'success');
  t.same(told(world), ['scheduled', 'started', 'completed']);
});

t.test('jobs start in the order they are due, then as they were made', async (t) => {
  const world = new World();
  world.pool.capacity = 100;
  const delays = [300, 100, 200, 100, 300, 0, 200];
  const seqs = delays.map((delayMs) => make(world, { trigger: after(delayMs + 50) }));
  const order: number[] = [];
  world.pool.onDispatch = ({ jobSeq }) => void order.push(jobSeq);
  world.clock.advance(500);
  world.settle();
  const expected = seqs
    .map((seq, i) => ({ seq, due: delays[i] as number }))
    .sort((a, b) => a.due - b.due || a.seq - b.seq);
  t.same(
    order,
    expected.map(({ seq }) => seq),
  );
});

t.test('a job that waited for a thread starts as it is by then, not as it was when its time came', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const first = make(world);
  const [changed, refused, gone] = ['changed', 'refused', 'gone'].map((was) =>
    make(world, { trigger: after(10), payload: JSON.stringify({ was }) }),
  ) as [number, number, number];
  world.pass(20);
  t.same(running(world), [first]);
  t.match(update(world, changed, { payload: '{"new":1}' }), { ok: true });
  t.match(update(world, changed, { payload: '{"new":2}' }), { ok: true });
  const free = fillDisk(world);
  t.match(update(world, refused, { payload: '{"new":1}' }), { ok: false });
  free();
  world.pass(1000);
  t.match(cancel(world, gone), { ok: true });

  const payloads: string[] = [];
  world.pool.onDispatch = ({ payload }) => void payloads.push(payload);
  for (const seq of [first, changed, refused]) world.end(seq);
  t.same(payloads, ['{"new":2}', '{"was":"refused"}']);
  t.same(running(world), []);
});

t.test('what is due waits for a thread, the first due first', async (t) => {
  const world = new World({ poolCapacity: 2 });
  const seqs = [3, 2, 1, 0].map((delayMs) => make(world, { trigger: after(delayMs) }));
  world.pass(10);
  t.equal(running(world).length, 2);
  const order: number[] = [...running(world)];
  world.pool.onDispatch = ({ jobSeq }) => void order.push(jobSeq);
  while (running(world).length > 0) world.end(running(world)[0] as number);
  t.same(order, [...seqs].reverse());
});

t.test('delays beyond the longest timer are not interrupted', async (t) => {
  const world = new World();
  const delays = [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 + 5, 9 * 365 * 24 * hour];
  const start = world.clock.now();
  const seqs = delays.map((delayMs) => make(world, { trigger: after(delayMs) }));
  delays.forEach((delayMs, i) => {
    world.pass(start + delayMs - 1 - world.clock.now());
    t.notOk(running(world).includes(seqs[i] as number), `${delayMs} ms: not early`);
    world.pass(1);
    t.ok(running(world).includes(seqs[i] as number));
  });
});

t.test('any jobs, made at any time: each runs exactly once, in its millisecond', async () => {
  const anyJob = fc.record({
    wait: fc.integer({ min: 0, max: 300 }),
    delayMs: fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 3_000_000 })),
  });
  fc.assert(
    fc.property(
      fc.array(anyJob, { maxLength: 30 }),
      fc.constantFrom(4, 16, 1000),
      fc.constantFrom(1, 7, 1000),
      (jobs, windowCapacity, mergeRows) => {
        const world = new World({ windowCapacity, mergeRows, poolCapacity: 1000 });
        const due = new Map<number, number>();
        const ran: number[] = [];
        let wrong = 0;
        world.pool.onDispatch = ({ jobSeq, scheduledFor }) => {
          ran.push(jobSeq);
          if (scheduledFor !== world.clock.now()) wrong++;
        };
        for (const { wait, delayMs } of jobs) {
          world.pass(wait);
          due.set(make(world, { trigger: after(delayMs) }), world.clock.now() + delayMs);
        }
        world.pass(3_000_000);
        world.sets.dispose();
        return wrong === 0 && ran.length === due.size && new Set(ran).size === due.size;
      },
    ),
    { numRuns: 60 },
  );
});

t.test('a clock set forward makes due what it passes; set back, nothing runs again', async (t) => {
  const world = new World();
  const [soon, later] = [make(world, { trigger: after(10 * second) }), make(world, { trigger: after(2 * hour) })] as [
    number,
    number,
  ];
  world.clock.wall += hour;
  world.settle();
  t.same(running(world), [soon]);
  world.end(soon);
  world.clock.wall -= hour;
  world.pass(hour);
  t.same(running(world), []);
  world.pass(hour);
  t.same(running(world), [later]);
  world.end(later);
  t.same(told(world, soon), ['scheduled', 'started', 'completed']);
});

t.test('a job that was due and waited for a thread waits again when the clock is set back', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const first = make(world);
  const second_ = make(world, { trigger: after(100) });
  world.pass(100);
  t.same(running(world), [first]);
  world.clock.wall -= 60 * second;
  world.end(first);
  t.same(running(world), [], 'it is not due any more');
  world.pass(60 * second);
  t.same(running(world), [second_]);
});

t.test('a repeating job does not run again for the times that a clock set back brings back', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(10 * second), isRepeat: true });
  const ran: number[] = [];
  world.pool.onDispatch = ({ scheduledFor }) => void ran.push(scheduledFor);
  for (let i = 0; i < 3; i++) {
    world.pass(10 * second);
    world.end(seq);
  }
  world.clock.wall -= hour;
  for (let i = 0; i < 400; i++) {
    world.pass(10 * second);
    if (world.pool.attempts.has(seq)) world.end(seq);
  }
  t.equal(new Set(ran).size, ran.length, 'each time once');
  t.ok(
    ran.every((at) => (at - (ran[0] as number)) % (10 * second) === 0),
    'on its grid',
  );
  t.ok(ran.length > 390, 'and it goes on at once');
});

t.test('jobs of types without a handler wait, and hold up nobody', async (t) => {
  const world = new World({ poolCapacity: 2 });
  const gone = Array.from({ length: 50 }, () => make(world, { name: 'gone' }));
  const retried = make(world, { trigger: after(second) });
  world.pass(second);
  t.same(running(world), [retried]);
  const next = world.restart({ handlers: [anyHandler('noop'), anyHandler('gone')] });
  next.settle();
  for (let round = 0; round < 60; round++) next.endAll();
  for (const seq of gone) t.match(state(next, seq), { status: 'success', fence: 1 });
});
