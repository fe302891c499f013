/** After the clock was set back: all jobs that wait or run are looked at, a slice in each turn, and rescheduled. */

import { isFinished } from '../domain/lifecycle.js';
import { reschedule } from '../domain/slots/reschedule.js';
import type { JobsByStatus } from '../store/port.js';
import type { SetBack } from './downtime.js';
import type { Ledger } from './ledger.js';

/** Jobs looked at in one turn: some milliseconds. */
const looksPerTurn = 512;

/** See the head of this file. Instants are Unix milliseconds. */
export class ClockSetBack {
  readonly #ledger: Ledger;
  readonly #sets: JobsByStatus;
  #setBack: SetBack | undefined;
  /** Blocks of jobs that are still to be looked at, and the jobs of the present one. */
  #blocks: number[] = [];
  #jobs: number[] = [];

  constructor(ports: { readonly sets: JobsByStatus }, ledger: Ledger) {
    this.#ledger = ledger;
    this.#sets = ports.sets;
  }

  /** There is more to look at. */
  get hasMore(): boolean {
    return this.#setBack !== undefined;
  }

  /** Begins to look at all jobs. Set back again meanwhile, it began to be ahead when it first did. */
  begin(setBack: SetBack): void {
    const aheadSince = Math.min(setBack.aheadSince, this.#setBack?.aheadSince ?? Number.POSITIVE_INFINITY);
    this.#setBack = { ...setBack, aheadSince };
    this.#blocks = [...this.#sets.blocks()];
    this.#jobs = [];
  }

  /** Looks at a slice of them. */
  sweep(now: number): void {
    for (let looks = 0; this.#setBack && looks < looksPerTurn; looks++) {
      const seq = this.#next();
      if (seq !== undefined) this.#lookAt(seq, now, this.#setBack);
    }
  }

  /** Looks at one job before something else is decided about it. */
  lookAtFirst(seq: number, now: number): void {
    if (this.#setBack) this.#lookAt(seq, now, this.#setBack);
  }

  #next(): number | undefined {
    const seq = this.#jobs.pop();
    if (seq !== undefined) return seq;
    const block = this.#blocks.pop();
    if (block === undefined) this.#setBack = undefined;
    else this.#jobs = [...this.#sets.inBlock('pending', block), ...this.#sets.inBlock('running', block)];
    return undefined;
  }

  #lookAt(seq: number, now: number, setBack: SetBack): void {
    // Since it was set back the clock may have gone ahead once more.
    const then = Math.min(now, setBack.now);
    const state = this.#ledger.unlessUnreadable(seq, () => this.#ledger.state(seq));
    if (!state || state.updatedAt <= then || isFinished(state.status)) return;
    const job = this.#ledger.unlessUnreadable(seq, () => this.#ledger.lookup(seq));
    const decision = job && reschedule(job, then, setBack);
    if (!decision) return;
    this.#ledger.record(job, decision, now);
    // Should the disk refuse it, all is looked at once more.
    this.#ledger.onEnd({ lost: () => this.begin(setBack) });
  }
}
