/**
 * Attempts that wait for a thread, and how they get one. What no thread has room for waits here, not on a thread, so
 * that it goes to whichever is free first; what a blocked thread has not begun comes back here.
 */

import type { Dispatched } from './dispatched.js';
import { Place } from './place.js';
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
  readonly #places = new WeakMap<Thread, Place>();
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
    if (dispatched.request.alone) {
      this.#waitingAlone.push(dispatched);
    } else {
      this.#waiting.push(dispatched);
      this.#waitingMs += this.#options.blocking.of(dispatched.request.name);
    }
  }

  /** Puts back, before all others, what a thread had not begun. */
  requeue(recalled: readonly Dispatched[]): void {
    if (recalled.length === 0) return;
    this.#waitingAlone = [...recalled.filter((each) => each.request.alone), ...this.#waitingAlone];
    this.#waiting = [...recalled.filter((each) => !each.request.alone), ...this.#waiting];
    this.#countWaiting();
  }

  /** Removes an attempt that waits; undefined if none does by that name. */
  remove(jobSeq: number, fence: number): Dispatched | undefined {
    for (const list of [this.#waiting, this.#waitingAlone]) {
      const at = list.findIndex(({ request }) => request.jobSeq === jobSeq && request.fence === fence);
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
    const places = this.#look(nowMs);
    this.#placeAlone(places, nowMs);
    this.#placeWaiting(places, nowMs);
    for (const { thread } of places) thread.post();
    this.#measure(places);
  }

  /** Takes from blocked threads what they have not begun, as far as others have room for it. */
  rebalance(): void {
    const places = this.#look(monotonicMs());
    if (!places.some((place) => place.accepts && place.queued === 0)) return;
    const blocked = places.filter((place) => !place.accepts && !place.isAlone && place.queued > 0);
    if (blocked.length === 0) return;
    this.requeue(blocked.flatMap(({ thread }) => thread.recallUntilReport()));
    this.place();
  }

  /** The places there are, as they are now. */
  #look(nowMs: number): readonly Place[] {
    const places = this.#options.ready().map((thread) => this.#placeOf(thread));
    for (const place of places) place.look(nowMs);
    this.#reserve(places);
    for (const place of places) place.open(nowMs);
    return places;
  }

  #placeOf(thread: Thread): Place {
    const known = this.#places.get(thread);
    if (known) return known;
    const place = new Place(thread);
    this.#places.set(thread, place);
    return place;
  }

  /** Those with the least on them are kept free for attempts that run alone. */
  #reserve(places: readonly Place[]): void {
    if (this.#waitingAlone.length === 0) return;
    const taken = places.filter((place) => place.isAlone).length;
    const wanted = Math.min(this.#waitingAlone.length, aloneLimit(this.#options.size) - taken);
    if (wanted <= 0) return;
    const candidates = places.filter((place) => !place.isAlone).sort((a, b) => a.thread.inFlight - b.thread.inFlight);
    for (const place of candidates.slice(0, wanted)) place.reserve();
  }

  #placeAlone(places: readonly Place[], nowMs: number): void {
    for (const place of places) {
      if (!place.isReserved) continue;
      const { thread } = place;
      if (thread.queued > 0) this.requeue(thread.recallQueued());
      if (thread.inFlight > 0 || thread.slotsInUse === thread.slotCount) continue;
      const next = this.#waitingAlone.shift();
      if (!next) return;
      if (this.#send(next, thread, nowMs)) place.occupy();
    }
  }

  #placeWaiting(places: readonly Place[], nowMs: number): void {
    const { blocking } = this.#options;
    let placed = 0;
    const keptBack: Dispatched[] = [];
    for (const next of this.#waiting) {
      const { name } = next.request;
      let place = choose(places, blocking.of(name));
      if (!place) break;
      placed++;
      // Threads differ when the folder has changed since the first of them began.
      if (!place.thread.knows(name) && places.some(({ thread }) => thread.knows(name))) {
        const able = places.filter(({ thread }) => thread.knows(name));
        place = choose(able, blocking.of(name));
      }
      if (place) this.#send(next, place.thread, nowMs);
      else keptBack.push(next);
    }
    if (placed === 0) return;
    this.#waiting.splice(0, placed, ...keptBack);
    this.#countWaiting();
  }

  /** False if it was not sent, and its owner has it again. */
  #send(dispatched: Dispatched, thread: Thread, nowMs: number): boolean {
    const { name } = dispatched.request;
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
    this.#waitingMs = this.#waiting.reduce((sum, each) => sum + this.#options.blocking.of(each.request.name), 0);
  }

  #measure(places: readonly Place[]): void {
    const { overallMs } = this.#options.blocking;
    let attempts = 0;
    let timeMs = 0;
    let idleThreads = 0;
    for (const place of places) {
      if (!place.accepts) continue;
      const more = room(place, overallMs);
      attempts += more;
      timeMs += Math.max(0, queuedBudgetMs - place.queuedMs);
      if (more > 0 && place.queued === 0) idleThreads++;
    }
    this.#capacity = { attempts, timeMs, idleThreads };
  }
}
