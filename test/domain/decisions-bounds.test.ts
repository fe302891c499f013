/** Decisions about jobs with bounds, and jobs that expire. */
import t from 'tap';
import { expire, fail, interrupt, miss, retry, start, succeed } from '../../src/domain/decisions.js';
import type { Job } from '../../src/domain/job.js';
import { deadlineOf, hasExpired } from '../../src/domain/slots/deadline.js';
import { exhaustedBy, update } from '../../src/domain/update.js';
import { everyTenSeconds, noon, runningJob, sampleJob } from '../store/samples.js';
import { failure } from './decisions-support.js';

const repeating = { trigger: everyTenSeconds, maxRetries: 1, retryDelayMs: 1000 };
const run = (job: Job): Job => ({ ...job, state: start(job, noon).state });

t.test('a repeating job is what its last run was when nothing is to come', async (t) => {
  const last = runningJob({ ...repeating, endAt: noon + 5000 }, { retryCount: 1 });
  t.match(succeed(last, { durationMs: 1 }, noon), { state: { status: 'success', lastOutcome: 'success' } });
  t.match(fail(last, failure, noon), { state: { status: 'failed', lastOutcome: 'failed' }, counts: 'failed' });
  const more = runningJob({ ...repeating, endAt: noon + 10_000 });
  t.match(
    succeed(more, { durationMs: 1 }, noon).state,
    { status: 'pending', due: noon + 10_000 },
    'the end is included',
  );
});

t.test('it tells so when no run has just ended', async (t) => {
  const missed = sampleJob({ ...repeating, misfire: 'skip', endAt: noon }, { lastOutcome: 'failed' });
  const { state, events } = miss(missed, noon + 60_000) as NonNullable<ReturnType<typeof miss>>;
  t.match(state, { status: 'failed', missed: 1, finishedAt: noon + 60_000 });
  t.same(events, [{ type: 'job.updated', triggerAt: noon, isRepeat: true, ended: 'failed' }]);
});

t.test('occurrences that start are counted once, and those that did not begin are not', async (t) => {
  const job = sampleJob({ ...repeating, maxRuns: 1 });
  const first = run(job);
  t.equal(first.state.runCount, 1);
  t.equal(interrupt(first, false, noon).state.runCount, 0);
  const again = { ...job, state: interrupt(first, true, noon).state };
  t.equal(run(again).state.runCount, 1);
  const retried = { ...job, state: fail(first, failure, noon).state };
  t.equal(run(retried).state.runCount, 1);
  t.match(succeed(run(retried), { durationMs: 1 }, noon).state, { status: 'success', runCount: 1 });
});

t.test('a manual retry after the last run runs once more and does not count', async (t) => {
  const failed = sampleJob(
    { ...repeating, maxRuns: 1 },
    { status: 'failed', attempt: 2, runCount: 1, lastOutcome: 'failed' },
  );
  const retried = { ...failed, state: retry(failed, noon).state };
  t.match(succeed(run(retried), { durationMs: 1 }, noon).state, { status: 'success', runCount: 1 });
});

t.test('a single job that expires has failed', async (t) => {
  const job = sampleJob({ expiresAfterMs: 1000 });
  t.equal(deadlineOf(job.spec, job.state), noon + 1000);
  t.notOk(hasExpired(job.spec, job.state, noon + 1000));
  t.ok(hasExpired(job.spec, job.state, noon + 1001));
  const { state, events, detail, counts } = expire(job, noon + 1001);
  t.match(state, { status: 'failed', finishedAt: noon + 1001 });
  t.match(detail, { lastError: { code: 'expired', at: noon + 1001 } });
  t.match(events, [{ type: 'job.failed', final: true }]);
  t.equal(events.length, 1);
  t.equal(counts, 'failed');
});

t.test('an occurrence that expires is skipped; one that has been tried has failed', async (t) => {
  const job = sampleJob({ ...repeating, expiresAfterMs: 1000 });
  const skipped = expire(job, noon + 1500);
  t.match(skipped.state, { status: 'pending', due: noon + 10_000, skipped: 1, attempt: 0 });
  t.same(skipped.events, [{ type: 'job.scheduled', triggerAt: noon + 10_000, isRepeat: true }]);
  t.notOk(skipped.counts);
  const tried = { ...job, state: { ...job.state, attempt: 1, retryCount: 1 } };
  const ended = expire(tried, noon + 1500);
  t.match(ended.state, { status: 'pending', due: noon + 10_000, skipped: 0, lastOutcome: 'failed', retryCount: 0 });
  t.match(ended.events, [{ type: 'job.failed', final: true }, { type: 'job.scheduled' }]);
  t.equal(ended.counts, 'failed');
});

t.test('a retry that would come too late is not made', async (t) => {
  const job = runningJob({ expiresAfterMs: 30_000, retryDelayMs: 60_000, backoff: 'fixed' });
  const { state, detail, events } = fail(job, failure, noon);
  t.equal(state.status, 'failed');
  t.match(detail, { lastError: { code: 'expired', message: /no such order/ } });
  t.match(events, [{ type: 'job.failed', final: true }]);
  const later = runningJob({ expiresAfterMs: 60_000, retryDelayMs: 60_000, backoff: 'fixed' });
  t.match(fail(later, failure, noon).state, { status: 'pending', due: noon + 60_000 });
});

t.test('a manual retry expires anew, and keeps what it was scheduled for', async (t) => {
  const failed = sampleJob({ expiresAfterMs: 1000 }, { status: 'failed' });
  const { spec, state } = retry(failed, noon + 60_000);
  t.equal(state.occurrence, noon);
  t.equal(deadlineOf(spec ?? failed.spec, state), noon + 61_000);
});

t.test('a retry waits longer by up to the fraction that is its jitter, and no longer than its cap else', async (t) => {
  const waits = Array.from({ length: 200 }, (_, fence) => {
    const job = runningJob({ retryJitter: 0.5, retryDelayMs: 1000 }, { fence });
    return fail(job, failure, noon).state.due - noon;
  });
  t.ok(waits.every((wait) => wait >= 1000 && wait < 1500));
  t.ok(new Set(waits).size > 100);
  const capped = runningJob({ retryDelayMs: 1000, maxRetryDelayMs: 1500, maxRetries: 9 }, { retryCount: 5 });
  t.equal(fail(capped, failure, noon).state.due, noon + 1500);
  const below = runningJob({ retryDelayMs: 1000, maxRetryDelayMs: 10, maxRetries: 9 }, { retryCount: 5 });
  t.equal(fail(below, failure, noon).state.due, noon + 1000, 'never below retry_delay');
});

t.test('another begin starts the schedule anew, other fields leave the due time alone', async (t) => {
  const job = sampleJob(repeating, { due: noon + 10_000, occurrence: noon + 10_000 });
  const moved = update(job, { startAt: noon + 3000 }, noon);
  t.match(moved.state, { due: noon + 3000, occurrence: noon + 3000 });
  t.match(moved.spec, { trigger: { firstDue: noon + 3000 } });
  t.equal(update(job, { priority: 5, tags: ['a'], endAt: noon + 60_000 }, noon).state.due, noon + 10_000);
  t.equal(
    update({ ...job, spec: { ...job.spec, priority: 5 } }, { priority: undefined }, noon).spec?.priority,
    undefined,
  );
});

t.test('a bound that leaves nothing is named', async (t) => {
  const { spec, state } = sampleJob(repeating, { runCount: 3 });
  t.equal(exhaustedBy({ ...spec, maxRuns: 3 }, state, noon, noon), 'maxRuns');
  t.equal(exhaustedBy({ ...spec, maxRuns: 4 }, state, noon, noon), undefined);
  t.equal(exhaustedBy({ ...spec, endAt: noon - 1 }, state, noon, noon), 'endAt');
  t.equal(exhaustedBy({ ...spec, endAt: noon + 9999 }, state, undefined, noon), 'endAt');
  t.equal(exhaustedBy({ ...spec, maxRuns: 3 }, { ...state, attempt: 1 }, noon, noon), undefined, 'a retry waits');
});
