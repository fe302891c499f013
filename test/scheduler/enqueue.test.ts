/** Jobs that attempts have enqueued: in the commit of their success, or not at all. */
import t from 'tap';
import type { JobDraft } from '../../src/scheduler/messages.js';
import { unmakeable, World } from '../support/world.js';
import { cancel, cron, draftOf, fillDisk, make, minute, running, second, state, told } from './worlds.js';

const child = (more: Partial<JobDraft> = {}): string => JSON.stringify(draftOf({ payload: '{"child":1}', ...more }));
const all = (world: World) => [...world.queries.list({ limit: 10_000, offset: 0 }).jobs].reverse();

t.test('they are made with the success, have its instant and name their parent', async (t) => {
  const world = new World();
  const seq = make(world);
  world.pass(5 * minute);
  const at = world.clock.now();
  world.end(seq, { kind: 'succeeded', enqueued: [child({ trigger: { kind: 'delay', delayMs: minute } }), child()] });
  const [parent, later, now] = all(world);
  t.match(later, {
    spec: { createdAt: at, parentId: { seq, idSeconds: parent?.spec.idSeconds } },
    state: { due: at + minute },
  });
  t.match(now, { state: { status: 'running' } });
  t.same(told(world, seq), ['scheduled', 'started', 'completed']);
});

t.test('an attempt that fails, is snoozed, or whose job was cancelled makes none', async (t) => {
  const world = new World();
  const [first, second_] = [make(world, { maxRetries: 0 }), make(world)];
  world.end(first, { kind: 'failed' });
  cancel(world, second_);
  world.end(second_, { kind: 'succeeded', enqueued: [child()] });
  t.equal(all(world).length, 2);
});

t.test('a crash finds both or neither', async (t) => {
  for (const crashes of [true, false]) {
    const world = new World({ lags: true });
    const seq = make(world);
    t.same(running(world), [seq]);
    const attempt = world.pool.attempts.get(seq);
    world.pool.attempts.delete(seq);
    world.scheduler.outcomes([
      { jobSeq: seq, fence: attempt?.fence ?? 0, durationMs: 1, kind: 'succeeded', enqueued: [child(), child()] },
    ]);
    if (!crashes) world.settle();
    const next = world.crash();
    const jobs = next.queries.list({ limit: 9, offset: 0 }).jobs;
    t.equal(jobs.length, crashes ? 1 : 3);
    t.equal(jobs.at(-1)?.state.status, crashes ? 'running' : 'success');
  }
});

t.test('an end that the disk refuses makes them when it is written, once', async (t) => {
  const world = new World();
  const seq = make(world);
  const at = world.clock.now();
  const free = fillDisk(world);
  world.end(seq, { kind: 'succeeded', enqueued: [child({ trigger: { kind: 'delay', delayMs: minute } })] });
  world.pass(10 * second);
  t.equal(all(world).length, 1);
  free();
  world.pass(10 * second);
  t.match(all(world), [{ state: { status: 'success' } }, { state: { due: at + minute } }]);
  t.equal(all(world).length, 2);
});

t.test('one that cannot be made fails the attempt', async (t) => {
  const world = new World();
  const seq = make(world);
  world.end(seq, { kind: 'succeeded', enqueued: [child(), unmakeable] });
  t.match(state(world, seq), { status: 'pending', retryCount: 1 });
  t.match(world.memtable.detail(seq).lastError, { name: 'EnqueueError', message: /It cannot be made/ });
  t.equal(all(world).length, 1);
});

t.test(
  'of many, a batch takes only so many: the ends of others wait, and their attempts keep their places',
  async (t) => {
    const world = new World({ poolCapacity: 40 });
    const seqs = Array.from({ length: 40 }, () => make(world));
    world.pool.attempts.clear();
    const enqueued = Array.from({ length: 1000 }, () => child({ trigger: { kind: 'delay', delayMs: minute } }));
    world.scheduler.outcomes(seqs.map((jobSeq) => ({ jobSeq, fence: 1, durationMs: 1, kind: 'succeeded', enqueued })));
    t.ok(world.scheduler.runningAttempts > 30, 'most wait');
    t.notOk(world.scheduler.settled);
    let largest = 0;
    let before = 0;
    while (!world.scheduler.settled || world.store.pending > 0) {
      if (!world.store.step()) world.scheduler.turn();
      const { jobs } = world.scheduler.counters;
      largest = Math.max(largest, jobs - before);
      before = jobs;
    }
    t.equal(world.scheduler.counters.jobs, 40_040);
    t.ok(largest < 10_000, `${largest} in one commit`);
    t.equal(world.scheduler.runningAttempts, 0);
  },
);

t.test('a repeating job makes some with each run', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
  for (let run = 1; run <= 2; run++) {
    world.pass(minute);
    world.end(seq, { kind: 'succeeded', enqueued: [child({ trigger: { kind: 'delay', delayMs: 60 * minute } })] });
    t.equal(world.scheduler.counters.jobs, 1 + run);
  }
});
