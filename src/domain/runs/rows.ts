/**
 * The rows of a job's runs that follow from a decision about it, and what its state says of runs that have no row. Pure, as `decisions`.
 *
 * A job that runs once, and has run at most once, is told of by its state alone, and has no row: most jobs are such.
 */
import { attemptNumber, type Decision } from '../decisions.js';
import { isRepeating, type Job, type JobSpec, type JobState, type LastError } from '../job.js';
import { isFinished } from '../lifecycle.js';
import { limits } from '../limits.js';
import { type AttemptOutcome, type AttemptRun, isPassedOver, type Run, type RunError } from './run.js';

/** Whether a decision about a job may have rows follow. */
export function mayLeaveRows({ spec, state }: Job, { state: after, passed }: Decision): boolean {
  const ends = state.status === 'running' ? after.status !== 'running' : state.status === 'failed';
  return (ends || passed !== undefined) && !endsOnlyRun(spec, state, after);
}

/** The rows that follow from a decision. @param last the last row that the job has: is asked for rarely */
export function runsAfter(job: Job, decision: Decision, now: number, last: () => Run | undefined): Run[] {
  const { state } = job;
  const after = decision.state;
  const runs: Run[] = [];
  if (state.status === 'running' && after.status !== 'running') runs.push(attemptRun(job, decision, now));
  // Tried again by a user: what the state said of the only run is to stay.
  if (state.status === 'failed' && after.status === 'pending')
    runs.push(
      ...runsOfState(
        job,
        [last()].filter((run) => run !== undefined),
      ),
    );
  return decision.passed === undefined ? runs : [...runs, ...decision.passed];
}

/** A job that runs once comes to its end, and its state says all: it has been tried once at most, and has no rows. */
function endsOnlyRun(spec: JobSpec, { status, fence }: JobState, after: JobState): boolean {
  if (!isFinished(after.status) || isRepeating(spec) || spec.expiresFrom !== undefined) return false;
  // It has repeated before another request with its key made a single job of it: what it passed over has rows.
  if (after.skipped > 0 || after.missed > 0) return false;
  return fence === 0 || (fence === 1 && status === 'running');
}

function attemptRun({ spec, state }: Job, decision: Decision, now: number): AttemptRun {
  const outcome = outcomeOf(decision);
  const hasFailed = decision.events[0]?.type === 'job.failed';
  const error = hasFailed ? decision.detail?.lastError : undefined;
  return {
    ...begun(spec, state),
    outcome,
    finishedAt: now,
    ...(error && { error: shortened(error) }),
  };
}

function begun(spec: JobSpec, state: JobState): Omit<AttemptRun, 'outcome' | 'finishedAt'> {
  return {
    run: state.fence,
    scheduledFor: state.occurrence,
    attempt: attemptNumber(state),
    manual: isRepeating(spec) && state.nextSlot !== 0,
    startedAt: state.startedAt,
    latenessMs: Math.max(0, state.startedAt - state.due),
  };
}

function shortened({ name, message, code }: RunError): RunError {
  return { name: name.slice(0, limits.runErrorChars), message: message.slice(0, limits.runErrorChars), code };
}

/** The first event of an end says which it was. One that was snoozed and gives way to the next occurrence has none of its own. */
function outcomeOf({ events, detail }: Decision): AttemptOutcome {
  for (const body of events) {
    switch (body.type) {
      case 'job.completed':
        return 'success';
      case 'job.cancelled':
        return 'cancelled';
      case 'job.failed':
        return body.final ? failedAs(detail?.lastError) : 'retried';
      case 'job.retrying':
        return body.cause === 'interruption' ? 'interrupted' : 'snoozed';
      default:
    }
  }
  return 'snoozed';
}

function failedAs(error: LastError | undefined): 'failed' | 'timeout' | 'cancelled' {
  return error?.code === 'timeout' || error?.code === 'cancelled' ? error.code : 'failed';
}

/**
 * What the state of a job says of runs that have no row: the attempt that runs, or the only run of a job that runs once.
 *
 * @param rows of the job, the last at least; one that was a repeating job before has rows of that time
 */
export function runsOfState(job: Job, rows: readonly Run[]): Run[] {
  const { spec, state } = job;
  if (state.status === 'running') return [{ ...begun(spec, state), outcome: 'running', finishedAt: 0 }];
  if (isRepeating(spec) || !isFinished(state.status)) return [];
  return onlyRun(job).filter((run) => !rows.some((row) => tells(row, run)));
}

/** Whether a row tells of this run. Where the job has expired between two attempts, these have their rows before it. */
function tells(row: Run, run: Run): boolean {
  if (isPassedOver(row)) return row.outcome === 'expired' && row.lastScheduledFor === run.scheduledFor;
  return !isPassedOver(run) && row.run === run.run;
}

/** The run that a finished job's state tells of. */
function onlyRun({ spec, state, detail }: Job): Run[] {
  const { status, fence, attempt, startedAt, finishedAt, occurrence } = state;
  const { lastError } = detail;
  const hasExpired = status === 'failed' && lastError?.code === 'expired';
  if (fence === 0) {
    if (!hasExpired) return [];
    return [{ outcome: 'expired', scheduledFor: occurrence, lastScheduledFor: occurrence, count: 1, manual: false }];
  }
  // Its attempts are of the time before, when it was a repeating job or was tried again: they have their rows.
  if (startedAt === 0 || attempt === 0) return [];
  const outcome = status === 'failed' ? failedAs(lastError) : status === 'success' ? status : 'cancelled';
  const error = status === 'failed' && lastError ? { error: shortened(lastError) } : undefined;
  return [{ ...begun(spec, state), outcome, finishedAt, ...error }];
}
