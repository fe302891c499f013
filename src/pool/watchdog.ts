/**
 * Checks the running attempts again and again, and carries out what `watch` decides about those past their time: fires
 * signals, and stops the threads of those that do not heed them.
 */

import type { Dispatched } from './dispatched.js';
import { type Running, whoseCodeOn } from './shared/attribution.js';
import { type LogEntry, namesOf } from './shared/log-lines.js';
import { monotonicMs } from './shared/slots.js';
import type { Thread } from './thread.js';
import { type Loss, timeoutMessage } from './verdict.js';
import { review, silentAfterMs, type WatchedThread } from './watch.js';

export interface WatchdogOptions {
  readonly threads: () => readonly Thread[];
  /** The job type whose module this file is; undefined if it is no handler's. */
  readonly typeOf: (url: string) => string | undefined;
  /** From an attempt's signal to the end of its thread. */
  readonly graceMs: number;
  /** As that of `review`; absent: its own. */
  readonly heldMs?: number | undefined;
  readonly log: (entry: LogEntry) => void;
  /** A thread is about to be stopped: what has not begun there can be taken back. */
  readonly onStop: (thread: Thread) => void;
  /** After each check. */
  readonly onChecked: () => void;
}

/** How often running attempts are checked: the precision of timeouts. */
const checkEveryMs = 25;
/** Checks further apart mean that this thread, or the whole process, was held: nothing was seen of the others. */
const suspendedMs = 200;
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

/** That a thread was stopped for an attempt past its time. */
export interface Stop {
  /** What the verdict on its attempts goes by. */
  readonly loss: Loss;
  /** The attempt that it was stopped for. */
  readonly dispatched: Dispatched;
  /** File and line of the code that held the thread, if known. */
  readonly at: string | undefined;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #stops = new WeakMap<Thread, Stop>();
  readonly #inquiries = new WeakMap<Thread, Inquiry>();
  #timer: NodeJS.Timeout | undefined;
  #checkedMs = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Why a thread was stopped here; undefined if it was not. */
  stopOf(thread: Thread): Stop | undefined {
    return this.#stops.get(thread);
  }

  /** Checks from now on, until `disarm`. */
  arm(): void {
    if (this.#timer) return;
    this.#checkedMs = monotonicMs();
    this.#timer = setInterval(() => this.#check(), checkEveryMs);
  }

  disarm(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * If nothing has been checked for a while, what became late meanwhile is not charged: the process may have been stopped
   * (SIGSTOP), and the attempt ends as soon as it goes on. To be called before outcomes are taken in.
   */
  noticeSuspension(): void {
    const nowMs = monotonicMs();
    const wasSuspended = this.#timer !== undefined && nowMs - this.#checkedMs > suspendedMs;
    if (!wasSuspended) return;
    this.#checkedMs = nowMs;
    for (const thread of this.#options.threads()) {
      thread.resetSilence(nowMs);
      for (const each of thread.attempts()) {
        each.unreportedMs(false, nowMs);
        if (thread.hasBegun(each) && this.#overdueMs(thread, each, nowMs) >= 0) each.starve();
      }
    }
  }

  #check(): void {
    this.noticeSuspension();
    const nowMs = monotonicMs();
    this.#checkedMs = nowMs;
    for (const thread of this.#options.threads()) {
      const running = thread.running();
      const signs = thread.observe(nowMs);
      this.#checkReports(thread, running.length > 0 && signs.silentMs >= silentAfterMs, nowMs);
      if (running.length > 0) this.#checkThread(thread, running, { ...signs, current: this.#holderOf(thread) }, nowMs);
    }
    this.#options.onChecked();
  }

  /** A thread that is not held and does not report what has settled never will: handlers have broken it. */
  #checkReports(thread: Thread, isHeld: boolean, nowMs: number): void {
    for (const each of thread.attempts()) {
      const isSettled = !isHeld && thread.hasBegun(each) && !thread.isRunning(each);
      if (each.unreportedMs(isSettled, nowMs) > reportLimitMs) {
        thread.fail('did not report how its handlers ended');
        return;
      }
    }
  }

  #overdueMs(thread: Thread, dispatched: Dispatched, nowMs: number): number {
    return nowMs - thread.beganMs(dispatched) - dispatched.request.timeoutMs;
  }

  #checkThread(
    thread: Thread,
    running: readonly Dispatched[],
    signs: Omit<WatchedThread, 'running'>,
    nowMs: number,
  ): void {
    const { graceMs, heldMs } = this.#options;
    const watched = running.map((each) => ({
      slot: each.slot,
      overdueMs: this.#overdueMs(thread, each, nowMs),
      signalledForMs: each.signalled === undefined ? undefined : nowMs - each.signalledMs,
    }));
    const { signal, starved, stopFor } = review({ ...signs, running: watched }, graceMs, heldMs);
    const [late, held] = [new Set(signal), new Set(starved)];
    for (const each of running) {
      if (held.has(each.slot)) each.starve();
      if (late.has(each.slot)) thread.signal(each, 'timeout', timeoutMessage(each.request), nowMs);
      if (stopFor === each.slot && this.#isHolderKnown(thread, signs, nowMs)) {
        this.#stop(thread, each, running.length, signs);
      }
    }
  }

  /** The slot whose code holds the thread, if it is held; 0 if that is not known. */
  #holderOf(thread: Thread): number {
    const inquiry = this.#inquiries.get(thread);
    if (inquiry && inquiry.beats !== thread.beats) this.#inquiries.delete(thread);
    else if (inquiry?.holder && thread.current === 0) {
      const { holder } = inquiry;
      return thread.at(holder.slot) === holder && thread.isRunning(holder) ? holder.slot : 0;
    }
    return thread.current;
  }

  /**
   * A silent thread is asked whose code holds it before it is stopped, so that nobody else is suspected of it, the log
   * can say where that code is, and a thread that only waits for a processor shows life. False until it has answered, or
   * has taken too long; `#holderOf` has the answer then.
   */
  #isHolderKnown(thread: Thread, signs: Omit<WatchedThread, 'running'>, nowMs: number): boolean {
    if (signs.silentMs < silentAfterMs) return true;
    const last = this.#inquiries.get(thread);
    if (last && last.answeredMs === undefined) return false;
    if (last?.answeredMs !== undefined && nowMs - last.answeredMs < freshMs) return true;
    const inquiry: Inquiry = { beats: thread.beats, answeredMs: undefined, holder: undefined, at: undefined };
    this.#inquiries.set(thread, inquiry);
    void whoseCodeOn(thread.threadId).then((running) => {
      const { at } = running;
      inquiry.answeredMs = monotonicMs();
      inquiry.holder = this.#ownerOf(thread, running);
      inquiry.at = at;
      // No code runs there: it waited for a processor, and has a moment to show life. Once, since it might be chance.
      if (at === undefined && last === undefined) thread.resetSilence(inquiry.answeredMs);
    });
    return false;
  }

  /** Code that nobody awaits belongs to the attempt whose module it is in, if there is one such attempt. */
  #ownerOf(thread: Thread, { slot, from }: Running): Dispatched | undefined {
    if (slot !== 0 || from === undefined) return thread.at(slot);
    const type = this.#options.typeOf(from);
    const [one, ...others] = thread.running().filter((each) => each.request.name === type);
    return others.length === 0 ? one : undefined;
  }

  #stop(thread: Thread, dispatched: Dispatched, running: number, signs: Omit<WatchedThread, 'running'>): void {
    const silent = signs.silentMs >= silentAfterMs;
    const at = this.#inquiries.get(thread)?.at;
    this.#options.log({
      level: 'warn',
      thread: thread.number,
      message: silent
        ? 'a thread is stopped: a handler holds it past a timeout or a cancellation'
        : 'a thread is stopped: a handler ignores its signal past the grace period',
      ...namesOf(dispatched.request),
      fields: { running, ...(silent ? { at } : {}) },
    });
    this.#stops.set(thread, { loss: { kind: 'overrun', current: signs.current, silent }, dispatched, at });
    this.#options.onStop(thread);
    thread.stop();
  }
}
