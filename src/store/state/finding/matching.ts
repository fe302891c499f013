/**
 * Which jobs a filter finds, block by block as bitmaps: all that it asks of is in memory, but for instants of creation, which a few specs
 * are read for, and due times (`due-table`).
 */
import { RoaringBitmap32 } from 'roaring-wasm';
import type { JobFilter } from '../../../domain/finding/job-filter.js';
import { parseId } from '../../../domain/id.js';
import { wordOf } from '../../format/trees/job-label.js';
import { blockSize } from '../../format/trees/set-block.js';
import type { TypeDictionary } from '../../format/type-dictionary.js';
import type { BulkJobs } from '../../port.js';
import type { JobSets } from '../../trees/job-sets.js';
import type { CreationOrder, Stretch } from '../../trees/labels/creation-order.js';
import type { JobLabels } from '../../trees/labels/job-labels.js';
import { bitmapOf, blocksIn, countOf, type Postings, type SeqSet } from '../../trees/labels/seq-set.js';

/** What is looked into. */
export interface FindingGround {
  readonly sets: JobSets;
  readonly labels: JobLabels;
  readonly types: TypeDictionary;
  readonly creations: CreationOrder;
  /** When a job was made, in Unix milliseconds. */
  readonly createdAt: (seq: number) => number;
  /** The job that an id names. */
  readonly seqOf: (id: string) => number | undefined;
  /** No job has this `seq` or a larger one. */
  readonly nextSeq: number;
}

/** The jobs that were found in one block. */
interface Part {
  readonly block: number;
  readonly bitmap: RoaringBitmap32;
}

/** The jobs that a filter has found, as of one instant. To be disposed of. */
export class Found {
  /** Ascending by block. */
  constructor(readonly parts: readonly Part[]) {}

  /** Of jobs whose places are known. */
  static of(jobs: readonly BulkJobs[]): Found {
    return new Found(jobs.map(({ block, places }) => ({ block, bitmap: new RoaringBitmap32(places) })));
  }

  get size(): number {
    return this.parts.reduce((sum, { bitmap }) => sum + bitmap.size, 0);
  }

  /**
   * Some of them in order of their making.
   *
   * @param options `newest`: the newest first; `behind`: only those that come after this one in that order; then the first `offset` are left out
   */
  page(options: { newest: boolean; behind?: number | undefined; offset: number; limit: number }): number[] {
    const { newest, behind, limit } = options;
    const found: number[] = [];
    let skip = options.offset;
    for (const { block, bitmap } of newest ? this.parts.toReversed() : this.parts) {
      if (found.length >= limit) break;
      const base = block * blockSize;
      const { size } = bitmap;
      // Places by rank that come after `behind`: from the first to below the second.
      let [from, to] = [0, size];
      if (behind !== undefined && newest) to = behind <= base ? 0 : rankOf(bitmap, behind - base);
      if (behind !== undefined && !newest) from = behind < base ? 0 : rankOf(bitmap, behind - base + 1);
      const count = to - from;
      if (skip >= count) {
        skip -= Math.max(0, count);
        continue;
      }
      for (let i = skip; i < count && found.length < limit; i++)
        found.push(base + bitmap.select(newest ? to - 1 - i : from + i));
      skip = 0;
    }
    return found;
  }

  dispose(): void {
    for (const { bitmap } of this.parts) bitmap.dispose();
  }
}

/** How many of a bitmap are below a place, which may lie behind the block. */
function rankOf(bitmap: RoaringBitmap32, below: number): number {
  return below >= blockSize ? bitmap.size : bitmap.rangeCardinality(0, below);
}

/** One thing that is asked: its part in a block, as a bitmap of the caller's own, and where it may have any. */
interface Criterion {
  readonly bitmap: (block: number) => RoaringBitmap32;
  /** No other block has any; absent: any may. */
  readonly blocks?: ReadonlySet<number>;
  /** Those that are not in it are wanted. */
  readonly inverse?: boolean;
}

/** Finds all that match, but for what is asked of due times. @throws DamagedRecord */
export function find(ground: FindingGround, filter: JobFilter): Found {
  const criteria = criteriaOf(ground, filter);
  const parts: Part[] = [];
  for (const block of ground.sets.blocks()) {
    if (criteria.some(({ blocks }) => blocks?.has(block) === false)) continue;
    const all = ground.sets.bitmap(block, 'all');
    if (!all || all.isEmpty) continue;
    const bitmap = all.clone();
    for (const each of criteria) {
      if (bitmap.isEmpty) break;
      const own = each.bitmap(block);
      if (each.inverse === true) bitmap.andNotInPlace(own);
      else bitmap.andInPlace(own);
      own.dispose();
    }
    if (bitmap.isEmpty) bitmap.dispose();
    else parts.push({ block, bitmap });
  }
  return new Found(parts);
}

function criteriaOf(ground: FindingGround, filter: JobFilter): Criterion[] {
  const { sets, labels, types } = ground;
  const { statuses, names, ids, tags, group, key, paused, isRepeat, lastOutcome, errorGroup } = filter;
  const criteria: Criterion[] = [];
  const words = [
    ...(tags ?? []).map(wordOf.tag),
    ...(group === undefined ? [] : [wordOf.group(group)]),
    ...(key === undefined ? [] : [wordOf.key(key)]),
  ].map((word) => labels.withWord(word));
  // What few have comes first: then there are few blocks to look into.
  words.sort((a, b) => countOf(a) - countOf(b));
  criteria.push(...words.map(inPostings));
  if (errorGroup !== undefined) criteria.push(inPostings(labels.failed.group(errorGroup)));
  if (ids !== undefined) criteria.push(inPostings(namedBy(ids, ground)));
  if (statuses !== undefined) criteria.push(anyOf((block) => statuses.map((status) => sets.bitmap(block, { status }))));
  if (names !== undefined) {
    const typeIds = names.map((name) => types.find(name)).filter((id) => id !== undefined);
    criteria.push(anyOf((block) => typeIds.map((typeId) => sets.bitmap(block, { typeId }))));
  }
  if (paused !== undefined) criteria.push(inSet(labels.paused, paused));
  if (isRepeat !== undefined) criteria.push(inSet(labels.repeating, isRepeat));
  if (lastOutcome !== undefined) criteria.push(inSet(labels.lastOutcome[lastOutcome], true));
  if (filter.createdFrom !== undefined || filter.createdBefore !== undefined)
    criteria.push(inStretches(madeWithin(ground, filter)));
  return criteria;
}

const inPostings = (postings: Postings | undefined): Criterion => ({
  bitmap: (block) => bitmapOf(postings, block),
  blocks: blocksIn(postings),
});

const inSet = (set: SeqSet, isIn: boolean): Criterion => ({
  bitmap: (block) => bitmapOf(set, block),
  inverse: !isIn,
});

function anyOf(bitmapsIn: (block: number) => readonly (RoaringBitmap32 | undefined)[]): Criterion {
  return {
    bitmap: (block) => {
      const bitmaps = bitmapsIn(block).filter((bitmap) => bitmap !== undefined);
      const [first, ...others] = bitmaps;
      const any = first?.clone() ?? new RoaringBitmap32();
      for (const other of others) any.orInPlace(other);
      return any;
    },
  };
}

function inStretches(stretches: readonly Stretch[]): Criterion {
  return {
    bitmap: (block) => {
      const base = block * blockSize;
      const bitmap = new RoaringBitmap32();
      for (const { from, to } of stretches) {
        const [low, high] = [Math.max(0, from - base), Math.min(blockSize, to - base)];
        if (low < high) bitmap.addRange(low, high);
      }
      return bitmap;
    },
  };
}

function namedBy(ids: readonly string[], { seqOf }: FindingGround): Postings {
  const seqs = ids.filter((id) => parseId(id) !== undefined).map((id) => seqOf(id));
  return [...new Set(seqs.filter((seq) => seq !== undefined))];
}

/** The numbers of jobs that were made within two instants. */
function madeWithin(ground: FindingGround, { createdFrom, createdBefore }: JobFilter): Stretch[] {
  return ground.creations.stretches(ground.nextSeq).map((stretch) => ({
    from: createdFrom === undefined ? stretch.from : firstMadeFrom(ground, stretch, createdFrom),
    to: createdBefore === undefined ? stretch.to : firstMadeFrom(ground, stretch, createdBefore),
  }));
}

/** By bisection. */
function firstMadeFrom({ sets, createdAt }: FindingGround, { from, to }: Stretch, instant: number): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const seq = sets.atOrAfter(middle);
    if (seq === undefined || seq >= high || createdAt(seq) >= instant) high = middle;
    else low = seq + 1;
  }
  return low;
}
