/** Sets of jobs by `seq`, in blocks as those of `job-sets`, in memory only. Those of few jobs, of which there may be many, are plain numbers. */
import { RoaringBitmap32 } from 'roaring-wasm';
import { blockOf, blockSize } from '../../format/trees/set-block.js';

/** A set of any size: a bitmap for each block that has jobs of it. */
export class SeqSet {
  readonly #blocks = new Map<number, RoaringBitmap32>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(seq: number): boolean {
    return this.#blocks.get(blockOf(seq))?.has(seq % blockSize) ?? false;
  }

  add(seq: number): void {
    const block = blockOf(seq);
    let bitmap = this.#blocks.get(block);
    if (!bitmap) {
      bitmap = new RoaringBitmap32();
      this.#blocks.set(block, bitmap);
    }
    if (bitmap.tryAdd(seq % blockSize)) this.#size++;
  }

  delete(seq: number): void {
    const block = blockOf(seq);
    const bitmap = this.#blocks.get(block);
    if (!bitmap?.delete(seq % blockSize)) return;
    this.#size--;
    if (!bitmap.isEmpty) return;
    bitmap.dispose();
    this.#blocks.delete(block);
  }

  /** The part of it in a block: not to be changed. */
  bitmap(block: number): RoaringBitmap32 | undefined {
    return this.#blocks.get(block);
  }

  blocks(): Iterable<number> {
    return this.#blocks.keys();
  }

  /** Frees the memory outside of the JavaScript heap. */
  dispose(): void {
    for (const bitmap of this.#blocks.values()) bitmap.dispose();
    this.#blocks.clear();
    this.#size = 0;
  }
}

/** A set that is small until it grows: one job, some, or many. */
export type Postings = number | readonly number[] | SeqSet;

/** A bitmap takes some hundred bytes, whatever is in it. */
const mostListed = 64;

/** The set with a job more. */
export function withSeq(postings: Postings | undefined, seq: number): Postings {
  if (postings === undefined) return seq;
  if (postings instanceof SeqSet) {
    postings.add(seq);
    return postings;
  }
  const listed = typeof postings === 'number' ? [postings] : postings;
  if (listed.includes(seq)) return postings;
  if (listed.length < mostListed) return [...listed, seq];
  const set = new SeqSet();
  for (const each of listed) set.add(each);
  set.add(seq);
  return set;
}

/** The set without a job; undefined when nothing is left. */
export function withoutSeq(postings: Postings | undefined, seq: number): Postings | undefined {
  if (postings === undefined || postings === seq) return undefined;
  if (typeof postings === 'number') return postings;
  if (postings instanceof SeqSet) {
    postings.delete(seq);
    if (postings.size > 0) return postings;
    postings.dispose();
    return undefined;
  }
  const left = postings.filter((each) => each !== seq);
  return left.length > 1 ? left : left[0];
}

export function countOf(postings: Postings | undefined): number {
  if (postings === undefined) return 0;
  if (typeof postings === 'number') return 1;
  return postings instanceof SeqSet ? postings.size : postings.length;
}

/** The blocks that it has jobs in. */
export function blocksIn(postings: Postings | undefined): ReadonlySet<number> {
  if (postings === undefined) return new Set();
  if (typeof postings === 'number') return new Set([blockOf(postings)]);
  return new Set(postings instanceof SeqSet ? postings.blocks() : postings.map(blockOf));
}

/** Its part in a block as a bitmap of the caller's own, to be disposed of. */
export function bitmapOf(postings: Postings | undefined, block: number): RoaringBitmap32 {
  if (postings instanceof SeqSet) return postings.bitmap(block)?.clone() ?? new RoaringBitmap32();
  const listed = postings === undefined ? [] : typeof postings === 'number' ? [postings] : postings;
  return new RoaringBitmap32(listed.filter((seq) => blockOf(seq) === block).map((seq) => seq % blockSize));
}

/** Sets by a word or a number. In many maps: one that has a million entries stops its thread for long when it grows. */
export class PostingsTable<Key extends string | number> {
  readonly #shards: Map<Key, Postings>[] = Array.from({ length: 256 }, () => new Map());

  get(key: Key): Postings | undefined {
    return this.#shard(key).get(key);
  }

  add(key: Key, seq: number): void {
    const shard = this.#shard(key);
    const before = shard.get(key);
    const after = withSeq(before, seq);
    if (after !== before) shard.set(key, after);
  }

  delete(key: Key, seq: number): void {
    const shard = this.#shard(key);
    const before = shard.get(key);
    const after = withoutSeq(before, seq);
    if (after === undefined) shard.delete(key);
    else if (after !== before) shard.set(key, after);
  }

  *entries(): Iterable<readonly [Key, Postings]> {
    for (const shard of this.#shards) yield* shard;
  }

  dispose(): void {
    for (const shard of this.#shards) {
      for (const postings of shard.values()) if (postings instanceof SeqSet) postings.dispose();
      shard.clear();
    }
  }

  #shard(key: Key): Map<Key, Postings> {
    return this.#shards[shardOf(key)] as Map<Key, Postings>;
  }
}

/** FNV-1a (Fowler, Noll and Vo) of a word. */
function shardOf(key: string | number): number {
  if (typeof key === 'number') return key & 255;
  let hash = 0x811c_9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x0100_0193);
  return (hash ^ (hash >>> 16)) & 255;
}
