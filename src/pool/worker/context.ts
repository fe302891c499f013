/**
 * What a handler is given, made for each attempt. Its parts are made when asked for: an AbortController costs more than
 * a small handler.
 */

import type { TraceContext } from '../../domain/job.js';
import { type LogLevel, namesOf } from '../shared/log-lines.js';
import type { SignalReason } from '../shared/messages.js';
import { Enqueued, type Enqueueing } from './enqueue.js';
import type { Context } from './handler.js';
import type { Outbox } from './outbox.js';
import { progressText } from './progress.js';
import { snooze } from './snooze.js';
import { describeThrown } from './thrown.js';

const noJobs: readonly string[] = [];
const fieldsChars = 16 * 1024;
const messageChars = 8 * 1024;

export class AttemptContext implements Context {
  readonly #scheduledFor: number;
  readonly #outbox: Outbox;
  readonly #enqueueing: Enqueueing;
  readonly #slot: number;
  #controller: AbortController | undefined;
  #log: Context['log'] | undefined;
  #enqueued: Enqueued | undefined;
  #isOver = false;
  #abortedBy: Error | undefined;
  #abortReason: SignalReason | undefined;

  constructor(
    readonly jobId: string,
    readonly name: string,
    readonly attempt: number,
    scheduledFor: number,
    outbox: Outbox,
    /** Where it is in a trace. */
    readonly trace: TraceContext | undefined,
    enqueueing: Enqueueing,
    slot: number,
  ) {
    this.#slot = slot;
    this.#enqueueing = enqueueing;
    this.#scheduledFor = scheduledFor;
    this.#outbox = outbox;
  }

  get scheduledFor(): Date {
    return new Date(this.#scheduledFor);
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortedBy) this.#controller.abort(this.#abortedBy);
    }
    return this.#controller.signal;
  }

  get enqueue(): Context['enqueue'] {
    this.#enqueued ??= new Enqueued(this.#enqueueing, this.#isOver);
    const enqueued = this.#enqueued;
    return (job) => enqueued.add(job);
  }

  get progress(): Context['progress'] {
    return (value) => {
      if (!this.#isOver) this.#outbox.progress(this.#slot, progressText(value));
    };
  }

  /** The attempt has ended. Returns the jobs that it has enqueued, JSON texts. */
  end(): readonly string[] {
    this.#isOver = true;
    return this.#enqueued?.end() ?? noJobs;
  }

  /** A function that needs no `this`: handlers take it out of `ctx`. */
  get snooze(): Context['snooze'] {
    return snooze;
  }

  get log(): Context['log'] {
    this.#log ??= {
      debug: (message, fields) => this.#writeKept('debug', message, fields),
      info: (message, fields) => this.#writeKept('info', message, fields),
      warn: (message, fields) => this.#writeKept('warn', message, fields),
      error: (message, fields) => this.#writeKept('error', message, fields),
    };
    return this.#log;
  }

  /** Fires the signal, once. */
  abort(reason: SignalReason, message: string): void {
    if (this.#abortedBy) return;
    this.#abortReason = reason;
    this.#abortedBy = new Error(message);
    this.#abortedBy.name = reason === 'timeout' ? 'TimeoutError' : 'AbortError';
    this.#controller?.abort(this.#abortedBy);
  }

  /** Notes in the log what the handler threw: after its signal has fired, other than for lateness, that is no failure. */
  writeThrown(detail: string): void {
    const reason = this.#abortReason;
    if (reason === undefined || reason === 'timeout') this.write('warn', 'attempt failed', { error: detail });
    else this.write('info', 'attempt aborted', { reason, error: detail });
  }

  /** What a handler writes while it runs is kept with its job, from a level on. */
  #writeKept(level: LogLevel, first: unknown, second: unknown): void {
    this.write(level, first, second, this.#isOver || !this.#outbox.keeps(level) ? undefined : this.#slot);
  }

  /** A line of the log that names this attempt. Fields may also come first, as loggers like pino have it. */
  write(level: LogLevel, first: unknown, second?: unknown, keptFor?: number): void {
    if (!this.#outbox.admits(level, keptFor)) return;
    const [message, fields] = isFields(first) && typeof second === 'string' ? [second, first] : [first, second];
    const text = typeof message === 'string' ? message : describeThrown(message).detail;
    this.#outbox.add({
      level,
      message: text.slice(0, messageChars),
      ...namesOf(this),
      ...(fields === undefined ? {} : { fields: encodeFields(fields) }),
      ...(keptFor === undefined ? {} : { slot: keptFor }),
    });
  }
}

function isFields(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}

/** Fields come from users: what JSON cannot take is replaced by the reason. */
function encodeFields(fields: unknown): string {
  let omitted: string;
  try {
    const json = JSON.stringify(fields, errorsAsText);
    if (typeof json === 'string' && json.startsWith('{') && json.length <= fieldsChars) return json;
    omitted = json === undefined || json.length <= fieldsChars ? 'not an object' : `${json.length} characters of JSON`;
  } catch (error) {
    omitted = describeThrown(error).message.split('\n', 1)[0] ?? '';
  }
  return JSON.stringify({ fields_omitted: omitted });
}

/** JSON shows an Error as `{}`. */
function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? describeThrown(value).detail : value;
}
