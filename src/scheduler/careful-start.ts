/**
 * After a stop that was not in order, whatever was overdue or running may be what ended the process. Such jobs start only
 * once their record is on disk, a few at a time, and more as they survive; one that was cut short twice starts with
 * nothing else that is suspect beside it. So a job that kills the process at once is counted, and stopped, without taking
 * others along. What has run for a while is held to be harmless: a long job keeps nobody waiting.
 */
import type { JobState } from '../domain/job.js';

const firstWave = 4;
const largestWave = 256;
/** A job is held to be harmless when it has run for so long. */
const trialMs = 5000;

export class CarefulStart {
  readonly #applies: boolean;
  readonly #startedAt: number;
  readonly #firstNewSeq: number;
  #wave = firstWave;
  #survived = 0;
  /** Jobs that are not yet held to be harmless, and since when they run, in that order. */
  readonly #running = new Map<number, number>();
  /** The one that runs by itself. */
  #onTrial: number | undefined;

  /** @param firstNewSeq key of the first job made after this start */
  constructor(options: { readonly clean: boolean; readonly startedAt: number; readonly firstNewSeq: number }) {
    this.#applies = !options.clean;
    this.#startedAt = options.startedAt;
    this.#firstNewSeq = options.firstNewSeq;
  }

  /**
   * Whether the job is one of those that were overdue or running when the process ended. One that has been tried before is:
   * its occurrence may lie in the future for all that, by a clock that was set back.
   */
  concerns(seq: number, state: JobState): boolean {
    return this.#applies && seq < this.#firstNewSeq && (state.occurrence <= this.#startedAt || state.attempt > 0);
  }

  /** Whether it may start now; `monotonic` in milliseconds. */
  admits(state: JobState, monotonic: number): boolean {
    this.#acquit(monotonic);
    if (this.#onTrial !== undefined) return false;
    if (state.interruptions > 1) return this.#running.size === 0;
    return this.#running.size < this.#wave;
  }

  /** When to ask again although nothing ended, in monotonic milliseconds; undefined when none is on trial. */
  nextAcquittal(monotonic: number): number | undefined {
    this.#acquit(monotonic);
    for (const since of this.#running.values()) return since + trialMs;
    return undefined;
  }

  began(seq: number, state: JobState, monotonic: number): void {
    this.#running.set(seq, monotonic);
    if (state.interruptions > 1) this.#onTrial = seq;
  }

  /** Its start could not be written: it did not run, and so survived nothing. */
  withdrew(seq: number): boolean {
    if (this.#onTrial === seq) this.#onTrial = undefined;
    return this.#running.delete(seq);
  }

  /** It came to its end, or is held to be harmless. */
  ended(seq: number): void {
    if (!this.withdrew(seq)) return;
    if (++this.#survived < this.#wave) return;
    this.#survived = 0;
    this.#wave = Math.min(largestWave, this.#wave * 2);
  }

  #acquit(monotonic: number): void {
    for (const [seq, since] of this.#running) {
      if (monotonic - since < trialMs) return;
      this.ended(seq);
    }
  }
}
