/**
 * Which jobs are in which status and of which type, as compressed bitmaps: lists and totals come from here, so that no
 * tree is scanned for what it does not return. Jobs are cut by `seq` into blocks of 65,536; a block's sets are saved one by one,
 * and only those that changed.
 */

import { RoaringBitmap32 } from 'roaring-wasm';
import { isFinished, type Status, statuses } from '../../domain/lifecycle.js';
import { allJobs, firstType, statusOfSet, statusSets } from '../format/codes.js';
import { blockOf, blockSize, packSet } from '../format/trees/set-block.js';
import type { SavedSet } from './storage.js';

const setOfStatus = (status: Status): number => statusSets[status];
const setOfType = (typeId: number): number => firstType + typeId;

/** One set's part in one block. */
interface BlockSet {
  readonly set: number;
  readonly block: number;
  readonly bitmap: RoaringBitmap32;
  /** Since it was last saved; it is in `#changed` then. */
  changed: boolean;
}

/** By the number of the set, with holes. A run changes eight bits, and asking a `Map` for each set was 3% of its cost. */
type Block = (BlockSet | undefined)[];

export class JobSets {
  readonly #blocks = new Map<number, Block>();
  /** Block numbers, ascending. */
  #order: number[] = [];
  #changed: BlockSet[] = [];
  /** Jobs in each set. */
  readonly #counts: number[] = [];
  /** Pending jobs by type, once somebody has asked for them. */
  #pending: number[] | undefined;

  /** Puts a job where its status and type say, wherever it was before; undefined takes it out. */
  set(seq: number, status: Status | undefined, typeId: number): void {
    const number = blockOf(seq);
    const low = seq % blockSize;
    const known = this.#blocks.get(number);
    const before = known && statusIn(known, low);
    if (before === status) return;
    const block = known ?? this.#addBlock(number);
    if (this.#pending !== undefined) {
      const change = (status === 'pending' ? 1 : 0) - (before === 'pending' ? 1 : 0);
      if (change !== 0) this.#pending[typeId] = (this.#pending[typeId] ?? 0) + change;
    }
    if (before === undefined) {
      this.#change(block, number, allJobs, low, true);
      this.#change(block, number, setOfType(typeId), low, true);
    } else {
      this.#change(block, number, setOfStatus(before), low, false);
    }
    if (status === undefined) {
      this.#change(block, number, allJobs, low, false);
      this.#change(block, number, setOfType(typeId), low, false);
    } else {
      this.#change(block, number, setOfStatus(status), low, true);
    }
  }

  /**
   * As `set`, for sets of which only some may be up to date: a merge saves them in several transactions, and one that a
   * crash interrupted leaves a job in some of its sets and not in the others.
   */
  place(seq: number, status: Status | undefined, typeId: number): void {
    this.#pending = undefined;
    const present = status !== undefined;
    this.#ensure(allJobs, seq, present);
    this.#ensure(setOfType(typeId), seq, present);
    for (const each of statuses) this.#ensure(setOfStatus(each), seq, each === status);
  }

  has(seq: number): boolean {
    return this.#blocks.get(blockOf(seq))?.[allJobs]?.bitmap.has(seq % blockSize) ?? false;
  }

  statusOf(seq: number): Status | undefined {
    const block = this.#blocks.get(blockOf(seq));
    return block && statusIn(block, seq % blockSize);
  }

  /** Jobs in a status; O(1). */
  count(status: Status): number {
    return this.#counts[setOfStatus(status)] ?? 0;
  }

  /** Pending jobs of a type; O(1), but for the first call. */
  pendingOf(typeId: number): number {
    this.#pending ??= Array.from({ length: this.types }, (_, each) => this.total('pending', each));
    return this.#pending[typeId] ?? 0;
  }

  /** Whether so many jobs are in the set of all, each in one set of a status and in one of a type. */
  agree(jobs: number): boolean {
    const sums = { statuses: 0, types: 0 };
    this.#counts.forEach((count, set) => {
      if (set >= firstType) sums.types += count;
      else if (statusOfSet[set] !== undefined) sums.statuses += count;
    });
    return [this.total(undefined, undefined), sums.statuses, sums.types].every((count) => count === jobs);
  }

  /** One more than the number of the last type that has jobs. */
  get types(): number {
    let types = 0;
    this.#counts.forEach((count, set) => {
      if (count > 0) types = Math.max(types, set - firstType + 1);
    });
    return types;
  }

  get finished(): number {
    return statuses.reduce((sum, status) => sum + (isFinished(status) ? this.count(status) : 0), 0);
  }

  /** How many jobs match, exactly. */
  total(status: Status | undefined, typeId: number | undefined): number {
    if (status !== undefined && typeId !== undefined) {
      let sum = 0;
      for (const block of this.#blocks.values()) sum += matching(block, status, typeId)?.count() ?? 0;
      return sum;
    }
    const set = status !== undefined ? setOfStatus(status) : typeId !== undefined ? setOfType(typeId) : allJobs;
    return this.#counts[set] ?? 0;
  }

  /** The `seq` of each matching job below `before`, newest first, after the first `offset` of them. */
  page(
    status: Status | undefined,
    typeId: number | undefined,
    options: { readonly before?: number; readonly offset: number; readonly limit: number },
  ): number[] {
    const found: number[] = [];
    let skip = options.offset;
    const before = options.before ?? Number.POSITIVE_INFINITY;
    for (let i = this.#order.length - 1; i >= 0 && found.length < options.limit; i--) {
      const number = this.#order[i] as number;
      const base = number * blockSize;
      if (base >= before) continue;
      const match = matching(this.#blocks.get(number) as Block, status, typeId);
      if (!match) continue;
      const count = match.count(before - base);
      if (skip >= count) {
        skip -= count;
        continue;
      }
      for (const low of match.descending(before - base, skip, options.limit - found.length)) found.push(base + low);
      skip = 0;
    }
    return found;
  }

  /** The newest job; undefined when there is none. */
  newest(): number | undefined {
    for (const number of this.#order.toReversed()) {
      const all = this.#blocks.get(number)?.[allJobs]?.bitmap;
      if (all && !all.isEmpty) return number * blockSize + all.maximum();
    }
    return undefined;
  }

  /** The first job from `seq` on; undefined when there is none. */
  atOrAfter(seq: number): number | undefined {
    const first = blockOf(seq);
    for (const number of this.#order) {
      if (number < first) continue;
      const all = this.#blocks.get(number)?.[allJobs]?.bitmap;
      if (!all || all.isEmpty) continue;
      const low = number === first ? seq % blockSize : 0;
      const before = low === 0 ? 0 : all.rangeCardinality(0, low);
      if (before < all.size) return number * blockSize + all.select(before);
    }
    return undefined;
  }

  /** The part of a set in a block: all jobs, those in a status, or of a type. It is not to be changed. */
  bitmap(
    block: number,
    of: { readonly status: Status } | { readonly typeId: number } | 'all',
  ): RoaringBitmap32 | undefined {
    const set = of === 'all' ? allJobs : 'status' in of ? setOfStatus(of.status) : setOfType(of.typeId);
    return this.#blocks.get(block)?.[set]?.bitmap;
  }

  /** All jobs in a status, ascending. */
  *each(status: Status): Iterable<number> {
    for (const block of this.#order) yield* this.inBlock(status, block);
  }

  /** Numbers of the blocks there are: what `inBlock` takes. */
  blocks(): readonly number[] {
    return [...this.#order];
  }

  /** The `seq` of each job of a status in one block, ascending; at most 65,536. */
  inBlock(status: Status, block: number): readonly number[] {
    const set = this.#blocks.get(block)?.[setOfStatus(status)];
    return set ? Array.from(set.bitmap.toUint32Array(), (low) => block * blockSize + low) : [];
  }

  /** What changed since the last call, ready to be written. */
  takeChanged(): SavedSet[] {
    const changed = this.#changed;
    this.#changed = [];
    return changed.map((one) => {
      const { set, block, bitmap } = one;
      one.changed = false;
      if (!bitmap.isEmpty) return { set, block, bytes: packSet(bitmap) };
      this.#drop(set, block);
      return { set, block, bytes: undefined };
    });
  }

  /** Takes a set of a block as it was saved; the bitmap is disposed of with the others. */
  restore(set: number, number: number, bitmap: RoaringBitmap32): void {
    const block = this.#blocks.get(number) ?? this.#addBlock(number);
    block[set] = { set, block: number, bitmap, changed: false };
    this.#counts[set] = (this.#counts[set] ?? 0) + bitmap.size;
    this.#pending = undefined;
  }

  /** Frees the memory outside of the JavaScript heap. */
  dispose(): void {
    for (const block of this.#blocks.values()) for (const { bitmap } of present(block)) bitmap.dispose();
    this.#blocks.clear();
    this.#order = [];
    this.#changed = [];
    this.#counts.length = 0;
  }

  #ensure(set: number, seq: number, isIn: boolean): void {
    const number = blockOf(seq);
    const low = seq % blockSize;
    const known = this.#blocks.get(number);
    if ((known?.[set]?.bitmap.has(low) ?? false) === isIn) return;
    this.#change(known ?? this.#addBlock(number), number, set, low, isIn);
  }

  #change(block: Block, number: number, set: number, low: number, isIn: boolean): void {
    let one = block[set];
    if (!one) {
      one = { set, block: number, bitmap: new RoaringBitmap32(), changed: false };
      block[set] = one;
    }
    if (isIn) one.bitmap.add(low);
    else one.bitmap.remove(low);
    this.#counts[set] = (this.#counts[set] ?? 0) + (isIn ? 1 : -1);
    if (one.changed) return;
    one.changed = true;
    this.#changed.push(one);
  }

  #addBlock(number: number): Block {
    const block: Block = [];
    this.#blocks.set(number, block);
    if (number > (this.#order.at(-1) ?? -1)) this.#order.push(number);
    else this.#order = [...this.#blocks.keys()].sort((a, b) => a - b);
    return block;
  }

  #drop(set: number, number: number): void {
    const block = this.#blocks.get(number) as Block;
    block[set]?.bitmap.dispose();
    delete block[set];
    if (present(block).length > 0) return;
    this.#blocks.delete(number);
    this.#order = this.#order.filter((other) => other !== number);
  }
}

const present = (block: Block): BlockSet[] => block.filter((one) => one !== undefined);

function statusIn(block: Block, low: number): Status | undefined {
  if (!block[allJobs]?.bitmap.has(low)) return undefined;
  for (const status of statuses) if (block[setOfStatus(status)]?.bitmap.has(low)) return status;
  return undefined;
}

/** The jobs of one block that match a filter. */
interface Match {
  /** Of those below `before`. */
  count(before?: number): number;
  /** Those below `before`, descending, after the first `skip`. */
  descending(before: number, skip: number, limit: number): number[];
}

function matching(block: Block, status: Status | undefined, typeId: number | undefined): Match | undefined {
  const left = block[status !== undefined ? setOfStatus(status) : typeId !== undefined ? setOfType(typeId) : allJobs];
  if (!left) return undefined;
  if (status === undefined || typeId === undefined) return new SetMatch(left.bitmap);
  const right = block[setOfType(typeId)];
  return right && new PairMatch(left.bitmap, right.bitmap);
}

class SetMatch implements Match {
  constructor(readonly bitmap: RoaringBitmap32) {}

  count(before = blockSize): number {
    return before >= blockSize ? this.bitmap.size : this.bitmap.rangeCardinality(0, before);
  }

  descending(before: number, skip: number, limit: number): number[] {
    const found: number[] = [];
    const end = this.count(before) - 1 - skip;
    for (let rank = end; rank >= 0 && found.length < limit; rank--) found.push(this.bitmap.select(rank));
    return found;
  }
}

class PairMatch implements Match {
  constructor(
    readonly left: RoaringBitmap32,
    readonly right: RoaringBitmap32,
  ) {}

  count(before = blockSize): number {
    return before >= blockSize
      ? this.left.andCardinality(this.right)
      : this.#both((both) => both.rangeCardinality(0, before));
  }

  descending(before: number, skip: number, limit: number): number[] {
    return this.#both((both) => new SetMatch(both).descending(before, skip, limit));
  }

  #both<T>(use: (both: RoaringBitmap32) => T): T {
    const both = RoaringBitmap32.and(this.left, this.right);
    try {
      return use(both);
    } finally {
      both.dispose();
    }
  }
}
