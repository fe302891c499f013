/** Looks at the running attempts again and again, and carries out what `watch` decides about those past their time. */
import type { Dispatched } from './dispatched.js';
import { monotonicMs } from './slots.js';
import type { Thread } from './thread.js';
import type { LogEntry } from './thread-messages.js';
import { type Loss, timeoutMessage } from './verdict.js';
import { review, silentAfterMs, type WatchedThread } from './watch.js';

export interface OverrunsOptions {
  readonly threads: () => readonly Thread[];
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

export class Overruns {
  readonly #options: OverrunsOptions;
  readonly #losses = new WeakMap<Thread, Loss>();
  #timer: NodeJS.Timeout | undefined;
  #lookedMs = 0;

  constructor(options: OverrunsOptions) {
    this.#options = options;
  }

  /** Why a thread was stopped here; undefined if it was not. */
  lossOf(thread: Thread): Loss | undefined {
    return this.#losses.get(thread);
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
      if (running.length > 0) this.#lookAt(thread, running, { ...signs, current: thread.slots.current }, nowMs);
    }
    this.#options.onLooked();
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
      if (stopFor === each.slot) this.#stop(thread, each, running.length, signs);
    }
  }

  #stop(thread: Thread, over: Dispatched, running: number, signs: Omit<WatchedThread, 'running'>): void {
    const silent = signs.silentMs >= silentAfterMs;
    const { jobId, name, attempt } = over.attempt;
    this.#options.log({
      level: 'warn',
      thread: thread.number,
      message: silent
        ? 'a thread is stopped: a handler holds it past a timeout'
        : 'a thread is stopped: a handler ignores its signal past the grace period',
      jobId,
      name,
      attempt,
      fields: { running },
    });
    this.#losses.set(thread, { kind: 'overrun', current: signs.current, silent });
    this.#options.onStop(thread);
    thread.stop();
  }
}
