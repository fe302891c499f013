/**
 * The groups of one job type: how many attempts of each have a place, and its jobs that wait. Those without a group are together one. A
 * group at its limit is closed: its jobs stay where they are, and nobody looks at them before it is opened again. Where places are given
 * by who keeps them for several processes (`limits/node-limits.ts`), each group is closed until it has one.
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
  /** Places that were given and are not taken yet. */
  given: number;
  /** Attempts of it in other processes, as far as is known. */
  elsewhere: number;
  /** When an attempt of it had its last turn. */
  lastTurn: number;
  readonly queues: GroupQueue[];
}

/** See the head of this file. */
export class Groups {
  readonly #uses = new Map<string | undefined, GroupUse>();
  #limit = Number.POSITIVE_INFINITY;
  #byGrant = false;
  /** Where places are given: those with one that is taken, or is not taken yet. */
  readonly #placed = new Set<GroupUse>();

  /** Attempts of each group that may run at once; Infinity when that is unbounded. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    if (limit === this.#limit) return;
    this.#limit = limit;
    for (const use of this.#uses.values()) this.#look(use);
  }

  /** Whether a job needs a place that was given to start. */
  get byGrant(): boolean {
    return this.#byGrant;
  }

  set byGrant(byGrant: boolean) {
    if (byGrant === this.#byGrant) return;
    this.#byGrant = byGrant;
    this.#placed.clear();
    for (const use of this.#uses.values()) {
      use.given = 0;
      use.elsewhere = 0;
      if (byGrant && use.running > 0) this.#placed.add(use);
      this.#look(use);
    }
  }

  /** Some more attempts of a group may start. */
  grant(name: string | undefined, count: number): void {
    const use = this.use(name);
    use.given += count;
    this.#placed.add(use);
    this.#look(use);
  }

  /** Places that were given and are not taken are given back. @returns how many */
  giveBack(): number {
    let count = 0;
    for (const use of this.#placed) {
      if (use.given === 0) continue;
      count += use.given;
      use.given = 0;
      this.#look(use);
      this.#forgetUnplaced(use);
    }
    return count;
  }

  /** Where places are given: those that are taken, and those that are not taken yet, by group. */
  placed(): ReadonlyMap<string | null, number> {
    return new Map([...this.#placed].map(({ name = null, running, given }) => [name, running + given]));
  }

  /** So many attempts of a group run in other processes. */
  runElsewhere(name: string | undefined, count: number): void {
    const use = this.#uses.get(name);
    if (use) use.elsewhere = count;
  }

  /** The group of this name, which is made if nothing of it waits or runs. */
  use(name: string | undefined): GroupUse {
    let use = this.#uses.get(name);
    if (use === undefined) {
      use = { name, running: 0, isOpen: !this.#byGrant, given: 0, elsewhere: 0, lastTurn: 0, queues: [] };
      this.#uses.set(name, use);
    }
    return use;
  }

  /** Attempts of a group that have a place, here or in other processes. */
  runningOf(name: string | undefined): number {
    const { running = 0, elsewhere = 0 } = this.#uses.get(name) ?? {};
    return running + elsewhere;
  }

  /** @param turn of the attempt */
  occupy(name: string | undefined, turn: number): void {
    const use = this.use(name);
    use.running++;
    use.lastTurn = turn;
    if (this.#byGrant) {
      this.#placed.add(use);
      if (use.given > 0) use.given--;
    }
    if (this.#limit !== Number.POSITIVE_INFINITY || this.#byGrant) this.#look(use);
  }

  vacate(name: string | undefined): void {
    const use = this.use(name);
    use.running--;
    if (!use.isOpen) this.#look(use);
    this.#forgetUnplaced(use);
    this.forgetIdle(use);
  }

  /** Nothing is kept of a group of which nothing waits or runs. */
  forgetIdle(use: GroupUse): void {
    if (use.name !== undefined && use.running === 0 && use.queues.length === 0 && use.given === 0)
      this.#uses.delete(use.name);
  }

  #forgetUnplaced(use: GroupUse): void {
    if (use.running > 0 || use.given > 0) return;
    this.#placed.delete(use);
    this.forgetIdle(use);
  }

  #look(use: GroupUse): void {
    const isOpen = groupHasPlace(this.#limit, use.running) && (!this.#byGrant || use.given > 0);
    if (isOpen === use.isOpen) return;
    use.isOpen = isOpen;
    for (const queue of use.queues) {
      if (isOpen) queue.open();
      else queue.close();
    }
  }
}
