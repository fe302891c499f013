/**
 * Telemetry as a port: what metrics and traces are told of what happens. Each call is made where it happens, on the main thread,
 * and takes numbers and short names only, so that nobody makes an object for a listener that is not there. Ids are not among
 * them: they are never labels. Durations are milliseconds.
 */
import type { BulkAction } from '../domain/control/bulk.js';
import type { FailureCode } from '../domain/job.js';
import type { PassOutcome } from '../domain/runs/run.js';

export type AttemptOutcome = 'succeeded' | 'failed' | 'interrupted' | 'snoozed';

/** What becomes of a request whose key is taken. */
export const takenKeyOutcomes = ['rejected', 'returned', 'replaced'] as const;
export type TakenKeyOutcome = (typeof takenKeyOutcomes)[number];

/** What becomes of a job that a bulk action comes to. */
export const bulkOutcomes = ['done', 'skipped', 'failed'] as const;
export type BulkOutcome = (typeof bulkOutcomes)[number];

export type Reloaded = 'handlers' | 'tokens';
export type ReloadOutcome = 'done' | 'failed';

export interface Telemetry {
  /** A batch is on disk: jobs that it changed, bytes of its log record, and from handing it over until it was known to be there. */
  committed(jobs: number, bytes: number, durationMs: number): void;
  /** The trees were brought up to date. */
  merged(durationMs: number): void;
  /** An attempt of a job type left for its thread, so long after it was due. */
  attemptStarted(type: string, latenessMs: number): void;
  /** Its outcome came; how long its handler took, 0 when that had not begun. */
  attemptEnded(type: string, outcome: AttemptOutcome, durationMs: number): void;
  /** So many runs of jobs of a type were not started, or not tried again, and why. */
  runsPassedOver(type: string, reason: PassOutcome, runs: number): void;
  /** A run of a job of a type has failed for good. */
  runFailed(type: string, code: FailureCode): void;
  /** A request named a key that a job of the type had, and what became of it. */
  keyTaken(type: string, outcome: TakenKeyOutcome): void;
  /** Attempts have made so many jobs of a type. */
  jobsEnqueued(type: string, jobs: number): void;
  /** A bulk action came to so many jobs, and what became of them. */
  bulkActed(action: BulkAction, outcome: BulkOutcome, jobs: number): void;
  /** A request was answered; `route` is the path of its route, `/api/v1/jobs/:id`, and `method` in lower case, as it was sent. */
  requestAnswered(route: string, method: string, status: number, durationMs: number): void;
  /** A connection subscribed to something, or did so no more. One that replaces its filter is lost and gained. */
  subscriberGained(): void;
  subscriberLost(): void;
  /** Events were sent, each counted for every subscriber that it went to. Those of a resumption are not among them. */
  eventsSent(count: number): void;
  /** Past events were sent to one who resumes. */
  eventsResumed(count: number): void;
  /** An event was dropped, as its subscriber reads too slowly. */
  eventDropped(): void;
  /** A worker thread that could run attempts is gone, and why; later, that another has its place. */
  threadLost(reason: 'stopped' | 'memory' | 'exit' | 'error'): void;
  threadReplaced(): void;
  /** Handlers or the token file were read anew, or could not be: what there was stays then. */
  reloaded(what: Reloaded, outcome: ReloadOutcome): void;
}

/** Nobody listens. */
export const noTelemetry: Telemetry = {
  committed: () => {},
  merged: () => {},
  attemptStarted: () => {},
  attemptEnded: () => {},
  runsPassedOver: () => {},
  runFailed: () => {},
  keyTaken: () => {},
  jobsEnqueued: () => {},
  bulkActed: () => {},
  requestAnswered: () => {},
  subscriberGained: () => {},
  subscriberLost: () => {},
  eventsSent: () => {},
  eventsResumed: () => {},
  eventDropped: () => {},
  threadLost: () => {},
  threadReplaced: () => {},
  reloaded: () => {},
};
