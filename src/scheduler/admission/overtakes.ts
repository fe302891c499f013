/** Jobs with the overlap `cancel_running` that run, by when a slot comes due that ends their attempt. Part of the scheduler: it runs only in its turns. */
import type { Clock } from '../../clock.js';
import { overtake } from '../../domain/control/overtaking.js';
import { DueHeap } from '../../domain/due-heap.js';
import type { Job } from '../../domain/job.js';
import { nextDueInRun } from '../../domain/slots/overlap.js';
import type { Pool } from '../../pool/port.js';
import type { Ledger } from '../ledger.js';

/** A job that may not be overtaken, since nothing of its type starts, is looked at again after so long. */
const pausedMs = 1000;
const looksPerTurn = 1024;

/** See the head of this file. Instants are Unix milliseconds. */
export class Overtakes {
  readonly #ports: { readonly clock: Clock; readonly pool: Pool };
  readonly #ledger: Ledger;
  readonly #due = new DueHeap(64);
  /** By when each job that is waited for stands in the heap; an entry of it at another time is out of date. */
  readonly #awaited = new Map<number, number>();

  constructor(ports: { readonly clock: Clock; readonly pool: Pool }, ledger: Ledger) {
    this.#ports = ports;
    this.#ledger = ledger;
  }

  /** A job runs, and that is on disk. This is called after every commit of the job; most calls change nothing. */
  await({ spec, state }: Job): void {
    if (spec.overlap !== 'cancel_running') return;
    const due = nextDueInRun(spec, state);
    if (due !== undefined) this.#awaitUntil(due, spec.seq);
  }

  /** Entries in the heap: one for each job, and old ones that were not removed yet. */
  get size(): number {
    return this.#due.size;
  }

  /** When a slot ends an attempt; Infinity: none is known. */
  get nextAt(): number {
    return this.#due.firstDue;
  }

  /** Attempts end whose jobs have a slot that has come due. */
  overtakeDue(): void {
    const now = this.#ports.clock.now();
    for (let looks = 0; looks < looksPerTurn && this.#due.firstDue <= now; looks++) {
      const { firstDue, firstSeq } = this.#due;
      this.#due.pop();
      if (this.#awaited.get(firstSeq) !== firstDue) continue;
      this.#awaited.delete(firstSeq);
      this.#ledger.unlessUnreadable(firstSeq, () => this.#look(firstSeq, now));
    }
  }

  /** While a change of a job is being written it stays: with the commit it comes here once more. */
  #look(seq: number, now: number): void {
    const job = this.#ledger.lookupWritten(seq);
    if (job?.state.status !== 'running') return;
    const { settings } = this.#ledger;
    if (settings.isServerPaused || settings.atStake(job.spec.name).some(({ paused }) => paused !== undefined))
      return this.#awaitUntil(now + pausedMs, seq);
    const decision = overtake(this.#ledger.progress.latestOf(job), now);
    if (!decision) return this.#waitOn(job, now);
    const { fence } = job.state;
    this.#ledger.record(job, decision, now);
    this.#ledger.onEnd({ written: () => this.#ports.pool.abort(seq, fence, 'cancelled') });
  }

  /** The clock was set back, or the slot is another one now. */
  #waitOn({ spec, state }: Job, now: number): void {
    const due = nextDueInRun(spec, state);
    if (due !== undefined && due > now) this.#awaitUntil(due, spec.seq);
  }

  /** Where it is looked at earlier already, it is waited for anew then. */
  #awaitUntil(due: number, seq: number): void {
    if (due >= (this.#awaited.get(seq) ?? Number.POSITIVE_INFINITY)) return;
    this.#awaited.set(seq, due);
    this.#due.push(due, seq);
  }
}
