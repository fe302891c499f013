/**
 * What travels between the main thread and one worker thread. Types only, plain data only. Numbers go as one typed array
 * and texts as one list beside it: a batch of 128 attempts is cloned in a third of the time that as many objects take.
 */
import type { MessagePort } from 'node:worker_threads';
import type { HandlerInfo } from './messages.js';

/** How much one thread may add to the log. */
export interface LineBudgetOptions {
  /** Least level that is logged: one of pino's names. */
  readonly level: string;
  readonly linesPerSecond: number;
  /** UTF-16 units. */
  readonly charsPerSecond: number;
}

/** The argument of a thread's only task. */
export interface ThreadStart {
  readonly port: MessagePort;
  /** Memory of the thread's `Slots`. */
  readonly memory: SharedArrayBuffer;
  /** Absolute path. */
  readonly handlersDir: string;
  /** A module whose import takes longer makes the thread unusable. */
  readonly importLimitMs: number;
  /** What it may add to the log. */
  readonly log: LineBudgetOptions;
}

export type SignalReason = 'timeout' | 'cancelled' | 'shutdown';

/** From main to a thread. */
export type ToThread =
  /** Four numbers an attempt, see `AttemptBatch`; two texts: job id and payload. */
  | { readonly kind: 'run'; readonly numbers: Float64Array; readonly texts: readonly string[] }
  | { readonly kind: 'signal'; readonly slot: number; readonly reason: SignalReason; readonly message: string };

/** From a thread to main. */
export type FromThread =
  /** The module that is loaded next: named should the thread not survive it. */
  | { readonly kind: 'loading'; readonly file: string }
  | { readonly kind: 'ready'; readonly threadId: number; readonly handlers: readonly HandlerInfo[] }
  | { readonly kind: 'unusable'; readonly reason: string }
  | Report
  | { readonly kind: 'exiting'; readonly exitCode: number };

/** What happened on a thread since its last report: four numbers an outcome, see `ReportRow`, and the texts of each. */
export interface Report {
  readonly kind: 'report';
  readonly numbers: Float64Array;
  readonly texts: readonly string[];
  readonly lines: readonly LogLine[];
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A line of the log on its way to main; without `jobId` it belongs to no attempt. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly jobId?: string;
  readonly name?: string;
  readonly attempt?: number;
  /** JSON text of an object. */
  readonly fields?: string;
}

/** A line of the log as the pool hands it to its owner. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  /** Number of the thread, from 1; absent when the pool itself speaks. */
  readonly thread?: number;
  readonly jobId?: string;
  readonly name?: string;
  readonly attempt?: number;
  readonly fields?: Readonly<Record<string, unknown>>;
}
