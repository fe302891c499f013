/** Worker side: of the progress of each attempt the latest, at most ten times a second; what comes in between is passed over. */

import type { ProgressOfSlot } from '../shared/messages.js';

/** Between two messages of one attempt. */
const everyMs = 100;

interface OfSlot {
  /** Not sent yet; JSON text. */
  waiting: string | undefined;
  sentMs: number;
}

/** See the head of this file. Times are monotonic milliseconds. */
export class OutgoingProgress {
  readonly #slots = new Map<number, OfSlot>();
  #waiting = 0;

  /** Returns how long it is to wait: 0, it may go now. */
  set(slot: number, progress: string, nowMs: number): number {
    let its = this.#slots.get(slot);
    if (its === undefined) {
      its = { waiting: undefined, sentMs: Number.NEGATIVE_INFINITY };
      this.#slots.set(slot, its);
    }
    if (its.waiting === undefined) this.#waiting += 1;
    its.waiting = progress;
    return Math.max(0, its.sentMs + everyMs - nowMs);
  }

  /** The attempt has ended: what it has said last goes with its end. */
  end(slot: number): ProgressOfSlot | undefined {
    const its = this.#slots.get(slot);
    if (its === undefined) return undefined;
    this.#slots.delete(slot);
    if (its.waiting === undefined) return undefined;
    this.#waiting -= 1;
    return { slot, progress: its.waiting };
  }

  /** Takes what may go now. */
  take(nowMs: number): ProgressOfSlot[] {
    const rows: ProgressOfSlot[] = [];
    if (this.#waiting === 0) return rows;
    for (const [slot, its] of this.#slots) {
      if (its.waiting === undefined || nowMs - its.sentMs < everyMs) continue;
      rows[rows.length] = { slot, progress: its.waiting };
      its.waiting = undefined;
      its.sentMs = nowMs;
      this.#waiting -= 1;
    }
    return rows;
  }

  /** Something waits for its time. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }
}
