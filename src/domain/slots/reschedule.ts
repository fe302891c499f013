/**
 * A clock that ran ahead and was set back: what repeating jobs decided by it is decided anew, or they would be silent until
 * the clock passes that time again. A slot that has run by the clock that was ahead does not run again.
 */
import { retryWaitMs } from '../backoff.js';
import { type Decision, fresh } from '../decisions.js';
import { heldAgain, isRepeating, type Job, type JobSpec, type JobState, type SlotRange, type Trigger } from '../job.js';
import { limits } from '../limits.js';
import { move } from '../move.js';
import { dueOf, dueUntil, isOutOfRuns, isSlot, lastSlot, nextSlot, startOf } from './schedule.js';

/** How far a clock was ahead that has been set back, by what it showed then. Unix milliseconds. */
export interface ClockAhead {
  /** Since when it had been ahead. */
  readonly aheadSince: number;
  /** What it had shown before that: slots up to there have run. No more than `now` unless it had been a little ahead. */
  readonly shownBefore: number;
}

/** Ranges of slots that a job remembers: the latest. */
const rangesKept = 8;

/**
 * What becomes of a repeating job when the clock was set back; undefined when nothing does.
 *
 * @param now as the clock is now, Unix milliseconds
 */
export function reschedule({ spec, state }: Job, now: number, clock: ClockAhead): Decision | undefined {
  if (!isRepeating(spec) || state.updatedAt <= now) return undefined;
  const trigger = gridAround(spec.trigger, now);
  const since = slotsSince(spec, trigger, now);
  const ran = slotsRun(spec, trigger, state, { now, since, ...clock });
  // One that was made by a clock which was ahead earlier may have run by this one as well.
  const isOlder = spec.createdAt < clock.shownBefore || state.startedAt > 0;
  const before = { from: since + 1, until: isOlder ? clock.shownBefore : now };
  const ranges = [...(spec.alreadyRan ?? []), before, ...(ran ? [ran] : [])];
  const alreadyRan = apart(ranges.filter(({ from, until }) => until > now && from <= until)).slice(-rangesKept);
  const changed: JobSpec = { ...spec, trigger, alreadyRan };
  const following = followingAnew(changed, state, since);
  if (state.status === 'running') {
    if (!ran && following === state.nextSlot) return undefined;
    return { spec: changed, state: move(state, 'reschedule', now, { nextSlot: following }), events: [] };
  }
  const place = placeAnew(changed, { ...state, nextSlot: following }, now, since);
  const stays = place.due === state.due && place.occurrence === state.occurrence && place.nextSlot === state.nextSlot;
  // Should the clock be ahead once more, these slots are to be known still.
  if (stays && !ran) return undefined;
  return {
    spec: changed,
    state: move(state, 'reschedule', now, place),
    events: [{ type: 'job.updated', triggerAt: place.due, isRepeat: true }],
  };
}

/** From when on, not included, slots are to come: one that has passed may still start, by its jitter. */
function slotsSince(spec: JobSpec, trigger: Trigger, now: number): number {
  const { jitterMs, startAt, endAt } = spec;
  if (jitterMs === undefined) return now;
  const last = lastSlot({ trigger, startAt, endAt }, now - jitterMs, now);
  return last !== undefined && startOf({ ...spec, trigger }, last) > now ? last - 1 : now;
}

/** The same slots in ranges that do not overlap, ascending: they are counted range by range. */
function apart(ranges: readonly SlotRange[]): SlotRange[] {
  const result: SlotRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && range.from <= last.until)
      result[result.length - 1] = { from: last.from, until: Math.max(last.until, range.until) };
    else result.push(range);
  }
  return result;
}

/** An interval that was begun by the clock that was ahead begins earlier by whole steps. */
function gridAround(trigger: Trigger, now: number): Trigger {
  if (trigger.kind !== 'interval') return trigger;
  const steps = Math.ceil((trigger.firstDue - now) / trigger.everyMs) - 1;
  return steps > 0 ? { ...trigger, firstDue: trigger.firstDue - steps * trigger.everyMs } : trigger;
}

/** The slots ahead of `now` that attempts were started for. */
function slotsRun(
  before: JobSpec,
  trigger: Trigger,
  state: JobState,
  { now, since, aheadSince }: { readonly now: number; readonly since: number; readonly aheadSince: number },
): SlotRange | undefined {
  if (state.startedAt <= now) return undefined;
  const isBegun = state.status === 'running' || state.attempt > 0;
  const spec: JobSpec = { ...before, trigger };
  const until = isBegun ? state.occurrence : lastSlot(spec, since, state.occurrence - 1);
  if (until === undefined || until <= since) return undefined;
  // Of what was missed when the clock went ahead, the last has run if the job catches up.
  const missedUntil = dueUntil(spec, since, aheadSince - limits.misfireAfterMs - 1);
  const caughtUp = spec.misfire === 'run_once' ? lastSlot(spec, since, missedUntil) : undefined;
  return { from: Math.min(caughtUp ?? missedUntil + 1, until), until };
}

/** What comes after an extra occurrence; 0 for one of the schedule. */
function followingAnew(spec: JobSpec, { nextSlot: following }: JobState, since: number): number {
  // One that a user has moved to an instant of his own stays there, too.
  if (following === 0 || !isSlot(spec.trigger, following)) return following;
  return Math.min(following, nextSlot(spec, since) ?? following);
}

type Place = Partial<JobState> & Pick<JobState, 'due' | 'occurrence' | 'nextSlot'>;

function placeAnew(spec: JobSpec, state: JobState, now: number, since: number): Place {
  const { due, occurrence, nextSlot: following } = state;
  const slot = following === 0 ? nextSlot(spec, since) : following;
  if (state.attempt > 0) {
    const waitMs = state.interruptions > 0 ? 0 : retryWaitMs(spec, Math.max(1, state.retryCount), state.fence);
    const retryAt = Math.min(due, now + waitMs);
    // As ever, a retry gives way to the next occurrence.
    const gives = slot !== undefined && !isOutOfRuns(spec, state) && retryAt >= dueOf(spec, slot);
    if (!gives) return { due: retryAt, occurrence, nextSlot: following };
    return { ...fresh, due: dueOf(spec, slot), occurrence: slot, nextSlot: 0, pause: heldAgain(state.pause) };
  }
  // One that was asked for was due at once, and still is.
  if (following !== 0) return { due: Math.min(due, now), occurrence: Math.min(occurrence, now), nextSlot: following };
  // And so is one that was missed.
  if (occurrence <= now)
    return { due: due === startOf(spec, occurrence) ? due : Math.min(due, now), occurrence, nextSlot: 0 };
  // A user has moved this occurrence to an instant of his own.
  if (slot === undefined || !isSlot(spec.trigger, occurrence)) return { due, occurrence, nextSlot: 0 };
  return { due: startOf(spec, slot), occurrence: slot, nextSlot: 0 };
}
