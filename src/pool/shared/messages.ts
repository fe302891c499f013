/**
 * What travels between the main thread and one worker thread, and how it is laid out. Plain data only: an `Error` loses
 * its class and fields on the way. Numbers go as one typed array and texts as one list beside it: a batch of 128 attempts
 * is cloned in a third of the time that as many objects take.
 */
import type { MessagePort } from 'node:worker_threads';
import type { TraceContext } from '../../domain/job.js';
import type { LineBudgetOptions, LogLine } from './log-lines.js';
import { slotsPerThread } from './slots.js';

/** A handler module as a thread has loaded it: the main thread reads its options. */
export interface DeclaredHandler {
  /** The job type. */
  readonly name: string;
  /** Its name in the handlers folder. */
  readonly file: string;
  /** The `options` that it exports, unchecked; undefined when it exports none. */
  readonly options: unknown;
  /** The payload schema that it exports, JSON text; undefined when it exports none. */
  readonly payload?: string | undefined;
}

/** A handler of the server's own, on threads of its own. */
export interface BuiltIn {
  /** The job type that it is for. */
  readonly name: string;
  /** URL of a module that exports `makeHandler`, which makes the handler of the settings. */
  readonly module: string;
  /** Plain data. */
  readonly settings: unknown;
  /** As a module of the folder would export it. */
  readonly options: unknown;
}

/** A job type of the server's own, as the threads of other handlers know it. */
export interface OtherType {
  readonly name: string;
  /** URL of a module that exports `makePayloadCheck`, which makes a check of payloads of the settings. */
  readonly module: string;
  /** Plain data, without secrets. */
  readonly settings: unknown;
}

/** A job type that there is a handler for elsewhere. */
export interface ElsewhereType {
  readonly name: string;
  /** Its payload schema, JSON text; absent: it has none. */
  readonly payload?: string | undefined;
}

/** What the jobs are held against that handlers enqueue. */
export interface JobCheck {
  /** URL of a module that exports `makeCheck`. */
  readonly module: string;
  /** URL of a module that exports `compilePayloadSchema`. */
  readonly compiler: string;
  /** IANA name: for instants without an offset. */
  readonly timezone: string;
  /** Job types that there are beside those of the handlers folder. */
  readonly otherTypes: readonly OtherType[];
}

/** The argument of a thread's only task. */
export interface ThreadStart {
  readonly port: MessagePort;
  /** Memory of the thread's `Slots`. */
  readonly memory: SharedArrayBuffer;
  /** Absolute path. */
  readonly handlersDir: string;
  /** What it loads in place of the folder; absent: the folder. */
  readonly builtIn?: BuiltIn | undefined;
  /** A module whose import takes longer makes the thread unusable. */
  readonly importLimitMs: number;
  /** What it may add to the log. */
  readonly log: LineBudgetOptions;
  /** Absent: its handlers enqueue nothing. */
  readonly jobCheck?: JobCheck | undefined;
  /** Memory of the `BeginDeadline`; absent: attempts may begin at any time. */
  readonly deadline?: SharedArrayBuffer | undefined;
}

export type SignalReason = 'timeout' | 'cancelled' | 'shutdown' | 'lease_lost';

/** From main to a thread. */
export type ToThread =
  /** Rows as `attemptRow` says. `traces`: of each attempt in order, absent where none has one. */
  | {
      readonly kind: 'run';
      readonly numbers: Float64Array;
      readonly texts: readonly string[];
      readonly traces?: readonly (TraceContext | undefined)[];
    }
  | { readonly kind: 'signal'; readonly slot: number; readonly reason: SignalReason; readonly message: string }
  /** Types that its handlers may enqueue jobs of, beside those that it has loaded. They take the place of those that were told before. */
  | { readonly kind: 'types'; readonly types: readonly ElsewhereType[] }
  /** To one that is traced: to send what its SDK has gathered, since its end is near. */
  | { readonly kind: 'flush' };

/** From a thread to main. */
export type FromThread =
  /** The module that is loaded next: named should the thread not survive it. */
  | { readonly kind: 'loading'; readonly file: string }
  | {
      readonly kind: 'ready';
      readonly threadId: number;
      /** It has an SDK for traces. */
      readonly traced: boolean;
      readonly handlers: readonly DeclaredHandler[];
    }
  | { readonly kind: 'flushed' }
  | { readonly kind: 'unusable'; readonly reason: string }
  | Report
  | { readonly kind: 'exiting'; readonly exitCode: number };

/** What happened on a thread since its last report: rows as `outcomeRow` says, and lines of the log. */
export interface Report {
  readonly kind: 'report';
  readonly numbers: Float64Array;
  readonly texts: readonly string[];
  readonly lines: readonly LogLine[];
  /** Progress of attempts; absent where there is none. */
  readonly progress?: readonly ProgressOfSlot[];
  /** Lines that were too many to be kept; absent where there is none. */
  readonly dropped?: readonly DroppedLines[];
  /** Of attempts that succeeded and enqueued jobs; absent where there is none. */
  readonly enqueued?: readonly EnqueuedJobs[];
}

/** What the attempt in a slot has said last of its progress. */
export interface ProgressOfSlot {
  readonly slot: number;
  /** JSON text. */
  readonly progress: string;
}

/** How many lines of the attempt in a slot were too many. */
export interface DroppedLines {
  readonly slot: number;
  readonly count: number;
}

/** What the attempt in a slot has enqueued: JSON texts, in order. */
export interface EnqueuedJobs {
  readonly slot: number;
  readonly jobs: readonly string[];
}

/** The layout of one attempt in a `run` message: where its numbers and texts are, and how many of each it has. */
export const attemptRow = {
  /** Numbers; `handler` is an index into what `ready` named. */
  slot: 0,
  handler: 1,
  attempt: 2,
  scheduledFor: 3,
  numbers: 4,
  /** Texts. */
  jobId: 0,
  payload: 1,
  texts: 2,
} as const;

/** The layout of one outcome in a report: where its numbers are, and how many. Its texts are those of its kind, in order. */
export const outcomeRow = {
  slot: 0,
  /** One of `outcomeKind`. */
  kind: 1,
  durationMs: 2,
  /** The synchronous part of it. */
  blockingMs: 3,
  numbers: 4,
} as const;

/** How an attempt left its thread. */
export const outcomeKind = {
  succeeded: 0,
  succeededWith: 1,
  succeededWithout: 2,
  failed: 3,
  /** No retry is wanted. */
  failedForGood: 4,
  /** It had been recalled before it began: the row only frees its slot. */
  skipped: 5,
  /** It says how long its retry is to wait. */
  failedAfter: 6,
  /** It is to run again later. */
  snoozed: 7,
  /** It came to its thread after the deadline and has not begun. */
  refused: 8,
} as const;

/** How many texts come with an outcome of each kind. */
export const textsOfOutcome: Readonly<Record<number, number>> = {
  [outcomeKind.succeeded]: 0,
  /** The result. */
  [outcomeKind.succeededWith]: 1,
  /** Why the result was omitted. */
  [outcomeKind.succeededWithout]: 1,
  /** Name and message. */
  [outcomeKind.failed]: 2,
  [outcomeKind.failedForGood]: 2,
  [outcomeKind.skipped]: 0,
  /** Name, message and duration. */
  [outcomeKind.failedAfter]: 3,
  /** Milliseconds, as decimal digits. */
  [outcomeKind.snoozed]: 1,
  [outcomeKind.refused]: 0,
};

/** What a thread gets to know about an attempt. */
export interface SentAttempt {
  readonly attempt: number;
  readonly scheduledFor: number;
  readonly jobId: string;
  readonly payload: string;
  readonly trace?: TraceContext | undefined;
}

/** Main: gathers the attempts that leave with the next message. */
export class AttemptBatch {
  readonly #numbers: Float64Array;
  #texts: string[] = [];
  /** By place, as far as there are any. */
  #traces: (TraceContext | undefined)[] = [];
  #size = 0;

  /** @param slots how many the thread has */
  constructor(slots = slotsPerThread) {
    this.#numbers = new Float64Array(slots * attemptRow.numbers);
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  add(slot: number, handler: number, { attempt, scheduledFor, jobId, payload, trace }: SentAttempt): void {
    if (trace !== undefined) this.#traces[this.#size] = trace;
    const at = this.#size++ * attemptRow.numbers;
    this.#numbers[at + attemptRow.slot] = slot;
    this.#numbers[at + attemptRow.handler] = handler;
    this.#numbers[at + attemptRow.attempt] = attempt;
    this.#numbers[at + attemptRow.scheduledFor] = scheduledFor;
    this.#texts.push(jobId, payload);
  }

  /** The message; the batch is empty again. */
  take(): Extract<ToThread, { kind: 'run' }> {
    const numbers = this.#numbers.slice(0, this.#size * attemptRow.numbers);
    const texts = this.#texts;
    const traces = this.#traces;
    this.#size = 0;
    this.#texts = [];
    if (traces.length === 0) return { kind: 'run', numbers, texts };
    this.#traces = [];
    return { kind: 'run', numbers, texts, traces };
  }
}
