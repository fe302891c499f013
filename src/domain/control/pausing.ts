/**
 * Holding a job and letting it go: `pause`, `resume`, and `run`, which asks for an occurrence now whatever the pause says. Pure, as
 * `decisions`. Slots that pass while a job is paused cost nothing: they are counted as skipped when it goes on.
 */
import { type Decision, ended, fresh, isCounted, notStarted } from '../decisions.js';
import type { EventBody } from '../events.js';
import { isHeld, isRepeating, type Job, type JobState, type Pause } from '../job.js';
import { move } from '../move.js';
import type { PassedOver } from '../runs/run.js';
import { countPassed, dueOf, followingSlot, passedSlots } from '../slots/schedule.js';

/** Whether a job is paused at `now`: a pause whose time has come may not have been ended yet. */
export function isPausedAt(state: JobState, now: number): boolean {
  return isHeld(state) && (state.pause?.until ?? Number.POSITIVE_INFINITY) > now;
}

/** When a job starts next, as far as that is known: slots that pass in its pause are skipped. Unix milliseconds. */
export function nextStart(job: Job, now: number): number {
  const { spec, state } = job;
  if (state.status !== 'pending' || !isHeld(state)) return state.due;
  const from = state.pause?.until === undefined ? now : Math.max(now, state.pause.until - 1);
  if (!isRepeating(spec)) return state.pause?.until === undefined ? state.due : Math.max(state.due, state.pause.until);
  return moved(job, from)?.place?.due ?? state.due;
}

/** What a request names of a pause; null takes it away, what is absent stays. */
export interface PauseChange {
  /** Unix milliseconds. */
  readonly until?: number | null | undefined;
  readonly reason?: string | null | undefined;
}

/** A pause, or another one in the place of what is named. What runs goes on. */
export function pause({ state }: Job, { until, reason }: PauseChange, now: number): Decision {
  const kept = { until: named(until, state.pause?.until), reason: named(reason, state.pause?.reason) };
  const changed: Pause = {
    ...(kept.until !== undefined && { until: kept.until }),
    ...(kept.reason !== undefined && { reason: kept.reason }),
  };
  return { state: move(state, 'pause', now, { pause: changed }), events: [told('job.paused', state, changed)] };
}

/**
 * The pause ends; undefined when there is none. A repeating job waits for its next slot, those that have passed are skipped. It comes
 * to its end if none is left.
 *
 * @param end the end of the pause: slots that are due later are not skipped. Unix milliseconds
 */
export function resume(job: Job, now: number, end = now): Decision | undefined {
  const { state } = job;
  if (state.pause === null) return undefined;
  const resumed = told('job.resumed', state, state.pause);
  const from = state.status === 'pending' && isHeld(state) ? moved(job, end) : undefined;
  if (from && !from.place) {
    const last = ended(state, { skipped: from.skipped }, now);
    return { state: last.state, events: [resumed, ...last.events], passed: from.over };
  }
  const place = from?.place;
  return {
    state: move(state, 'resume', now, { ...place, pause: null }),
    events: place ? [resumed, { type: 'job.scheduled', triggerAt: place.due, isRepeat: true }] : [resumed],
    passed: from?.over,
  };
}

/** A pause whose time has come ends. */
export function resumeInTime(job: Job, now: number): Decision | undefined {
  const until = job.state.pause?.until;
  if (until === undefined || until > now) return undefined;
  return resume(job, now, Math.min(now, until - 1));
}

/**
 * A user wants it now, whatever its own pause says; undefined when it is due and waits for something else. A repeating job gets an
 * extra occurrence, a retry that waits is brought forward.
 */
export function run(job: Job, now: number): Decision | undefined {
  const { spec, state } = job;
  const held = isHeld(state);
  if (!held && state.due <= now) return undefined;
  const after = held ? moved(job, now) : undefined;
  const from = { ...state, ...after?.place };
  // Where nothing follows, one that was missed and is still to run is the one that runs.
  const isOwed = after !== undefined && after.place === undefined && isCounted(spec, state);
  // Where nothing follows that slot has passed, and is passed over when this occurrence ends.
  const nextSlot = isRepeating(spec) ? from.nextSlot || from.occurrence : 0;
  const changes = {
    ...from,
    due: now,
    ...(from.attempt === 0 && !isOwed && { occurrence: now, nextSlot }),
    pause: state.pause && { ...state.pause, passes: true },
  };
  return {
    state: move(state, 'run', now, changes),
    events: [{ type: 'job.updated', triggerAt: now, isRepeat: isRepeating(spec) }],
    ...(after?.place && { passed: after.over }),
  };
}

function named<T>(asked: T | null | undefined, before: T | undefined): T | undefined {
  return asked === undefined ? before : (asked ?? undefined);
}

type Place = Partial<JobState> & Pick<JobState, 'due' | 'occurrence' | 'skipped'>;

/** What a pause has made of a job. */
interface Moved {
  /** Where it stands now; undefined: nothing is to come any more. */
  readonly place: Place | undefined;
  readonly skipped: number;
  /** What has passed, its present occurrence included if no attempt of that has begun. */
  readonly over: readonly PassedOver[];
}

/** What a pause up to `end` makes of a repeating job; undefined when nothing of it has passed, or the job runs once. */
function moved({ spec, state }: Job, end: number): Moved | undefined {
  if (!isRepeating(spec)) return undefined;
  const slot = followingSlot(spec, state, end);
  const passed = countPassed(spec, state, slot, end);
  const isBegun = state.attempt > 0;
  // A retry gives way to the next slot; without one it is merely late.
  if (isBegun ? passed === 0 || slot === undefined : state.due > end) return undefined;
  // One that is snoozed has no outcome, and is skipped.
  const isSnoozed = isBegun && state.retryCount === 0 && state.interruptions === 0;
  // What was begun, or is extra, or was counted as missed, is not counted again.
  const isKnown = isBegun ? !isSnoozed : isCounted(spec, state);
  const own = isKnown || state.nextSlot !== 0 ? 0 : 1;
  const skipped = state.skipped + own + passed;
  const over: PassedOver[] = isBegun ? [] : [notStarted(state, 'skipped_paused')];
  if (passed > 0) over.push(passedSlots(spec, state, slot, end, 'skipped_paused'));
  if (slot === undefined) return { place: undefined, skipped, over };
  const given = isBegun && !isSnoozed ? ({ lastOutcome: 'failed' } as const) : undefined;
  return {
    place: { ...fresh, ...given, due: dueOf(spec, slot), occurrence: slot, skipped, nextSlot: 0 },
    skipped,
    over,
  };
}

function told(type: 'job.paused' | 'job.resumed', { status }: JobState, { until, reason }: Pause): EventBody {
  return {
    type,
    status: status === 'running' ? 'running' : 'pending',
    ...(until !== undefined && { until }),
    ...(reason !== undefined && { reason }),
  };
}
