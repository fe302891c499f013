/** Jobs of one type that wait, by priority; within one its groups take turns, and each goes by due time, then as they were made. */
import { GroupTurns } from './group-turns.js';
import type { GroupQueue, Groups } from './groups.js';

/** See the head of this file. Due times are Unix milliseconds. */
export class WaitingQueue {
  readonly #groups: Groups;
  /** The highest priority first. Most queues have one, which is 0. */
  #ranks: readonly GroupTurns[];
  #size = 0;

  constructor(groups: Groups) {
    this.#groups = groups;
    this.#ranks = [new GroupTurns(0, groups)];
  }

  get size(): number {
    return this.#size;
  }

  /** How many are in no group that keeps them waiting. */
  get open(): number {
    let jobs = 0;
    for (const rank of this.#ranks) jobs += rank.open;
    return jobs;
  }

  /** How many with this priority or a higher one may start, as far as their groups are concerned: that many at least. */
  startableFrom(priority: number): number {
    let jobs = 0;
    for (const rank of this.#ranks) if (rank.priority >= priority) jobs += rank.startable;
    return jobs;
  }

  /** The highest priority of which a job may start, as far as its group is concerned. What it has changes with the next call. */
  get first(): GroupTurns | undefined {
    for (const rank of this.#ranks) if (rank.first !== undefined) return rank;
    return undefined;
  }

  /** What waits by priority, the highest first, and then by turn. Only where places are given. */
  *inTurn(): Iterable<readonly [priority: number, queue: GroupQueue]> {
    for (const rank of this.#ranks)
      for (const queue of rank.inTurn()) if (queue.heap.size > 0) yield [rank.priority, queue];
  }

  /** No job is due before this; Infinity when none waits. */
  get notBefore(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const rank of this.#ranks) first = Math.min(first, rank.notBefore);
    return first;
  }

  /** Due time of the earliest of all; Infinity when none waits. It looks at all groups. */
  get earliest(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const rank of this.#ranks) first = Math.min(first, rank.earliest);
    return first;
  }

  /** Due time of the earliest with this priority. */
  earliestOf(priority: number): number {
    return this.#ranks.find((rank) => rank.priority === priority)?.earliest ?? Number.POSITIVE_INFINITY;
  }

  /** @param inFront it was taken and could not start: its group has not had its turn */
  push(due: number, seq: number, priority: number, group: string | undefined, inFront: boolean): void {
    this.#size++;
    this.#rank(priority).push(due, seq, group, inFront);
  }

  /** Removes the first in order. */
  pop(): void {
    const { first } = this;
    if (!first) return;
    first.pop();
    this.#size--;
  }

  /** One of a group has started. */
  hadTurn(priority: number, group: string | undefined): void {
    for (const rank of this.#ranks) if (rank.priority === priority) return rank.hadTurn(group);
  }

  #rank(priority: number): GroupTurns {
    for (const rank of this.#ranks) if (rank.priority === priority) return rank;
    const rank = new GroupTurns(priority, this.#groups);
    this.#ranks = [...this.#ranks, rank].sort((a, b) => b.priority - a.priority);
    return rank;
  }
}
