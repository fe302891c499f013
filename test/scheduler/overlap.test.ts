/** What becomes of a slot that comes due while the occurrence before it runs: skipped, queued, or it ends what runs. */
import t from 'tap';
import type { Overlap } from '../../src/domain/job.js';
import { hasWaiting } from '../../src/domain/slots/overlap.js';
import { anyHandler, World } from '../support/world.js';
import { cancel, cron, fillDisk, id, make, minute, running, second, state, told, update } from './worlds.js';

const everyMinute = (world: World, overlap?: Overlap, more = {}): number =>
  make(world, { trigger: cron('0 * * * * *'), isRepeat: true, ...(overlap && { overlap }), ...more });
const slotOf = (world: World, seq: number): number => world.pool.attempts.get(seq)?.scheduledFor ?? Number.NaN;
const outcomes = (world: World, seq: number): string[] =>
  (world.queries.runs(id(world, seq), { limit: 100 })?.runs ?? []).map(({ run }) =>
    'count' in run ? `${run.outcome} ×${run.count}` : run.outcome,
  );

for (const overlap of [undefined, 'skip'] as const) {
  t.test(`${overlap ?? 'by default'}: it is skipped`, async (t) => {
    const world = new World();
    const seq = everyMinute(world, overlap);
    world.pass(3 * minute + second);
    world.end(seq);
    t.same(running(world), []);
    t.match(state(world, seq), { skipped: 2, due: world.clock.now() + 59 * second });
    t.same(outcomes(world, seq), ['skipped_overlap ×2', 'success']);
  });
}

t.test('queue: the first waits for the end, those after it are skipped', async (t) => {
  const world = new World();
  const begun = world.clock.now();
  const seq = everyMinute(world, 'queue');
  world.pass(minute);
  t.equal(slotOf(world, seq), begun + minute);
  const job = () => world.memtable.job(seq)!;
  t.equal(hasWaiting(job(), world.clock.now()), false);
  world.pass(3 * minute + second);
  t.equal(hasWaiting(job(), world.clock.now()), true);
  world.end(seq);
  t.equal(slotOf(world, seq), begun + 2 * minute, 'it starts at once');
  t.match(state(world, seq), { skipped: 0, missed: 0, startedAt: world.clock.now() });
  world.end(seq);
  t.match(state(world, seq), { status: 'pending', skipped: 2, due: begun + 5 * minute });
  t.same(outcomes(world, seq), ['skipped_overlap ×2', 'success', 'success']);
  world.pass(minute);
  world.end(seq);
  t.match(state(world, seq), { skipped: 2, due: begun + 6 * minute }, 'and goes on');
});

t.test('queue: what waits starts before any retry', async (t) => {
  const world = new World();
  const begun = world.clock.now();
  const seq = everyMinute(world, 'queue', { maxRetries: 5, retryDelayMs: 0 });
  world.pass(2 * minute + second);
  world.end(seq, { kind: 'failed' });
  t.equal(slotOf(world, seq), begun + 2 * minute);
  t.match(world.pool.attempts.get(seq), { attempt: 1 });
  t.same(outcomes(world, seq), ['running', 'failed']);
  world.end(seq, { kind: 'failed' });
  world.pass(1);
  t.match(world.pool.attempts.get(seq), { attempt: 2, scheduledFor: begun + 2 * minute }, 'else it is tried again');
  world.pass(minute);
  world.end(seq, { kind: 'snoozed', waitMs: second });
  t.equal(slotOf(world, seq), begun + 3 * minute, 'what is snoozed gives way as a retry does');
});

t.test('queue: paused meanwhile, what waits is skipped; the last run of a bound does not wait', async (t) => {
  const world = new World();
  const [paused, bounded] = [everyMinute(world, 'queue'), everyMinute(world, 'queue', { maxRuns: 1 })];
  world.pass(2 * minute + second);
  world.ask({ kind: 'pause', id: id(world, paused), change: {} });
  t.equal(hasWaiting(world.memtable.job(paused)!, world.clock.now()), false);
  world.end(paused);
  world.end(bounded);
  t.same(running(world), []);
  t.match(state(world, bounded), { status: 'success', runCount: 1 });
  world.ask({ kind: 'resume', id: id(world, paused) });
  t.match(outcomes(world, paused), ['skipped_paused ×1', 'success']);
});

t.test('queue: what came due in a crash is skipped, what waits over a stopped process is missed', async (t) => {
  let world = new World();
  const begun = world.clock.now();
  const seq = everyMinute(world, 'queue');
  world.pass(minute);
  world = world.crash();
  world.settle();
  t.equal(slotOf(world, seq), begun + minute);
  world.clock.stand(3 * minute + 2 * second);
  world.end(seq);
  t.match(state(world, seq), { status: 'running', missed: 3, skipped: 0 });
  t.equal(slotOf(world, seq), begun + 4 * minute);
});

t.test('cancel_running: the attempt ends, and the slot starts when it has left its thread', async (t) => {
  const world = new World();
  const begun = world.clock.now();
  const seq = everyMinute(world, 'cancel_running', { maxRetries: 5 });
  world.pass(2 * minute);
  t.same(world.pool.aborted, [seq]);
  t.match(state(world, seq), { status: 'pending', due: begun + 2 * minute, lastOutcome: 'failed', retryCount: 0 });
  t.match(world.memtable.detail(seq), { lastError: { code: 'cancelled' } });
  t.same(told(world, seq).slice(-2), ['failed', 'scheduled']);
  t.equal(world.scheduler.waitingFor(world.memtable.job(seq)!), 'previous_run');
  t.equal(slotOf(world, seq), begun + minute, 'the old attempt is in its thread still');
  world.pass(3 * second);
  world.end(seq);
  t.equal(slotOf(world, seq), begun + 2 * minute);
  t.equal(state(world, seq).startedAt, world.clock.now());
  t.same(outcomes(world, seq), ['running', 'cancelled']);
  world.end(seq);
  t.match(state(world, seq), { skipped: 0, due: begun + 3 * minute, lastOutcome: 'success' });
  const [good, bad] = world.queries.runs(id(world, seq), { limit: 2 })?.runs ?? [];
  t.match([good?.run, bad?.run], [{ error: undefined }, { error: { code: 'cancelled' } }]);
  t.equal(world.scheduler.counters.failed, 1);
});

t.test('cancel_running: an attempt that does not end keeps one slot waiting, others are skipped', async (t) => {
  const world = new World();
  const begun = world.clock.now();
  const seq = everyMinute(world, 'cancel_running');
  world.pass(5 * minute + second);
  t.same(world.pool.aborted, [seq]);
  world.end(seq);
  t.equal(slotOf(world, seq), begun + 2 * minute);
  world.end(seq);
  t.match(state(world, seq), { skipped: 3, missed: 0, due: begun + 6 * minute });
});

t.test('cancel_running: with every thread taken, too', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const seq = everyMinute(world, 'cancel_running');
  const others = [make(world, { trigger: cron('30 * * * * *') }), make(world, { trigger: cron('31 * * * * *') })];
  world.pass(30 * second);
  world.end(others[0] as number);
  world.pass(second);
  world.end(others[1] as number);
  for (const at of [40, 41]) make(world, { trigger: { kind: 'delay', delayMs: at * second } });
  world.pass(29 * second + minute);
  t.same(world.pool.aborted, [seq]);
});

t.test('cancel_running: nothing is cancelled for a slot that may not start', async (t) => {
  for (const hold of ['job', 'type', 'server'] as const) {
    const world = new World();
    const seq = everyMinute(world, 'cancel_running');
    world.pass(minute);
    if (hold === 'job') world.ask({ kind: 'pause', id: id(world, seq), change: {} });
    if (hold === 'type') world.ask({ kind: 'pauseType', name: 'noop' });
    if (hold === 'server') world.ask({ kind: 'pauseServer' });
    world.pass(minute + second);
    t.same(world.pool.aborted, [], hold);
    if (hold === 'type') world.ask({ kind: 'resumeType', name: 'noop' });
    if (hold === 'server') world.ask({ kind: 'resumeServer' });
    world.pass(2 * second);
    t.same(world.pool.aborted, hold === 'job' ? [] : [seq], `${hold}: once that ends, it is`);
  }
});

t.test('cancel_running: a crash meanwhile, a refused write, a cancellation', async (t) => {
  const crashed = new World();
  const one = everyMinute(crashed, 'cancel_running');
  crashed.pass(2 * minute);
  const next = crashed.crash();
  next.settle();
  t.equal(slotOf(next, one), next.clock.now(), 'the old attempt ended with its process');

  const refused = new World();
  const two = everyMinute(refused, 'cancel_running');
  refused.pass(minute);
  const empty = fillDisk(refused);
  refused.pass(minute);
  t.same(refused.pool.aborted, [], 'nothing is cancelled that is not on record');
  t.equal(state(refused, two).status, 'running');
  empty();
  refused.pass(5 * second);
  t.same(refused.pool.aborted, [two]);
  t.equal(state(refused, two).status, 'pending');

  cancel(refused, two);
  t.equal(state(refused, two).status, 'cancelled');
  refused.end(two);
  t.same(running(refused), [], 'what waited is cancelled');
});

t.test(
  'cancel_running: an extra occurrence is ended by the slot, and one of a type with one place follows it',
  async (t) => {
    const world = new World({ handlers: [anyHandler('noop', { concurrency: 1 })] });
    const begun = world.clock.now();
    const seq = everyMinute(world, 'cancel_running');
    world.pass(30 * second);
    world.ask({ kind: 'run', id: id(world, seq) });
    t.equal(slotOf(world, seq), begun + 30 * second);
    world.pass(30 * second);
    t.same(world.pool.aborted, [seq]);
    world.end(seq);
    t.equal(slotOf(world, seq), begun + minute);
    t.equal(state(world, seq).runCount, 1);
  },
);

t.test('the rule can be changed while the job is pending, and taken away', async (t) => {
  const world = new World();
  const seq = everyMinute(world);
  t.match(update(world, seq, { overlap: 'queue' }), { ok: true, jobs: [{ spec: { overlap: 'queue' } }] });
  world.pass(2 * minute + second);
  t.equal(hasWaiting(world.memtable.job(seq)!, world.clock.now()), true);
  world.end(seq);
  world.end(seq);
  update(world, seq, { overlap: undefined });
  world.pass(2 * minute);
  world.end(seq);
  t.same(running(world), []);
  const single = make(world, { trigger: { kind: 'delay', delayMs: minute } });
  t.match(update(world, single, { overlap: 'queue' }), { ok: false, refusal: { code: 'validation_failed' } });
});
