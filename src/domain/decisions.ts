/**
 * What becomes of a job, and which events say so: one function per step of the lifecycle. Pure: the present instant is
 * an argument, what to write and publish is the value. No status is set anywhere else.
 */
import { backoffMs } from './backoff.js';
import type { EventBody } from './events.js';
import {
  type FailureCode,
  isRepeating,
  type Job,
  type JobDetail,
  type JobSpec,
  type JobState,
  noDetail,
  type Pause,
  type Trigger,
} from './job.js';
import { next, type Step } from './lifecycle.js';
import { limits } from './limits.js';
import { countSlots, firstOccurrence, hasRunFor, lastSlot, nextSlot } from './trigger.js';

/** The new state of a job, with what changed beside it. */
export interface Decision {
  readonly state: JobState;
  readonly events: readonly EventBody[];
  readonly detail?: JobDetail;
  readonly spec?: JobSpec;
  /** The total that grows by one. */
  readonly counts?: 'completed' | 'failed' | 'cancelled';
}

/** Why an attempt failed. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code: FailureCode;
  readonly retryable: boolean;
}

/** A fresh occurrence: nothing of an earlier one is left. */
export const fresh = { attempt: 0, retryCount: 0, interruptions: 0 } as const;
/** Nothing is to come. */
const over = { pause: null, nextSlot: 0 } as const;

/** The one way to a new state. Field by field: every start and every outcome passes here, and objects put together by spreading cost ten times as much. */
export function move(state: JobState, step: Step, now: number, changes: Partial<JobState>): JobState {
  const status = next(state.status, step);
  if (!status) throw new Error(`a ${state.status} job was to ${step}`);
  return {
    status,
    due: changes.due ?? state.due,
    occurrence: changes.occurrence ?? state.occurrence,
    updatedAt: now,
    startedAt: changes.startedAt ?? state.startedAt,
    finishedAt: changes.finishedAt ?? state.finishedAt,
    fence: changes.fence ?? state.fence,
    attempt: changes.attempt ?? state.attempt,
    retryCount: changes.retryCount ?? state.retryCount,
    interruptions: changes.interruptions ?? state.interruptions,
    skipped: changes.skipped ?? state.skipped,
    missed: changes.missed ?? state.missed,
    pause: changes.pause === undefined ? state.pause : changes.pause,
    nextSlot: changes.nextSlot ?? state.nextSlot,
  };
}

/** The only place where a job comes into being. */
export function create(spec: JobSpec, now: number): Decision {
  const due = firstOccurrence(spec.trigger, now);
  return {
    spec,
    state: {
      status: 'pending',
      due,
      occurrence: due,
      updatedAt: now,
      startedAt: 0,
      finishedAt: 0,
      fence: 0,
      ...fresh,
      skipped: 0,
      missed: 0,
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
  // An occurrence that is already counted is due later than its own time.
  const counted = state.due === state.occurrence ? 0 : 1;
  const missed = 1 - counted + countSlots(spec, state.occurrence, cutoff);
  if (missed === 0) return undefined;
  const last = lastSlot(spec, state.occurrence, cutoff) ?? state.occurrence;
  if (spec.misfire === 'run_once') {
    const changes = { occurrence: last, due: now, missed: state.missed + missed };
    return { state: move(state, 'miss', now, changes), events: [] };
  }
  const due = nextSlot(spec, last) as number;
  return {
    state: move(state, 'miss', now, { ...fresh, occurrence: due, due, missed: state.missed + missed }),
    events: [{ type: 'job.scheduled', triggerAt: due, isRepeat: true }],
  };
}

/** What an attempt is called: 1 for the first of an occurrence. One that was interrupted runs again as the same. */
export function attemptNumber(state: JobState): number {
  return state.retryCount + 1;
}

/** Leases have 32 bits on disk. A job that runs every ten milliseconds comes round to the first after 497 days. */
const maxLease = 0xffff_ffff;

export function start({ state }: Job, now: number): Decision {
  return {
    state: move(state, 'start', now, {
      attempt: state.attempt + 1,
      fence: (state.fence % maxLease) + 1,
      startedAt: now,
      finishedAt: 0,
    }),
    events: [{ type: 'job.started', attempt: attemptNumber(state) }],
  };
}

export interface Success {
  readonly durationMs: number;
  readonly result?: string;
  readonly resultOmitted?: string;
}

export function succeed(job: Job, success: Success, now: number): Decision {
  const told: EventBody = { type: 'job.completed', durationMs: Math.max(0, Math.round(success.durationMs)) };
  const { state, events } = finish(job, 'succeed', [told], now);
  const detail = resultDetail(job.detail, success);
  return detail ? { state, events, detail, counts: 'completed' } : { state, events, counts: 'completed' };
}

/** What a success leaves behind: its result in the place of an earlier one's. Undefined where there is neither. */
function resultDetail(before: JobDetail, { result, resultOmitted }: Success): JobDetail | undefined {
  const had = before.result !== undefined || before.resultOmitted !== undefined;
  if (!had && result === undefined && resultOmitted === undefined) return undefined;
  return {
    ...(before.lastError && { lastError: before.lastError }),
    ...(result !== undefined && { result }),
    ...(resultOmitted !== undefined && { resultOmitted }),
  };
}

export function fail(job: Job, failure: Failure, now: number): Decision {
  const { spec, state } = job;
  const { name, message, code } = failure;
  const detail: JobDetail = { ...job.detail, lastError: { name, message, code, at: now } };
  const retryCount = state.retryCount + 1;
  const retryAt = now + backoffMs(spec, retryCount);
  const following = nextAfter(job, now);
  // A retry gives way to the next occurrence.
  const granted =
    failure.retryable && retryCount <= spec.maxRetries && (following === undefined || retryAt < following);
  const told: EventBody = {
    type: 'job.failed',
    error: message,
    retryCount: granted ? retryCount : state.retryCount,
    maxRetries: spec.maxRetries,
    final: !granted,
  };
  if (!granted) {
    const { state: after, events } = finish(job, 'fail', [told], now);
    return { state: after, events, detail, counts: 'failed' };
  }
  return {
    state: move(state, 'retryLater', now, { due: retryAt, retryCount, interruptions: 0, finishedAt: now }),
    events: [told, { type: 'job.retrying', nextRetryAt: retryAt, retryCount, cause: 'failure' }],
    detail,
  };
}

/** The occurrence that follows the present one. Where the clock was set back that one may lie far ahead. */
export function nextAfter({ spec, state }: Job, now: number): number | undefined {
  if (state.nextSlot !== 0) return state.nextSlot > now ? state.nextSlot : nextSlot(spec, now);
  return nextSlot(spec, hasRunFor(spec, state.occurrence) ? now : Math.max(now, state.occurrence));
}

/** Ends an occurrence: a repeating job is pending for its next, and what came due meanwhile is skipped. */
function finish(job: Job, step: 'succeed' | 'fail', told: EventBody[], now: number): Decision {
  const { state } = job;
  const due = nextAfter(job, now);
  if (due === undefined) {
    return { state: move(state, step, now, { ...over, finishedAt: now, interruptions: 0 }), events: told };
  }
  const skipped = state.skipped + slotsPassed(job, now);
  const pause = state.pause?.passes === true ? heldAgain(state.pause) : state.pause;
  return {
    state: move(state, 'recur', now, {
      ...fresh,
      due,
      occurrence: due,
      skipped,
      finishedAt: now,
      pause,
      nextSlot: 0,
    }),
    events: [...told, { type: 'job.scheduled', triggerAt: due, isRepeat: true }],
  };
}

/** The occurrence that a pause let pass is over. */
function heldAgain({ passes: _, ...pause }: Pause): Pause {
  return pause;
}

/** Slots that came due up to `now` while the present occurrence was there. */
export function slotsPassed({ spec, state }: Job, now: number): number {
  const { nextSlot: following, occurrence } = state;
  if (following === 0) return countSlots(spec, occurrence, now);
  return following > now ? 0 : 1 + countSlots(spec, following, now);
}

/**
 * An attempt was interrupted by something that was not its doing: it runs again at once. The third time in a row is a
 * failure all the same, or a job that takes its process down could do so for ever.
 */
export function interrupt(job: Job, begun: boolean, now: number): Decision {
  const { state } = job;
  const interruptions = state.interruptions + (begun ? 1 : 0);
  if (interruptions >= limits.interruptions) {
    const message = `the attempt was interrupted ${limits.interruptions} times in a row: its thread or the server ended`;
    return fail(job, { name: 'WorkerLost', message, code: 'worker_lost', retryable: true }, now);
  }
  const attempt = begun ? state.attempt : state.attempt - 1;
  const { retryCount } = state;
  return {
    state: move(state, 'interrupt', now, { due: now, interruptions, attempt, finishedAt: begun ? now : 0 }),
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

/** A user's retry: the job begins anew. */
export function retry({ state }: Job, now: number): Decision {
  return {
    state: move(state, 'retry', now, { ...fresh, due: now, finishedAt: 0 }),
    events: [{ type: 'job.retrying', nextRetryAt: now, retryCount: 0, cause: 'manual' }],
  };
}

/** The parts of a spec that an update may change. */
export type SpecChange = Partial<
  Pick<JobSpec, 'payload' | 'maxRetries' | 'retryDelayMs' | 'backoff' | 'timeoutMs' | 'misfire'> & { trigger: Trigger }
>;

/** What an update asks for: a changed spec, and perhaps the next occurrence at another instant. */
export type Change = SpecChange & {
  /** Unix milliseconds; in the past it means now. For repeating jobs that keep their trigger. */
  readonly movedTo?: number;
};

/**
 * A new schedule of a repeating job begins a new occurrence. A single run, and the next occurrence of a schedule that stays,
 * are only moved: they keep the retries that they have been granted. Without either the due time stays.
 *
 * A moved occurrence stands for itself: where it stands now is its own time, so that it is missed as any other, and what the
 * schedule has up to it is neither run nor counted. One that is moved into the past is due now: it would be missed else.
 */
export function update({ spec, state }: Job, { movedTo, ...change }: Change, now: number): Decision {
  // What has run is of the schedule that it had.
  const changed: JobSpec = { ...spec, ...change, ...(change.trigger && spec.alreadyRan && { alreadyRan: undefined }) };
  const repeats = isRepeating(changed);
  let moved = movedTo === undefined ? undefined : Math.max(movedTo, now);
  if (change.trigger) moved = firstOccurrence(change.trigger, now);
  return {
    spec: changed,
    state: move(state, 'update', now, {
      ...(change.trigger && repeats && fresh),
      ...(moved !== undefined && { due: moved, occurrence: moved, nextSlot: 0 }),
    }),
    events: [{ type: 'job.updated', triggerAt: moved ?? state.due, isRepeat: repeats }],
  };
}
