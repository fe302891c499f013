/**
 * The pool as the scheduler knows it: what it takes, what comes back, and the port itself. Types only, plain data only.
 */
import type { FailureCode, TraceContext } from '../domain/job.js';
import type { Telemetry } from '../telemetry/port.js';
import type { BeginDeadline } from './shared/deadline.js';
import type { LogEntry, LogLevel } from './shared/log-lines.js';
import type { BuiltIn, JobCheck } from './shared/messages.js';

export type { DeclaredPayload, HandlerInfo } from './incoming/handler-options.js';
export type { JobCheck } from './shared/messages.js';

/** One attempt on its way to a worker. `jobSeq` and `fence` together name it for ever. */
export interface Attempt {
  readonly jobSeq: number;
  /** The fencing number: each attempt of a job has one of its own, and an outcome counts only for the latest. */
  readonly fence: number;
  readonly jobId: string;
  readonly name: string;
  /** JSON text of the payload. */
  readonly payload: string;
  /** Its number: 1 for the first of an occurrence. */
  readonly attempt: number;
  /** Unix milliseconds. */
  readonly scheduledFor: number;
  readonly timeoutMs: number;
  /** Runs with nothing else on its thread: the last attempt is suspected of having ended the one it had. */
  readonly alone: boolean;
  /** What is active around its handler; absent where nothing is traced. */
  readonly trace?: TraceContext | undefined;
}

/** How an attempt ended. Each dispatched attempt has exactly one outcome. */
export type Outcome = {
  readonly jobSeq: number;
  readonly fence: number;
  readonly durationMs: number;
  /** It ended its thread, or may have done: the job's next attempt is to run alone. */
  readonly suspect?: boolean;
} & (
  | {
      readonly kind: 'succeeded';
      readonly result?: string;
      readonly resultOmitted?: string;
      /** Jobs that are to be made with its success: bodies of `POST /jobs`, JSON texts. */
      readonly enqueued?: readonly string[];
    }
  | {
      readonly kind: 'failed';
      readonly name: string;
      readonly message: string;
      readonly code: FailureCode;
      readonly retryable: boolean;
      /** How long its retry is to wait, in place of the backoff; milliseconds. */
      readonly retryAfterMs?: number;
    }
  /** It asked to run again later, as the same attempt. `waitMs`: milliseconds from now on. */
  | { readonly kind: 'snoozed'; readonly waitMs: number }
  /**
   * Cut short by something that was not its doing, or taken back before it began (`begun: false`). `planned`: its owner had asked it to
   * end, since the server shuts down or the job has moved.
   */
  | { readonly kind: 'interrupted'; readonly begun: boolean; readonly planned?: boolean }
);

/** A line that a handler has written by `ctx.log`, or how many were more than may be. */
export type HandlerLine = {
  readonly jobSeq: number;
  readonly fence: number;
  readonly jobId: string;
  readonly name: string;
} & (
  | {
      readonly level: LogLevel;
      readonly message: string;
      /** JSON text of an object. */
      readonly fields?: string | undefined;
    }
  | { readonly dropped: number }
);

/** What a running attempt has said of its progress. */
export interface ProgressReport {
  readonly jobSeq: number;
  readonly fence: number;
  /** JSON text. */
  readonly progress: string;
}

/** Why an attempt is to end. `lease_lost`: another node has its job by now. */
export type AbortReason = 'cancelled' | 'shutdown' | 'lease_lost';

/** The pool as the scheduler sees it. The simulation has one of its own that misbehaves. */
export interface Pool {
  /** How many more attempts it takes now, of types that have no places of their own. */
  readonly free: number;
  /** Types that have places of their own: `placesOf` alone bounds them, and not `free`. Absent: none has. */
  readonly apart?: readonly string[];
  /** Attempts of this type that may run at once now, beside the limit of the type itself; Infinity when unbounded. */
  placesOf(name: string): number;
  /** Takes an attempt; it leaves for its thread with the next `flush`. */
  dispatch(attempt: Attempt): void;
  /** Sends what was dispatched since the last call, one message per thread. */
  flush(): void;
  /** Fires the attempt's signal; after the grace its thread is stopped. An attempt that has not begun is taken back. */
  abort(jobSeq: number, fence: number, reason: AbortReason): void;
}

/** What the pool calls its owner for. */
export interface PoolEvents {
  /** Outcomes in the order they happened, in batches. */
  outcomes(outcomes: readonly Outcome[]): void;
  /** What running attempts have said of their progress, at most some ten times a second each. Before their outcomes. */
  progress?(reports: readonly ProgressReport[]): void;
  /** Lines of running attempts that are to be kept. Before their outcomes. */
  lines?(lines: readonly HandlerLine[]): void;
  /** Room appeared without an outcome (a batch has begun and the thread can take more). */
  room(): void;
}

/** What a pool is made with. */
export interface PoolOptions {
  /** Folder of handler modules. */
  readonly handlersDir: string;
  /** Worker threads, at least 1. */
  readonly threads: number;
  /**
   * Heap of each thread. A handler that outgrows it step by step is stopped with its thread. One allocation of more than
   * some 16 MiB beyond it ends the whole process: V8 leaves no other choice.
   */
  readonly threadMemoryMiB: number;
  /** What threads run in place of the handlers of the folder, asked for at the start of each. */
  readonly builtIn?: () => BuiltIn;
  /** What the jobs are held against that handlers enqueue; absent: they enqueue none. */
  readonly jobCheck?: JobCheck;
  /** No attempt begins after it: what comes too late is interrupted and has not begun. Absent: there is none, as on a single node. */
  readonly deadline?: BeginDeadline;
  /** Attempts that one thread may hold at once, running or about to; by default 256. */
  readonly attemptsPerThread?: number;
  /** From an attempt's signal to the end of its thread, if it does not end by itself. */
  readonly graceMs: number;
  /** A thread that shows no life is stopped when an attempt is that long past its timeout; 250 ms by default. */
  readonly heldMs?: number;
  /** For the import of one handler module; 10 s by default. */
  readonly importLimitMs?: number;
  readonly events: PoolEvents;
  /** Least level of handlers' lines that is logged, by pino's names; by default `debug`. */
  readonly logLevel?: string;
  /** Least level of handlers' lines that are kept with their job; by default none is. */
  readonly jobLogLevel?: string;
  /** Lines of handlers and of the pool itself. */
  readonly log?: (entry: LogEntry) => void;
  /** Hears of threads that were lost and replaced. */
  readonly telemetry?: Telemetry;
}
