/** A local index in memory whose work happens when `step` is called, in order, as on a thread of its own. */
import type { Put } from '../../src/store/format/layout.js';
import type { SealedBatch } from '../../src/store/format/sealing.js';
import { IndexEngine } from '../../src/store/trees/index-engine.js';
import type { LogOrder } from '../../src/store/trees/job-logs.js';
import type { IndexEvents, IndexRecord, LocalIndex } from '../../src/store/trees/local-index.js';
import type { MergeOrder } from '../../src/store/trees/storage.js';
import { MemoryKv } from './kv-memory.js';

export class InlineIndex implements LocalIndex {
  readonly kv = new MemoryKv();
  readonly engine: IndexEngine;
  #events: IndexEvents | undefined;
  readonly #queue: (() => void)[] = [];
  #isWriting = false;
  #committed = 0;

  /** @param logShare as of `IndexEngine` */
  constructor(logShare = 1) {
    this.engine = new IndexEngine(this.kv, logShare);
  }

  async loadPages(puts: readonly Put[]): Promise<void> {
    this.engine.loadPages(puts);
  }

  async loadRecords(records: readonly IndexRecord[], merged: number): Promise<void> {
    this.engine.loadRecords(records, merged);
  }

  async open(merged: number): Promise<void> {
    this.engine.open(merged);
    this.#committed = this.engine.checkpointed;
  }

  listen(events: IndexEvents): void {
    this.#events = events;
  }

  commit(batch: SealedBatch): void {
    this.#queue.push(() => {
      this.engine.commit(batch);
      this.#committed = batch.position;
    });
  }

  merge(order: MergeOrder): void {
    this.#queue.push(() => this.engine.startMerge(order));
  }

  writeLogs(order: LogOrder): void {
    this.#queue.push(() => this.#events?.logsWritten(this.engine.writeLogs(order)));
  }

  pagesWritten(): void {
    this.#isWriting = false;
  }

  async close(): Promise<void> {}

  /** What it was asked for is done. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && !this.engine.merging && this.engine.checkpointed === this.#committed;
  }

  /** Does the next thing; false when there is nothing to do. */
  step(): boolean {
    const next = this.#queue.shift();
    if (next) next();
    return next !== undefined || this.#stepMerge() || this.#checkpoint();
  }

  #stepMerge(): boolean {
    if (this.#isWriting) return false;
    if (this.#tell()) return true;
    if (!this.engine.merging) return false;
    const merged = this.engine.step();
    this.#tell();
    this.#events?.checkpointed(this.engine.checkpointed);
    if (merged !== undefined) this.#events?.merged(merged);
    return true;
  }

  #tell(): boolean {
    const pages = this.engine.takePages();
    if (!pages) return false;
    this.#isWriting = true;
    this.#events?.pages(pages);
    return true;
  }

  #checkpoint(): boolean {
    if (this.engine.checkpointed === this.#committed) return false;
    this.engine.checkpoint();
    this.#events?.checkpointed(this.engine.checkpointed);
    return true;
  }
}
