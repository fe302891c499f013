/**
 * Telemetry as a port: what metrics and traces are told of what happens. Each call is made where it happens, on the main thread,
 * and takes numbers and short names only, so that nobody makes an object for a listener that is not there. Ids are not among
 * them: they are never labels. Durations are milliseconds.
 */

export type AttemptOutcome = 'succeeded' | 'failed' | 'interrupted' | 'snoozed';

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
  /** A job of a type, or an occurrence of it, was not started in time and has expired. */
  expired(type: string): void;
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
  expired: () => {},
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
