/**
 * Attempts that wait for a thread, and how they get one. What no thread has room for waits here, not on a thread, so
 * that it goes to whichever is free first; what a held thread has not begun comes back here.
 */

import type { Dispatched } from './dispatched.js';
import { aloneLimit, choose, queuedBudgetMs, room } from './placement.js';
import type { BlockingTimes } from './shared/blocking-times.js';
import { monotonicMs } from './shared/slots.js';
import type { Thread } from './thread.js';

export interface DispatcherOptions {
  /** Threads of the whole pool, alive or not. */
  readonly size: number;
  /** Those that can be sent to. */
  readonly ready: () => readonly Thread[];
  readonly blocking: BlockingTimes;
  /** False while native code holds so many threads for a type that no more of it may begin. */
  readonly mayBegin: (name: string) => boolean;
  /** An attempt may not begin now: its owner has it again. */
  readonly onRefused: (dispatched: Dispatched) => void;
  /** No thread has a handler of this type any more: the folder has changed. */
  readonly onUnknownType: (dispatched: Dispatched) => void;
}

/** What all threads together can take, as of the last look. */
interface Capacity {
  readonly attempts: number;
  readonly timeMs: number;
  readonly idleThreads: number;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  #waiting: Dispatched[] = [];
  #waitingAlone: Dispatched[] = [];
  #waitingMs = 0;
  #capacity: Capacity = { attempts: 0, timeMs: 0, idleThreads: 0 };

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** How many more attempts of average length fit. What is dispatched beyond that is kept here. */
  get free(): number {
    const { attempts, timeMs, idleThreads } = this.#capacity;
    const waiting = this.#waiting.length + this.#waitingAlone.length;
    const byTime = Math.floor((timeMs - this.#waitingMs) / Math.max(this.#options.blocking.overallMs, 1e-3));
    return Math.max(0, idleThreads - waiting, Math.min(attempts - waiting, byTime));
  }

  add(dispatched: Dispatched): void {
    if (dispatched.attempt.alone) {
      this.#waitingAlone.push(dispatched);
    } else {
      this.#waiting.push(dispatched);
      this.#waitingMs += this.#options.blocking.of(dispatched.attempt.name);
    }
  }

  /** Puts back, before all others, what a thread had not begun. */
  addAgain(recalled: readonly Dispatched[]): void {
    if (recalled.length === 0) return;
    this.#waitingAlone = [...recalled.filter((each) => each.attempt.alone), ...this.#waitingAlone];
    this.#waiting = [...recalled.filter((each) => !each.attempt.alone), ...this.#waiting];
    this.#countWaiting();
  }

  /** Removes an attempt that waits; undefined if none does by that name. */
  remove(jobSeq: number, lease: number): Dispatched | undefined {
    for (const list of [this.#waiting, this.#waitingAlone]) {
      const at = list.findIndex(({ attempt }) => attempt.jobSeq === jobSeq && attempt.lease === lease);
      if (at >= 0) {
        const [removed] = list.splice(at, 1);
        this.#countWaiting();
        return removed;
      }
    }
    return undefined;
  }

  /** Removes all that wait. */
  clear(): readonly Dispatched[] {
    const all = [...this.#waiting, ...this.#waitingAlone];
    this.#waiting = [];
    this.#waitingAlone = [];
    this.#waitingMs = 0;
    return all;
  }

  /** Sends what fits and posts one message per thread. */
  place(): void {
    const nowMs = monotonicMs();
    const threads = this.#options.ready();
    this.#look(threads, nowMs);
    this.#placeAlone(threads, nowMs);
    this.#placeWaiting(threads, nowMs);
    for (const thread of threads) thread.post();
    this.#measure(threads);
  }

  /** Takes from held threads what they have not begun, as far as others have room for it. */
  takeBack(): void {
    const nowMs = monotonicMs();
    const threads = this.#options.ready();
    this.#look(threads, nowMs);
    if (!threads.some((thread) => thread.accepts && thread.queued === 0)) return;
    const held = threads.filter((thread) => !thread.accepts && !thread.alone && thread.queued > 0);
    if (held.length === 0) return;
    this.addAgain(held.flatMap((thread) => thread.recallQueued()));
    for (const thread of held) thread.stalled = true;
    this.place();
  }

  #look(threads: readonly Thread[], nowMs: number): void {
    for (const thread of threads) {
      thread.refresh(nowMs);
      if (thread.inFlight === 0) thread.alone = false;
    }
    this.#reserve(threads);
    for (const thread of threads) thread.accepts = !thread.reserved && !thread.alone && !thread.isBlocked(nowMs);
  }

  /** Those with the least on them are kept free for attempts that run alone; chosen anew each time. */
  #reserve(threads: readonly Thread[]): void {
    for (const thread of threads) thread.reserved = false;
    if (this.#waitingAlone.length === 0) return;
    const taken = threads.filter((thread) => thread.alone).length;
    const wanted = Math.min(this.#waitingAlone.length, aloneLimit(this.#options.size) - taken);
    if (wanted <= 0) return;
    const candidates = threads.filter((thread) => !thread.alone).sort((a, b) => a.inFlight - b.inFlight);
    for (const thread of candidates.slice(0, wanted)) thread.reserved = true;
  }

  #placeAlone(threads: readonly Thread[], nowMs: number): void {
    for (const thread of threads) {
      if (!thread.reserved) continue;
      if (thread.queued > 0) this.addAgain(thread.recallQueued());
      if (thread.inFlight > 0 || thread.held === thread.ceiling) continue;
      const next = this.#waitingAlone.shift();
      if (!next) return;
      thread.alone = this.#send(next, thread, nowMs);
    }
  }

  #placeWaiting(threads: readonly Thread[], nowMs: number): void {
    const { blocking } = this.#options;
    let placed = 0;
    const keptBack: Dispatched[] = [];
    for (const next of this.#waiting) {
      const { name } = next.attempt;
      let thread = choose(threads, blocking.of(name));
      if (!thread) break;
      placed++;
      // Threads differ when the folder has changed since the first of them began.
      if (!thread.knows(name) && threads.some((each) => each.knows(name))) {
        const able = threads.filter((each) => each.knows(name));
        thread = choose(able, blocking.of(name));
      }
      if (thread) this.#send(next, thread, nowMs);
      else keptBack.push(next);
    }
    if (placed === 0) return;
    this.#waiting.splice(0, placed, ...keptBack);
    this.#countWaiting();
  }

  #send(dispatched: Dispatched, thread: Thread, nowMs: number): boolean {
    const { name } = dispatched.attempt;
    if (!this.#options.mayBegin(name)) {
      this.#options.onRefused(dispatched);
      return false;
    }
    const known = thread.knows(name);
    if (known) thread.send(dispatched, this.#options.blocking.of(name), nowMs);
    else this.#options.onUnknownType(dispatched);
    return known;
  }

  #countWaiting(): void {
    this.#waitingMs = this.#waiting.reduce((sum, each) => sum + this.#options.blocking.of(each.attempt.name), 0);
  }

  #measure(threads: readonly Thread[]): void {
    const { overallMs } = this.#options.blocking;
    let attempts = 0;
    let timeMs = 0;
    let idleThreads = 0;
    for (const thread of threads) {
      if (!thread.accepts) continue;
      const more = room(thread, overallMs);
      attempts += more;
      timeMs += Math.max(0, queuedBudgetMs - thread.queuedMs);
      if (more > 0 && thread.queued === 0) idleThreads++;
    }
    this.#capacity = { attempts, timeMs, idleThreads };
  }
}
