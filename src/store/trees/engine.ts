/**
 * The writing side of the store: appends records to the log, and between commits brings the trees up to date. Pure over
 * the key-value port; the storage thread runs it on LMDB, the simulation in memory.
 */

import { encodeMeta, logKey, metaKey, specKey } from '../format/layout.js';
import { LogRecordReader } from '../format/log-record.js';
import { keyPart } from '../format/numbers.js';
import type { SealedBatch } from '../format/sealing.js';
import type { Kv } from '../kv/kv.js';
import { replay } from '../log/replay.js';
import { mergeSlices, type Slice } from './merge.js';
import { PendingChanges } from './pending.js';
import type { MergeOrder } from './storage.js';

export class StoreEngine {
  readonly #kv: Kv;
  #changes = new PendingChanges();
  #merge: { readonly position: number; readonly slices: Iterator<Slice>; slice: Slice | undefined } | undefined;
  #lastSpec = 0;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** Takes up what the log has behind the last merge. `clean`: the directory is new, or was left in order. */
  open(): { readonly clean: boolean } {
    replay(this.#kv, (record) => this.#changes.add(record));
    for (const last of this.#kv.keys('specs', { reverse: true, limit: 1 })) this.#lastSpec = keyPart(last, 0);
    const isNew = [...this.#kv.keys('log', { limit: 1 })].length === 0;
    const clean = isNew || this.#kv.get('meta', metaKey('clean')) !== undefined;
    this.markClean(false);
    return { clean };
  }

  /** Writes the batch durably, or throws and leaves nothing of it. */
  commit(batch: SealedBatch): void {
    const buffer = Buffer.from(batch.buffer);
    const record = buffer.subarray(0, batch.recordBytes);
    let lastSpec = this.#lastSpec;
    this.#kv.transact((tx) => {
      tx.put('log', logKey(batch.position), record, true);
      for (let i = 0; i < batch.specs.length; i += 3) {
        const seq = batch.specs[i] as number;
        const from = batch.specs[i + 1] as number;
        tx.put('specs', specKey(seq), buffer.subarray(from, from + (batch.specs[i + 2] as number)), seq > lastSpec);
        lastSpec = Math.max(lastSpec, seq);
      }
      for (const { tree, key, value } of batch.puts) {
        if (value) tx.put(tree, key, value);
        else tx.remove(tree, key);
      }
    });
    this.#lastSpec = lastSpec;
    this.#changes.add(new LogRecordReader(batch.position, record));
  }

  /** Begins to bring the trees up to all that has been committed. `step` does the work. */
  startMerge(order: MergeOrder): void {
    if (this.#merge) throw new Error('a merge is under way');
    const changes = this.#changes;
    this.#changes = new PendingChanges(changes.rows.size);
    const slices = mergeSlices(this.#kv, changes, order)[Symbol.iterator]();
    this.#merge = { position: order.position, slices, slice: undefined };
  }

  get merging(): boolean {
    return this.#merge !== undefined;
  }

  /**
   * Does one slice of the merge; returns its position when that was the last. A slice that throws leaves nothing and is
   * tried again by the next call.
   */
  step(): number | undefined {
    const merge = this.#merge;
    if (!merge) return undefined;
    if (!merge.slice) {
      const { done, value } = merge.slices.next();
      if (done) {
        this.#merge = undefined;
        return merge.position;
      }
      merge.slice = value;
    }
    this.#kv.transact(merge.slice as Slice);
    merge.slice = undefined;
    return undefined;
  }

  /** Notes that the process stopped in order; the next start removes the note. */
  markClean(clean: boolean): void {
    this.#kv.transact((tx) => {
      if (clean) tx.put('meta', metaKey('clean'), encodeMeta(true, 'clean'));
      else tx.remove('meta', metaKey('clean'));
    });
  }
}
