/** Until when attempts of an occurrence may start, for jobs with `expiresAfterMs`. Unix milliseconds. */
import type { JobSpec, JobState } from '../job.js';
import { limits } from '../limits.js';
import { formatDuration } from '../time/duration.js';
import { dueOf } from './schedule.js';

/** The last instant at which an attempt of the present occurrence may start; undefined where there is none. */
export function deadlineOf(spec: JobSpec, { occurrence, nextSlot }: JobState): number | undefined {
  if (spec.expiresAfterMs === undefined) return undefined;
  // An extra occurrence was due when it was asked for.
  const due = nextSlot === 0 ? dueOf(spec, occurrence) : occurrence;
  return Math.max(due, spec.expiresFrom ?? Number.NEGATIVE_INFINITY) + spec.expiresAfterMs;
}

/** Whether it is too late to start an attempt of the present occurrence at `now`. */
export function hasExpired(spec: JobSpec, state: JobState, now: number): boolean {
  const deadline = deadlineOf(spec, state);
  return deadline !== undefined && now > deadline;
}

/** What a job's last error says then. @param before message of the attempt that failed, where the retry would come too late */
export function expiredMessage({ expiresAfterMs = 0 }: JobSpec, before?: string): string {
  const rule = `it has expired: no attempt may start more than ${formatDuration(expiresAfterMs, 'up')} after it was due`;
  return before === undefined ? rule : `${rule}; before that: ${before}`.slice(0, limits.errorMessageChars);
}
