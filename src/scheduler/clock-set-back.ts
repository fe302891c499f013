/**
 * After the clock was set back: all jobs that wait or run are looked at, a slice in each turn, and rescheduled. That it was set back is on
 * disk with the next record, and until all that came of it is: a server that ends before would hide it from the next.
 */

import type { SetBack } from '../clock.js';
import { isFinished } from '../domain/lifecycle.js';
import { reschedule } from '../domain/slots/reschedule.js';
import type { JobsByStatus } from '../store/port.js';
import type { Ledger } from './ledger.js';

/** Jobs looked at in one turn: some milliseconds. */
const usualLooks = 512;

/** See the head of this file. Instants are Unix milliseconds. */
export class ClockSetBack {
  readonly #ledger: Ledger;
  readonly #sets: JobsByStatus;
  readonly #looksPerTurn: number;
  #setBack: SetBack | undefined;
  /** Blocks of jobs that are still to be looked at, and the jobs of the present one. */
  #blocks: number[] = [];
  #jobs: number[] = [];
  /** Jobs that were looked at first: what has been decided about them since is no work of the clock that was ahead. */
  #lookedAt = new Set<number>();
  /** Nor is a job with this number, or a later one. */
  #firstNewSeq = 0;
  /** Nothing has been looked at since it began. */
  #isFresh = false;

  constructor(ports: { readonly sets: JobsByStatus; readonly looksPerTurn?: number | undefined }, ledger: Ledger) {
    this.#ledger = ledger;
    this.#sets = ports.sets;
    this.#looksPerTurn = ports.looksPerTurn ?? usualLooks;
  }

  /** There is more to look at. */
  get hasMore(): boolean {
    return this.#setBack !== undefined;
  }

  /** Begins to look at all jobs. Set back again meanwhile, it began to be ahead when it first did. */
  begin(setBack: SetBack): void {
    const before = this.#setBack;
    this.#setBack = {
      now: setBack.now,
      aheadSince: Math.min(setBack.aheadSince, before?.aheadSince ?? Number.POSITIVE_INFINITY),
      shownBefore: Math.max(setBack.shownBefore, before?.shownBefore ?? Number.NEGATIVE_INFINITY),
    };
    this.#blocks = [...this.#sets.blocks()];
    this.#jobs = [];
    this.#lookedAt = new Set();
    this.#firstNewSeq = this.#ledger.nextSeq;
    this.#ledger.keepSetBack(this.#setBack);
    this.#ifLost(this.#setBack);
    this.#isFresh = true;
  }

  /** Looks at a slice of them. */
  sweep(now: number): void {
    for (let looks = 0; this.#setBack && looks < this.#looksPerTurn; looks++) {
      const seq = this.#next(this.#setBack);
      if (seq !== undefined) this.#lookAt(seq, now, this.#setBack);
    }
  }

  /** Looks at one job before something else is decided about it. */
  lookAtFirst(seq: number, now: number): void {
    if (!this.#setBack || this.#lookedAt.has(seq)) return;
    this.#lookAt(seq, now, this.#setBack);
    this.#lookedAt.add(seq);
  }

  #next(setBack: SetBack): number | undefined {
    const seq = this.#jobs.pop();
    if (seq !== undefined) return this.#lookedAt.has(seq) || seq >= this.#firstNewSeq ? undefined : seq;
    const block = this.#blocks.pop();
    if (block === undefined) this.#end(setBack);
    else this.#jobs = [...this.#sets.inBlock('pending', block), ...this.#sets.inBlock('running', block)];
    return undefined;
  }

  #end(setBack: SetBack): void {
    this.#setBack = undefined;
    this.#lookedAt = new Set();
    this.#ledger.keepSetBack('none');
    this.#ifLost(setBack);
  }

  /** Should the disk refuse what is being gathered, all is looked at once more. */
  #ifLost(setBack: SetBack): void {
    this.#ledger.onEnd({ lost: () => this.#beginAgain(setBack) });
  }

  #beginAgain(lost: SetBack): void {
    const present = this.#setBack;
    const { now } = present ?? lost;
    const covers = present && present.aheadSince <= lost.aheadSince && present.shownBefore >= lost.shownBefore;
    // Many decisions are lost together.
    if (!covers || !this.#isFresh) this.begin({ ...lost, now });
  }

  #lookAt(seq: number, now: number, setBack: SetBack): void {
    this.#isFresh = false;
    // Since it was set back the clock may have gone ahead once more.
    const then = Math.min(now, setBack.now);
    const state = this.#ledger.unlessUnreadable(seq, () => this.#ledger.state(seq));
    if (!state || state.updatedAt <= then || isFinished(state.status)) return;
    const job = this.#ledger.unlessUnreadable(seq, () => this.#ledger.lookup(seq));
    const decision = job && reschedule(job, then, setBack);
    if (!decision) return;
    this.#ledger.record(job, decision, now);
    this.#ifLost(setBack);
  }
}
