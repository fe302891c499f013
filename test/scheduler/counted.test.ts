/** What telemetry is told of decisions beside attempts: each counts once, when it is on disk. */
import t from 'tap';
import { formatId } from '../../src/domain/id.js';
import type { JobDraft } from '../../src/scheduler/messages.js';
import type { BulkJobs } from '../../src/store/port.js';
import { type Heard, recorded } from '../support/telemetry.js';
import { World } from '../support/world.js';
import { after, cancel, cron, draftOf, fillDisk, hour, make, minute, second } from './worlds.js';

const calls = (heard: readonly Heard[], ...names: string[]): Heard[] => heard.filter(([call]) => names.includes(call));
const keyed = (more: Partial<JobDraft> = {}): JobDraft => draftOf({ trigger: after(hour), key: 'k', ...more });

t.test('slots that passed while the run before went on, and how often', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
  world.pass(3 * minute + second);
  t.same(calls(heard, 'runsPassedOver'), []);
  world.end(seq);
  t.same(calls(heard, 'runsPassedOver', 'runFailed'), [['runsPassedOver', 'noop', 'skipped_overlap', 2]]);
});

t.test('slots that were missed while no server ran, and those of a pause', async (t) => {
  const before = new World();
  const { seq, idSeconds } = before.create({ trigger: cron('0 * * * * *'), isRepeat: true, misfire: 'skip' }).jobs[0]!
    .spec;
  before.clock.stand(5 * minute + 10 * second);
  const { heard, telemetry } = recorded();
  const world = before.crash({ telemetry });
  world.settle();
  t.same(calls(heard, 'runsPassedOver'), [['runsPassedOver', 'noop', 'missed', 5]]);
  heard.length = 0;
  const id = formatId(seq, idSeconds);
  world.ask({ kind: 'pause', id, change: {} });
  world.pass(3 * minute);
  world.ask({ kind: 'resume', id });
  t.same(
    calls(heard, 'runsPassedOver').map(([, , reason]) => reason),
    calls(heard, 'runsPassedOver').map(() => 'skipped_paused'),
  );
  t.equal(
    calls(heard, 'runsPassedOver').reduce((sum, [, , , runs]) => sum + (runs as number), 0),
    3,
  );
});

t.test('a failure counts when it is final, by its code', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  const seq = make(world, { maxRetries: 1, retryDelayMs: second });
  world.end(seq, { kind: 'failed', code: 'timeout' });
  t.same(calls(heard, 'runFailed'), [], 'a retry follows');
  world.pass(minute);
  world.end(seq, { kind: 'failed', code: 'timeout' });
  t.same(calls(heard, 'runFailed'), [['runFailed', 'noop', 'timeout']]);
});

t.test('what has expired is passed over, and the failure of a job that runs once', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  world.ask({ kind: 'pauseServer' });
  make(world, { expiresAfterMs: second });
  world.pass(minute);
  t.same(calls(heard, 'runsPassedOver', 'runFailed'), [
    ['runsPassedOver', 'noop', 'expired', 1],
    ['runFailed', 'noop', 'expired'],
  ]);
});

t.test('a failure that the disk refuses counts once, when it is written', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  const seq = make(world, { maxRetries: 0 });
  const free = fillDisk(world);
  world.end(seq, { kind: 'failed' });
  world.pass(10 * second);
  t.same(calls(heard, 'runFailed'), []);
  free();
  world.pass(minute);
  t.same(calls(heard, 'runFailed'), [['runFailed', 'noop', 'handler_error']]);
});

t.test('requests whose key is taken, by what becomes of them', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  world.ask({ kind: 'create', draft: keyed() });
  t.same(calls(heard, 'keyTaken'), [], 'the key was free');
  world.ask({ kind: 'create', draft: keyed() });
  world.ask({ kind: 'createMany', drafts: [draftOf(), keyed()] });
  world.ask({ kind: 'create', draft: keyed({ ifExists: 'return' }) });
  world.ask({ kind: 'create', draft: keyed({ ifExists: 'replace' }) });
  t.same(
    calls(heard, 'keyTaken').map(([, type, outcome]) => `${type} ${outcome}`),
    ['noop rejected', 'noop rejected', 'noop returned', 'noop replaced'],
  );
  const free = fillDisk(world);
  world.ask({ kind: 'create', draft: keyed({ ifExists: 'replace' }) });
  t.equal(calls(heard, 'keyTaken').length, 4, 'nothing was replaced');
  free();
});

t.test('a replacement that is refused replaces nothing', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  const repeating = { trigger: cron('0 * * * * *'), isRepeat: true };
  const [spec] = world.create({ ...repeating, key: 'k' }).jobs.map((job) => job.spec);
  world.pass(minute);
  world.end(spec!.seq);
  const answer = world.ask({ kind: 'create', draft: keyed({ ...repeating, ifExists: 'replace', maxRuns: 1 }) });
  t.match(answer, { ok: false, refusal: { code: 'validation_failed' } });
  t.same(calls(heard, 'keyTaken'), []);
});

t.test('jobs that attempts have made, by the type of each', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  const seq = make(world);
  const child = (more: Partial<JobDraft>): string => JSON.stringify(draftOf({ trigger: after(hour), ...more }));
  const free = fillDisk(world);
  const twice = child({ key: 'k', ifExists: 'return' });
  world.end(seq, { kind: 'succeeded', enqueued: [child({}), twice, twice] });
  world.pass(10 * second);
  t.same(calls(heard, 'jobsEnqueued'), []);
  free();
  world.pass(minute);
  t.same(calls(heard, 'jobsEnqueued'), [
    ['jobsEnqueued', 'noop', 1],
    ['jobsEnqueued', 'noop', 1],
  ]);
});

t.test('jobs that a bulk action came to: done, skipped, failed', async (t) => {
  const { heard, telemetry } = recorded();
  const world = new World({ telemetry });
  const first = make(world, { maxRetries: 0, key: 'k' });
  world.end(first, { kind: 'failed' });
  const rest = [1, 2, 3].map(() => make(world, { maxRetries: 0 }));
  for (const seq of rest) world.end(seq, { kind: 'failed' });
  world.ask({ kind: 'create', draft: keyed() });
  const jobs: BulkJobs[] = [{ block: 0, places: Uint32Array.from([first, ...rest]) }];
  world.ask({ kind: 'retry', id: formatId(rest[0]!, world.memtable.job(rest[0]!)!.spec.idSeconds) });
  world.scheduler.request(
    { kind: 'bulk', action: 'retry', filter: {}, askedFilter: '{}', patch: undefined, jobs },
    1,
    () => {},
  );
  world.settle();
  const sums = new Map<unknown, number>();
  for (const [, action, outcome, count] of calls(heard, 'bulkActed')) {
    t.equal(action, 'retry');
    sums.set(outcome, (sums.get(outcome) ?? 0) + (count as number));
  }
  t.same(Object.fromEntries(sums as Map<string, number>), { done: 2, skipped: 1, failed: 1 });
  cancel(world, rest[1]!);
  t.equal(calls(heard, 'bulkActed').length, sums.size, 'other requests are no bulk actions');
});
