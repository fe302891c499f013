/**
 * Outcomes, and who is to blame when a thread ends with attempts on it. The rules, all of them:
 *
 * - That whose code ran, or was the only one there, ended its thread or held it past its timeout.
 * - If it is not known whose code it was, nobody is charged: all were interrupted and are suspects, each runs again alone,
 *   and the culprit shows itself. Beside one that ran out of memory all are suspects too: it may have been their doing.
 * - An attempt whose timeout passed while something else held the thread is not charged for it.
 * - An attempt whose signal fired for its timeout and that ran on has failed, whatever it does afterwards.
 * - What is charged with the end of its thread runs alone when it is retried, or those beside it would pay for it again.
 */

import type { FailureCode } from '../domain/job.js';
import { formatDuration, parseDuration } from '../domain/time/duration.js';
import type { Dispatched } from './dispatched.js';
import type { Attempt, HandlerLine, Outcome, ProgressReport } from './port.js';
import { type EnqueuedJobs, outcomeKind, type ProgressOfSlot, type Report } from './shared/messages.js';

/** Why a thread came to its end. */
export type Loss =
  /** The handler's doing, `message` says what. */
  | { readonly kind: 'died'; readonly message: string; readonly ofMemory: boolean }
  /** The pool stopped it over attempts that ran past their time; `current` and `silent` as they were at that moment. */
  | { readonly kind: 'overrun'; readonly current: number; readonly silent: boolean }
  /** The pool itself stops. */
  | { readonly kind: 'shutdown' };

export function timeoutMessage({ timeoutMs }: Attempt): string {
  return `the attempt exceeded its timeout of ${formatDuration(timeoutMs, 'down')}`;
}

/** @param planned where it was not asked to end by its own signal */
export function interrupted(
  { request, signalled }: Dispatched,
  begun: boolean,
  durationMs: number,
  suspect = false,
  planned = signalled === 'shutdown' || signalled === 'lease_lost',
): Outcome {
  const { jobSeq, fence } = request;
  return { jobSeq, fence, durationMs, kind: 'interrupted', begun, suspect, ...(planned && { planned }) };
}

function failed(
  { request }: Dispatched,
  code: FailureCode,
  name: string,
  message: string,
  durationMs: number,
  retryable = true,
): Outcome {
  return { jobSeq: request.jobSeq, fence: request.fence, durationMs, kind: 'failed', name, message, code, retryable };
}

function timedOut(dispatched: Dispatched, durationMs: number): Outcome {
  return failed(dispatched, 'timeout', 'TimeoutError', timeoutMessage(dispatched.request), durationMs);
}

/**
 * The outcome of a handler that came to its end, as far as it counts after its timeout or after it was asked to stop.
 *
 * @param kind one of `outcomeKind`, as the thread reported it; `text` gives the next text of the report
 */
export function settledOutcome(dispatched: Dispatched, kind: number, durationMs: number, text: () => string): Outcome {
  if (kind === outcomeKind.refused) return interrupted(dispatched, false, 0);
  const outcome = reported(dispatched, kind, durationMs, text);
  if (cameTooLate(dispatched, durationMs)) return timedOut(dispatched, durationMs);
  // It gave up because the server asked for it: not its failure.
  const wasAsked = dispatched.signalled === 'shutdown' || dispatched.signalled === 'lease_lost';
  return wasAsked && outcome.kind === 'failed' ? interrupted(dispatched, true, durationMs) : outcome;
}

function reported(dispatched: Dispatched, kind: number, durationMs: number, text: () => string): Outcome {
  const { jobSeq, fence } = dispatched.request;
  const end = { jobSeq, fence, durationMs, kind: 'succeeded' } as const;
  switch (kind) {
    case outcomeKind.succeeded:
      return end;
    case outcomeKind.succeededWith:
      return { ...end, result: text() };
    case outcomeKind.succeededWithout:
      return { ...end, resultOmitted: text() };
    case outcomeKind.failed:
    case outcomeKind.failedForGood: {
      const name = text();
      return failed(dispatched, 'handler_error', name, text(), durationMs, kind === outcomeKind.failed);
    }
    case outcomeKind.failedAfter:
      return failedAfter(dispatched, { name: text(), message: text(), retryAfter: text() }, durationMs);
    case outcomeKind.snoozed:
      return { jobSeq, fence, durationMs, kind: 'snoozed', waitMs: Number(text()) };
    default:
      throw new Error(`a thread reported an outcome of unknown kind ${kind}`);
  }
}

/** Lines of attempts that are to be kept, and how many were too many. */
export function keptLines(
  thread: { at(slot: number): Dispatched | undefined },
  { lines, dropped = [] }: Pick<Report, 'lines' | 'dropped'>,
): readonly HandlerLine[] {
  const found: HandlerLine[] = [];
  for (const { slot = 0, level, message, fields } of lines) {
    const request = thread.at(slot)?.request;
    if (request) found.push({ ...ownerOf(request), level, message, ...(fields !== undefined && { fields }) });
  }
  for (const { slot, count } of dropped) {
    const request = thread.at(slot)?.request;
    if (request) found.push({ ...ownerOf(request), dropped: count });
  }
  return found;
}

function ownerOf({ jobSeq, fence, jobId, name }: Attempt): Pick<HandlerLine, 'jobSeq' | 'fence' | 'jobId' | 'name'> {
  return { jobSeq, fence, jobId, name };
}

/** Whose progress it is: what was taken back has none. */
export function progressOf(
  thread: { at(slot: number): Dispatched | undefined },
  rows: readonly ProgressOfSlot[],
): readonly ProgressReport[] {
  return rows.flatMap(({ slot, progress }) => {
    const request = thread.at(slot)?.request;
    return request === undefined ? [] : [{ jobSeq: request.jobSeq, fence: request.fence, progress }];
  });
}

/** A success with the jobs that it has enqueued. */
export function withJobs(outcome: Outcome, slot: number, enqueued: readonly EnqueuedJobs[]): Outcome {
  if (outcome.kind !== 'succeeded') return outcome;
  const jobs = enqueued.find((one) => one.slot === slot)?.jobs ?? [];
  return jobs.length === 0 ? outcome : { ...outcome, enqueued: jobs };
}

/** A failure that says how long its retry waits. If that is no duration, its message says so. */
function failedAfter(
  dispatched: Dispatched,
  { name, message, retryAfter }: { readonly name: string; readonly message: string; readonly retryAfter: string },
  durationMs: number,
): Outcome {
  const wait = parseDuration(retryAfter);
  const told = 'ms' in wait ? message : `${message} (its retryAfter, "${retryAfter}", ${wait.error})`;
  const { jobSeq, fence } = dispatched.request;
  const failure = { kind: 'failed', name, message: told, code: 'handler_error', retryable: true } as const;
  return { jobSeq, fence, durationMs, ...failure, ...('ms' in wait && { retryAfterMs: wait.ms }) };
}

/** The outcome of a handler that came to its end when its thread could no longer report how. */
export function unreportedOutcome(dispatched: Dispatched, durationMs: number): Outcome {
  return dispatched.signalled === 'timeout'
    ? timedOut(dispatched, durationMs)
    : interrupted(dispatched, true, durationMs);
}

/** True if a handler that came to its end is to be charged with a timeout all the same. */
export function cameTooLate(dispatched: Dispatched, durationMs: number): boolean {
  if (durationMs <= dispatched.request.timeoutMs) return false;
  return dispatched.signalled === 'timeout' || (dispatched.signalled === undefined && !dispatched.starved);
}

/**
 * Outcomes of the attempts that ran when their thread ended.
 *
 * @param current slot of the attempt whose code ran, 0 if that is not known
 * @param running all that had begun and not come to their end
 * @param durationMs how long each of them has run
 */
export function outcomesOfLoss(
  loss: Loss,
  current: number,
  running: readonly Dispatched[],
  durationMs: (dispatched: Dispatched) => number,
): readonly Outcome[] {
  const culprit = running.find((each) => each.slot === current) ?? (running.length === 1 ? running[0] : undefined);
  const suspect = !isExplained(loss, culprit);
  const charged = (outcome: Outcome): Outcome => ({ ...outcome, suspect: true });
  return running.map((each) => {
    const ranMs = durationMs(each);
    if (each.signalled === 'timeout') return charged(timedOut(each, ranMs));
    if (loss.kind === 'shutdown') return interrupted(each, true, ranMs, suspect, true);
    if (each !== culprit || each.signalled !== undefined) return interrupted(each, true, ranMs, suspect);
    switch (loss.kind) {
      case 'died':
        return charged(failed(each, 'worker_lost', 'WorkerLostError', loss.message, ranMs));
      case 'overrun':
        return loss.silent && ranMs > each.request.timeoutMs
          ? charged(timedOut(each, ranMs))
          : interrupted(each, true, ranMs);
      default:
        return loss satisfies never;
    }
  });
}

/** True if those beside the culprit need not be suspected. */
function isExplained(loss: Loss, culprit: Dispatched | undefined): boolean {
  switch (loss.kind) {
    case 'died':
      return culprit !== undefined && !loss.ofMemory;
    case 'overrun':
      // One that goes on past its signal is known by that.
      return culprit !== undefined || !loss.silent;
    case 'shutdown':
      return true;
    default:
      return loss satisfies never;
  }
}
