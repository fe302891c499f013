/** What writes bytes, seen from the thread that makes them: sealed batches go in, and each comes back as committed or failed. Types only. */
import type { SealedBatch } from '../format/sealing.js';
import type { Changes, LaneWatermark } from '../port.js';
import type { LogOrder } from './job-logs.js';

/** What one set has in one block, packed by `format/set-block`; without bytes it became empty. */
export interface SavedSet {
  readonly set: number;
  readonly block: number;
  readonly bytes: Uint8Array | undefined;
}

/** Asks for everything committed so far to be brought into the trees. */
export interface MergeOrder {
  /** The last record it covers: the last that was committed. */
  readonly position: number;
  /** No job pending at that position is due before this. */
  readonly watermark: number;
  /** The same of the other lanes of the due index. */
  readonly lanes?: readonly LaneWatermark[];
  readonly sets: readonly SavedSet[];
  /** Unix milliseconds; log records older than the store keeps them are dropped. */
  readonly now: number;
}

export interface StorageEvents {
  committed(position: number): void;
  /** Whoever reads the store finds all up to `position` from now on, but for what merges bring. */
  checkpointed(position: number): void;
  /** Nothing of the batch is there. `broken`: for good, and `message` is for the user; the process must stop. */
  failed(position: number, failure: { readonly message: string; readonly broken: boolean }): void;
  /** Lines of handlers are on disk; `bytes`: what all of them take. */
  logsWritten(bytes: number): void;
  /** They are not. */
  logsRefused(): void;
  /** The trees stand for `position`; they can be read from now on. */
  merged(position: number): void;
}

export interface Storage {
  /** One at a time: the next only after the answer. @param changes what the batch was made of, to look at before this returns */
  commit(batch: SealedBatch, changes: Changes): void;
  /** One at a time: the next only after the answer. Commits go on meanwhile. */
  writeLogs(order: LogOrder): void;
  /** One at a time; commits go on meanwhile. */
  merge(order: MergeOrder): void;
}
