/** Looks at the running attempts again and again, and carries out what `watch` decides about those past their time. */

import type { Dispatched } from './dispatched.js';
import { type Running, whoseCodeOn } from './shared/attribution.js';
import type { LogEntry } from './shared/log-lines.js';
import { monotonicMs } from './shared/slots.js';
import type { Thread } from './thread.js';
import { type Loss, timeoutMessage } from './verdict.js';
import { review, silentAfterMs, type WatchedThread } from './watch.js';

export interface OverrunsOptions {
  readonly threads: () => readonly Thread[];
  /** The job type whose module this file is; undefined if it is no handler's. */
  readonly typeOf: (url: string) => string | undefined;
  /** From an attempt's signal to the end of its thread. */
  readonly graceMs: number;
  readonly log: (entry: LogEntry) => void;
  /** A thread is about to be stopped: what has not begun there can be taken back. */
  readonly onStop: (thread: Thread) => void;
  /** After each look. */
  readonly onLooked: () => void;
}

/** How often running attempts are looked at: the precision of timeouts. */
const lookEveryMs = 25;
/** Looks further apart tell that this thread, or the whole process, was held: nothing was seen of the others. */
const awayMs = 200;
/** From the end of a handler to the report of it, on a thread that is not held: far more than any machine takes. */
const reportLimitMs = 5000;
/** An answer that is older does not say whose code it is now. */
const freshMs = 500;

/** Whose code it is that holds a thread: asked when that cannot be seen in its slots. */
interface Inquiry {
  /** The thread's beats when it was asked: if it has shown life since, something else holds it. */
  readonly beats: number;
  /** Undefined until then. */
  answeredMs: number | undefined;
  holder: Dispatched | undefined;
  at: string | undefined;
}

export class Overruns {
  readonly #options: OverrunsOptions;
  readonly #losses = new WeakMap<Thread, Loss>();
  readonly #stoppedOver = new WeakMap<Thread, { readonly over: Dispatched; readonly at: string | undefined }>();
  readonly #inquiries = new WeakMap<Thread, Inquiry>();
  #timer: NodeJS.Timeout | undefined;
  #lookedMs = 0;

  constructor(options: OverrunsOptions) {
    this.#options = options;
  }

  /** Why a thread was stopped here; undefined if it was not. */
  lossOf(thread: Thread): Loss | undefined {
    return this.#losses.get(thread);
  }

  /** The attempt that a thread was stopped over, and where its code was if that is known. */
  stoppedOver(thread: Thread): { readonly over: Dispatched; readonly at: string | undefined } | undefined {
    return this.#stoppedOver.get(thread);
  }

  /** Looks from now on, until `rest`. */
  watch(): void {
    if (this.#timer) return;
    this.#lookedMs = monotonicMs();
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * If nobody has looked for a while, what became late meanwhile is not charged: the process may have been stopped
   * (SIGSTOP), and the attempt ends as soon as it goes on. To be called before outcomes are taken in.
   */
  noticeAbsence(): void {
    const nowMs = monotonicMs();
    const wasAway = this.#timer !== undefined && nowMs - this.#lookedMs > awayMs;
    if (!wasAway) return;
    this.#lookedMs = nowMs;
    for (const thread of this.#options.threads()) {
      thread.forgive(nowMs);
      for (const each of thread.attempts()) {
        each.throughMs = undefined;
        if (thread.slots.hasBegun(each.slot) && this.#overdueMs(thread, each, nowMs) >= 0) each.starved = true;
      }
    }
  }

  #look(): void {
    this.noticeAbsence();
    const nowMs = monotonicMs();
    this.#lookedMs = nowMs;
    for (const thread of this.#options.threads()) {
      const running = thread.attempts().filter((each) => thread.slots.isRunning(each.slot));
      const signs = thread.observe(nowMs);
      this.#expectReports(thread, running.length > 0 && signs.silentMs >= silentAfterMs, nowMs);
      if (running.length > 0) this.#lookAt(thread, running, { ...signs, current: this.#holderOf(thread) }, nowMs);
    }
    this.#options.onLooked();
  }

  /** A thread that is not held and does not report what is through never will: handlers have broken it. */
  #expectReports(thread: Thread, isHeld: boolean, nowMs: number): void {
    for (const each of thread.attempts()) {
      if (isHeld || !thread.slots.hasBegun(each.slot) || thread.slots.isRunning(each.slot)) each.throughMs = undefined;
      else each.throughMs ??= nowMs;
      if (each.throughMs !== undefined && nowMs - each.throughMs > reportLimitMs) {
        thread.distrust('did not report how its handlers ended');
        return;
      }
    }
  }

  #overdueMs(thread: Thread, { slot, attempt }: Dispatched, nowMs: number): number {
    return nowMs - thread.slots.since(slot) - attempt.timeoutMs;
  }

  #lookAt(thread: Thread, running: readonly Dispatched[], signs: Omit<WatchedThread, 'running'>, nowMs: number): void {
    const { graceMs } = this.#options;
    const watched = running.map((each) => ({
      slot: each.slot,
      overdueMs: this.#overdueMs(thread, each, nowMs),
      signalledForMs: each.signalled === undefined ? undefined : nowMs - each.signalledMs,
    }));
    const { signal, starved, stopFor } = review({ ...signs, running: watched }, graceMs);
    for (const each of running) {
      if (starved.includes(each.slot)) each.starved = true;
      if (signal.includes(each.slot)) thread.signal(each, 'timeout', timeoutMessage(each.attempt), nowMs);
      if (stopFor === each.slot && this.#isExplained(thread, signs, nowMs)) {
        this.#stop(thread, each, running.length, signs);
      }
    }
  }

  /** The slot whose code holds the thread, if it is held; 0 if nothing tells. */
  #holderOf(thread: Thread): number {
    const { slots } = thread;
    const inquiry = this.#inquiries.get(thread);
    if (inquiry && inquiry.beats !== slots.beats) this.#inquiries.delete(thread);
    else if (inquiry?.holder && slots.current === 0) {
      const { slot } = inquiry.holder;
      return thread.at(slot) === inquiry.holder && slots.isRunning(slot) ? slot : 0;
    }
    return slots.current;
  }

  /**
   * A silent thread is asked whose code holds it before it is stopped, so that nobody else is suspected of it, the log
   * can say where that code is, and a thread that only waits for a processor shows life. False until it has answered, or
   * has taken too long; whose it is `#holderOf` tells then.
   */
  #isExplained(thread: Thread, signs: Omit<WatchedThread, 'running'>, nowMs: number): boolean {
    if (signs.silentMs < silentAfterMs) return true;
    const last = this.#inquiries.get(thread);
    if (last && last.answeredMs === undefined) return false;
    if (last?.answeredMs !== undefined && nowMs - last.answeredMs < freshMs) return true;
    const inquiry: Inquiry = { beats: thread.slots.beats, answeredMs: undefined, holder: undefined, at: undefined };
    this.#inquiries.set(thread, inquiry);
    void whoseCodeOn(thread.threadId).then((running) => {
      const { at } = running;
      inquiry.answeredMs = monotonicMs();
      inquiry.holder = this.#ownerOf(thread, running);
      inquiry.at = at;
      // No code runs there: it waited for a processor, and has a moment to show life. Once, since it might be chance.
      if (at === undefined && last === undefined) thread.forgive(inquiry.answeredMs);
    });
    return false;
  }

  /** Code that nobody awaits belongs to the attempt whose module it is in, if there is one such attempt. */
  #ownerOf(thread: Thread, { slot, from }: Running): Dispatched | undefined {
    if (slot !== 0 || from === undefined) return thread.at(slot);
    const type = this.#options.typeOf(from);
    const [one, ...others] = thread
      .attempts()
      .filter((each) => each.attempt.name === type && thread.slots.isRunning(each.slot));
    return others.length === 0 ? one : undefined;
  }

  #stop(thread: Thread, over: Dispatched, running: number, signs: Omit<WatchedThread, 'running'>): void {
    const silent = signs.silentMs >= silentAfterMs;
    const { jobId, name, attempt } = over.attempt;
    this.#options.log({
      level: 'warn',
      thread: thread.number,
      message: silent
        ? 'a thread is stopped: a handler holds it past a timeout or a cancellation'
        : 'a thread is stopped: a handler ignores its signal past the grace period',
      jobId,
      name,
      attempt,
      fields: { running, ...(silent ? { at: this.#inquiries.get(thread)?.at } : {}) },
    });
    this.#losses.set(thread, { kind: 'overrun', current: signs.current, silent });
    this.#stoppedOver.set(thread, { over, at: this.#inquiries.get(thread)?.at });
    this.#options.onStop(thread);
    thread.stop();
  }
}
