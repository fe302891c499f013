/**
 * After a stop that was not in order, whatever was overdue or running may be what ended the process. Such suspects start only
 * once their record is on disk, a few at a time, and more as they survive; one that was interrupted twice starts with no other
 * suspect beside it. So a job that kills the process at once is counted, and stopped, without taking others along. What has
 * run for a while is held to be harmless: a long job keeps nobody waiting. Here they are counted; `admission.ts` decides.
 */
import type { JobState } from '../../domain/job.js';
import type { Trials } from './admission.js';

const firstWave = 4;
const largestWave = 256;
/** A job is held to be harmless when it has run for so long. */
const trialMs = 5000;

/** Which jobs of a shard are suspects. */
export class CarefulStart {
  readonly #applies: boolean;
  readonly #startedAt: number;
  readonly #firstNewSeq: number;

  /**
   * @param start `startedAt` in Unix milliseconds; `firstNewSeq`: key of the first job made after this start
   */
  constructor(start: { readonly clean: boolean; readonly startedAt: number; readonly firstNewSeq: number }) {
    this.#applies = !start.clean;
    this.#startedAt = start.startedAt;
    this.#firstNewSeq = start.firstNewSeq;
  }

  /**
   * Whether the job is one of those that were overdue or running when the process ended. One that has been tried before is:
   * its occurrence may lie in the future for all that, by a clock that was set back.
   */
  isSuspect(seq: number, state: JobState): boolean {
    return this.#applies && seq < this.#firstNewSeq && (state.occurrence <= this.#startedAt || state.attempt > 0);
  }
}

/** Suspects of all shards of a process that run, by their job numbers. Instants are monotonic milliseconds. */
export class TrialRuns {
  #wave = firstWave;
  #survived = 0;
  /** Jobs on trial, and since when they run, in that order. */
  readonly #running = new Map<number, number>();
  /** The one that runs by itself. */
  #byItself: number | undefined;

  /** The trials under way at `now`. */
  trials(now: number): Trials {
    this.#endTrials(now);
    const [first = Number.POSITIVE_INFINITY] = this.#running.values();
    return {
      running: this.#running.size,
      wave: this.#wave,
      byItself: this.#byItself !== undefined,
      firstEndsAt: first + trialMs,
    };
  }

  /** The trial of a job begins. */
  began(number: number, state: JobState, now: number): void {
    this.#running.set(number, now);
    if (state.interruptions > 1) this.#byItself = number;
  }

  /** Its start could not be written: it did not run, and so survived nothing. Returns whether it was on trial. */
  withdrew(number: number): boolean {
    if (this.#byItself === number) this.#byItself = undefined;
    return this.#running.delete(number);
  }

  /** It came to its end, or is held to be harmless. */
  ended(number: number): void {
    if (!this.withdrew(number)) return;
    if (++this.#survived < this.#wave) return;
    this.#survived = 0;
    this.#wave = Math.min(largestWave, this.#wave * 2);
  }

  #endTrials(now: number): void {
    for (const [number, since] of this.#running) {
      if (now - since < trialMs) return;
      this.ended(number);
    }
  }
}
