/**
 * Checks what a worker thread sends. Handlers share the thread with the code that sends, and may have replaced anything
 * that it uses or found its port: nothing is taken in that has not been looked at. What is wrong costs the thread.
 */
import { limits } from '../../domain/limits.js';
import { maxDurationMs } from '../../domain/time/duration.js';
import type { LogLine } from '../shared/log-lines.js';
import { type FromThread, outcomeKind, outcomeRow, type Report, textsOfOutcome } from '../shared/messages.js';
import { slotsPerThread } from '../shared/slots.js';

/** A message, or what is wrong with it as the predicate of a sentence about the thread. */
export type Checked = { readonly message: FromThread } | { readonly fault: string };

/** Beyond what any honest thread sends. */
const most = {
  lines: 20_000,
  lineChars: 64 * 1024,
  handlers: 100_000,
  reasonChars: 64 * 1024,
  schemaChars: 1024 * 1024,
};
const levels: ReadonlySet<unknown> = new Set(['debug', 'info', 'warn', 'error']);

/** @param slots how many the thread has */
export function checkFromThread(message: unknown, slots = slotsPerThread): Checked {
  if (!isRecord(message)) return { fault: 'sent a message that is no object' };
  switch (message.kind) {
    case 'report':
      return checked(message, isReport(message, slots), 'sent a report that cannot be right');
    case 'loading':
      return checked(message, isText(message.file, most.reasonChars), 'named no file');
    case 'unusable':
      return checked(message, isText(message.reason, most.reasonChars), 'gave no reason');
    case 'exiting':
      return checked(message, Number.isInteger(message.exitCode), 'gave no exit code');
    case 'flushed':
      return { message: { kind: 'flushed' } };
    case 'ready':
      return checked(message, isReady(message), 'reported handlers that cannot be right');
    default:
      return { fault: 'sent a message of an unknown kind' };
  }
}

function checked(message: Record<string, unknown>, holds: boolean, fault: string): Checked {
  // The cast is what the checks above are for.
  return holds ? { message: message as unknown as FromThread } : { fault };
}

function isReport(message: Record<string, unknown>, slots: number): boolean {
  const { numbers, texts, lines, progress, dropped, enqueued } = message as Partial<Record<keyof Report, unknown>>;
  if (!(numbers instanceof Float64Array) || !Array.isArray(texts) || !Array.isArray(lines)) return false;
  if (numbers.length % outcomeRow.numbers !== 0 || numbers.length > slots * outcomeRow.numbers) return false;
  if (lines.length > most.lines || !lines.every((line) => isLine(line, slots))) return false;
  if (dropped !== undefined && !(Array.isArray(dropped) && dropped.every((one) => isDropped(one, slots)))) return false;
  if (progress !== undefined && !(Array.isArray(progress) && progress.every((one) => isProgress(one, slots))))
    return false;
  if (enqueued !== undefined && !(Array.isArray(enqueued) && enqueued.every(isEnqueued))) return false;
  let text = 0;
  for (let at = 0; at < numbers.length; at += outcomeRow.numbers) {
    const kind = numbers[at + outcomeRow.kind] as number;
    const count = textsOfOutcome[kind];
    if (
      count === undefined ||
      !isSlot(numbers[at + outcomeRow.slot], slots) ||
      !isTime(numbers[at + outcomeRow.durationMs]) ||
      !isTime(numbers[at + outcomeRow.blockingMs])
    )
      return false;
    for (let end = text + count; text < end; text++) {
      if (!isText(texts[text], limits.resultBytes)) return false;
    }
    if (kind === outcomeKind.snoozed && !isWait(texts[text - 1] as string)) return false;
    if (kind === outcomeKind.succeededWith && !isJson(texts[text - 1] as string)) return false;
  }
  return text === texts.length;
}

/** A time that an attempt may be snoozed for, in milliseconds. */
function isWait(text: string): boolean {
  return /^\d{1,15}$/.test(text) && Number(text) >= limits.minSnoozeMs && Number(text) <= maxDurationMs;
}

function isDropped(one: unknown, slots: number): boolean {
  return (
    isRecord(one) && isSlot(one.slot as number, slots) && Number.isSafeInteger(one.count) && (one.count as number) > 0
  );
}

function isProgress(one: unknown, slots: number): boolean {
  if (!isRecord(one) || !isSlot(one.slot as number, slots)) return false;
  return isText(one.progress, limits.progressBytes) && isJson(one.progress as string);
}

/** Whose they are is for the rows to say: those of others are not looked at. */
function isEnqueued(one: unknown): boolean {
  if (!isRecord(one) || !Array.isArray(one.jobs) || one.jobs.length > limits.enqueuedJobs) return false;
  let chars = 0;
  return one.jobs.every((job) => isText(job, limits.bodyBytes) && (chars += job.length) <= limits.enqueuedBytes);
}

function isLine(line: unknown, slots: number): boolean {
  if (!isRecord(line)) return false;
  const { level, message, jobId, name, attempt, trace_id, span_id, fields, slot } = line as Partial<
    Record<keyof LogLine, unknown>
  >;
  return (
    levels.has(level) &&
    isText(message, most.lineChars) &&
    (jobId === undefined || isText(jobId, limits.nameChars)) &&
    (name === undefined || isText(name, limits.nameChars)) &&
    (attempt === undefined || typeof attempt === 'number') &&
    (slot === undefined || isSlot(slot as number, slots)) &&
    (trace_id === undefined || isText(trace_id, limits.nameChars)) &&
    (span_id === undefined || isText(span_id, limits.nameChars)) &&
    (fields === undefined || (isText(fields, most.lineChars) && isJson(fields as string, true)))
  );
}

function isReady(message: Record<string, unknown>): boolean {
  const { threadId, traced, handlers } = message;
  if (
    !Number.isInteger(threadId) ||
    typeof traced !== 'boolean' ||
    !Array.isArray(handlers) ||
    handlers.length > most.handlers
  )
    return false;
  return handlers.every(
    (handler) =>
      isRecord(handler) &&
      // Its options are held against their shape by `handler-options`.
      isText(handler.name, limits.nameChars) &&
      isText(handler.file, most.reasonChars) &&
      (handler.payload === undefined ||
        (isText(handler.payload, most.schemaChars) && isJson(handler.payload as string, true))),
  );
}

function isSlot(value: number | undefined, slots: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= slots;
}

/** Two clocks that do not quite agree may make a time just below zero. */
function isTime(value: number | undefined): boolean {
  return Number.isFinite(value) && (value as number) > -1000;
}

function isText(value: unknown, mostChars: number): boolean {
  return typeof value === 'string' && value.length <= mostChars;
}

function isJson(text: string, ofObject = false): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return !ofObject || isRecord(value);
  } catch {
    return false;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
