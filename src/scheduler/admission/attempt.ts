/** What the pool is given of a job that starts. */
import { attemptNumber } from '../../domain/decisions.js';
import type { JobNumbers } from '../../domain/ids/job-numbers.js';
import { isRepeating, type Job } from '../../domain/job.js';
import type { Attempt } from '../../pool/port.js';
import type { Traces } from '../../telemetry/traces/port.js';

/**
 * The attempt of a job.
 *
 * @param started the job as it is since
 * @param alone it runs with nothing else on its thread
 * @param numbers of its shard
 */
export function attemptOf({ spec, state }: Job, alone: boolean, numbers: JobNumbers): Attempt {
  return {
    jobSeq: spec.seq,
    fence: state.fence,
    jobId: numbers.format(spec.seq, spec.idSeconds),
    name: spec.name,
    payload: spec.payload,
    attempt: attemptNumber(state),
    scheduledFor: state.occurrence,
    timeoutMs: spec.timeoutMs,
    alone,
  };
}

/**
 * The attempt with its place in a trace.
 *
 * @param job as it was when it was due
 */
export function traced(attempt: Attempt, { spec, state }: Job, now: number, traces: Traces): Attempt {
  const { jobSeq, fence, jobId, name } = attempt;
  const trace = traces.attemptStarted({
    jobSeq,
    fence,
    jobId,
    name,
    attempt: attempt.attempt,
    latenessMs: now - state.due,
    repeats: isRepeating(spec),
    created: spec.trace,
  });
  return trace === undefined ? attempt : { ...attempt, trace };
}
