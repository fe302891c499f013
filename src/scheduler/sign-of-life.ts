/**
 * While something due waits and nothing else is written, a record without content says now and then that the server runs.
 * After a crash nothing else would tell what came due then, and is late, from what came due afterwards, and was missed.
 */
import type { Clock } from '../clock.js';

/** How long after a record the next one is due that says nothing else. */
const everyMs = 5000;

/** What is due and waits, as `Dispatch` knows it. Unix milliseconds. */
interface WaitingJobs {
  readonly earliest: number;
  latestSeen(now: number): number;
}

/** See the head of this file. */
export class SignOfLife {
  readonly #clock: Clock;
  readonly #waiting: WaitingJobs;
  /** When the last record was handed to the store, by either clock. */
  #recordedAt = Number.NEGATIVE_INFINITY;
  #recordedMonotonic: number;

  constructor(clock: Clock, waiting: WaitingJobs) {
    this.#clock = clock;
    this.#waiting = waiting;
    this.#recordedMonotonic = clock.monotonic();
  }

  /** A record was handed to the store, whatever it says. */
  recorded(): void {
    this.#recordedAt = this.#clock.now();
    this.#recordedMonotonic = this.#clock.monotonic();
  }

  /** By the clock as it is now, nothing has been recorded yet. */
  clockWasSetBack(): void {
    this.#recordedAt = Number.NEGATIVE_INFINITY;
  }

  /** The server stops: that it ran until now is recorded at once if something waits. */
  wantLast(): void {
    this.#recordedMonotonic = Number.NEGATIVE_INFINITY;
  }

  /** A record is to be written now, though it says nothing else. */
  get isDue(): boolean {
    return this.#clock.monotonic() >= this.#recordedMonotonic + everyMs && this.#isWanted;
  }

  /** When one will be, if nothing else is written by then. Unix milliseconds; Infinity when nothing waits. */
  get nextAt(): number {
    if (!this.#isWanted) return Number.POSITIVE_INFINITY;
    const leftMs = this.#recordedMonotonic + everyMs - this.#clock.monotonic();
    return this.#clock.now() + Math.max(1, Math.ceil(leftMs));
  }

  /** Something has come due since the last record, and waits. */
  get #isWanted(): boolean {
    const now = this.#clock.now();
    return this.#waiting.earliest <= now && this.#waiting.latestSeen(now) >= this.#recordedAt;
  }
}
