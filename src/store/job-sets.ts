/**
 * Which jobs are in which status and of which type, as compressed bitmaps: lists and totals come from here, so that no
 * tree is scanned for what it does not return. Keys are cut into blocks of 65,536; a block's sets are saved one by one,
 * and only those that changed.
 */
import { RoaringBitmap32 } from 'roaring-wasm';
import { isFinished, type Status, statuses } from '../domain/lifecycle.js';

export const blockSize = 0x1_0000;
export const all = 0;
export const firstStatus = 1;
export const firstType = 16;

const setOfStatus = (status: Status): number => firstStatus + statuses.indexOf(status);
const setOfType = (typeId: number): number => firstType + typeId;

/** One set as it is saved; without bytes it became empty. */
export interface SavedSet {
  readonly set: number;
  readonly block: number;
  readonly bytes: Uint8Array | undefined;
}

/** Sets by number, of one block. */
type Block = Map<number, RoaringBitmap32>;

export class JobSets {
  readonly #blocks = new Map<number, Block>();
  /** Block numbers, ascending. */
  #order: number[] = [];
  readonly #dirty = new Set<number>();
  readonly #counts = new Map<number, number>();

  /** Puts a job where its status and type say, wherever it was before; undefined takes it out. */
  set(seq: number, status: Status | undefined, typeId: number): void {
    const before = this.statusOf(seq);
    if (before === status) return;
    if (before === undefined) {
      this.#change(all, seq, true);
      this.#change(setOfType(typeId), seq, true);
    } else {
      this.#change(setOfStatus(before), seq, false);
    }
    if (status === undefined) {
      this.#change(all, seq, false);
      this.#change(setOfType(typeId), seq, false);
    } else {
      this.#change(setOfStatus(status), seq, true);
    }
  }

  /**
   * As `set`, for sets of which only some may be up to date: a merge saves them in several transactions, and one that a
   * crash cut short leaves a job in some of its sets and not in the others.
   */
  place(seq: number, status: Status | undefined, typeId: number): void {
    const present = status !== undefined;
    this.#ensure(all, seq, present);
    this.#ensure(setOfType(typeId), seq, present);
    for (const each of statuses) this.#ensure(setOfStatus(each), seq, each === status);
  }

  has(seq: number): boolean {
    return (
      this.#blocks
        .get(Math.floor(seq / blockSize))
        ?.get(all)
        ?.has(seq % blockSize) ?? false
    );
  }

  statusOf(seq: number): Status | undefined {
    const block = this.#blocks.get(Math.floor(seq / blockSize));
    if (!block) return undefined;
    const low = seq % blockSize;
    if (!block.get(all)?.has(low)) return undefined;
    for (const status of statuses) if (block.get(setOfStatus(status))?.has(low)) return status;
    return undefined;
  }

  /** Jobs in a status; O(1). */
  count(status: Status): number {
    return this.#counts.get(setOfStatus(status)) ?? 0;
  }

  /** Whether so many jobs are in the set of all, each in one set of a status and in one of a type. */
  agree(jobs: number): boolean {
    const sums = { statuses: 0, types: 0 };
    for (const [set, count] of this.#counts) {
      if (set >= firstType) sums.types += count;
      else if (set >= firstStatus) sums.statuses += count;
    }
    return [this.total(undefined, undefined), sums.statuses, sums.types].every((count) => count === jobs);
  }

  /** One more than the number of the last type that has jobs. */
  get types(): number {
    let types = 0;
    for (const [set, count] of this.#counts) if (count > 0) types = Math.max(types, set - firstType + 1);
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
    const set = status !== undefined ? setOfStatus(status) : typeId !== undefined ? setOfType(typeId) : all;
    return this.#counts.get(set) ?? 0;
  }

  /** Keys of matching jobs below `before`, newest first, after the first `offset` of them. */
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

  /** All jobs in a status, ascending. */
  *each(status: Status): Iterable<number> {
    for (const number of this.#order) {
      const set = this.#blocks.get(number)?.get(setOfStatus(status));
      if (set) for (const low of set.toUint32Array()) yield number * blockSize + low;
    }
  }

  /** What changed since the last call, ready to be written. */
  takeChanged(): SavedSet[] {
    const saved: SavedSet[] = [];
    for (const mark of this.#dirty) {
      const { set, block } = unmark(mark);
      const bitmap = this.#blocks.get(block)?.get(set);
      saved.push({ set, block, bytes: bitmap && !bitmap.isEmpty ? bitmap.serialize('portable') : undefined });
      if (bitmap?.isEmpty) this.#drop(set, block);
    }
    this.#dirty.clear();
    return saved;
  }

  restore(set: number, block: number, bytes: Uint8Array): void {
    const bitmap = RoaringBitmap32.deserialize('portable', bytes);
    this.#block(block).set(set, bitmap);
    this.#counts.set(set, (this.#counts.get(set) ?? 0) + bitmap.size);
  }

  /** Frees the memory outside of the JavaScript heap. */
  dispose(): void {
    for (const block of this.#blocks.values()) for (const bitmap of block.values()) bitmap.dispose();
    this.#blocks.clear();
    this.#order = [];
    this.#counts.clear();
  }

  #ensure(set: number, seq: number, present: boolean): void {
    const bitmap = this.#blocks.get(Math.floor(seq / blockSize))?.get(set);
    if ((bitmap?.has(seq % blockSize) ?? false) !== present) this.#change(set, seq, present);
  }

  #change(set: number, seq: number, present: boolean): void {
    const number = Math.floor(seq / blockSize);
    const block = this.#block(number);
    let bitmap = block.get(set);
    if (!bitmap) {
      bitmap = new RoaringBitmap32();
      block.set(set, bitmap);
    }
    if (present) bitmap.add(seq % blockSize);
    else bitmap.remove(seq % blockSize);
    this.#counts.set(set, (this.#counts.get(set) ?? 0) + (present ? 1 : -1));
    this.#dirty.add(mark(set, number));
  }

  #block(number: number): Block {
    let block = this.#blocks.get(number);
    if (!block) {
      block = new Map();
      this.#blocks.set(number, block);
      if (number > (this.#order.at(-1) ?? -1)) this.#order.push(number);
      else this.#order = [...this.#blocks.keys()].sort((a, b) => a - b);
    }
    return block;
  }

  #drop(set: number, number: number): void {
    const block = this.#blocks.get(number) as Block;
    block.get(set)?.dispose();
    block.delete(set);
    if (block.size > 0) return;
    this.#blocks.delete(number);
    this.#order = this.#order.filter((other) => other !== number);
  }
}

// Set numbers stay below 16 + 65,536, so a set and its block fit one number.
const marks = 0x2_0000;
const mark = (set: number, block: number): number => block * marks + set;
const unmark = (of: number): { set: number; block: number } => ({ set: of % marks, block: Math.floor(of / marks) });

/** The jobs of one block that match a filter. */
interface Match {
  /** Of those below `before`. */
  count(before?: number): number;
  /** Those below `before`, descending, after the first `skip`. */
  descending(before: number, skip: number, limit: number): number[];
}

function matching(block: Block, status: Status | undefined, typeId: number | undefined): Match | undefined {
  const left = block.get(status !== undefined ? setOfStatus(status) : typeId !== undefined ? setOfType(typeId) : all);
  if (!left) return undefined;
  if (status === undefined || typeId === undefined) return new SetMatch(left);
  const right = block.get(setOfType(typeId));
  return right && new PairMatch(left, right);
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
