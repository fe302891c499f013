/**
 * Wakes the scheduler at instants of the wall clock. Node's timers count monotonic time, fire up to a few milliseconds
 * early by the wall clock, and at once when longer than 2^31-1 ms: so the instant is looked at again when they fire. From
 * long sleeps the scheduler is woken once a second, looks whether the clock was set, and says anew how long it waits: it may
 * have been set back after the scheduler looked and before it went to sleep.
 */
import type { Clock } from '../clock.js';

const longestSleepMs = 1000;

/** Wakes whoever made it. */
export interface Waker {
  /** As soon as what is at hand has been taken in. */
  soon(): void;
  /** At a wall-clock instant in Unix milliseconds, replacing an earlier one; Infinity: not at all. */
  at(instant: number): void;
}

/** See the head of this file. */
export class TimerWaker implements Waker {
  readonly #clock: Clock;
  readonly #turn: () => void;
  #timer: NodeJS.Timeout | undefined;
  #instant = Number.POSITIVE_INFINITY;
  #armedAt = 0;
  #soon = false;
  #stopped = false;

  constructor(clock: Clock, turn: () => void) {
    this.#clock = clock;
    this.#turn = turn;
  }

  soon(): void {
    if (this.#soon || this.#stopped) return;
    this.#soon = true;
    setImmediate(() => {
      this.#soon = false;
      if (!this.#stopped) this.#turn();
    });
  }

  at(instant: number): void {
    if (instant === this.#instant) return;
    this.#instant = instant;
    this.#arm();
  }

  /** Wakes nobody any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#stopped || this.#instant === Number.POSITIVE_INFINITY) return;
    const left = this.#instant - this.#clock.now();
    if (left <= 0) {
      this.#instant = Number.POSITIVE_INFINITY;
      return this.soon();
    }
    this.#armedAt = this.#clock.now();
    this.#timer = setTimeout(() => this.#fire(), Math.min(left, longestSleepMs));
  }

  #fire(): void {
    const now = this.#clock.now();
    if (now < this.#instant && now >= this.#armedAt && this.#instant - now < longestSleepMs) return this.#arm();
    this.#instant = Number.POSITIVE_INFINITY;
    this.#turn();
  }
}
