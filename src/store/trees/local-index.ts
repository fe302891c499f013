/**
 * The local index of a shard whose truth is elsewhere: trees and log as in a data directory, filled from outside and without a journal.
 * It is a cache. What it writes into its trees is told in pages, in the same order, so that the truth keeps them too. Types only.
 */
import type { Put } from '../format/layout.js';
import type { SealedBatch } from '../format/sealing.js';
import type { Storage, StorageEvents } from './storage.js';

/** Changes of the trees: all of them at once or none. Whoever has all up to some of them has the trees as they were then. */
export interface IndexPages {
  readonly puts: readonly Put[];
  /** With these the trees stand for the log up to here. */
  readonly merged?: number | undefined;
  /** The index has dropped what its log had before here. */
  readonly trimBefore?: number | undefined;
  /** Nothing else that was written so far is left to be told. */
  readonly isAll: boolean;
}

/** A record of the log with all else that its commit writes. */
export interface IndexRecord {
  readonly position: number;
  /** Hex; `bytes` are sealed with it. */
  readonly id: string;
  /** As of `entryBytes`. */
  readonly bytes: Uint8Array;
}

export interface IndexEvents extends Omit<StorageEvents, 'committed' | 'failed'> {
  /** The next pages come once `pagesWritten` was called; a merge waits so long, commits do not. */
  pages(pages: IndexPages): void;
  /** It cannot go on, and is worth nothing any more. */
  lost(reason: string): void;
}

/** How it is filled, in this order; each call rejects when the index cannot be made of what it was given. */
export interface IndexFilling {
  /** The pages of all trees, in any number of calls. */
  loadPages(puts: readonly Put[]): Promise<void>;
  /** All records that the log has, in order, in any number of calls. @param merged the last one that the pages have */
  loadRecords(records: readonly IndexRecord[], merged: number): Promise<void>;
  /** From now on it is used. */
  open(merged: number): Promise<void>;
}

export interface LocalIndex extends Storage, IndexFilling {
  listen(events: IndexEvents): void;
  /** Of a record that is durable, the next behind the last; any number before an answer. */
  commit(batch: SealedBatch): void;
  /** What `IndexEvents.pages` told is written. */
  pagesWritten(): void;
  close(): Promise<void>;
}
