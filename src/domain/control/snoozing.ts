/**
 * An attempt that asks to be run later (`ctx.snooze`): it has neither succeeded nor failed, and uses no retry. Pure, as `decisions`.
 */
import { type Decision, fail, fresh } from '../decisions.js';
import { heldAgain, isRepeating, type Job } from '../job.js';
import { limits } from '../limits.js';
import { move } from '../move.js';
import { deadlineOf, expiredMessage } from '../slots/deadline.js';
import { followsAsOf } from '../slots/overlap.js';
import { countPassed, dueOf, followingSlot, passedSlots } from '../slots/schedule.js';

/**
 * The same attempt comes again `waitMs` from `now` on. As a retry it gives way to the next occurrence: its own is skipped then. If it
 * would start too late, the job has expired.
 */
export function snooze(job: Job, waitMs: number, now: number): Decision {
  const { spec, state } = job;
  const due = Math.min(now + waitMs, limits.maxInstantMs);
  const slot = isRepeating(spec) ? followingSlot(spec, state, followsAsOf(spec, state, now)) : undefined;
  const isLate = due > (deadlineOf(spec, state) ?? Number.POSITIVE_INFINITY);
  if (slot !== undefined && (isLate || due >= dueOf(spec, slot))) return giveWay(job, slot, now);
  if (isLate) {
    return fail(job, { name: 'Expired', message: expiredMessage(spec), code: 'expired', retryable: false }, now);
  }
  return {
    state: move(state, 'snooze', now, { due, interruptions: 0, finishedAt: now }),
    events: [{ type: 'job.retrying', nextRetryAt: due, retryCount: state.retryCount, cause: 'snooze' }],
  };
}

/** The occurrence is over without an end of its own: it is skipped, and so is what came due meanwhile. */
function giveWay({ spec, state }: Job, slot: number, now: number): Decision {
  const due = dueOf(spec, slot);
  // An extra occurrence is none of the schedule.
  const own = state.nextSlot === 0 ? 1 : 0;
  const asOf = followsAsOf(spec, state, now);
  const count = countPassed(spec, state, slot, asOf);
  return {
    state: move(state, 'recur', now, {
      ...fresh,
      due,
      occurrence: slot,
      skipped: state.skipped + own + count,
      finishedAt: now,
      pause: heldAgain(state.pause),
      nextSlot: 0,
    }),
    events: [{ type: 'job.scheduled', triggerAt: due, isRepeat: true }],
    ...(count > 0 && { passed: [passedSlots(spec, state, slot, asOf, 'skipped_overlap')] }),
  };
}
