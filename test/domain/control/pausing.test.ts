/** Pausing, resuming and running now: what becomes of due times, slots and retries. */
import t from 'tap';
import { isPausedAt, nextStart, pause, resume, resumeInTime, run } from '../../../src/domain/control/pausing.js';
import { held } from '../../../src/domain/control/settings.js';
import { fail, miss, start, succeed } from '../../../src/domain/decisions.js';
import { isHeld, type Job, type JobState, wakesAt } from '../../../src/domain/job.js';
import { reschedule } from '../../../src/domain/slots/reschedule.js';
import { update } from '../../../src/domain/update.js';
import { everyTenSeconds, noon, sampleJob } from '../../store/samples.js';
import { failure, hour, minute } from '../decisions-support.js';

const second = 1000;
/** The grid of ten seconds begins at noon. */
const now = noon + minute;
const repeating = { trigger: everyTenSeconds };
/** A job that repeats every ten seconds and is due at noon, with more of its state. */
const repeats = (state: Partial<JobState> = {}): Job => sampleJob(repeating, state);
const after = (job: Job, decision: { readonly state: JobState } | undefined): Job => {
  if (!decision) throw new Error('nothing was decided');
  return { ...job, state: decision.state };
};

t.test('a pause keeps the job as it is, and says until when and why', async (t) => {
  const job = sampleJob({}, { due: noon });
  const first = pause(job, { until: noon + hour, reason: 'r' }, noon - 5);
  t.match(first.state, {
    status: 'pending',
    due: noon,
    updatedAt: noon - 5,
    pause: { until: noon + hour, reason: 'r' },
  });
  t.strictSame(first.events, [{ type: 'job.paused', status: 'pending', until: noon + hour, reason: 'r' }]);
  t.equal(wakesAt(first.state), noon + hour);
  const second = pause(after(job, first), { reason: null }, noon);
  t.strictSame(second.state.pause, { until: noon + hour }, 'what is not named stays');
  t.strictSame(pause(after(job, second), { until: null, reason: 'x' }, noon).state.pause, { reason: 'x' });
  t.equal(wakesAt(pause(job, {}, noon).state), Number.POSITIVE_INFINITY);
  t.equal(wakesAt(job.state), noon);
});

t.test('a pause is over for answers at its instant, ended or not', async (t) => {
  const { state } = pause(sampleJob(), { until: noon }, noon - 5);
  t.ok(isPausedAt(state, noon - 1));
  t.notOk(isPausedAt(state, noon));
  t.ok(isHeld(state), 'and keeps it until somebody has ended it');
  t.notOk(resumeInTime({ ...sampleJob(), state }, noon - 1));
  t.match(resumeInTime({ ...sampleJob(), state }, noon)?.state, { pause: null, due: noon });
});

t.test('a job that runs once, resumed, is due as before', async (t) => {
  for (const due of [noon - hour, noon + hour]) {
    const decision = resume(sampleJob({}, { due, pause: { reason: 'r' } }), noon);
    t.match(decision?.state, { due, pause: null });
    t.strictSame(decision?.events, [{ type: 'job.resumed', status: 'pending', reason: 'r' }]);
  }
  t.equal(resume(sampleJob(), noon), undefined, 'there was no pause');
});

t.test('a repeating job, resumed, waits for its next slot; those that have passed are skipped', async (t) => {
  const cases: [why: string, state: Partial<JobState>, due: number, skipped: number][] = [
    ['nothing has passed', { due: now + 60_000, occurrence: now + 60_000 }, now + 60_000, 0],
    ['the present one', { due: now - 5000, occurrence: now - 5000 }, now + 10_000, 2],
    ['and two more', { due: now - 20_000, occurrence: now - 20_000 }, now + 10_000, 3],
    ['one that was counted as missed', { due: now - 15_000, occurrence: now - 20_000 }, now + 10_000, 2],
    ['a retry is late before the next slot', { due: now - 1, occurrence: now, attempt: 1, retryCount: 1 }, now - 1, 0],
    ['a retry gives way', { due: now - 1, occurrence: now - 10_000, attempt: 1, retryCount: 1 }, now + 10_000, 1],
  ];
  for (const [why, state, due, skipped] of cases) {
    const decision = resume(repeats({ ...state, pause: {} }), now);
    t.match(decision?.state, { due, skipped, pause: null }, why);
    const isMoved = decision?.state.due !== state.due;
    t.equal(decision?.events.length, isMoved ? 2 : 1, `${why}: it is told`);
    if (isMoved) t.match(decision?.state, { attempt: 0, retryCount: 0, occurrence: due }, why);
  }
});

t.test('a slot at the end of a pause is not skipped, nor one behind it', async (t) => {
  const job = repeats({ due: now - 30_000, occurrence: now - 30_000, pause: { until: now - 10_000 } });
  t.match(resumeInTime(job, now)?.state, { due: now - 10_000, skipped: 2, pause: null });
  t.equal(nextStart(job, now - 25_000), now - 10_000, 'which answers foresee');
  const single = sampleJob({}, { due: noon, pause: { until: noon + 5 } });
  t.equal(nextStart(single, noon), noon + 5);
  t.equal(nextStart(sampleJob({}, { due: noon + 9, pause: { until: noon + 5 } }), noon), noon + 9);
  t.equal(nextStart(sampleJob({}, { due: noon, pause: {} }), noon + 7), noon);
  t.equal(nextStart(repeats({ due: noon, pause: {} }), noon + 7), noon + 10_000);
});

t.test('run: a job that runs once is due now, and a retry that waits', async (t) => {
  const single = sampleJob({}, { due: noon + hour, occurrence: noon + hour });
  const decision = run(single, noon);
  t.match(decision?.state, { due: noon, occurrence: noon, nextSlot: 0, pause: null });
  t.strictSame(decision?.events, [{ type: 'job.updated', triggerAt: noon, isRepeat: false }]);
  const retry = sampleJob({}, { due: noon + hour, occurrence: noon, attempt: 1, retryCount: 1 });
  t.match(run(retry, noon + 1)?.state, { due: noon + 1, occurrence: noon, retryCount: 1 });
  t.equal(run(after(single, decision), noon), undefined, 'again before it started: unchanged');
  t.equal(run(sampleJob({}, { due: noon - 1 }), noon), undefined, 'it is due and waits for something else');
});

t.test('run: a repeating job gets one extra occurrence, and its next slot stays', async (t) => {
  const job = repeats({ due: noon + 7000, occurrence: noon + 7000 });
  const extra = after(job, run(job, noon));
  t.match(extra.state, { due: noon, occurrence: noon, nextSlot: noon + 7000 });
  t.equal(miss(extra, noon + minute, noon + minute), undefined, 'what is asked for is not missed');
  const runs = after(extra, start(extra, noon));
  t.match(succeed(runs, { durationMs: 1 }, noon + second).state, { due: noon + 7000, skipped: 0, nextSlot: 0 });
  t.match(succeed(runs, { durationMs: 1 }, noon + 7000).state, { due: noon + 10_000, skipped: 1 });
  t.match(succeed(runs, { durationMs: 1 }, noon + 12_000).state, { due: noon + 20_000, skipped: 2 });
  const granted = { ...runs, spec: { ...runs.spec, retryDelayMs: second } };
  t.match(fail(granted, failure, noon + second).state, { due: noon + 2000, nextSlot: noon + 7000, retryCount: 1 });
  t.match(fail(runs, failure, noon + second).state, { due: noon + 7000, retryCount: 0, nextSlot: 0 }, 'it gives way');
  t.match(update(extra, { movedTo: noon + hour }, noon).state, { due: noon + hour, nextSlot: 0 }, 'moved meanwhile');
});

t.test('run ignores the pause of the job, its retries do too, and the pause holds what follows', async (t) => {
  const paused = repeats({ due: noon - 5000, occurrence: noon - 5000, pause: { reason: 'r' } });
  const extra = after(paused, run(paused, noon));
  t.match(extra.state, { due: noon, nextSlot: noon + 10_000, skipped: 2, pause: { reason: 'r', passes: true } });
  t.notOk(isHeld(extra.state));
  const runs = after(extra, start(extra, noon));
  const retries = { ...runs, spec: { ...runs.spec, retryDelayMs: second } };
  t.notOk(isHeld(fail(retries, failure, noon + 1).state));
  const ended = succeed(runs, { durationMs: 1 }, noon + second).state;
  t.match(ended, { due: noon + 10_000, nextSlot: 0 });
  t.strictSame(ended.pause, { reason: 'r' });
  const again = pause(extra, {}, noon).state;
  t.ok(isHeld(again), 'paused again before it started, it is held');
  t.match(resume({ ...extra, state: again }, noon + 1)?.state, { due: noon + 10_000, nextSlot: 0, skipped: 2 });
});

t.test('what has finished is not paused', async (t) => {
  const runs = sampleJob({ maxRetries: 0 }, { status: 'running', attempt: 1, pause: {} });
  t.equal(succeed(runs, { durationMs: 1 }, noon).state.pause, null);
  t.equal(fail(runs, failure, noon).state.pause, null);
});

t.test('a clock that is set back brings what follows an extra occurrence nearer', async (t) => {
  const clock = { aheadSince: noon + hour - minute, shownBefore: noon };
  const far = { occurrence: noon + hour, due: noon + hour, nextSlot: noon + hour + 10_000, updatedAt: noon + hour };
  t.match(reschedule(repeats(far), noon, clock)?.state, { due: noon, occurrence: noon, nextSlot: noon + 10_000 });
  const runs = { ...far, status: 'running', startedAt: noon + hour, attempt: 1 } as const;
  t.match(reschedule(repeats(runs), noon, clock)?.state, { status: 'running', nextSlot: noon + 10_000 });
  const moved = { ...far, nextSlot: noon + hour + 1 };
  t.match(reschedule(repeats(moved), noon, clock)?.state, { due: noon, nextSlot: noon + hour + 1 }, 'a user’s own');
});

t.test('a pause of a type or of the server begins once and may be given another reason', async (t) => {
  const first = held(undefined, 'r', noon);
  t.strictSame(first, { since: noon, reason: 'r' });
  t.strictSame(held(first, undefined, noon + 1), first);
  t.strictSame(held(first, null, noon + 1), { since: noon });
  t.strictSame(held(first, 's', noon + 1), { since: noon, reason: 's' });
});
