/** The store as the scheduler sees it: batches go in, and each comes back as committed or failed. Types only. */

import type { Tree } from './format/layout.js';

/** A batch ready to be written, in one buffer that changes hands. */
export interface SealedBatch {
  /** Place of its record in the log; grows by one. */
  readonly position: number;
  readonly buffer: ArrayBuffer;
  /** The log record is the first so many bytes of the buffer. */
  readonly recordBytes: number;
  /** Specs to write: key, offset in the buffer, length; three numbers each. */
  readonly specs: readonly number[];
  readonly puts: readonly { readonly tree: Tree; readonly key: Uint8Array; readonly value: Uint8Array | null }[];
}

/** One set as it is saved; without bytes it became empty. */
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
  readonly sets: readonly SavedSet[];
  /** Unix milliseconds; log records older than the store keeps them are dropped. */
  readonly now: number;
}

export interface StoreEvents {
  committed(position: number): void;
  /** Nothing of the batch is there. `broken`: for good, and `message` is for the user; the process must stop. */
  failed(position: number, failure: { readonly message: string; readonly broken: boolean }): void;
  /** The trees stand for `position`; they can be read from now on. */
  merged(position: number): void;
}

export interface Store {
  /** One at a time: the next only after the answer. */
  commit(batch: SealedBatch): void;
  /** One at a time; commits go on meanwhile. */
  merge(order: MergeOrder): void;
  /** Finishes what was asked for and closes. `clean`: marks the directory as left in order. */
  close(clean: boolean): Promise<void>;
}
