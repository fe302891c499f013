/**
 * The runs of a job: what its attempts came to, and which slots it passed over and why. One row for an attempt, and one for neighbouring
 * slots that were passed over for one reason.
 */
import type { LastError } from '../job.js';
import { limits } from '../limits.js';

/** What becomes of an attempt. `running` is never a row: the state says it. */
export const attemptOutcomes = [
  'running',
  'success',
  'failed',
  'retried',
  'timeout',
  'cancelled',
  'interrupted',
  'snoozed',
] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** Why no attempt was made. */
export const passOutcomes = ['skipped_overlap', 'skipped_paused', 'missed', 'expired'] as const;
export type PassOutcome = (typeof passOutcomes)[number];

/** Slots that were passed over for one reason, each following the one before. Instants are Unix milliseconds. */
export interface PassedOver {
  readonly outcome: PassOutcome;
  readonly scheduledFor: number;
  readonly lastScheduledFor: number;
  readonly count: number;
  /** It was an extra occurrence, which a user had asked for. */
  readonly manual: boolean;
}

/** An attempt that has begun, and how it ended. Instants are Unix milliseconds. */
export interface AttemptRun {
  readonly outcome: AttemptOutcome;
  /** Its fence: the number of the attempt over the life of the job. */
  readonly run: number;
  readonly scheduledFor: number;
  readonly attempt: number;
  readonly manual: boolean;
  readonly startedAt: number;
  /** 0 while it runs. */
  readonly finishedAt: number;
  /** How long after it was due it started. */
  readonly latenessMs: number;
  readonly error?: RunError | undefined;
}

export type RunError = Pick<LastError, 'name' | 'message' | 'code'>;
export type Run = AttemptRun | PassedOver;

/** A run with its number among the rows of its job: rows of a job are numbered from 1. */
export interface NumberedRun {
  readonly number: number;
  readonly run: Run;
}

export function isPassedOver(run: Run): run is PassedOver {
  return 'count' in run;
}

/** How many rows of a job are kept: the latest. */
export function runsKept(repeats: boolean): number {
  return repeats ? limits.runsKept : limits.runsKeptOfSingle;
}

/** The row that is written of a run when `last` is the last there is: the next, or the same once more with neighbours passed over for one reason. */
export function behind(last: NumberedRun | undefined, run: Run): NumberedRun {
  if (last === undefined) return { number: 1, run };
  const { number, run: before } = last;
  if (!isPassedOver(before) || !isPassedOver(run) || before.outcome !== run.outcome || before.manual || run.manual)
    return { number: number + 1, run };
  const count = before.count + run.count;
  return { number, run: { ...before, count, lastScheduledFor: run.lastScheduledFor } };
}
