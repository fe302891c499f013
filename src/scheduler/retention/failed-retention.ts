/** Which jobs that have failed are to leave: the first to fail first, once they are too old or too many. */
import type { FailureList, FinishedJob } from '../../store/port.js';

/** What is kept of them. */
export interface FailedLimits {
  readonly failedRetentionMs: number;
  readonly retainFailed: number;
}

/** Entries that are looked at behind one that failed in the future, by a clock that has been set back since. */
const looksAhead = 4096;

/** See the head of this file. Instants are Unix milliseconds. */
export class FailedRetention {
  readonly #list: FailureList;
  readonly #limits: FailedLimits;
  /** The entry to look at next. */
  #at = 0;
  /** Removals that are not on disk yet. */
  #removing = 0;

  constructor(list: FailureList, limits: FailedLimits) {
    this.#list = list;
    this.#limits = limits;
  }

  /** The next that is to leave, if its job is still what it says. `passed` is to be called then. */
  next(now: number): FinishedJob | undefined {
    const list = this.#list;
    this.#at = Math.max(this.#at, list.firstFailure);
    const entry = list.failure(this.#at);
    if (!entry) return undefined;
    const surplus = list.failing - this.#removing - this.#limits.retainFailed;
    return surplus > 0 || this.#noLaterThan(entry, now) <= now - this.#limits.failedRetentionMs ? entry : undefined;
  }

  /** The entry that `next` gave is done. */
  passed(removed: boolean): void {
    this.#at++;
    if (removed) this.#removing++;
  }

  /** What was removed is so on disk. */
  written(): void {
    this.#removing = 0;
    this.#list.dropFailures(this.#at);
  }

  /** What was removed is there again. */
  lost(): void {
    this.#removing = 0;
    this.#at = this.#list.firstFailure;
  }

  /** They stand in the order in which they failed, so one failed no later than any behind it, whatever the clock said then. */
  #noLaterThan({ at }: FinishedJob, now: number): number {
    if (at <= now) return at;
    let earliest = at;
    for (let number = this.#at + 1; number < this.#at + looksAhead && earliest > now; number++) {
      const behind = this.#list.failure(number);
      if (!behind) break;
      earliest = Math.min(earliest, behind.at);
    }
    return earliest;
  }
}
