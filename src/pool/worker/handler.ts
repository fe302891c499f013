/** What a handler module exports and what it is given: `defineHandler`, and the types for those who write handlers. */
import type { Static, TSchema } from 'typebox';
import type { LogLevel } from '../shared/log-lines.js';

/** Any JSON object. */
export type JsonObject = Record<string, unknown>;

/**
 * Default export of a handler module. What it returns (or resolves to) becomes the job's result, written as JSON; what
 * it throws fails the attempt. An error whose `retryable` is `false` refuses further retries; one with a `retryAfter`, a
 * duration (`'30s'`) or milliseconds, says how long its retry waits, in place of the backoff.
 *
 * `payload` is parsed anew for each attempt. Its type is what the handler expects, not what was checked: any job of this
 * type may have been given any object.
 */
export type Handler<Payload = JsonObject, Result = unknown> = (
  payload: Payload,
  ctx: Context,
) => Result | Promise<Result>;

/** A job as `POST /jobs` takes it: with one of `delay`, `trigger_at` and `cron_expr`. Durations are written `5m`, instants as ISO 8601. */
export interface EnqueuedJob {
  readonly name: string;
  readonly payload?: object;
  readonly delay?: string;
  readonly trigger_at?: string | Date;
  readonly cron_expr?: string;
  readonly timezone?: string;
  readonly is_repeat?: boolean;
  /** All else that `POST /jobs` knows. */
  readonly [field: string]: unknown;
}

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
  /**
   * Says how far the attempt has come: a number from 0 to 100, or anything else that is JSON of at most 4 KiB. Answers show the latest as
   * `progress`, and `job.progress` tells subscribers, at most ten times a second: it may be called as often as it suits.
   *
   * @throws RangeError or TypeError for anything else
   */
  readonly progress: (value: unknown) => void;
  /**
   * Has a job made when this attempt succeeds, in the same commit, or not at all: as the body of `POST /jobs`, which it is held
   * against at once. A delay counts from that commit. At most 1,000 jobs and 4 MiB of JSON an attempt.
   *
   * @throws an Error with `code` and `errors`, where `POST /jobs` would answer 400
   */
  readonly enqueue: (job: EnqueuedJob) => void;
  /**
   * Thrown (`throw ctx.snooze('10m')`), it has the same attempt run again after a duration, or so many milliseconds: from 10 ms to
   * ten years. No retry is used. As a retry, it gives way to the next occurrence of a repeating job; this one is skipped then.
   *
   * @throws RangeError for what is no such time
   */
  readonly snooze: (wait: string | number) => Error;
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
  /** Attempts of one group of jobs that may run at once. */
  readonly group_concurrency?: number;
  /** At most this many starts in any period of this length, spread evenly: `100/1m`. */
  readonly rate?: string;
  readonly max_retries?: number;
  readonly retry_delay?: string;
  /** What a retry waits at most; never less than `retry_delay`. */
  readonly max_retry_delay?: string;
  /** Each retry waits longer by a random part of up to this fraction, from 0 to 1. */
  readonly retry_jitter?: number;
  /** No attempt starts later than that after its occurrence was due. */
  readonly expires_after?: string;
  /** Of jobs that are due and wait the larger starts first: from -100 to 100. */
  readonly priority?: number;
}

/** A schema of typebox: 1.x, or `@sinclair/typebox`. */
type TypeboxSchema = { readonly '~kind': string } | { readonly static: unknown };

/** What a schema admits. */
type Admitted<Schema> = Schema extends { readonly static: infer Payload }
  ? Payload
  : Schema extends TSchema
    ? Static<Schema>
    : unknown;

/** JSON Schema 2020-12, as plain JSON. */
export type PayloadSchema = { readonly [keyword: string]: unknown };

/** A handler with all that belongs to it: the default export of its module. */
export interface DefinedHandler<Payload, Result> {
  /** What payloads of new jobs are held against. */
  readonly payload?: object;
  readonly options?: HandlerOptions;
  readonly run: Handler<Payload, Result>;
}

/**
 * A handler whose payloads are checked when a job is made or its payload changed: what the schema does not admit is a 400.
 * The type of `payload` in `run` is what the schema says. The schema is of typebox:
 *
 *     export default defineHandler({
 *       payload: Type.Object({ order_id: Type.String() }),
 *       options: { timeout: '30s' },
 *       run: async ({ order_id }, ctx) => { … },
 *     });
 *
 * @returns what it is given, unchanged
 */
export function defineHandler<Schema extends TypeboxSchema, Result>(definition: {
  readonly payload: Schema;
  readonly options?: HandlerOptions;
  readonly run: (payload: Admitted<Schema>, ctx: Context) => Result | Promise<Result>;
}): DefinedHandler<Admitted<Schema>, Result>;
/** The schema is plain JSON Schema, from which no type follows: `run` gives one to its `payload`, which is `unknown` else. */
export function defineHandler<Payload = unknown, Result = unknown>(definition: {
  readonly payload: PayloadSchema;
  readonly options?: HandlerOptions;
  readonly run: (payload: Payload, ctx: Context) => Result | Promise<Result>;
}): DefinedHandler<Payload, Result>;
/** Without a schema payloads are any objects. */
export function defineHandler<Payload = JsonObject, Result = unknown>(definition: {
  readonly payload?: undefined;
  readonly options?: HandlerOptions;
  readonly run: (payload: Payload, ctx: Context) => Result | Promise<Result>;
}): DefinedHandler<Payload, Result>;
export function defineHandler(definition: unknown): unknown {
  return definition;
}
