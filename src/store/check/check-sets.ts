/**
 * Checking the saved bitmaps against the states, one block of 65,536 jobs after the other. Jobs that the log has something
 * newer about are left out on both sides: a start puts them where they belong.
 */
import { RoaringBitmap32 } from 'roaring-wasm';
import type { Status } from '../../domain/lifecycle.js';
import { allJobs, firstType, statusOfSet, statusSets } from '../format/codes.js';
import { pageRows } from '../format/layout.js';
import { blockOf, blockOfKey, blockSize, decodeSet, setKey, setOfKey } from '../format/trees/set-block.js';
import type { CheckGround } from './check-ground.js';

export class SetsCheck {
  readonly #ground: CheckGround;
  /** The sets that are saved, by block, those of later blocks yet to be compared. */
  readonly #saved = new Map<number, number[]>();
  readonly #behind = new Map<number, number[]>();
  #block = 0;
  /** What the sets of the present block must hold, by set: places in the block. */
  #expected = new Map<number, number[]>();

  constructor(ground: CheckGround) {
    this.#ground = ground;
    ground.faults.try('unreadable', 'the tree bitmaps', () => {
      for (const key of ground.kv.keys('bitmaps', {})) gather(this.#saved, blockOfKey(key), setOfKey(key));
    });
    for (const seq of ground.behind.keys()) gather(this.#behind, blockOf(seq), seq % blockSize);
  }

  /** A job as the trees have it; each `seq` must be greater than the one before. */
  add(seq: number, status: Status, typeId: number): void {
    const block = blockOf(seq);
    if (block !== this.#block) this.#compare();
    this.#block = block;
    for (const set of [allJobs, statusSets[status], firstType + typeId]) gather(this.#expected, set, seq % blockSize);
  }

  finish(): void {
    this.#compare();
    for (const block of [...this.#saved.keys()].sort((a, b) => a - b)) {
      this.#block = block;
      this.#compare();
    }
  }

  #compare(): void {
    const saved = this.#saved.get(this.#block) ?? [];
    for (const set of new Set([...saved, ...this.#expected.keys()])) this.#compareSet(set);
    this.#saved.delete(this.#block);
    this.#behind.delete(this.#block);
    this.#expected = new Map();
  }

  #compareSet(set: number): void {
    const { faults } = this.#ground;
    const name = this.#nameOf(set);
    if (name === undefined) return faults.add('set', `there is a set number ${set}, which no status or type has`);
    const there = this.#load(set, name);
    if (!there) return;
    const expected = new RoaringBitmap32(this.#expected.get(set) ?? []);
    const lacking = RoaringBitmap32.andNot(expected, there);
    const surplus = RoaringBitmap32.andNot(there, expected);
    if (lacking.size > 0) faults.add('set', `the set of ${name} lacks ${this.#jobs(lacking)}`);
    if (surplus.size > 0)
      faults.add(
        'set',
        `the set of ${name} has ${this.#jobs(surplus)}, which ${surplus.size > 1 ? 'do' : 'does'} not belong there`,
      );
    for (const bitmap of [there, expected, lacking, surplus]) bitmap.dispose();
  }

  /** The set as saved, without jobs that the trees have no say about; undefined when it is damaged. */
  #load(set: number, name: string): RoaringBitmap32 | undefined {
    const { kv, faults, damagedPages } = this.#ground;
    return faults.try('set', `the set of ${name}`, () => {
      const under = setKey(set, this.#block);
      const sealed = kv.get('bitmaps', under);
      if (!sealed) return new RoaringBitmap32();
      const bitmap = decodeSet(sealed, under);
      for (const low of this.#behind.get(this.#block) ?? []) bitmap.remove(low);
      const base = this.#block * blockSize;
      for (const page of damagedPages) {
        const from = page * pageRows - base;
        if (from >= 0 && from < blockSize) bitmap.removeRange(from, from + pageRows);
      }
      return bitmap;
    });
  }

  #jobs(places: RoaringBitmap32): string {
    const first = this.#ground.nameOf(this.#block * blockSize + places.select(0));
    return places.size === 1 ? first : `${first} and ${places.size - 1} more`;
  }

  #nameOf(set: number): string | undefined {
    if (set === allJobs) return 'all jobs';
    const status = statusOfSet[set];
    if (status !== undefined) return `${status} jobs`;
    const type = this.#ground.types.all()[set - firstType];
    return type === undefined ? undefined : `jobs of type ${type}`;
  }
}

function gather(lists: Map<number, number[]>, under: number, item: number): void {
  const list = lists.get(under);
  if (list) list.push(item);
  else lists.set(under, [item]);
}
