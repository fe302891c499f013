/**
 * What becomes of a slot that comes due while the occurrence before it runs. It is skipped; or the first such waits for the end of that
 * (`queue`), or ends it (`cancel_running`), and those after it are skipped. All instants are Unix milliseconds.
 */
import { isHeld, type Job, type JobSpec, type JobState } from '../job.js';
import { dueOf, followingSlot } from './schedule.js';

/**
 * As of when it is to be asked what follows the present occurrence. Where a slot may wait while an attempt runs, it is the first that
 * has come due since that attempt began: those before waited for this one themselves, and so are skipped.
 */
export function followsAsOf({ overlap = 'skip' }: JobSpec, { status, startedAt }: JobState, now: number): number {
  return overlap === 'skip' || status !== 'running' ? now : Math.min(now, startedAt);
}

/** When the first slot is due that may wait while the present attempt runs; undefined where none does, or is to come. */
export function nextDueInRun(spec: JobSpec, state: JobState): number | undefined {
  if ((spec.overlap ?? 'skip') === 'skip' || state.status !== 'running') return undefined;
  const slot = followingSlot(spec, state, state.startedAt);
  return slot === undefined ? undefined : dueOf(spec, slot);
}

/** Whether an occurrence waits for the end of the attempt that runs. */
export function hasWaiting({ spec, state }: Job, now: number): boolean {
  return spec.overlap === 'queue' && !isHeld(state) && (nextDueInRun(spec, state) ?? Number.POSITIVE_INFINITY) <= now;
}
