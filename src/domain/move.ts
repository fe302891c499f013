/** The one way from a job's state to its next. */
import type { JobState } from './job.js';
import { next, type Step } from './lifecycle.js';

/** A state that is being made. */
export type NewState = { -readonly [field in keyof JobState]: JobState[field] };

/** As it was, with the status that the step leads to: the caller changes what else changes. */
export function moved(state: JobState, step: Step, now: number): NewState {
  const status = next(state.status, step);
  if (!status) throw new Error(`a ${state.status} job was to ${step}`);
  // Field by field: every start and every outcome passes here, and objects put together by spreading cost ten times as much.
  return {
    status,
    due: state.due,
    occurrence: state.occurrence,
    updatedAt: now,
    startedAt: state.startedAt,
    finishedAt: state.finishedAt,
    fence: state.fence,
    attempt: state.attempt,
    retryCount: state.retryCount,
    interruptions: state.interruptions,
    skipped: state.skipped,
    missed: state.missed,
    runCount: state.runCount,
    lastOutcome: state.lastOutcome,
    pause: state.pause,
    nextSlot: state.nextSlot,
  };
}

/** A new state, with what else changes; what is undefined stays. */
export function move(state: JobState, step: Step, now: number, changes: Partial<JobState>): JobState {
  const after = moved(state, step, now);
  for (const [field, value] of Object.entries(changes))
    if (value !== undefined) Object.assign(after, { [field]: value });
  return after;
}
