/** Far more jobs than memory holds of them: the window spills and refills, specs leave their cache, all of them run. */
import t from 'tap';
import { World } from '../support/world.js';
import { after, draftOf, make, minute, running } from './worlds.js';

t.test('40,000 jobs through a window of 1,000, over crashes and merges: each runs once, in order', async (t) => {
  const jobs = 40_000;
  const options = { windowCapacity: 1000, mergeRows: 5000, poolCapacity: 2000 };
  let world = new World(options);
  for (let made = 0; made < jobs; made += 2000) {
    const drafts = Array.from({ length: 2000 }, (_, i) =>
      draftOf({ trigger: after(10 * minute + (((made + i) * 7919) % jobs) * 5) }),
    );
    world.ask({ kind: 'createMany', drafts });
    if (made === 10_000 || made === 30_000) world = world.crash();
    t.ok(world.window.size <= 1001);
  }
  t.equal(world.queries.totals().pending, jobs);
  world = world.restart();
  const ran = new Uint8Array(jobs + 1);
  let last = 0;
  let wrong = 0;
  world.pool.onDispatch = ({ jobSeq, scheduledFor }) => {
    ran[jobSeq] = (ran[jobSeq] ?? 0) + 1;
    if (scheduledFor < last || scheduledFor > world.clock.now()) wrong++;
    last = scheduledFor;
  };
  world.pass(10 * minute - 30_000);
  for (let ended = 0; ended < jobs; ) {
    world.clock.advance(1000);
    world.settle();
    ended += world.endAll();
    if (world.clock.now() > world.born.at + 20 * minute) break;
  }
  t.equal(wrong, 0);
  t.ok(
    ran.subarray(1).every((times) => times === 1),
    'each exactly once',
  );
  t.equal(world.queries.totals().completed, jobs);
  t.equal(world.queries.totals().pending, 0);
});

t.test('payloads that have left memory are read from the store when their job is due', async (t) => {
  const world = new World({ poolCapacity: 1000 });
  const payload = (i: number): string => JSON.stringify({ i, filler: 'x'.repeat(100_000) });
  for (let i = 1; i <= 250; i++) make(world, { trigger: after(minute + i), payload: payload(i) });
  world.pass(2 * minute);
  t.equal(running(world).length, 250);
  t.ok([...world.pool.attempts.values()].every((attempt) => attempt.payload === payload(attempt.jobSeq)));
});

t.test('jobs that all come due at once start as threads are free, in order', async (t) => {
  const world = new World({ windowCapacity: 64, poolCapacity: 50, mergeRows: 100 });
  world.ask({
    kind: 'createMany',
    drafts: Array.from({ length: 3000 }, () => draftOf({ trigger: { kind: 'at', at: world.clock.now() + minute } })),
  });
  const order: number[] = [];
  world.pool.onDispatch = ({ jobSeq }) => void order.push(jobSeq);
  world.pass(minute);
  while (running(world).length > 0) {
    t.ok(running(world).length <= 50);
    world.endAll();
  }
  t.same(
    order,
    Array.from({ length: 3000 }, (_, i) => i + 1),
  );
});
