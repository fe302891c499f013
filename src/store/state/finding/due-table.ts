/**
 * When each job is due, in memory: eight bytes a job. It is made when a list first asks for it, a slice at a time, and kept up to date
 * from then on.
 */

import { blockOf, blockSize } from '../../format/trees/set-block.js';
import type { JobSets } from '../../trees/job-sets.js';

/** Jobs that are read in one step. */
const readsPerStep = 1024;

/** How jobs were due at one instant, for as long as somebody looks. */
export interface DueView {
  /** Unix milliseconds; NaN of a job that was not there. One block after the other is quick; any order is right. */
  due(seq: number): number;
  release(): void;
}

/** See the head of this file. Instants are Unix milliseconds. */
export class DueTable {
  readonly #sets: JobSets;
  readonly #read: (seq: number) => number | undefined;
  #blocks: Map<number, Float64Array> | undefined;
  /** Blocks that are still to be read, and where to go on in the first of them. */
  #unread: number[] = [];
  #at = 0;
  readonly #views = new Set<Map<number, number>>();

  /** @param read when a job is due that is on disk */
  constructor(sets: JobSets, read: (seq: number) => number | undefined) {
    this.#sets = sets;
    this.#read = read;
  }

  /** Takes what has been committed of a job; undefined: it is no more. */
  note(seq: number, due: number | undefined): void {
    if (this.#blocks === undefined) return;
    const block = this.#block(blockOf(seq));
    const low = seq % blockSize;
    for (const before of this.#views) if (!before.has(seq)) before.set(seq, block[low] as number);
    block[low] = due ?? Number.NaN;
  }

  /** Reads some more; returns whether the table has all jobs. */
  step(): boolean {
    if (this.#blocks === undefined) {
      this.#blocks = new Map();
      this.#unread = [...this.#sets.blocks()];
      this.#at = 0;
    }
    const number = this.#unread[0];
    if (number === undefined) return true;
    const block = this.#block(number);
    const all = this.#sets.bitmap(number, 'all');
    const end = all?.size ?? 0;
    // Places move when jobs before them leave: what is read twice, or was noted since, is the same.
    const first = all && this.#at < blockSize ? all.rangeCardinality(0, this.#at) : end;
    for (let rank = first; rank < end && rank < first + readsPerStep; rank++) {
      const low = (all as NonNullable<typeof all>).select(rank);
      this.#at = low + 1;
      if (Number.isNaN(block[low])) block[low] = this.#read(number * blockSize + low) ?? Number.NaN;
    }
    if (first + readsPerStep >= end) {
      this.#unread.shift();
      this.#at = 0;
    }
    return this.#unread.length === 0;
  }

  /** What is due when, as of now, whatever is committed meanwhile. */
  view(): DueView {
    const before = new Map<number, number>();
    this.#views.add(before);
    let number = -1;
    let block: Float64Array | undefined;
    return {
      // A million are asked for by one list: what is the same for all of a block is looked up once, and few have changed since.
      due: (seq) => {
        const changed = before.size > 0 ? before.get(seq) : undefined;
        if (changed !== undefined) return changed;
        if (block === undefined || number !== blockOf(seq)) {
          number = blockOf(seq);
          block = this.#blocks?.get(number);
        }
        return block?.[seq % blockSize] ?? Number.NaN;
      },
      release: () => void this.#views.delete(before),
    };
  }

  #block(number: number): Float64Array {
    const blocks = this.#blocks as Map<number, Float64Array>;
    let block = blocks.get(number);
    if (!block) {
      block = new Float64Array(blockSize).fill(Number.NaN);
      blocks.set(number, block);
    }
    return block;
  }
}
