/** Pauses and extra occurrences of jobs that have bounds, jitter or a time in which they expire. */
import t from 'tap';
import { nextStart, pause, resume, run } from '../../../src/domain/control/pausing.js';
import { expire, fail, interrupt, retry, start, succeed } from '../../../src/domain/decisions.js';
import { isHeld, type Job, type JobSpec, type JobState } from '../../../src/domain/job.js';
import { deadlineOf } from '../../../src/domain/slots/deadline.js';
import { reschedule } from '../../../src/domain/slots/reschedule.js';
import { startOf } from '../../../src/domain/slots/schedule.js';
import { update } from '../../../src/domain/update.js';
import { everyTenSeconds, noon, sampleJob } from '../../store/samples.js';
import { failure, hour, minute } from '../decisions-support.js';

const second = 1000;
/** A job that repeats every ten seconds from noon on and waits for noon. */
const repeats = (spec: Partial<JobSpec>, state: Partial<JobState> = {}): Job =>
  sampleJob({ trigger: everyTenSeconds, ...spec }, state);
const after = (job: Job, decision: { readonly state: JobState; readonly spec?: JobSpec } | undefined): Job => {
  if (!decision) throw new Error('nothing was decided');
  return { ...job, spec: decision.spec ?? job.spec, state: decision.state };
};

t.test('an extra occurrence is no run of the schedule, and its outcome is the last one', async (t) => {
  const job = repeats({ maxRuns: 1, retryDelayMs: second });
  const extra = after(job, run(job, noon - 5000));
  const runs = after(extra, start(extra, noon - 5000));
  t.match(runs.state, { runCount: 0, nextSlot: noon });
  t.match(interrupt(runs, false, noon - 4999).state, { runCount: 0, attempt: 0, nextSlot: noon });
  const failed = fail({ ...runs, spec: { ...runs.spec, maxRetries: 0 } }, failure, noon - 4000);
  t.match(failed.state, { status: 'pending', due: noon, runCount: 0, lastOutcome: 'failed' }, 'its one run is to come');
  const ordinary = after(job, start(after(job, failed), noon));
  t.match(ordinary.state, { runCount: 1 });
  t.match(succeed(ordinary, { durationMs: 1 }, noon + 1).state, { status: 'success', lastOutcome: 'success' });
});

t.test('run brings a retry of the last run forward', async (t) => {
  const waits = repeats({ maxRuns: 1 }, { due: noon + hour, attempt: 1, retryCount: 1, runCount: 1 });
  t.match(run(waits, noon + 1)?.state, { due: noon + 1, occurrence: noon, runCount: 1, nextSlot: 0 });
  const held = repeats({ maxRuns: 1 }, { ...waits.state, pause: {} });
  t.match(run(held, noon + minute)?.state, { attempt: 1, skipped: 0 }, 'also past what would be slots');
});

t.test('after an extra occurrence the slot that was to come starts by its jitter', async (t) => {
  const jittered = repeats({ jitterMs: 9000 });
  const { spec } = jittered;
  const due = startOf(spec, noon);
  t.ok(due > noon);
  const job = { ...jittered, state: { ...jittered.state, due } };
  // The slot has passed, its start is to come.
  for (const now of [noon - 5000, due - 1]) {
    const extra = after(job, run(job, now));
    t.match(extra.state, { due: now, occurrence: now, nextSlot: noon });
    const runs = after(extra, start(extra, now));
    t.match(succeed(runs, { durationMs: 1 }, now).state, { due, occurrence: noon, skipped: 0, nextSlot: 0 });
    const second = startOf(spec, noon + 10_000);
    t.match(succeed(runs, { durationMs: 1 }, second - 1).state, { due: second, occurrence: noon + 10_000, skipped: 1 });
    t.match(succeed(runs, { durationMs: 1 }, second).state, { occurrence: noon + 20_000, skipped: 2 });
  }
  const held = repeats({ jitterMs: 9000 }, { due, pause: {} });
  t.match(resume(held, due - 1)?.state, { due, occurrence: noon, skipped: 0 }, 'nor has it passed in a pause');
  t.match(resume(held, due)?.state, { due: startOf(spec, noon + 10_000), occurrence: noon + 10_000, skipped: 1 });
});

t.test('a job whose last slot passes in a pause comes to its end when it is resumed', async (t) => {
  const endAt = noon + 15_000;
  for (const lastOutcome of [undefined, 'success', 'failed'] as const) {
    const held = repeats({ endAt }, { pause: { reason: 'r' }, lastOutcome, skipped: 1 });
    const ended = resume(held, noon + minute);
    const status = lastOutcome ?? 'success';
    t.match(ended?.state, { status, pause: null, nextSlot: 0, skipped: 3, finishedAt: noon + minute });
    t.match(ended?.events, [{ type: 'job.resumed' }, { type: 'job.updated', ended: status }]);
    t.equal(nextStart(held, noon + minute), noon);
    t.match(resume(held, noon + 5000)?.state, { status: 'pending', due: noon + 10_000, skipped: 2 });
  }
});

t.test('run in a pause in which the last slot has passed: it is passed over after that', async (t) => {
  const held = repeats({ endAt: noon + 15_000 }, { pause: {} });
  const extra = after(held, run(held, noon + minute));
  t.match(extra.state, { due: noon + minute, occurrence: noon + minute, skipped: 0, pause: { passes: true } });
  const runs = after(extra, start(extra, noon + minute));
  const ended = succeed(runs, { durationMs: 1 }, noon + minute).state;
  t.match(ended, { status: 'success', runCount: 0, skipped: 2, lastOutcome: 'success', pause: null, nextSlot: 0 });
});

t.test(
  'a retry that waits in a pause gives way to a slot that is to come, and is late where there is none',
  async (t) => {
    const state = { due: noon + second, attempt: 1, retryCount: 1, runCount: 1, pause: {} };
    const given = resume(repeats({}, state), noon + 15_000);
    t.match(given?.state, { due: noon + 20_000, attempt: 0, skipped: 1, runCount: 1, lastOutcome: 'failed' });
    const late = { due: noon + second, attempt: 1, retryCount: 1, skipped: 0, status: 'pending', pause: null };
    t.match(resume(repeats({ endAt: noon + 15_000 }, state), noon + minute)?.state, late);
    t.match(resume(repeats({ maxRuns: 1 }, state), noon + minute)?.state, late);
  },
);

t.test('what is paused expires', async (t) => {
  const single = sampleJob({ expiresAfterMs: second }, { due: noon, pause: { reason: 'r' } });
  t.match(expire(single, noon + 1001).state, { status: 'failed', pause: null });
  const held = repeats({ expiresAfterMs: second }, { pause: { reason: 'r' } });
  const skipped = expire(held, noon + 1001);
  t.match(skipped.state, { due: noon + 10_000, skipped: 1, pause: { reason: 'r' } });
  t.match(resume(after(held, skipped), noon + 10_500)?.state, { due: noon + 20_000, skipped: 2 }, 'each once');
});

t.test('an extra occurrence expires counted from when it was asked for, and counts as no slot', async (t) => {
  const job = repeats(
    { expiresAfterMs: second, jitterMs: 9000 },
    { due: noon + 20_000, occurrence: noon + 20_000, pause: {} },
  );
  const extra = after(job, run(job, noon + 10_000));
  t.equal(deadlineOf(extra.spec, extra.state), noon + 11_000);
  const { spec } = job;
  const expired = expire(extra, noon + 11_001).state;
  t.match(expired, { due: startOf(spec, noon + 20_000), occurrence: noon + 20_000, skipped: 0, nextSlot: 0 });
  t.ok(isHeld(expired), 'the pause holds what follows');
});

t.test('an update of a job that has an extra occurrence', async (t) => {
  const job = repeats({}, { due: noon + 7, occurrence: noon + 7, pause: {} });
  const extra = after(job, run(job, noon - 5));
  const moved = update(extra, { movedTo: noon + hour }, noon);
  t.match(moved.state, { due: noon + hour, occurrence: noon + hour, nextSlot: 0 });
  t.ok(isHeld(moved.state), 'what was asked for is no more');
  t.ok(isHeld(update(extra, { trigger: { kind: 'interval', everyMs: 50, firstDue: noon } }, noon).state));
  t.match(update(extra, { jitterMs: 5 }, noon).state, { due: noon - 5, nextSlot: noon + 7, pause: { passes: true } });
  const runs = { ...after(extra, start(extra, noon - 5)), spec: { ...extra.spec, jitterMs: 9000 } };
  t.match(succeed(runs, { durationMs: 1 }, noon).state, { due: noon + 7 }, 'an instant of his own has no jitter');
});

t.test('a job that was ended by its bounds and is tried again has no slot to come back to', async (t) => {
  const ended = repeats({ endAt: noon }, { status: 'failed', lastOutcome: 'failed', runCount: 1 });
  const again = after(ended, retry(ended, noon + minute));
  t.match(start(again, noon + minute).state, { runCount: 1 });
  const held = after(again, pause(again, {}, noon + minute));
  t.match(resume(held, noon + hour)?.state, { status: 'pending', attempt: 1, due: noon + minute, skipped: 0 });
});

t.test('a clock that is set back: what gives way is held again, and bounds hold', async (t) => {
  const clock = { aheadSince: noon + hour - minute, shownBefore: noon };
  const at = noon + hour;
  const extra = { occurrence: at, due: at, nextSlot: at + 10_000, updatedAt: at, pause: { passes: true } };
  const retries = { ...extra, attempt: 1, retryCount: 1, startedAt: at };
  const given = reschedule(repeats({ retryDelayMs: minute }, retries), noon, clock)?.state as JobState;
  t.match(given, { due: noon + 10_000, occurrence: noon + 10_000, nextSlot: 0, attempt: 0 });
  t.ok(isHeld(given));
  const bounded = repeats({ endAt: noon - 1 }, extra);
  t.match(reschedule(bounded, noon, clock)?.state, { due: noon, nextSlot: at + 10_000 });
});
