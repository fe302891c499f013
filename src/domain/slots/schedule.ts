/**
 * The slots of a repeating job: those of its trigger within its bounds, less those that it has run for already; and when an
 * occurrence starts for each, which jitter makes later. All instants are Unix milliseconds.
 */

import { isRepeating, type JobSpec, type JobState, type SlotRange, type Trigger } from '../job.js';
import type { PassedOver } from '../runs/run.js';
import { fractionOf } from './fraction.js';
import { countOccurrences, firstOccurrence, lastOccurrence, nextOccurrence } from './trigger.js';

/** What says which slots a job has. */
export type Schedule = Pick<JobSpec, 'trigger' | 'alreadyRan' | 'startAt' | 'endAt'>;

/** The trigger, an interval on the grid that begins at `startAt` if there is one. */
export function onGrid(trigger: Trigger, startAt: number | undefined): Trigger {
  return trigger.kind === 'interval' && startAt !== undefined ? { ...trigger, firstDue: startAt } : trigger;
}

const from = (after: number, { startAt }: Schedule): number =>
  startAt === undefined ? after : Math.max(after, startAt - 1);
const to = (until: number, { endAt }: Schedule): number => (endAt === undefined ? until : Math.min(until, endAt));

/** The first slot after `after`; undefined where there is none. */
export function nextSlot(schedule: Schedule, after: number): number | undefined {
  const slot = nextOccurrence(schedule.trigger, from(after, schedule));
  if (slot === undefined || (schedule.endAt !== undefined && slot > schedule.endAt)) return undefined;
  const ran = rangeAt(schedule, slot);
  return ran ? nextSlot(schedule, ran.until) : slot;
}

/** How many slots are in (after, until]. */
export function countSlots(schedule: Schedule, after: number, until: number): number {
  const { trigger, alreadyRan = [] } = schedule;
  const [first, last] = [from(after, schedule), to(until, schedule)];
  const ran = alreadyRan.map((range) =>
    countOccurrences(trigger, Math.max(first, range.from - 1), Math.min(last, range.until)),
  );
  return ran.reduce((left, count) => left - count, countOccurrences(trigger, first, last));
}

/** The last slot in (after, until]; undefined where there is none. */
export function lastSlot(schedule: Schedule, after: number, until: number): number | undefined {
  const slot = lastOccurrence(schedule.trigger, from(after, schedule), to(until, schedule));
  const ran = slot === undefined ? undefined : rangeAt(schedule, slot);
  return ran ? lastSlot(schedule, after, ran.from - 1) : slot;
}

/** Whether the job has run for this instant, by a clock that was ahead. */
export function hasRunFor(schedule: Schedule, slot: number): boolean {
  return rangeAt(schedule, slot) !== undefined;
}

function rangeAt({ alreadyRan = [] }: Schedule, slot: number): SlotRange | undefined {
  return alreadyRan.find(({ from, until }) => slot >= from && slot <= until);
}

/** The slot, or single instant, that a job which begins at `now` is for first. A request may have waited past the last slot. */
export function firstSlot(spec: JobSpec, now: number): number {
  const { trigger, startAt, endAt } = spec;
  if (startAt === undefined && endAt === undefined) return firstOccurrence(trigger, now);
  return nextSlot(spec, now) ?? Math.min(now, endAt ?? now);
}

/** When an occurrence for this slot is to start: later by a part of the jitter, which id and slot say, and before the next slot. */
export function startOf({ seq, idSeconds, trigger, jitterMs = 0 }: JobSpec, slot: number): number {
  if (jitterMs === 0) return slot;
  const next = nextOccurrence(trigger, slot) ?? Number.POSITIVE_INFINITY;
  return slot + Math.floor(fractionOf(seq, idSeconds, slot) * Math.min(jitterMs, next - slot));
}

/** Up to which instant the slots after `after` have come due by `now`: the last of them may start later, by its jitter. */
export function dueUntil(spec: JobSpec, after: number, now: number): number {
  const last = spec.jitterMs === undefined ? undefined : lastSlot(spec, after, now);
  return last !== undefined && startOf(spec, last) > now ? last - 1 : now;
}

/** When an occurrence was due at first. One that was moved by a user stands for its own instant, which is no slot. */
export function dueOf(spec: JobSpec, occurrence: number): number {
  if (spec.jitterMs === undefined || !isRepeating(spec)) return occurrence;
  return isSlot(spec.trigger, occurrence) ? startOf(spec, occurrence) : occurrence;
}

/** Whether the trigger has this instant. */
export function isSlot(trigger: Trigger, instant: number): boolean {
  return nextOccurrence(trigger, instant - 1) === instant;
}

/** Whether no further occurrence may start. */
export function isOutOfRuns({ maxRuns }: JobSpec, { runCount }: JobState): boolean {
  return maxRuns !== undefined && runCount >= maxRuns;
}

/**
 * The slot of the occurrence that follows the present one; undefined when nothing is to come. Where the clock was set back the
 * present one may lie far ahead. A slot that has passed may still be to come, by its jitter. What follows an extra occurrence
 * was there before it.
 */
export function followingSlot(spec: JobSpec, state: JobState, now: number): number | undefined {
  if (isOutOfRuns(spec, state)) return undefined;
  const { nextSlot: kept, occurrence } = state;
  if (kept !== 0 && dueOf(spec, kept) > now) return spec.endAt !== undefined && kept > spec.endAt ? undefined : kept;
  const latest = kept === 0 ? occurrence : kept;
  if (spec.jitterMs !== undefined) {
    const passed = lastSlot(spec, latest, now);
    if (passed !== undefined && startOf(spec, passed) > now) return passed;
  }
  return nextSlot(spec, hasRunFor(spec, latest) ? now : Math.max(now, latest));
}

/** How many slots between the present occurrence and the one that follows, at `slot`, have passed. */
export function countPassed(spec: JobSpec, state: JobState, slot: number | undefined, now: number): number {
  if (isOutOfRuns(spec, state)) return 0;
  const { nextSlot: kept, occurrence } = state;
  const until = slot === undefined ? now : Math.min(now, slot - 1);
  if (kept === 0) return countSlots(spec, occurrence, until);
  return dueOf(spec, kept) > now ? 0 : 1 + countSlots(spec, kept, until);
}

/** Those that `countPassed` counts, of which there is one at least, and why they were passed over. */
export function passedSlots(
  spec: JobSpec,
  state: JobState,
  slot: number | undefined,
  now: number,
  outcome: PassedOver['outcome'],
): PassedOver {
  const { nextSlot: kept, occurrence } = state;
  const until = slot === undefined ? now : Math.min(now, slot - 1);
  const first = kept === 0 ? (nextSlot(spec, occurrence) ?? occurrence) : kept;
  const last = lastSlot(spec, kept === 0 ? occurrence : kept, until) ?? first;
  const count = countPassed(spec, state, slot, now);
  return { outcome, scheduledFor: first, lastScheduledFor: last, count, manual: false };
}
