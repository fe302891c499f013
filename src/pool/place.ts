/**
 * A ready thread as the dispatcher sees it, and what the dispatcher has decided about it: whether it is shared, kept free
 * for an attempt that is to run alone, or runs that one.
 *
 *     shared ──reserve──► reserved ──its attempt is sent──► alone ──empty again──► shared
 *        ▲                   │
 *        └─────next look─────┘
 *
 * Reservations are made anew at each look, since loads change.
 */
import type { Load } from './placement.js';
import type { Thread } from './thread.js';

export class Place implements Load {
  #use: 'shared' | 'reserved' | 'alone' = 'shared';
  #accepts = false;

  constructor(readonly thread: Thread) {}

  get accepts(): boolean {
    return this.#accepts;
  }

  get queued(): number {
    return this.thread.queued;
  }

  get queuedMs(): number {
    return this.thread.queuedMs;
  }

  get slotsInUse(): number {
    return this.thread.slotsInUse;
  }

  get slotCount(): number {
    return this.thread.slotCount;
  }

  get isReserved(): boolean {
    return this.#use === 'reserved';
  }

  /** An attempt is there that runs alone. */
  get isAlone(): boolean {
    return this.#use === 'alone';
  }

  /** Takes in what has happened on the thread; before reservations are made. */
  look(nowMs: number): void {
    this.thread.refresh(nowMs);
    if (this.#use === 'reserved' || this.thread.inFlight === 0) this.#use = 'shared';
  }

  reserve(): void {
    this.#use = 'reserved';
  }

  /** The attempt that it was reserved for has been sent. */
  occupy(): void {
    this.#use = 'alone';
  }

  /** Opens it to attempts that share a thread, if it is to be; after reservations are made. */
  open(nowMs: number): void {
    this.#accepts = this.#use === 'shared' && !this.thread.isBlocked(nowMs);
  }
}
