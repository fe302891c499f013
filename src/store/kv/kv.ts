/**
 * The ordered key-value port under the layout. Tiny on purpose: LMDB and a crashing memory are its two adapters, and
 * one conformance suite holds both to it. Keys and values are bytes; keys order as bytes do.
 */

import type { Tree } from '../format/layout.js';

export interface RangeOptions {
  /** Inclusive; absent: from the first. */
  readonly from?: Uint8Array;
  /** Exclusive; absent: to the last. */
  readonly to?: Uint8Array;
  /** Descending: begins below `to`, ends at `from`. */
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface KvReader {
  /** The value, as bytes of the caller's own. */
  get(tree: Tree, key: Uint8Array): Buffer | undefined;
  /** The value, as bytes that may change with the next call of this port: for what is decoded, or copied, at once. */
  peek(tree: Tree, key: Uint8Array): Buffer | undefined;
  entries(tree: Tree, range: RangeOptions): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
  keys(tree: Tree, range: RangeOptions): Iterable<Buffer>;
  /** How many entries the tree says it has. Where pages are damaged LMDB may lose some without a word. */
  size(tree: Tree): number;
  /** What follows sees all that has been committed before. */
  refresh(): void;
}

export interface KvWriter extends KvReader {
  /** `append`: the key is known to be the largest of its tree. */
  put(tree: Tree, key: Uint8Array, value: Uint8Array, append?: boolean): void;
  remove(tree: Tree, key: Uint8Array): void;
}

export interface Kv extends KvReader {
  /** Runs `work` and makes all of its writes durable at once, or none and throws. */
  transact<T>(work: (tx: KvWriter) => T): T;
  close(): Promise<void>;
}
