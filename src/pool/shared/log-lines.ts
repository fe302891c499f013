/** Lines of handlers on their way to the server's log, and how many of them one thread may send. */
import type { TraceContext } from '../../domain/job.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A line of the log on its way to main; without `jobId` it belongs to no attempt. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly jobId?: string;
  readonly name?: string;
  readonly attempt?: number;
  /** Of the attempt, where that is traced: hexadecimal digits. */
  readonly trace_id?: string;
  readonly span_id?: string;
  /** JSON text of an object. */
  readonly fields?: string;
  /** Of the attempt whose handler has written it, which is to be kept with its job; absent: it is not. */
  readonly slot?: number;
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
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** A line of a handler. @param thread its number */
export function toEntry({ fields, slot: _, ...line }: LogLine, thread: number): LogEntry {
  return {
    ...line,
    thread,
    ...(fields === undefined ? {} : { fields: JSON.parse(fields) as Record<string, unknown> }),
  };
}

/** The fields by which a line names its attempt. */
export function namesOf({
  jobId,
  name,
  attempt,
  trace,
}: NamedAttempt): Pick<LogEntry, 'jobId' | 'name' | 'attempt' | 'trace_id' | 'span_id'> {
  const names = { jobId, name, attempt };
  return trace === undefined ? names : { ...names, trace_id: trace.traceId, span_id: trace.spanId };
}

interface NamedAttempt {
  readonly jobId: string;
  readonly name: string;
  readonly attempt: number;
  readonly trace?: TraceContext | undefined;
}

/** How much one thread may add to the log. */
export interface LineBudgetOptions {
  /** Least level that is logged: one of pino's names. */
  readonly level: string;
  /** Least level of lines that are kept with their job. */
  readonly keptLevel: string;
  readonly linesPerSecond: number;
  /** UTF-16 units. */
  readonly charsPerSecond: number;
}

/** Over all threads; each has its share. */
const linesPerSecond = 10_000;
const charsPerSecond = 4 * 1024 * 1024;

/** What one thread may log, so that all of them keep within the bound together. */
export function shareOfLog(level: string, threads: number, keptLevel = 'silent'): LineBudgetOptions {
  return { level, keptLevel, linesPerSecond: linesPerSecond / threads, charsPerSecond: charsPerSecond / threads };
}
