/**
 * After a stop that was not in order, whatever was overdue or running may be what ended the process. Such jobs start only
 * once their record is on disk, a few at a time, and more as they survive; one that was cut short twice starts with
 * nothing else that is suspect beside it. So a job that kills the process at once is counted, and stopped, without taking
 * others along.
 */
import type { JobState } from '../domain/job.js';

const firstWave = 4;
const largestWave = 256;
/** A job cut short twice is held to be harmless when it has run for so long. */
const trialMs = 5000;

export class CarefulStart {
  readonly #applies: boolean;
  readonly #startedAt: number;
  readonly #firstNewSeq: number;
  #wave = firstWave;
  #survived = 0;
  readonly #running = new Set<number>();
  #onTrial: { readonly seq: number; readonly since: number } | undefined;

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
    if (this.#onTrial && monotonic - this.#onTrial.since >= trialMs) this.#onTrial = undefined;
    if (this.#onTrial) return false;
    if (state.interruptions > 1) return this.#running.size === 0;
    return this.#running.size < this.#wave;
  }

  /** When to ask again although nothing ended, in monotonic milliseconds; undefined when no trial is on. */
  get trialEnds(): number | undefined {
    return this.#onTrial && this.#onTrial.since + trialMs;
  }

  began(seq: number, state: JobState, monotonic: number): void {
    this.#running.add(seq);
    if (state.interruptions > 1) this.#onTrial = { seq, since: monotonic };
  }

  /** Its start could not be written: it did not run, and so survived nothing. */
  withdrew(seq: number): boolean {
    if (this.#onTrial?.seq === seq) this.#onTrial = undefined;
    return this.#running.delete(seq);
  }

  ended(seq: number): void {
    if (!this.withdrew(seq)) return;
    if (++this.#survived < this.#wave) return;
    this.#survived = 0;
    this.#wave = Math.min(largestWave, this.#wave * 2);
  }
}
