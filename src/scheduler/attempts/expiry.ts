/** Jobs that must not start any more, since their deadline has passed: each comes to its end, wherever it waits. Part of dispatch. */
import * as decisions from '../../domain/decisions.js';
import type { Job } from '../../domain/job.js';
import { hasExpired } from '../../domain/slots/deadline.js';
import { looksOf, looksPerTurn } from '../admission/looks.js';
import type { DispatchPorts } from '../dispatch-ports.js';
import type { Ledger } from '../ledger.js';

/** See the head of this file. */
export class Expiry {
  readonly #ports: Pick<DispatchPorts, 'clock' | 'window'>;
  readonly #ledger: Ledger;
  /** Deadlines have passed that the last turn has not looked at. */
  #hasMore = false;

  constructor(ports: Pick<DispatchPorts, 'clock' | 'window'>, ledger: Ledger) {
    this.#ports = ports;
    this.#ledger = ledger;
  }

  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Ends what is too late by now, as much as a turn takes. */
  expireDue(): void {
    const { window, clock } = this.#ports;
    const now = clock.now();
    this.#hasMore = false;
    for (let looks = 0; looks < looksPerTurn; ) {
      const passed = window.popDeadline(now);
      if (!passed) return;
      looks += this.#ledger.unlessUnreadable(passed.seq, () => this.#see(passed.seq, now)) ?? 1;
    }
    this.#hasMore = true;
  }

  #see(seq: number, now: number): number {
    const job = this.#ledger.lookup(seq);
    if (job?.state.status === 'pending') this.expire(job, now);
    return looksOf(job);
  }

  /** Ends a pending job, or its present occurrence, if it is too late to start it. Returns whether it was. */
  expire(job: Job, now: number): boolean {
    if (!hasExpired(job.spec, job.state, now)) return false;
    this.#ledger.record(job, decisions.expire(job, now), now);
    return true;
  }
}
