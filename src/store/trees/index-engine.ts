/**
 * The writing side of a local index: the engine of a data directory without a journal, filled from outside, its changes told in pages.
 * Pure over the key-value port, as that is.
 */
import { readEntry } from '../format/journal/entry.js';
import { logKey, type Put } from '../format/layout.js';
import type { SealedBatch } from '../format/sealing.js';
import type { Kv } from '../kv/kv.js';
import { JournaledLog, noJournal } from '../log/journaled-log.js';
import { KvLog } from '../log/kv-log.js';
import { DamagedRecord } from '../port.js';
import { StoreEngine } from './engine.js';
import { type LogOrder, LogWriter } from './job-logs.js';
import type { IndexPages, IndexRecord } from './local-index.js';
import { readMark } from './merge-mark.js';
import { MirroredKv } from './mirrored-kv.js';
import type { MergeOrder } from './storage.js';

/** What works once all pages and what the log has of their records are there. */
interface Opened {
  readonly log: JournaledLog;
  readonly engine: StoreEngine;
  readonly logs: LogWriter;
}

export class IndexEngine {
  readonly #kv: Kv;
  readonly #mirror: MirroredKv;
  readonly #logShare: number;
  #opened: Opened | undefined;
  /** The last record that was given. */
  #last: number | undefined;
  /** Pages are told whole: a merge goes on, or has just ended. */
  #tellsAll = false;

  /**
   * @param kv an empty store
   * @param logShare of what is kept of all logs, the part of this one
   */
  constructor(kv: Kv, logShare: number) {
    this.#kv = kv;
    this.#mirror = new MirroredKv(kv);
    this.#logShare = logShare;
  }

  loadPages(puts: readonly Put[]): void {
    this.#kv.transact((tx) => {
      for (const { tree, key, value } of puts) if (value) tx.put(tree, key, value);
    });
  }

  /** @throws DamagedRecord also when one is missing */
  loadRecords(records: readonly IndexRecord[], merged: number): void {
    const batches = records.map((record) => this.#next(record));
    const old = batches.filter(({ position }) => position <= merged);
    this.#kv.transact((tx) => {
      for (const { position, buffer, recordBytes } of old)
        tx.put('log', logKey(position), Buffer.from(buffer, 0, recordBytes), true);
    });
    // The pages may have what these write, or not: told anew, they have it.
    for (const batch of batches.slice(old.length)) this.#log().append(batch);
    if (old.length < batches.length) this.#log().checkpoint();
  }

  #next({ position, id, bytes }: IndexRecord): SealedBatch {
    const batch = readEntry(bytes, Buffer.from(id, 'hex'));
    if (batch?.position !== position) throw new DamagedRecord(`log record ${position}`);
    if (this.#last !== undefined && position !== this.#last + 1)
      throw new DamagedRecord(`log record ${this.#last + 1}`, 'is missing');
    this.#last = position;
    return batch;
  }

  #log(): JournaledLog {
    if (this.#opened) return this.#opened.log;
    const log = new JournaledLog(new KvLog(this.#mirror), noJournal);
    const engine = new StoreEngine(this.#mirror, log, this.#logShare);
    this.#opened = { log, engine, logs: new LogWriter(this.#mirror) };
    return log;
  }

  /**
   * To be called once, when all was given.
   *
   * @param merged the last record that the pages have
   * @throws DamagedRecord also when the pages do not stand for it
   */
  open(merged: number): { readonly clean: boolean } {
    const mark = readMark(this.#kv).position;
    if (mark !== merged) throw new DamagedRecord('the trees', `stand for record ${mark}, and not for ${merged}`);
    if (merged > (this.#last ?? 0)) throw new DamagedRecord(`log record ${merged}`, 'is missing');
    this.#log();
    return this.#engine.open();
  }

  get #engine(): StoreEngine {
    if (!this.#opened) throw new Error('the index is not open');
    return this.#opened.engine;
  }

  commit(batch: SealedBatch): void {
    this.#engine.commit(batch);
  }

  get checkpointed(): number {
    return this.#engine.checkpointed;
  }

  /** Bytes of what waits for a checkpoint. */
  get waitingBytes(): number {
    return this.#log().waitingBytes;
  }

  checkpoint(): void {
    this.#engine.checkpoint();
  }

  writeLogs(order: LogOrder): number {
    if (!this.#opened) throw new Error('the index is not open');
    const bytes = this.#opened.logs.write(order);
    // They are in no record of the log: until their pages are written they are on this machine only.
    this.#tellsAll = true;
    return bytes;
  }

  startMerge(order: MergeOrder): void {
    this.#engine.startMerge(order);
  }

  get merging(): boolean {
    return this.#engine.merging;
  }

  /** As of `StoreEngine`; all pages are to be taken first. */
  step(): number | undefined {
    this.#tellsAll = true;
    return this.#engine.step();
  }

  /** The next pages to be written, when it is their time. */
  takePages(): IndexPages | undefined {
    const pages = this.#tellsAll || this.#mirror.isFull ? this.#mirror.take() : undefined;
    if (!pages) this.#tellsAll = false;
    return pages;
  }

  markClean(clean: boolean): void {
    this.#engine.markClean(clean);
  }
}
