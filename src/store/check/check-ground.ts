/** What the passes of a check share: the store, what is behind the merge mark, and quick looks at states. */

import { type JobNumbers, singleShard } from '../../domain/ids/job-numbers.js';
import { checkPage, type MergeMark, pageKey, pageOf, rowAt, specKey } from '../format/layout.js';
import { type RowPlace, rowStatus } from '../format/row.js';
import { RowTable } from '../format/row-table.js';
import { readSpec } from '../format/spec-codec.js';
import type { TypeDictionary } from '../format/type-dictionary.js';
import type { KvReader } from '../kv/kv.js';
import { KvLogSource } from '../log/kv-log.js';
import type { LogSource } from '../log/record-log.js';
import type { Counters } from '../port.js';
import type { CheckFaults } from './check-faults.js';

export class CheckGround {
  /** Rows that log records behind the mark changed: a start takes these, whatever the trees say. */
  readonly behind = new RowTable();
  /** Jobs whose detail such a record has. */
  readonly detailsBehind = new Set<number>();
  /** Pages that do not match their checksum: nothing is known of their jobs. */
  readonly damagedPages = new Set<number>();
  /** As of the last record. */
  counters: Counters;
  readonly log: LogSource;
  readonly #pages: ({ readonly number: number; readonly page: Buffer | undefined } | undefined)[] = new Array(1024);

  constructor(
    readonly kv: KvReader,
    readonly faults: CheckFaults,
    readonly types: TypeDictionary,
    readonly mark: MergeMark,
    /** Unix milliseconds. */
    readonly now: number,
    counters: Counters,
    /** Of the jobs of the shard that is checked. */
    readonly numbers: JobNumbers = singleShard,
  ) {
    this.counters = counters;
    this.log = new KvLogSource(kv);
  }

  /** True where the trees have no say: the log has something newer, or the page is damaged. */
  isOpen(seq: number): boolean {
    return this.behind.has(seq) || this.damagedPages.has(pageOf(seq));
  }

  /** The row of a job that exists in the trees, whatever the log says; undefined also where its page is damaged. */
  rowInTrees(seq: number): RowPlace | undefined {
    const page = this.#page(pageOf(seq));
    return page && rowStatus(page, rowAt(seq)) !== undefined ? { bytes: page, at: rowAt(seq) } : undefined;
  }

  /** The row of a job as a start would see it. */
  row(seq: number): RowPlace | undefined {
    const at = this.behind.find(seq);
    if (at === undefined) return this.rowInTrees(seq);
    return rowStatus(this.behind.slab, at) === undefined ? undefined : { bytes: this.behind.slab, at };
  }

  /** The job as users know it where that can be told. */
  nameOf(seq: number): string {
    try {
      const bytes = this.kv.get('specs', specKey(seq));
      if (bytes) return this.numbers.format(seq, readSpec(seq, bytes, this.types).idSeconds);
    } catch {
      // A damaged spec is a fault of its own.
    }
    return `job number ${seq}`;
  }

  /** Damaged pages were reported when the tree was read through. */
  #page(number: number): Buffer | undefined {
    const slot = number % this.#pages.length;
    const known = this.#pages[slot];
    if (known?.number === number) return known.page;
    let page = this.damagedPages.has(number) ? undefined : this.kv.get('states', pageKey(number));
    try {
      if (page) checkPage(page, number);
    } catch {
      page = undefined;
    }
    this.#pages[slot] = { number, page };
    return page;
  }
}

const blockSize = 0x1_0000;

/** A set of jobs by `seq`, as plain bits: a byte for eight jobs that follow each other. */
export class SeqSet {
  readonly #blocks = new Map<number, Uint8Array>();
  size = 0;

  has(seq: number): boolean {
    const low = seq % blockSize;
    return (((this.#blocks.get(Math.floor(seq / blockSize))?.[low >> 3] ?? 0) >> (low & 7)) & 1) === 1;
  }

  /** Adds a job; false when it was there. */
  add(seq: number): boolean {
    if (this.has(seq)) return false;
    const number = Math.floor(seq / blockSize);
    const block = this.#blocks.get(number) ?? new Uint8Array(blockSize / 8);
    this.#blocks.set(number, block);
    const low = seq % blockSize;
    block[low >> 3] = (block[low >> 3] as number) | (1 << (low & 7));
    this.size++;
    return true;
  }

  delete(seq: number): void {
    if (!this.has(seq)) return;
    const low = seq % blockSize;
    const block = this.#blocks.get(Math.floor(seq / blockSize)) as Uint8Array;
    block[low >> 3] = (block[low >> 3] as number) & ~(1 << (low & 7));
    this.size--;
  }

  *[Symbol.iterator](): Iterator<number> {
    for (const [number, block] of this.#blocks) {
      for (const [at, bits] of block.entries()) {
        for (let bit = 0; bits >> bit !== 0; bit++) {
          if ((bits >> bit) & 1) yield number * blockSize + at * 8 + bit;
        }
      }
    }
  }
}
