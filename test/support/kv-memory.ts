/**
 * The key-value port in memory, for tests and the simulation. Writes of a transaction reach the trees only when it
 * ends; `beforeWrite` may throw at any of them, as a disk would, or as a process that ends there.
 */
import { type Tree, trees } from '../../src/store/format/layout.js';
import type { Kv, KvWriter, RangeOptions } from '../../src/store/kv/kv.js';
import { MemoryJournal } from './journal-memory.js';

interface SortedTree {
  keys: string[];
  values: Map<string, Buffer>;
}

/** Bytes as a string of one char each: compares as bytes do. */
const asText = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');

/** First index whose key is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class MemoryKv implements Kv {
  /** What was given out to be looked at: spoilt by the next call, as it may be on a disk. */
  #peeked: Buffer = Buffer.alloc(0);
  readonly #trees = Object.fromEntries(
    trees.map((name) => [name, { keys: [], values: new Map() }]),
  ) as unknown as Record<Tree, SortedTree>;

  /** How many times an entry was set or removed, also back again: whoever knows it knows whether to look again. */
  changes = 0;

  /** Called before each write and, as 'commit', before a transaction takes effect; as 'put', too, before one to the journal. */
  beforeWrite: (what: 'put' | 'remove' | 'commit') => void = () => {};

  /** Beside it, on the same disk. */
  readonly journal = new MemoryJournal(() => this.beforeWrite('put'));

  get(tree: Tree, key: Uint8Array): Buffer | undefined {
    this.#peeked.fill(0xff);
    const value = this.#trees[tree].values.get(asText(key));
    return value && Buffer.from(value);
  }

  peek(tree: Tree, key: Uint8Array): Buffer | undefined {
    const value = this.get(tree, key);
    if (value) this.#peeked = value;
    return value;
  }

  *entries(tree: Tree, range: RangeOptions): Iterable<{ key: Buffer; value: Buffer }> {
    this.#peeked.fill(0xff);
    const { values } = this.#trees[tree];
    for (const key of this.keys(tree, range)) {
      const value = values.get(asText(key));
      if (value) yield { key, value: Buffer.from(value) };
    }
  }

  *keys(tree: Tree, range: RangeOptions): Iterable<Buffer> {
    const { keys } = this.#trees[tree];
    const low = range.from ? lowerBound(keys, asText(range.from)) : 0;
    const high = range.to ? lowerBound(keys, asText(range.to)) : keys.length;
    const end = Math.min(high - low, range.limit ?? Number.POSITIVE_INFINITY);
    const found = range.reverse ? keys.slice(high - end, high).reverse() : keys.slice(low, low + Math.max(0, end));
    for (const key of found) yield Buffer.from(key, 'latin1');
  }

  size(tree: Tree): number {
    return this.#trees[tree].keys.length;
  }

  refresh(): void {}

  transact<T>(work: (tx: KvWriter) => T): T {
    this.#peeked.fill(0xff);
    const undo: (() => void)[] = [];
    const tx: KvWriter = {
      get: (tree, key) => this.get(tree, key),
      peek: (tree, key) => this.peek(tree, key),
      entries: (tree, range) => this.entries(tree, range),
      keys: (tree, range) => this.keys(tree, range),
      size: (tree) => this.size(tree),
      refresh: () => {},
      put: (tree, key, value) => {
        this.beforeWrite('put');
        undo.push(this.#set(tree, asText(key), Buffer.from(value)));
      },
      remove: (tree, key) => {
        this.beforeWrite('remove');
        undo.push(this.#set(tree, asText(key), undefined));
      },
    };
    try {
      const result = work(tx);
      this.beforeWrite('commit');
      return result;
    } catch (error) {
      for (const back of undo.reverse()) back();
      throw error;
    }
  }

  async close(): Promise<void> {}

  /** Sets or removes one entry and returns what undoes it. */
  #set(tree: Tree, key: string, value: Buffer | undefined): () => void {
    this.changes++;
    const { keys, values } = this.#trees[tree];
    const before = values.get(key);
    if (value !== undefined) {
      if (before === undefined) keys.splice(lowerBound(keys, key), 0, key);
      values.set(key, value);
    } else if (before !== undefined) {
      keys.splice(lowerBound(keys, key), 1);
      values.delete(key);
    }
    return () => void this.#set(tree, key, before);
  }
}
