/** What was sent to one thread and is not known to have begun, in the order of sending, with its expected time. */
import type { Dispatched } from './dispatched.js';

export class SentQueue {
  #size = 0;
  #expectedMs = 0;
  #sent: Dispatched[] = [];
  /** Those before it have begun. */
  #first = 0;
  #progressMs = 0;

  get size(): number {
    return this.#size;
  }

  get expectedMs(): number {
    return this.#expectedMs;
  }

  push(dispatched: Dispatched, nowMs: number): void {
    if (this.#size === 0) this.#progressMs = nowMs;
    this.#sent.push(dispatched);
    this.#size++;
    this.#expectedMs += dispatched.expectedMs;
  }

  /** Drops those that have left the head of the queue. */
  refresh(isQueued: (dispatched: Dispatched) => boolean, nowMs: number): void {
    const sent = this.#sent;
    while (this.#first < sent.length) {
      const first = sent[this.#first] as Dispatched;
      if (isQueued(first)) return;
      this.#first++;
      this.#size--;
      this.#expectedMs -= first.expectedMs;
      this.#progressMs = nowMs;
    }
    // The sum of fractions drifts: an empty queue is where it is set right.
    if (this.#first > 0) this.clear();
  }

  /** Since the head began to wait. */
  waitedMs(nowMs: number): number {
    return this.#size === 0 ? 0 : nowMs - this.#progressMs;
  }

  /** Empties the queue. */
  clear(): readonly Dispatched[] {
    const rest = this.#sent.slice(this.#first);
    this.#sent = [];
    this.#first = 0;
    this.#size = 0;
    this.#expectedMs = 0;
    return rest;
  }
}
