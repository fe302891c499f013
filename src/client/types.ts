/** What goes in and comes out, as types. Names and forms are those of the REST API; a test holds them to its schemas. */
import type { Fault } from './errors.js';

export type JsonObject = { readonly [name: string]: unknown };
export type JobStatus = 'pending' | 'running' | 'success' | 'failed' | 'cancelled';

/** A duration as text (`10m`, `1h30s`), or a number of milliseconds. */
export type Duration = string | number;
export type Overlap = 'skip' | 'queue' | 'cancel_running';
/** An instant as text (ISO 8601), or a `Date`. */
export type Instant = string | Date;

/** What the jobs of each type take and return, by the handlers themselves or by a map. */
export type Handlers = object;

type Run = (payload: never, ...rest: never[]) => unknown;
/** A module's default export: a function, or what `defineHandler` returns. */
type Exported = Run | { readonly run: Run };

/** What jobs of a type take. */
export type PayloadOf<Handler> = Handler extends (payload: infer Payload, ...rest: never[]) => unknown
  ? Payload
  : Handler extends { readonly run: (payload: infer Payload, ...rest: never[]) => unknown }
    ? Payload
    : Handler extends { readonly default: infer Default extends Exported }
      ? PayloadOf<Default>
      : Handler extends { readonly payload: infer Payload }
        ? Payload
        : JsonObject;

/** What jobs of a type return. */
export type ResultOf<Handler> = Handler extends (...all: never[]) => infer Result
  ? Awaited<Result>
  : Handler extends { readonly run: (...all: never[]) => infer Result }
    ? Awaited<Result>
    : Handler extends { readonly default: infer Default extends Exported }
      ? ResultOf<Default>
      : Handler extends { readonly result: infer Result }
        ? Result
        : unknown;

/** The job types that there are. */
export type NameOf<H extends Handlers> = keyof H & string;

interface Options {
  readonly max_retries?: number;
  readonly retry_delay?: Duration;
  readonly backoff?: 'exponential' | 'fixed';
  readonly timeout?: Duration;
  readonly misfire?: 'run_once' | 'skip';
}

/** Fields that a job may be without. */
interface More {
  /** Of jobs that are due and wait the larger starts first: -100 to 100. */
  readonly priority?: number;
  readonly tags?: readonly string[];
  /** A tenant, an account: waiting groups of one type take turns. */
  readonly group?: string;
  /** No attempt starts later than that after its occurrence was due. */
  readonly expires_after?: Duration;
  readonly max_retry_delay?: Duration;
  readonly retry_jitter?: number;
  /** From here on only of jobs that repeat. */
  readonly start_at?: Instant;
  readonly end_at?: Instant;
  readonly max_runs?: number;
  readonly jitter?: Duration;
  /** Of a repeating job: what becomes of a slot that comes due while the occurrence before it runs. Default `skip`. */
  readonly overlap?: Overlap;
}

/** Of new jobs: a key never changes. */
interface Keyed {
  /** Names the job within its type: taken while it is pending or running. */
  readonly key?: string;
  /** What is done when the key is taken; `reject` where it is absent. */
  readonly if_exists?: 'reject' | 'return' | 'replace';
  /** How long the key stays taken at least, from the making of the job on. */
  readonly key_ttl?: Duration;
}

interface Trigger {
  readonly delay?: Duration;
  readonly trigger_at?: Instant;
  readonly cron_expr?: string;
  readonly timezone?: string;
}

/** A job to be made: exactly one of `delay`, `trigger_at` and `cron_expr`. */
export type NewJob<H extends Handlers = Record<string, unknown>, Name extends NameOf<H> = NameOf<H>> = Trigger &
  Options &
  More &
  Keyed & { readonly is_repeat?: boolean } & {
    [N in Name]: { readonly name: N; readonly payload?: PayloadOf<H[N]> };
  }[Name];

/** What is to change about a pending job; null takes a field away. */
export type JobChange = Trigger &
  Options & { readonly [Field in keyof More]?: More[Field] | null } & { readonly payload?: JsonObject };

/** A job as it was made, or as it stands in a list. */
export interface ListedJob<Name extends string = string, Result = unknown> {
  readonly id: string;
  readonly name: Name;
  readonly status: JobStatus;
  readonly trigger_at: string;
  readonly next_run_in?: string;
  readonly waiting_for?: string;
  readonly paused?: true;
  readonly paused_until?: string;
  readonly pause_reason?: string;
  readonly retry_count: number;
  readonly max_retries: number;
  readonly is_repeat: boolean;
  readonly created_at: string;
  readonly updated_at: string;
  readonly cron_expr?: string;
  readonly timezone?: string;
  readonly delay?: string;
  readonly retry_delay: string;
  readonly backoff: 'exponential' | 'fixed';
  readonly timeout: string;
  readonly priority?: number;
  readonly tags?: readonly string[];
  readonly group?: string;
  /** The job whose attempt has enqueued it. */
  readonly parent_id?: string;
  readonly key?: string;
  readonly key_ttl?: string;
  readonly expires_after?: string;
  readonly max_retry_delay?: string;
  readonly retry_jitter?: number;
  readonly start_at?: string;
  readonly end_at?: string;
  readonly max_runs?: number;
  readonly jitter?: string;
  readonly overlap?: Overlap;
  readonly misfire?: 'run_once' | 'skip';
  readonly skipped_count?: number;
  readonly missed_count?: number;
  readonly run_count?: number;
  readonly last_outcome?: 'success' | 'failed';
  readonly started_at?: string;
  readonly finished_at?: string;
  /** What the latest attempt has said last (`ctx.progress`). */
  readonly progress?: unknown;
  readonly result?: Result;
  readonly result_omitted?: string;
  readonly last_error?: { readonly name: string; readonly message: string; readonly code: string; readonly at: string };
}

/** A job with its payload. */
export interface Job<Name extends string = string, Payload = JsonObject, Result = unknown>
  extends ListedJob<Name, Result> {
  readonly payload: Payload;
}

type OneOrMore<T> = T | readonly T[];

/** Which jobs: all that is there must fit. Of several values any will do, of tags all are wanted. */
export interface JobFilter<Name extends string = string> {
  readonly status?: OneOrMore<JobStatus>;
  readonly name?: OneOrMore<Name>;
  /** At most 1,000. */
  readonly id?: OneOrMore<string>;
  readonly tag?: OneOrMore<string>;
  readonly group?: string;
  readonly key?: string;
  readonly paused?: boolean;
  readonly is_repeat?: boolean;
  readonly last_outcome?: 'success' | 'failed';
  /** Of `failures()`. */
  readonly error_group?: string;
  readonly created_after?: Instant;
  readonly created_before?: Instant;
  readonly due_after?: Instant;
  readonly due_before?: Instant;
}

/** Which jobs, in which order: by default the newest first, or that which is due first. */
export interface ListFilter<Name extends string = string> extends JobFilter<Name> {
  /** A text in payload, result or last error, case ignored: jobs are read for it, newest first, until none is left. */
  readonly q?: string;
  readonly sort?: 'created' | 'due';
  readonly order?: 'asc' | 'desc';
}

/** Jobs that have failed and are there still, of one type and for one reason. */
export interface Failure {
  readonly name: string;
  /** Finds its jobs: `jobs.list({ error_group })`. */
  readonly error_group: string;
  /** Numbers and ids in it are `#`. */
  readonly message: string;
  readonly count: number;
  readonly first_at: string;
  readonly last_at: string;
  /** The one that failed last. */
  readonly job_id: string;
}

export type BulkAction = 'cancel' | 'retry' | 'run' | 'pause' | 'resume' | 'remove' | 'update';

/** Something that is to be done with many jobs. */
export interface NewBulk<Name extends string = string> {
  readonly action: BulkAction;
  readonly filter: JobFilter<Name> | { readonly all: true };
  /** What jobs are changed to, with `update`. */
  readonly change?: JobChange;
}

export interface BulkPreview {
  readonly action: BulkAction;
  readonly matched: number;
}

/** Something that is done with many jobs, and how far it is. */
export interface Bulk extends BulkPreview {
  readonly id: string;
  readonly filter: JsonObject;
  readonly change?: JsonObject;
  readonly status: 'pending' | 'running' | 'success' | 'cancelled';
  readonly done: number;
  /** Jobs that did not match any more when their turn came. */
  readonly skipped: number;
  /** Jobs that it was refused for, and why: the first of them. */
  readonly failed: number;
  readonly errors: readonly { readonly job_id: string; readonly code: string; readonly detail: string }[];
  readonly created_at: string;
  readonly finished_at?: string;
}

/** What is said of a pause; null takes it away, what is absent stays as it is. */
export interface Reason {
  /** At most 500 characters. */
  readonly reason?: string | null;
}

/** The pause of a job. */
export interface JobPause extends Reason {
  /** When it ends by itself. */
  readonly until?: Instant | null;
}

/** Whether the server is paused. */
export interface ServerPause {
  readonly paused: boolean;
  readonly reason?: string;
  readonly since?: string;
}

export interface Stats {
  readonly pending: number;
  readonly running: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** `seq` of the last event. */
  readonly last_event: number;
  readonly [figure: string]: number | string;
}

/** What the server says of a request that it refuses (RFC 9457). */
export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly status: number;
  readonly errors?: readonly Fault[];
}
