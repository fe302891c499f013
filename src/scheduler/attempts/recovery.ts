/** Attempts that were running when the process ended, and what becomes of them. */
import type { ClockSetBack } from '../clock-set-back.js';
import type { Ledger } from '../ledger.js';
import { crashDecision } from '../outcomes.js';
import type { SchedulerPorts } from '../scheduler-ports.js';

/** See the head of this file. */
export class Recovery {
  readonly #ports: SchedulerPorts;
  readonly #ledger: Ledger;
  readonly #clockSetBack: ClockSetBack;
  /** The position of the commit that holds what was found. */
  #position = 0;

  constructor(ports: SchedulerPorts, ledger: Ledger, clockSetBack: ClockSetBack) {
    this.#ports = ports;
    this.#ledger = ledger;
    this.#clockSetBack = clockSetBack;
  }

  /** Takes them up. Call once, before the first turn, and again for each write of it that is refused. */
  begin(): void {
    const now = this.#ports.clock.now();
    // Of this process no start is on disk before that.
    for (const seq of this.#ports.sets.each('running')) {
      // An interruption is of now, and would hide for which slot the clock that was ahead had started it.
      this.#clockSetBack.lookAtFirst(seq, now);
      const job = this.#ledger.unlessUnreadable(seq, () => this.#ledger.lookup(seq));
      if (job?.state.status === 'running') this.#ledger.record(job, crashDecision(job, now), now);
    }
    this.#position = this.#ports.store.position + (this.#ledger.filling.isEmpty ? 0 : 1);
  }

  /** What was found is on disk. */
  get isDone(): boolean {
    return this.#ports.store.position >= this.#position;
  }
}
