/** Jobs that wait, by priority, then by due time, then as they were made: a heap for each priority that there is. */
import { DueHeap } from '../../domain/due-heap.js';

interface Rank {
  readonly priority: number;
  readonly heap: DueHeap;
}

/** See the head of this file. Due times are Unix milliseconds. */
export class WaitingQueue {
  /** The highest priority first. Most queues have one, which is 0. */
  #ranks: readonly Rank[] = [{ priority: 0, heap: new DueHeap() }];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many have this priority or a higher one. */
  sizeFrom(priority: number): number {
    if (this.#ranks.length === 1) return priority <= 0 ? this.#size : 0;
    let size = 0;
    for (const rank of this.#ranks) if (rank.priority >= priority) size += rank.heap.size;
    return size;
  }

  /** The first in order; undefined when none waits. What it has changes with the next call. */
  get first(): { readonly priority: number; readonly heap: DueHeap } | undefined {
    for (const rank of this.#ranks) if (rank.heap.size > 0) return rank;
    return undefined;
  }

  /** Due time of the earliest of all; Infinity when none waits. */
  get earliest(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { heap } of this.#ranks) first = Math.min(first, heap.firstDue);
    return first;
  }

  /** Due time of the earliest with this priority. */
  earliestOf(priority: number): number {
    return this.#ranks.find((rank) => rank.priority === priority)?.heap.firstDue ?? Number.POSITIVE_INFINITY;
  }

  push(due: number, seq: number, priority: number): void {
    this.#size++;
    for (const rank of this.#ranks) if (rank.priority === priority) return rank.heap.push(due, seq);
    const heap = new DueHeap(64);
    heap.push(due, seq);
    this.#ranks = [...this.#ranks, { priority, heap }].sort((a, b) => b.priority - a.priority);
  }

  /** Removes the first in order. */
  pop(): void {
    const { first } = this;
    if (!first) return;
    first.heap.pop();
    this.#size--;
  }
}
