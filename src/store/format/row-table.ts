/** Rows by `seq`, in memory: what has changed since the trees were last brought up to date. No object per job. */

import { randomInt } from 'node:crypto';
import type { JobState } from '../../domain/job.js';
import { rowBytes, writeNoRow, writeRow } from './row.js';

/** Nobody outside knows where a `seq` falls: who chooses among jobs cannot choose those that all fall in one place. */
const seed = randomInt(2 ** 32);

/** 32 bits of a `seq`, mixed: the finalizer of MurmurHash3 (Appleby, public domain). */
function mixed(seq: number): number {
  let bits = seq ^ seed;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}

/**
 * The `seq` of each job and its row stand in the order of their first writing; beside them is a hash table with open addressing that says
 * where. Nothing is ever taken out. A `Map` in its place stopped its thread for 10 to 26 ms whenever it grew, in the
 * middle of a commit.
 */
export class RowTable {
  #size = 0;
  #seqs: Float64Array;
  #slab: Buffer;
  /** One more than the number of a row, where its `seq` falls or next after it; 0: free. At most half of them are taken. */
  #places: Uint32Array;
  #shift: number;

  /** @param rows how many there will be, as far as that is known: up to then nothing is moved */
  constructor(rows = 0) {
    const bits = Math.max(4, Math.ceil(Math.log2(rows + 1)));
    this.#seqs = new Float64Array(2 ** bits);
    this.#slab = Buffer.allocUnsafeSlow(2 ** bits * rowBytes);
    this.#places = new Uint32Array(2 ** (bits + 1));
    this.#shift = 32 - (bits + 1);
  }

  get size(): number {
    return this.#size;
  }

  /** In the order in which they came. */
  keys(): Float64Array {
    return this.#seqs.subarray(0, this.#size);
  }

  has(seq: number): boolean {
    return this.#places[this.#placeOf(seq)] !== 0;
  }

  /** Copies a row in, over an earlier one of the same job. */
  set(seq: number, from: Buffer, at: number): void {
    const place = this.#claim(seq);
    from.copy(this.#slab, place, at, at + rowBytes);
  }

  /** Writes a job's state, or that it is no more. */
  put(seq: number, state: JobState | undefined, typeId: number, hasDetail: boolean, priority = 0): void {
    const place = this.#claim(seq);
    if (state) writeRow(this.#slab, place, state, typeId, hasDetail, priority);
    else writeNoRow(this.#slab, place, typeId);
  }

  /** Where the job's row begins in `slab`; undefined when the job is not here. */
  find(seq: number): number | undefined {
    const row = this.#places[this.#placeOf(seq)] as number;
    return row === 0 ? undefined : (row - 1) * rowBytes;
  }

  get slab(): Buffer {
    return this.#slab;
  }

  /** Where in `#places` the `seq` is, or would be. */
  #placeOf(seq: number): number {
    const last = this.#places.length - 1;
    let place = mixed(seq) >>> this.#shift;
    for (;;) {
      const row = this.#places[place] as number;
      if (row === 0 || this.#seqs[row - 1] === seq) return place;
      place = (place + 1) & last;
    }
  }

  #claim(seq: number): number {
    let place = this.#placeOf(seq);
    let row = this.#places[place] as number;
    if (row === 0) {
      if (this.#size === this.#seqs.length) {
        this.#grow();
        place = this.#placeOf(seq);
      }
      this.#seqs[this.#size] = seq;
      row = ++this.#size;
      this.#places[place] = row;
    }
    return (row - 1) * rowBytes;
  }

  #grow(): void {
    // All three are there before one is changed: without memory for one, the table stays as it was.
    const seqs = new Float64Array(this.#seqs.length * 2);
    const slab = Buffer.allocUnsafeSlow(this.#slab.length * 2);
    const places = new Uint32Array(this.#places.length * 2);
    seqs.set(this.#seqs);
    this.#slab.copy(slab);
    this.#seqs = seqs;
    this.#slab = slab;
    this.#places = places;
    this.#shift--;
    for (let row = 0; row < this.#size; row++) places[this.#placeOf(seqs[row] as number)] = row + 1;
  }
}
