/**
 * What a user's update makes of a job, and which updates would leave a repeating job with nothing to run for. Pure, as `decisions`.
 */
import { type Decision, fresh } from './decisions.js';
import { heldAgain, isRepeating, type Job, type JobSpec, type JobState, type Trigger } from './job.js';
import { move } from './move.js';
import { firstSlot, isOutOfRuns, isSlot, nextSlot, onGrid, startOf } from './slots/schedule.js';

/** The parts of a spec that an update may change. */
export type SpecChange = Partial<
  Pick<JobSpec, 'payload' | 'maxRetries' | 'retryDelayMs' | 'backoff' | 'timeoutMs' | 'misfire'> & { trigger: Trigger }
> &
  Removable;

/** Those of them that a job may be without: undefined takes one away. */
export type Removable = Pick<
  JobSpec,
  | 'priority'
  | 'tags'
  | 'group'
  | 'expiresAfterMs'
  | 'maxRetryDelayMs'
  | 'retryJitter'
  | 'startAt'
  | 'endAt'
  | 'maxRuns'
  | 'jitterMs'
  | 'overlap'
>;

/** What an update asks for: a changed spec, and perhaps the next occurrence at another instant. */
export type Change = SpecChange & {
  /** Unix milliseconds; in the past it means now. For repeating jobs that keep their trigger. */
  readonly movedTo?: number;
};

/**
 * A new schedule of a repeating job begins a new occurrence, and so does another begin of it. A single run, and the next occurrence
 * of a schedule that stays, are only moved: they keep the retries that they have been granted. Without either the due time stays.
 *
 * A moved occurrence stands for itself: where it stands now is its own time, so that it is missed as any other, and what the
 * schedule has up to it is neither run nor counted. One that is moved into the past is due now: it would be missed else.
 */
export function update({ spec, state }: Job, { movedTo, ...change }: Change, now: number): Decision {
  const changed = changedSpec(spec, change);
  const repeats = isRepeating(changed);
  const isNew = startsAnew(spec, change);
  let place: Partial<JobState> = {};
  if (movedTo !== undefined) {
    const moved = Math.max(movedTo, now);
    place = { ...(isNew && fresh), due: moved, occurrence: moved, nextSlot: 0 };
  } else if (isNew) {
    const slot = firstSlot(changed, now);
    place = { ...(repeats && fresh), due: startOf(changed, slot), occurrence: slot, nextSlot: 0 };
  } else if (spec.jitterMs !== changed.jitterMs && isToStart(spec, state, now)) {
    place = { due: startOf(changed, state.occurrence) };
  }
  // Another occurrence than the one that was asked for in spite of a pause.
  const isOther = repeats && (isNew || (movedTo !== undefined && state.nextSlot !== 0));
  const pause = isOther ? heldAgain(state.pause) : state.pause;
  return {
    spec: changed,
    state: move(state, 'update', now, { ...place, pause }),
    events: [{ type: 'job.updated', triggerAt: place.due ?? state.due, isRepeat: repeats }],
  };
}

/** Whether a change begins the schedule anew. */
export function startsAnew(spec: JobSpec, change: SpecChange): boolean {
  return change.trigger !== undefined || ('startAt' in change && change.startAt !== spec.startAt);
}

/** The spec with a change made. What has run is of the schedule that it had. */
export function changedSpec(spec: JobSpec, change: SpecChange): JobSpec {
  const changed = { ...spec, ...change };
  const trigger = onGrid(changed.trigger, changed.startAt);
  return { ...changed, trigger, ...(startsAnew(spec, change) && spec.alreadyRan && { alreadyRan: undefined }) };
}

/** It waits for the start of one of its slots, which is to come. */
export function isToStart(
  spec: JobSpec,
  { attempt, due, occurrence, nextSlot: following }: JobState,
  now: number,
): boolean {
  return (
    attempt === 0 &&
    following === 0 &&
    due > now &&
    isSlot(spec.trigger, occurrence) &&
    due === startOf(spec, occurrence)
  );
}

/**
 * Why a repeating job would never run again by this spec: the bound that leaves no slot. Undefined where it would.
 *
 * @param state with the attempts and runs that it has had; of a new job undefined
 * @param slot for which it waits; undefined: for the first after `now`
 */
export function exhaustedBy(
  spec: JobSpec,
  state: JobState | undefined,
  slot: number | undefined,
  now: number,
): 'endAt' | 'maxRuns' | undefined {
  if (!isRepeating(spec)) return undefined;
  if (state && slot !== undefined && state.attempt > 0) return undefined;
  if (state && isOutOfRuns(spec, state)) return 'maxRuns';
  if (slot === undefined) return nextSlot(spec, now) === undefined ? 'endAt' : undefined;
  return spec.endAt !== undefined && slot > spec.endAt ? 'endAt' : undefined;
}
