/**
 * Sets of jobs by word, without the words: a million words that are on one job each take some thirty megabytes. A word is known by 96
 * bits of a hash whose seeds are this process's own, so that two of a million are taken for one in 10^17 processes.
 *
 * In 256 tables, since one that has a million entries stops its thread for long when it grows.
 */
import { randomBytes } from 'node:crypto';
import { type Postings, SeqSet, withoutSeq, withSeq } from './seq-set.js';

const tables = 256;
const lanes = 3;
const smallest = 8;
const fullest = 0.75;

const seeds = new Uint32Array(new Uint8Array(randomBytes(4 * lanes)).buffer);
/** Of the word that was hashed last. */
const hash = new Uint32Array(lanes);

/** The rounds of each lane are those of MurmurHash3 (Austin Appleby), with multipliers of their own. */
function hashWord(word: string): void {
  let [a, b, c] = seeds as unknown as [number, number, number];
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i);
    a = Math.imul(a ^ code, 0x85eb_ca6b);
    a ^= a >>> 13;
    b = Math.imul(b ^ code, 0xc2b2_ae35);
    b ^= b >>> 16;
    c = Math.imul(c ^ code, 0x9e37_79b1);
    c ^= c >>> 15;
  }
  hash[0] = mixed(a ^ word.length);
  hash[1] = mixed(b);
  hash[2] = mixed(c);
}

function mixed(bits: number): number {
  const once = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2_ae35);
  return twice ^ (twice >>> 16);
}

/** Open addressing with linear probing; an entry that goes draws those behind it nearer. */
class Table {
  #hashes = new Uint32Array(smallest * lanes);
  /** One more than the job, where it is one; below 0: the number of a list, from -1 on; 0: nothing is here. */
  #values = new Float64Array(smallest);
  #size = 0;
  readonly #lists: (Postings | undefined)[] = [];
  readonly #unused: number[] = [];

  /** Of the word that was hashed last. */
  get(): Postings | undefined {
    return this.#read(this.#values[this.#place()] as number);
  }

  set(postings: Postings | undefined): void {
    const place = this.#place();
    const before = this.#values[place] as number;
    if (before < 0) this.#drop(before);
    if (postings === undefined) {
      if (before !== 0) this.#remove(place);
      return;
    }
    this.#values[place] = typeof postings === 'number' ? postings + 1 : this.#keep(postings);
    if (before !== 0) return;
    this.#hashes.set(hash, place * lanes);
    this.#size++;
    if (this.#size > this.#values.length * fullest) this.#grow();
  }

  dispose(): void {
    for (const list of this.#lists) if (list instanceof SeqSet) list.dispose();
    this.#lists.length = 0;
    this.#unused.length = 0;
    this.#values.fill(0);
    this.#size = 0;
  }

  #read(value: number): Postings | undefined {
    return value === 0 ? undefined : value > 0 ? value - 1 : this.#lists[-value - 1];
  }

  #keep(postings: Postings): number {
    const number = this.#unused.pop() ?? this.#lists.length;
    this.#lists[number] = postings;
    return -number - 1;
  }

  #drop(value: number): void {
    this.#lists[-value - 1] = undefined;
    this.#unused.push(-value - 1);
  }

  /** Where the word that was hashed last is, or would be. */
  #place(): number {
    const last = this.#values.length - 1;
    const hashes = this.#hashes;
    let place = (hash[0] as number) & last;
    for (; this.#values[place] !== 0; place = (place + 1) & last) {
      const at = place * lanes;
      if (hashes[at] === hash[0] && hashes[at + 1] === hash[1] && hashes[at + 2] === hash[2]) break;
    }
    return place;
  }

  #remove(place: number): void {
    const last = this.#values.length - 1;
    this.#size--;
    let gap = place;
    for (let next = (gap + 1) & last; this.#values[next] !== 0; next = (next + 1) & last) {
      const home = (this.#hashes[next * lanes] as number) & last;
      // It may not go before its home.
      if (((next - home) & last) < ((next - gap) & last)) continue;
      this.#values[gap] = this.#values[next] as number;
      this.#hashes.copyWithin(gap * lanes, next * lanes, (next + 1) * lanes);
      gap = next;
    }
    this.#values[gap] = 0;
  }

  #grow(): void {
    // Both are there before one is changed: without memory for one, the table stays as it was.
    const hashes = new Uint32Array(this.#hashes.length * 2);
    const values = new Float64Array(this.#values.length * 2);
    const [oldHashes, oldValues] = [this.#hashes, this.#values];
    const last = values.length - 1;
    for (let place = 0; place < oldValues.length; place++) {
      const value = oldValues[place] as number;
      if (value === 0) continue;
      const at = place * lanes;
      let to = (oldHashes[at] as number) & last;
      while (values[to] !== 0) to = (to + 1) & last;
      values[to] = value;
      hashes.set(oldHashes.subarray(at, at + lanes), to * lanes);
    }
    this.#hashes = hashes;
    this.#values = values;
  }
}

/** See the head of this file. */
export class WordTable {
  readonly #tables = Array.from({ length: tables }, () => new Table());

  get(word: string): Postings | undefined {
    return this.#tableOf(word).get();
  }

  add(word: string, seq: number): void {
    const table = this.#tableOf(word);
    const before = table.get();
    const after = withSeq(before, seq);
    if (after !== before) table.set(after);
  }

  delete(word: string, seq: number): void {
    const table = this.#tableOf(word);
    const before = table.get();
    if (before === undefined) return;
    const after = withoutSeq(before, seq);
    if (after !== before) table.set(after);
  }

  /** Frees the memory outside of the JavaScript heap. */
  dispose(): void {
    for (const table of this.#tables) table.dispose();
  }

  #tableOf(word: string): Table {
    hashWord(word);
    return this.#tables[(hash[2] as number) & (tables - 1)] as Table;
  }
}
