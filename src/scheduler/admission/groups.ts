/**
 * The groups of one job type: how many attempts of each have a place, and its jobs that wait. Those without a group are together one. A
 * group at its limit is closed: its jobs stay where they are, and nobody looks at them before it is opened again.
 */
import type { DueHeap } from '../../domain/due-heap.js';
import { groupHasPlace } from './admission.js';

/** Jobs of one group that wait, of one priority. It stands in the ring of its `GroupTurns` while it has jobs and its group is open. */
export class GroupQueue {
  readonly heap: DueHeap;
  readonly use: GroupUse;
  readonly #ring: Ring;
  next: GroupQueue | undefined;
  before: GroupQueue | undefined;

  /** @param heap an empty one */
  constructor(use: GroupUse, ring: Ring, heap: DueHeap) {
    this.use = use;
    this.#ring = ring;
    this.heap = heap;
    use.queues.push(this);
  }

  open(): void {
    if (this.heap.size > 0) this.#ring.enter(this);
  }

  close(): void {
    if (this.heap.size > 0) this.#ring.leave(this);
  }
}

/** What takes a queue in and lets it go. */
export interface Ring {
  enter(queue: GroupQueue): void;
  leave(queue: GroupQueue): void;
}

/** A group as it is used. */
export interface GroupUse {
  /** Undefined: those without a group. */
  readonly name: string | undefined;
  running: number;
  isOpen: boolean;
  /** When an attempt of it had its last turn. */
  lastTurn: number;
  readonly queues: GroupQueue[];
}

/** See the head of this file. */
export class Groups {
  readonly #uses = new Map<string | undefined, GroupUse>();
  #limit = Number.POSITIVE_INFINITY;

  /** Attempts of each group that may run at once; Infinity when that is unbounded. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    if (limit === this.#limit) return;
    this.#limit = limit;
    for (const use of this.#uses.values()) this.#look(use);
  }

  /** The group of this name, which is made if nothing of it waits or runs. */
  use(name: string | undefined): GroupUse {
    let use = this.#uses.get(name);
    if (use === undefined) {
      use = { name, running: 0, isOpen: true, lastTurn: 0, queues: [] };
      this.#uses.set(name, use);
    }
    return use;
  }

  /** Attempts of a group that have a place. */
  runningOf(name: string | undefined): number {
    return this.#uses.get(name)?.running ?? 0;
  }

  /** @param turn of the attempt */
  occupy(name: string | undefined, turn: number): void {
    const use = this.use(name);
    use.running++;
    use.lastTurn = turn;
    if (this.#limit !== Number.POSITIVE_INFINITY) this.#look(use);
  }

  vacate(name: string | undefined): void {
    const use = this.use(name);
    use.running--;
    if (!use.isOpen) this.#look(use);
    this.forgetIdle(use);
  }

  /** Nothing is kept of a group of which nothing waits or runs. */
  forgetIdle(use: GroupUse): void {
    if (use.name !== undefined && use.running === 0 && use.queues.length === 0) this.#uses.delete(use.name);
  }

  #look(use: GroupUse): void {
    const isOpen = groupHasPlace(this.#limit, use.running);
    if (isOpen === use.isOpen) return;
    use.isOpen = isOpen;
    for (const queue of use.queues) {
      if (isOpen) queue.open();
      else queue.close();
    }
  }
}
