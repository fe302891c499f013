/** What becomes of a job when its attempt has ended, and what the log says of a failure. */
import { takeOver } from '../domain/control/replacing.js';
import { snooze } from '../domain/control/snoozing.js';
import * as decisions from '../domain/decisions.js';
import type { JobNumbers } from '../domain/ids/job-numbers.js';
import type { FailureCode, Job, TraceContext } from '../domain/job.js';
import type { Logger } from '../log.js';
import type { Outcome } from '../pool/port.js';

/** What an attempt's outcome makes of its job: the one place where outcomes become decisions. */
export function outcomeDecision(job: Job, outcome: Outcome, now: number): decisions.Decision {
  return takeOver(job, decide(job, outcome, now), now);
}

/** What the end of the process makes of a job that ran. @param planned it ended in order, or lives and has lost the shard only */
export function crashDecision(job: Job, now: number, planned = false): decisions.Decision {
  return takeOver(job, decisions.interrupt(job, true, now, planned), now);
}

function decide(job: Job, outcome: Outcome, now: number): decisions.Decision {
  switch (outcome.kind) {
    case 'succeeded':
      return decisions.succeed(job, outcome, now);
    case 'failed':
      return decisions.fail(job, outcome, now);
    case 'snoozed':
      return job.spec.keyLost ? decisions.cancel(job, now) : snooze(job, outcome.waitMs, now);
    case 'interrupted':
      return decisions.interrupt(job, outcome.begun, now, outcome.planned);
    default:
      return outcome satisfies never;
  }
}

/** The handler's own line has the stack; this one says what follows. */
export function logFailure(
  log: Logger,
  { spec, state }: Job,
  numbers: JobNumbers,
  code: FailureCode,
  { events }: decisions.Decision,
  trace?: TraceContext,
): void {
  const retry = events.find((event) => event.type === 'job.retrying');
  const about = {
    jobId: numbers.format(spec.seq, spec.idSeconds),
    name: spec.name,
    attempt: decisions.attemptNumber(state),
    code,
    ...(trace && { trace_id: trace.traceId, span_id: trace.spanId }),
  };
  if (retry?.type === 'job.retrying') {
    const retryAt = new Date(retry.nextRetryAt).toISOString();
    log.info({ ...about, retryAt }, 'the attempt failed; a retry follows');
  } else {
    log.warn(about, 'the attempt failed for good; no retry follows');
  }
}
