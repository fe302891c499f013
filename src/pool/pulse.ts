/** Main's memory of a thread's signs of life: how long it has been silent, and since when it speaks again. */
import { silentAfterMs } from './watch.js';

export class Pulse {
  #beats = 0;
  #signMs = 0;
  #recoveredMs = Number.NEGATIVE_INFINITY;

  /** A thread without work shows nothing: its silence counts from here. */
  startCounting(nowMs: number): void {
    this.#signMs = nowMs;
  }

  /** Whoever looks was away: as if a silence had just ended. */
  forgive(nowMs: number): void {
    this.#signMs = nowMs;
    this.#recoveredMs = nowMs;
  }

  /** @param beats a count that changes with each sign of life */
  observe(beats: number, nowMs: number): { readonly silentMs: number; readonly recoveredForMs: number } {
    if (beats !== this.#beats) {
      this.#beats = beats;
      if (nowMs - this.#signMs >= silentAfterMs) this.#recoveredMs = nowMs;
      this.#signMs = nowMs;
    }
    return { silentMs: nowMs - this.#signMs, recoveredForMs: nowMs - this.#recoveredMs };
  }
}
