/** What a handler module exports and what it is given: the types for those who write handlers. */
import type { LogLevel } from '../shared/log-lines.js';

/** Any JSON object. */
export type JsonObject = Record<string, unknown>;

/**
 * Default export of a handler module. What it returns (or resolves to) becomes the job's result, written as JSON; what
 * it throws fails the attempt. An error whose `retryable` is `false` refuses further retries.
 *
 * `payload` is parsed anew for each attempt. Its type is what the handler expects, not what was checked: any job of this
 * type may have been given any object.
 */
export type Handler<Payload = JsonObject, Result = unknown> = (
  payload: Payload,
  ctx: Context,
) => Result | Promise<Result>;

/** The attempt that a handler runs for. */
export interface Context {
  readonly jobId: string;
  /** The job type. */
  readonly name: string;
  /** 1 for the first attempt of an occurrence. */
  readonly attempt: number;
  /** The instant that this occurrence was due. */
  readonly scheduledFor: Date;
  /**
   * Aborts on timeout (`reason.name` is `TimeoutError`), cancel and shutdown (`AbortError`). A handler that is still
   * running when the grace period ends is stopped with its thread.
   */
  readonly signal: AbortSignal;
  /** Lines of the server's log, marked with job and attempt. */
  readonly log: Readonly<Record<LogLevel, (message: string, fields?: JsonObject) => void>>;
}

/** Optional named export `options`: defaults for jobs of this type. Durations are written as in requests, `5m`. */
export interface HandlerOptions {
  /** Shown by `GET /job-types`. */
  readonly description?: string;
  readonly timeout?: string;
  /** Attempts of this type that may run at once, over all threads. */
  readonly concurrency?: number;
  readonly max_retries?: number;
  readonly retry_delay?: string;
}
