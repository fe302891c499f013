/**
 * The writing side of the store: appends records to the log, and between commits brings the trees up to date. Pure over
 * the key-value port; the storage thread runs it on LMDB, the simulation in memory.
 */

import { encodeMeta, metaKey } from '../format/layout.js';
import { LogRecordReader } from '../format/log-record.js';
import type { SealedBatch } from '../format/sealing.js';
import type { Kv } from '../kv/kv.js';
import type { RecordLog } from '../log/record-log.js';
import { replay } from '../log/records.js';
import { type LogOrder, LogWriter } from './job-logs.js';
import { fillLabels } from './labels/fill-labels.js';
import { mergeSlices, type Slice } from './merge.js';
import { readMark } from './merge-mark.js';
import { PendingChanges } from './pending.js';
import type { MergeOrder } from './storage.js';

export class StoreEngine {
  readonly #kv: Kv;
  readonly #logs: LogWriter;
  readonly #log: RecordLog;
  readonly #logShare: number | undefined;
  #changes = new PendingChanges();
  #merge: { readonly position: number; readonly slices: Iterator<Slice>; slice: Slice | undefined } | undefined;

  /** @param logShare of what is kept of all logs, the part of this one */
  constructor(kv: Kv, log: RecordLog, logShare?: number) {
    this.#kv = kv;
    this.#logs = new LogWriter(kv);
    this.#log = log;
    this.#logShare = logShare;
  }

  /** Takes up what the log has behind the last merge. `clean`: the directory is new, or was left in order. */
  open(): { readonly clean: boolean } {
    replay(this.#log, readMark(this.#kv).position, (record) => this.#changes.add(record));
    fillLabels(this.#kv, this.#changes);
    const isNew = this.#log.ends() === undefined;
    const clean = isNew || this.#kv.get('meta', metaKey('clean')) !== undefined;
    this.markClean(false);
    return { clean };
  }

  /** Writes the batch durably, or throws and leaves nothing of it. */
  commit(batch: SealedBatch): void {
    this.#log.append(batch);
    const record = Buffer.from(batch.buffer, 0, batch.recordBytes);
    this.#changes.add(new LogRecordReader(batch.position, record));
  }

  /** The last record that readers of the store find; those behind it are committed. */
  get checkpointed(): number {
    return this.#log.checkpointed;
  }

  /** Brings all that is committed to where readers find it; throws when that cannot be now. */
  checkpoint(): void {
    this.#log.checkpoint();
  }

  /** Begins to bring the trees up to all that has been committed. `step` does the work. */
  startMerge(order: MergeOrder): void {
    if (this.#merge) throw new Error('a merge is under way');
    const changes = this.#changes;
    this.#changes = new PendingChanges(changes.rows.size);
    const slices = mergeSlices(this.#kv, this.#log, changes, order, this.#logShare)[Symbol.iterator]();
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
    merge.slice?.();
    merge.slice = undefined;
    return undefined;
  }

  /**
   * Writes lines of handlers, or leaves nothing of them. The key-value store has their jobs before them, not the journal alone: a backup
   * is a copy of it. Returns the bytes of all lines there are.
   */
  writeLogs(order: LogOrder): number {
    this.checkpoint();
    return this.#logs.write(order);
  }

  /** Notes that the process stopped in order; the next start removes the note. */
  markClean(clean: boolean): void {
    this.#kv.transact((tx) => {
      if (clean) tx.put('meta', metaKey('clean'), encodeMeta(true, 'clean'));
      else tx.remove('meta', metaKey('clean'));
    });
  }
}
