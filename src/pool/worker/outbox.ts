/**
 * Worker side: gathers the outcomes and log lines of one turn of the event loop, and posts them as one message. Rows that
 * only free a slot (the attempt had been taken back) go the same way.
 */
import type { MessagePort } from 'node:worker_threads';
import type { LogLevel, LogLine } from '../shared/log-lines.js';
import {
  type DroppedLines,
  type EnqueuedJobs,
  type FromThread,
  outcomeKind,
  outcomeRow,
  type ProgressOfSlot,
} from '../shared/messages.js';
import { monotonicMs, type Slots } from '../shared/slots.js';
import type { LineBudget } from './line-budget.js';
import { OutgoingProgress } from './outgoing-progress.js';
import type { Result } from './result.js';
import type { Thrown } from './thrown.js';

// As they are before any handler is loaded: handlers may replace them. Lists grow by index for the same reason.
const { apply } = Reflect;
const { slice } = Float64Array.prototype;
const immediate = setImmediate;
const timeout = setTimeout;

/** Lines this long after the last message do not wait for the end of the turn: they may be a thread's last words. */
const lineGapMs = 10;
/** How often dropped lines are reported. */
const reportDroppedMs = 1000;
/** What waits for its time goes out after so long at the latest. */
const progressMs = 100;
/** A line's share of a message beside its texts. */
const lineChars = 100;

export class Outbox {
  readonly #port: Pick<MessagePort, 'postMessage'>;
  readonly #slots: Slots;
  readonly #numbers: Float64Array;
  #rows = 0;
  #texts: string[] = [];
  #lines: LogLine[] = [];
  #enqueued: EnqueuedJobs[] = [];
  readonly #progress = new OutgoingProgress();
  /** Of attempts that have ended, last words. */
  #lastProgress: ProgressOfSlot[] = [];
  #progressTimer: NodeJS.Timeout | undefined;
  /** Lines that would have been kept, by slot. */
  readonly #dropped = new Map<number, number>();
  readonly #budget: LineBudget;
  #reportedDroppedMs = Number.NEGATIVE_INFINITY;
  #droppedTimer: NodeJS.Timeout | undefined;
  #postedMs = 0;
  #turnEnd: NodeJS.Immediate | undefined;
  readonly #onTurnEnd: () => void;
  readonly #now: () => number;

  /** `onTurnEnd` is called at the end of a turn in which something was gathered, or `closeTurn` was called. */
  constructor(
    port: Pick<MessagePort, 'postMessage'>,
    slots: Slots,
    budget: LineBudget,
    onTurnEnd: () => void,
    now = monotonicMs,
  ) {
    this.#port = port;
    this.#slots = slots;
    this.#numbers = new Float64Array(slots.count * outcomeRow.numbers);
    this.#budget = budget;
    this.#now = now;
    this.#onTurnEnd = () => {
      this.#turnEnd = undefined;
      onTurnEnd();
    };
  }

  /** An attempt has said something of its progress, JSON text. It goes out at most ten times a second. */
  progress(slot: number, progress: string): void {
    const now = this.#now();
    const waitMs = this.#progress.set(slot, progress, now);
    if (waitMs > 0) {
      if (this.#progressTimer === undefined) this.#waitForProgress(waitMs);
    } else if (now - this.#postedMs > lineGapMs) this.post();
    else this.closeTurn();
  }

  /** An attempt had been recalled before it began. */
  skipped(slot: number): void {
    this.#row(slot, outcomeKind.skipped, 0, 0);
  }

  /** An attempt may not begin any more. */
  refused(slot: number): void {
    this.#row(slot, outcomeKind.refused, 0, 0);
  }

  /** @param jobs what it has enqueued */
  succeeded(slot: number, durationMs: number, blockingMs: number, result: Result, jobs: readonly string[] = []): void {
    if (jobs.length > 0) this.#enqueued[this.#enqueued.length] = { slot, jobs };
    switch (result.kind) {
      case 'none':
        this.#row(slot, outcomeKind.succeeded, durationMs, blockingMs);
        return;
      case 'json':
        this.#texts[this.#texts.length] = result.text;
        this.#row(slot, outcomeKind.succeededWith, durationMs, blockingMs);
        return;
      case 'omitted':
        this.#texts[this.#texts.length] = result.text;
        this.#row(slot, outcomeKind.succeededWithout, durationMs, blockingMs);
        return;
      default:
        result satisfies never;
    }
  }

  failed(slot: number, durationMs: number, blockingMs: number, thrown: Thrown): void {
    this.#texts[this.#texts.length] = thrown.name;
    this.#texts[this.#texts.length] = thrown.message;
    if (thrown.retryable && thrown.retryAfter !== undefined) {
      this.#texts[this.#texts.length] = thrown.retryAfter;
      this.#row(slot, outcomeKind.failedAfter, durationMs, blockingMs);
      return;
    }
    this.#row(slot, thrown.retryable ? outcomeKind.failed : outcomeKind.failedForGood, durationMs, blockingMs);
  }

  /** @param waitMs how long until it is to run again, in whole milliseconds */
  snoozed(slot: number, durationMs: number, blockingMs: number, waitMs: number): void {
    this.#texts[this.#texts.length] = `${waitMs}`;
    this.#row(slot, outcomeKind.snoozed, durationMs, blockingMs);
  }

  /** Whether a line of this level is kept with its job, if a handler writes it. */
  keeps(level: LogLevel): boolean {
    return this.#budget.keeps(level);
  }

  /** True if a line of this level is worth making: `add` must follow. A line that is too many is counted as dropped. `keptFor`: slot of the attempt whose line it is, where it would be kept. */
  admits(level: LogLevel, keptFor?: number): boolean {
    const admitted = this.#budget.admits(level, this.#now(), keptFor !== undefined);
    if (!admitted && keptFor !== undefined) this.#dropped.set(keptFor, (this.#dropped.get(keptFor) ?? 0) + 1);
    if (!admitted && this.#budget.dropped > 0)
      this.#droppedTimer ??= timeout(() => this.#onDroppedTimer(), reportDroppedMs).unref();
    return admitted;
  }

  line(line: LogLine): void {
    if (this.admits(line.level)) this.add(line);
  }

  /** A line that was admitted. */
  add(line: LogLine): void {
    this.#budget.spend(line.message.length + (line.fields?.length ?? 0) + lineChars);
    this.#lines[this.#lines.length] = line;
    if (this.#now() - this.#postedMs > lineGapMs) this.post();
    else this.closeTurn();
  }

  /** Calls `onTurnEnd` once what runs now, and all promises that it resolved, are through. */
  closeTurn(): void {
    this.#turnEnd ??= immediate(this.#onTurnEnd);
  }

  /** Sends what was gathered, even if that is nothing: it shows main that the thread has got on. */
  post(): void {
    const progress = this.#takeProgress();
    if (this.#budget.dropped > 0 && this.#now() - this.#reportedDroppedMs >= reportDroppedMs) this.reportDropped();
    const message: FromThread = {
      kind: 'report',
      numbers: apply(slice, this.#numbers, [0, this.#rows * outcomeRow.numbers]) as Float64Array<ArrayBuffer>,
      texts: this.#texts,
      lines: this.#lines,
      ...(progress.length > 0 && { progress }),
      ...(this.#dropped.size > 0 && { dropped: this.#takeDropped() }),
      ...(this.#enqueued.length > 0 && { enqueued: this.#enqueued }),
    };
    this.#rows = 0;
    this.#texts = [];
    this.#lines = [];
    if (this.#enqueued.length > 0) this.#enqueued = [];
    this.#postedMs = this.#now();
    this.#slots.beat();
    this.#port.postMessage(message);
  }

  #takeDropped(): readonly DroppedLines[] {
    const dropped = Array.from(this.#dropped, ([slot, count]) => ({ slot, count }));
    this.#dropped.clear();
    return dropped;
  }

  #takeProgress(): readonly ProgressOfSlot[] {
    const rows = this.#progress.take(this.#now());
    for (const row of this.#lastProgress) rows[rows.length] = row;
    if (this.#lastProgress.length > 0) this.#lastProgress = [];
    if (this.#progress.isWaiting && this.#progressTimer === undefined) this.#waitForProgress(progressMs);
    return rows;
  }

  #waitForProgress(waitMs: number): void {
    this.#progressTimer = timeout(() => {
      this.#progressTimer = undefined;
      this.post();
    }, waitMs).unref();
  }

  /** Adds a line about dropped ones, if there were any. */
  reportDropped(): void {
    const { dropped } = this.#budget;
    if (dropped === 0) return;
    this.#budget.resetDropped();
    this.#reportedDroppedMs = this.#now();
    const message = `${dropped} log lines were dropped: handlers log too much at once`;
    this.#lines[this.#lines.length] = { level: 'warn', message };
  }

  #onDroppedTimer(): void {
    this.#droppedTimer = undefined;
    if (this.#budget.dropped === 0) return;
    this.reportDropped();
    this.post();
  }

  #row(slot: number, kind: number, durationMs: number, blockingMs: number): void {
    const last = this.#progress.end(slot);
    if (last !== undefined) this.#lastProgress[this.#lastProgress.length] = last;
    const at = this.#rows++ * outcomeRow.numbers;
    this.#numbers[at + outcomeRow.slot] = slot;
    this.#numbers[at + outcomeRow.kind] = kind;
    this.#numbers[at + outcomeRow.durationMs] = durationMs;
    this.#numbers[at + outcomeRow.blockingMs] = blockingMs;
    this.closeTurn();
  }
}
