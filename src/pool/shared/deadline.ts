/**
 * Until when this process may begin attempts: its lease, as the pool and its threads see it. It lies in shared memory and is compared
 * at the moment itself. A flag that a timer sets would not do: after a SIGSTOP, or a long turn, what is queued runs before the timer.
 *
 * It is two instants, by the monotonic and by the wall clock, and ends with whichever comes first: the one stands still while the
 * machine sleeps, the other can be set back. Each is written whole and is right by itself, so one who reads between two writes sees a
 * deadline that held.
 */
import { monotonicMs } from './slots.js';

// As it is before any handler is loaded: handlers may replace it.
const wallMs = Date.now;

const bytesPerInstant = 8;
const monotonic = 0;
const wall = 1;

/** Main makes it, and each thread makes its own over the same memory. */
export class BeginDeadline {
  readonly memory: SharedArrayBuffer;
  readonly #instants: Float64Array;

  /** A new one has passed: nothing may begin. */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(2 * bytesPerInstant);
    this.#instants = new Float64Array(this.memory);
    if (memory === undefined) this.end();
  }

  /**
   * Main: from now on this is the end.
   *
   * @param monotonicEnd in `monotonicMs`
   * @param wallEnd Unix milliseconds
   */
  set(monotonicEnd: number, wallEnd: number): void {
    this.#instants[monotonic] = monotonicEnd;
    this.#instants[wall] = wallEnd;
  }

  /** Main: nothing may begin any more. */
  end(): void {
    this.#instants.fill(Number.NEGATIVE_INFINITY);
  }

  /** Whether nothing may begin now, or at the instants that are given. */
  hasPassed(monotonicNow = monotonicMs(), wallNow = wallMs()): boolean {
    // In this way nothing that is no number can pass for a deadline.
    return !(monotonicNow < (this.#instants[monotonic] as number) && wallNow < (this.#instants[wall] as number));
  }
}
