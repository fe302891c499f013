import type { SealedBatch } from '../../src/store/format/sealing.js';
import type { StoreEngine } from '../../src/store/trees/engine.js';
import type { LogOrder } from '../../src/store/trees/job-logs.js';
import type { MergeOrder, Storage, StorageEvents } from '../../src/store/trees/storage.js';
import { DiskBroken, DiskFull, KeyClaimed } from './disk-faults.js';

/** Commits and merge slices happen when `step` is called, in order, as on a thread of its own. */
export class InlineStore implements Storage {
  events: (StorageEvents & { claimed?(): void }) | undefined;
  /** Called when a batch is on disk and nobody has been told. */
  afterCommit: () => void = () => {};
  /** Called when lines of handlers are on disk and nobody has been told. */
  afterLogs: (order: LogOrder) => void = () => {};
  readonly #queue: (() => void)[] = [];
  /** What was done and is not told yet. */
  readonly #reports: (() => void)[] = [];
  readonly #lags: boolean;
  #committed: number;

  /** @param lags what was done is told by a step of its own: the store may be ahead of what its thread has said */
  constructor(
    readonly engine: StoreEngine,
    lags = false,
  ) {
    this.#committed = engine.checkpointed;
    this.#lags = lags;
  }

  #report(tell: () => void): void {
    if (this.#lags) this.#reports.push(tell);
    else tell();
  }

  commit(batch: SealedBatch): void {
    this.#queue.push(() => {
      try {
        this.engine.commit(batch);
      } catch (error) {
        if (error instanceof KeyClaimed) {
          this.#report(() => this.events?.claimed?.());
          return;
        }
        if (!(error instanceof DiskFull || error instanceof DiskBroken)) throw error;
        const { message } = error;
        this.#report(() => this.events?.failed(batch.position, { message, broken: error instanceof DiskBroken }));
        return;
      }
      this.#committed = batch.position;
      this.afterCommit();
      this.#report(() => this.events?.committed(batch.position));
      this.#reportCheckpoint();
    });
  }

  writeLogs(order: LogOrder): void {
    this.#queue.push(() => {
      try {
        const bytes = this.engine.writeLogs(order);
        this.afterLogs(order);
        this.#report(() => this.events?.logsWritten(bytes));
      } catch (error) {
        if (!(error instanceof DiskFull || error instanceof DiskBroken)) throw error;
        this.#report(() => this.events?.logsRefused());
      }
      this.#reportCheckpoint();
    });
  }

  merge(order: MergeOrder): void {
    this.#queue.push(() => this.engine.startMerge(order));
  }

  /** What is on disk has not all been told: the trees may have what the committed state has not. */
  get isAhead(): boolean {
    return this.#reports.length > 0;
  }

  /** Does the next thing; false when there is nothing to do. */
  step(): boolean {
    const next = this.#queue.shift();
    if (next) {
      next();
      return true;
    }
    const report = this.#reports.shift();
    if (report) {
      report();
      return true;
    }
    return this.ahead();
  }

  /** Does what the thread does by itself, whatever it has not told yet; false when that is nothing. */
  ahead(): boolean {
    return this.stepMerge() || this.stepCheckpoint();
  }

  stepCheckpoint(): boolean {
    if (this.engine.checkpointed === this.#committed) return false;
    try {
      this.engine.checkpoint();
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      return false;
    }
    this.#reportCheckpoint();
    return true;
  }

  #reportCheckpoint(): void {
    const position = this.engine.checkpointed;
    if (position > 0) this.#report(() => this.events?.checkpointed(position));
  }

  stepMerge(): boolean {
    if (!this.engine.merging) return false;
    let merged: number | undefined;
    try {
      merged = this.engine.step();
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      return false;
    }
    this.#reportCheckpoint();
    if (merged !== undefined) this.#report(() => this.events?.merged(merged));
    return true;
  }

  get pending(): number {
    return this.#queue.length + this.#reports.length;
  }
}
