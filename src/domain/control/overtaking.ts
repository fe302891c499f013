/** A slot that comes due ends the attempt that runs (`overlap`: `cancel_running`). Pure, as `decisions`. */
import { type Decision, fail } from '../decisions.js';
import { isHeld, type Job } from '../job.js';
import { nextDueInRun } from '../slots/overlap.js';
import { takeOver } from './replacing.js';

const message = 'it was cancelled: the next occurrence came due while it ran, and overlap is cancel_running';

/**
 * The attempt that runs has failed for good, and the job waits for the slot that has come due, or becomes what was asked for meanwhile; undefined when none has, or the job is
 * paused. It may start when the attempt has left its thread.
 */
export function overtake(job: Job, now: number): Decision | undefined {
  const { spec, state } = job;
  if (spec.overlap !== 'cancel_running' || isHeld(state)) return undefined;
  const due = nextDueInRun(spec, state);
  if (due === undefined || due > now) return undefined;
  const end = fail(job, { name: 'Cancelled', message, code: 'cancelled', retryable: false }, now);
  return takeOver(job, end, now);
}
