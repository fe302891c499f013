/**
 * An attempt that the pool has taken and still owes an outcome. Its life, as the main thread moves it:
 *
 *                   ┌────────────recall────────────┐
 *                   ▼                              │
 *     dispatch ─► waiting ─────────send─────────► sent       its slot: queued ─► begun ─► settled
 *                   │                              │
 *                   └──────────────┬───────────────┘
 *                                  └─conclude─► concluded    its one outcome is on the way to the owner
 *
 * How far a sent attempt has come is for its slot to say (`shared/slots`), which the worker thread moves. It is recalled
 * only as long as it has not begun there.
 */
import type { Attempt } from './port.js';
import type { SignalReason } from './shared/messages.js';

export class Dispatched {
  #state: 'waiting' | 'sent' | 'concluded' = 'waiting';
  #slot = 0;
  #expectedMs = 0;
  #signalled: SignalReason | undefined;
  #signalledMs = 0;
  #settledMs: number | undefined;
  #starved = false;

  /** @param request what the owner dispatched */
  constructor(readonly request: Attempt) {}

  /** Its slot on the thread it was sent to; 0 while it waits for a thread. */
  get slot(): number {
    return this.#slot;
  }

  /** How long its handler was expected to hold the thread, when it was sent. */
  get expectedMs(): number {
    return this.#expectedMs;
  }

  /** Why its signal fired; undefined if it has not. */
  get signalled(): SignalReason | undefined {
    return this.#signalled;
  }

  /** When it fired, in `monotonicMs`. */
  get signalledMs(): number {
    return this.#signalledMs;
  }

  /** Its timeout passed while something else held the thread: lateness is not its doing. */
  get starved(): boolean {
    return this.#starved;
  }

  send(slot: number, expectedMs: number): void {
    this.#move('waiting', 'sent');
    this.#slot = slot;
    this.#expectedMs = expectedMs;
  }

  recall(): void {
    this.#move('sent', 'waiting');
    this.#slot = 0;
  }

  conclude(): void {
    if (this.#state === 'concluded') throw new Error('an attempt has a second outcome');
    this.#state = 'concluded';
  }

  /** Its signal has been sent for. */
  signal(reason: SignalReason, nowMs: number): void {
    this.#signalled = reason;
    this.#signalledMs = nowMs;
  }

  starve(): void {
    this.#starved = true;
  }

  /** For how long it has been seen settled without a report of it; 0 if it is not `settled` now. */
  unreportedMs(settled: boolean, nowMs: number): number {
    if (!settled) this.#settledMs = undefined;
    else this.#settledMs ??= nowMs;
    return this.#settledMs === undefined ? 0 : nowMs - this.#settledMs;
  }

  #move(from: 'waiting' | 'sent', to: 'waiting' | 'sent'): void {
    if (this.#state !== from) throw new Error(`an attempt is ${this.#state}, not ${from}`);
    this.#state = to;
  }
}
