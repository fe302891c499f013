/** The jobs of one type that wait, and what bounds its starts. */
import type { TypeLimits } from '../../domain/control/settings.js';
import type { TypeUse } from './admission.js';
import { Groups } from './groups.js';
import { Pacer } from './pacer.js';
import { WaitingQueue } from './waiting-queue.js';
import { WaitingSeqs } from './waiting-seqs.js';

/** What holds of a type as of now. */
export interface TypeTerms {
  /** A user has paused it. */
  readonly paused: boolean;
  /** Undefined: it has no handler here. */
  readonly limits: TypeLimits | undefined;
  /** There are jobs of it with a group, or have been. */
  readonly hasGroups: boolean;
}

/** See the head of this file. */
export class TypeLane implements TypeUse {
  readonly name: string;
  readonly groups = new Groups();
  readonly ordinary = new WaitingQueue(this.groups);
  readonly suspects = new WaitingQueue(this.groups);
  /** Jobs that wait here, as far as they have not moved on: each once, though it may stand here more often. */
  readonly known = new WaitingSeqs();
  /** Its places are its own: it takes none of those that types share. */
  apart = false;
  paused = false;
  concurrency: number | undefined = undefined;
  /** Attempts that the pool has places for. */
  places = 0;
  running = 0;
  hasGroups = false;
  /** Its place among the types: the one that has waited longest for its turn has the lowest. */
  lastTurn = 0;
  #pacer: Pacer | undefined;
  #rate: string | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get mayStartAt(): number {
    return this.#pacer === undefined ? Number.NEGATIVE_INFINITY : this.#pacer.mayStartAt;
  }

  get pacer(): Pacer | undefined {
    return this.#pacer;
  }

  get waiting(): number {
    return this.ordinary.size + this.suspects.size;
  }

  /** Jobs of this priority or a higher one that wait for nothing but a place, suspects left out: fewer where some have moved on. */
  startableFrom(priority: number): number {
    return Math.max(0, this.ordinary.startableFrom(priority) - (this.waiting - this.known.size));
  }

  /**
   * From now on these terms hold.
   *
   * @param now in monotonic milliseconds: of a new rate, what counts as its first start
   */
  agree({ paused, limits, hasGroups }: TypeTerms, now: number): void {
    this.paused = paused;
    this.concurrency = limits?.concurrency;
    this.hasGroups = hasGroups;
    // A type without a handler starts nothing, and may have its rate again.
    if (limits === undefined) return;
    this.groups.limit = limits.groupConcurrency;
    const { rate } = limits;
    if (rate?.text === this.#rate) return;
    this.#rate = rate?.text;
    if (rate === undefined) this.#pacer = undefined;
    else if (this.#pacer === undefined) this.#pacer = new Pacer(rate, now);
    else this.#pacer.change(rate);
  }
}
