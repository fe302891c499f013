/**
 * What becomes of a job, and which events say so: one function per step of the lifecycle. Pure: the present instant is
 * an argument, what to write and publish is the value. No status is set anywhere else.
 */
import { retryWaitMs } from './backoff.js';
import type { EventBody } from './events.js';
import {
  type FailureCode,
  heldAgain,
  isRepeating,
  type Job,
  type JobDetail,
  type JobSpec,
  type JobState,
  noDetail,
} from './job.js';
import { limits } from './limits.js';
import { move, moved } from './move.js';
import type { PassedOver } from './runs/run.js';
import { deadlineOf, expiredMessage } from './slots/deadline.js';
import { followsAsOf } from './slots/overlap.js';
import {
  countPassed,
  countSlots,
  dueOf,
  dueUntil,
  firstSlot,
  followingSlot,
  lastSlot,
  nextSlot,
  passedSlots,
  startOf,
} from './slots/schedule.js';

/** The new state of a job, with what changed beside it. */
export interface Decision {
  readonly state: JobState;
  readonly events: readonly EventBody[];
  readonly detail?: JobDetail;
  readonly spec?: JobSpec;
  /** Slots that the job passes over, or an occurrence of which it makes no attempt. */
  readonly passed?: readonly PassedOver[] | undefined;
  /** The total that grows by one. */
  readonly counts?: 'completed' | 'failed' | 'cancelled';
}

/** Why an attempt failed. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code: FailureCode;
  readonly retryable: boolean;
  /** How long the retry is to wait, in place of the backoff; milliseconds. */
  readonly retryAfterMs?: number;
}

/** A fresh occurrence: nothing of an earlier one is left. */
export const fresh = { attempt: 0, retryCount: 0, interruptions: 0 } as const;
/** Nothing is to come. */
const over = { pause: null, nextSlot: 0 } as const;

/** The only place where a job comes into being. */
export function create(spec: JobSpec, now: number): Decision {
  const occurrence = firstSlot(spec, now);
  const due = startOf(spec, occurrence);
  return {
    spec,
    state: {
      status: 'pending',
      due,
      occurrence,
      updatedAt: now,
      startedAt: 0,
      finishedAt: 0,
      fence: 0,
      ...fresh,
      skipped: 0,
      missed: 0,
      runCount: 0,
      lastOutcome: undefined,
      pause: null,
      nextSlot: 0,
    },
    detail: noDetail,
    events: [{ type: 'job.scheduled', triggerAt: due, isRepeat: isRepeating(spec) }],
  };
}

/**
 * Whether a due occurrence was missed: it came due while the server did not run, and that went on for too long. With `skip`
 * the job waits for the next occurrence; with `run_once` one of the missed is due at once. Undefined when nothing was missed.
 *
 * @param resumedAt when the server ran again
 */
export function miss({ spec, state }: Job, now: number, resumedAt = now): Decision | undefined {
  const cutoff = resumedAt - limits.misfireAfterMs - 1;
  // An extra occurrence is asked for and not missed.
  if (!isRepeating(spec) || state.attempt > 0 || state.due > cutoff || state.nextSlot !== 0) return undefined;
  const until = dueUntil(spec, state.occurrence, cutoff);
  // Where what is missed does not run, one that is due later than by its own time was interrupted before it began.
  const isFirst = spec.misfire === 'skip' || !isCounted(spec, state);
  const missed = (isFirst ? 1 : 0) + countSlots(spec, state.occurrence, until);
  if (missed === 0) return undefined;
  const last = lastSlot(spec, state.occurrence, until) ?? state.occurrence;
  if (spec.misfire === 'run_once') {
    const changes = { occurrence: last, due: now, missed: state.missed + missed };
    // The last of them runs, and so is not passed over.
    const before = lastSlot(spec, state.occurrence, last - 1);
    const passed = last === state.occurrence ? [] : [missedOver(spec, state.occurrence, before)];
    return { state: move(state, 'miss', now, changes), events: [], passed };
  }
  const counts = { missed: state.missed + missed };
  return {
    ...passOver(spec, state, 'miss', nextSlot(spec, last), counts, now),
    passed: [missedOver(spec, state.occurrence, last)],
  };
}

/** Slots from the present one up to another, which is undefined if there is none behind it. */
function missedOver(spec: JobSpec, first: number, last = first): PassedOver {
  const count = 1 + countSlots(spec, first, last);
  return { outcome: 'missed', scheduledFor: first, lastScheduledFor: last, count, manual: false };
}

/** Whether the present occurrence is among those that are counted as missed: it was made due later than by its own time. */
export function isCounted(spec: JobSpec, { due, occurrence }: JobState): boolean {
  return due !== occurrence && due !== startOf(spec, occurrence);
}

/** A repeating job passes over its present occurrence, of which no attempt has started, and waits for the one at `slot`, if any. */
function passOver(
  spec: JobSpec,
  state: JobState,
  step: 'miss' | 'skip',
  slot: number | undefined,
  counts: Partial<JobState>,
  now: number,
): Decision {
  if (slot === undefined) return ended(state, counts, now);
  const due = dueOf(spec, slot);
  const pause = heldAgain(state.pause);
  return {
    state: move(state, step, now, { ...fresh, ...counts, occurrence: slot, due, pause, nextSlot: 0 }),
    events: [{ type: 'job.scheduled', triggerAt: due, isRepeat: true }],
  };
}

/** Nothing is to come any more, and no attempt has just ended: the job is what its last run was. */
export function ended(state: JobState, counts: Partial<JobState>, now: number): Decision {
  const outcome = state.lastOutcome ?? 'success';
  return {
    state: move(state, outcome === 'failed' ? 'endFailed' : 'end', now, { ...over, ...counts, finishedAt: now }),
    events: [{ type: 'job.updated', triggerAt: state.due, isRepeat: true, ended: outcome }],
  };
}

/**
 * It has become too late to start an attempt. A single job has failed. An occurrence of a repeating job is skipped if none of its
 * attempts has started; if one has, that is its end.
 */
export function expire(job: Job, now: number): Decision {
  const { spec, state } = job;
  const repeats = isRepeating(spec);
  const slot = repeats ? followingSlot(spec, state, now) : undefined;
  const passed = repeats ? countPassed(spec, state, slot, now) : 0;
  const over: PassedOver[] = [notStarted(state, 'expired')];
  if (passed > 0) over.push(passedSlots(spec, state, slot, now, 'skipped_overlap'));
  if (repeats && state.attempt === 0) {
    // An extra occurrence is none of the schedule.
    const own = state.nextSlot !== 0 || isCounted(spec, state) ? 0 : 1;
    const skipped = state.skipped + passed + own;
    return { ...passOver(spec, state, 'skip', slot, { skipped }, now), passed: over };
  }
  const error = expiredMessage(spec, state.attempt > 0 ? job.detail.lastError?.message : undefined);
  const { retryCount } = state;
  const told: EventBody = { type: 'job.failed', error, retryCount, maxRetries: spec.maxRetries, final: true };
  const { state: after, events } = finish(job, slot === undefined ? 'expire' : 'skip', [told], now);
  return { state: after, events, detail: expiredDetail(job.detail, error, now), passed: over, counts: 'failed' };
}

/** The present occurrence, of which no attempt is made, or no further one. */
export function notStarted({ occurrence, nextSlot: following }: JobState, outcome: PassedOver['outcome']): PassedOver {
  return { outcome, scheduledFor: occurrence, lastScheduledFor: occurrence, count: 1, manual: following !== 0 };
}

function expiredDetail(detail: JobDetail, message: string, at: number): JobDetail {
  return { ...detail, lastError: { name: 'Expired', message, code: 'expired', at } };
}

/** What an attempt is called: 1 for the first of an occurrence. One that was interrupted runs again as the same. */
export function attemptNumber(state: JobState): number {
  return state.retryCount + 1;
}

/** Leases have 32 bits on disk. A job that runs every ten milliseconds comes round to the first after 497 days. */
const maxLease = 0xffff_ffff;

/** Whether the present occurrence is one of a schedule: one that a user has asked for is not counted. */
function countsAsRun(spec: JobSpec, { nextSlot: following }: JobState): boolean {
  return isRepeating(spec) && following === 0;
}

export function start({ spec, state, detail }: Job, now: number): Decision {
  const after = moved(state, 'start', now);
  after.attempt = state.attempt + 1;
  if (state.attempt === 0 && countsAsRun(spec, state)) after.runCount = state.runCount + 1;
  after.fence = (state.fence % maxLease) + 1;
  after.startedAt = now;
  after.finishedAt = 0;
  const events: EventBody[] = [{ type: 'job.started', attempt: attemptNumber(state) }];
  return detail.progress === undefined
    ? { state: after, events }
    : { state: after, events, detail: withoutProgress(detail) };
}

/** A new attempt has said nothing of its progress. */
function withoutProgress({ progress: _, ...detail }: JobDetail): JobDetail {
  return detail;
}

export interface Success {
  readonly durationMs: number;
  readonly result?: string;
  readonly resultOmitted?: string;
}

export function succeed(job: Job, success: Success, now: number): Decision {
  const told: EventBody = { type: 'job.completed', durationMs: Math.max(0, Math.round(success.durationMs)) };
  const { state, events, passed } = finish(job, 'succeed', [told], now);
  const detail = resultDetail(job.detail, success);
  return detail
    ? { state, events, passed, detail, counts: 'completed' }
    : { state, events, passed, counts: 'completed' };
}

/** What a success leaves behind: its result in the place of an earlier one's. Undefined where there is neither. */
function resultDetail(before: JobDetail, { result, resultOmitted }: Success): JobDetail | undefined {
  const had = before.result !== undefined || before.resultOmitted !== undefined;
  if (!had && result === undefined && resultOmitted === undefined) return undefined;
  return {
    ...(before.lastError && { lastError: before.lastError }),
    ...(result !== undefined && { result }),
    ...(resultOmitted !== undefined && { resultOmitted }),
    ...(before.progress !== undefined && { progress: before.progress }),
  };
}

export function fail(job: Job, failure: Failure, now: number): Decision {
  const { spec, state } = job;
  const { name, message, code } = failure;
  const detail: JobDetail = { ...job.detail, lastError: { name, message, code, at: now } };
  const retryCount = state.retryCount + 1;
  const retryAt = now + retryWaitMs(spec, retryCount, state.fence, failure.retryAfterMs);
  const following = followingSlot(spec, state, followsAsOf(spec, state, now));
  // A retry gives way to the next occurrence.
  const permitted =
    failure.retryable &&
    !spec.keyLost &&
    retryCount <= spec.maxRetries &&
    (following === undefined || retryAt < dueOf(spec, following));
  const expired = permitted && retryAt > (deadlineOf(spec, state) ?? Number.POSITIVE_INFINITY);
  if (expired) return fail(job, { ...failure, ...expiredFailure(spec, failure) }, now);
  const granted = permitted;
  const told: EventBody = {
    type: 'job.failed',
    error: message,
    retryCount: granted ? retryCount : state.retryCount,
    maxRetries: spec.maxRetries,
    final: !granted,
  };
  if (!granted) {
    const { state: after, events, passed } = finish(job, 'fail', [told], now);
    return { state: after, events, passed, detail, counts: 'failed' };
  }
  return {
    state: move(state, 'retryLater', now, { due: retryAt, retryCount, interruptions: 0, finishedAt: now }),
    events: [told, { type: 'job.retrying', nextRetryAt: retryAt, retryCount, cause: 'failure' }],
    detail,
  };
}

/** The retry that a failure grants would come too late. */
function expiredFailure(spec: JobSpec, { message }: Failure): Failure {
  return { name: 'Expired', message: expiredMessage(spec, message), code: 'expired', retryable: false };
}

/** Ends an occurrence of which an attempt has started: a repeating job is pending for its next, and what came due meanwhile is skipped. */
function finish(
  { spec, state }: Job,
  step: 'succeed' | 'fail' | 'expire' | 'skip',
  told: EventBody[],
  now: number,
): Decision {
  if (!isRepeating(spec)) {
    const after = moved(state, step, now);
    after.finishedAt = now;
    after.interruptions = 0;
    after.pause = over.pause;
    after.nextSlot = over.nextSlot;
    return { state: after, events: told };
  }
  const asOf = followsAsOf(spec, state, now);
  const slot = followingSlot(spec, state, asOf);
  const count = countPassed(spec, state, slot, asOf);
  const passed = count === 0 ? undefined : [passedSlots(spec, state, slot, asOf, 'skipped_overlap')];
  const skipped = state.skipped + count;
  const lastOutcome = step === 'succeed' ? 'success' : 'failed';
  if (slot === undefined) {
    const changes = { ...over, finishedAt: now, interruptions: 0, skipped, lastOutcome } as const;
    return { state: move(state, step, now, changes), events: told, passed };
  }
  const due = dueOf(spec, slot);
  const onward = step === 'skip' ? step : 'recur';
  const pause = heldAgain(state.pause);
  return {
    state: move(state, onward, now, {
      ...fresh,
      due,
      occurrence: slot,
      skipped,
      lastOutcome,
      finishedAt: now,
      pause,
      nextSlot: 0,
    }),
    events: [...told, { type: 'job.scheduled', triggerAt: due, isRepeat: true }],
    passed,
  };
}

/**
 * An attempt was interrupted by something that was not its doing: it runs again at once. The third time in a row is a
 * failure all the same, or a job that takes its process down could do so for ever. One whose key another job has is cancelled.
 *
 * @param planned the server had asked it to end: however many of these there are in a row, they count as one at most
 */
export function interrupt(job: Job, begun: boolean, now: number, planned = false): Decision {
  const { state } = job;
  if (job.spec.keyLost) return cancel(job, now);
  const counted = planned ? Math.max(1, state.interruptions) : state.interruptions + 1;
  const interruptions = begun ? counted : state.interruptions;
  if (interruptions >= limits.interruptions) {
    const message = `the attempt was interrupted ${limits.interruptions} times in a row: its thread or the server ended`;
    return fail(job, { name: 'WorkerLost', message, code: 'worker_lost', retryable: true }, now);
  }
  const attempt = begun ? state.attempt : state.attempt - 1;
  const { retryCount } = state;
  // An occurrence of which no attempt has begun has not started.
  const runCount = state.runCount - (attempt === 0 && countsAsRun(job.spec, state) ? 1 : 0);
  return {
    state: move(state, 'interrupt', now, {
      due: now,
      interruptions,
      attempt,
      runCount,
      finishedAt: begun ? now : 0,
    }),
    events: [{ type: 'job.retrying', nextRetryAt: now, retryCount, cause: 'interruption' }],
  };
}

export function cancel({ state }: Job, now: number): Decision {
  return {
    state: move(state, 'cancel', now, { ...over, finishedAt: now }),
    events: [{ type: 'job.cancelled', previousStatus: state.status }],
    counts: 'cancelled',
  };
}

/**
 * A user's retry: the job begins anew, and so does the time that it may take to start. A repeating job that has come to its end runs
 * once more, which is no further occurrence of its schedule.
 */
export function retry({ spec, state }: Job, now: number): Decision {
  const attempt = isRepeating(spec) ? Math.max(1, state.attempt) : 0;
  const expiresFrom = spec.expiresAfterMs === undefined ? undefined : now;
  const { keyLost, ...kept } = spec;
  return {
    ...((keyLost || expiresFrom !== undefined) && { spec: { ...kept, expiresFrom } }),
    state: move(state, 'retry', now, { ...fresh, attempt, due: now, finishedAt: 0 }),
    events: [{ type: 'job.retrying', nextRetryAt: now, retryCount: 0, cause: 'manual' }],
  };
}
