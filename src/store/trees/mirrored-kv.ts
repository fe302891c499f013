/**
 * A key-value store whose changes are told in pages, in the order of its transactions. Those between merges wait and come together with
 * the next ones, so that what is written over and over is told once; no transaction is ever told in parts. The log is not told, but for
 * how far it was trimmed.
 */
import { decodeMeta, type MergeMark, metaKey, positionOfKey, type Tree } from '../format/layout.js';
import type { Kv, KvWriter, RangeOptions } from '../kv/kv.js';
import type { IndexPages } from './local-index.js';

/** Transactions come together until they have so much. */
const pageBytes = 1024 * 1024;
/** Of an entry beside its key and value. */
const entryBytes = 32;

interface Change {
  readonly tree: Tree;
  readonly key: Buffer;
  readonly value: Uint8Array | null;
}

interface Gathered {
  readonly changes: Map<string, Change>;
  bytes: number;
  trimBefore: number;
}

const nothing = (): Gathered => ({ changes: new Map(), bytes: 0, trimBefore: 0 });

const clean = metaKey('clean');
const mark = metaKey('mark');

export class MirroredKv implements Kv {
  readonly #kv: Kv;
  /** What is to be told, the first to be told first; more may be added to the last. */
  readonly #waiting: Gathered[] = [];

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** There is enough to be told, without waiting for more. */
  get isFull(): boolean {
    return this.#waiting.length > 1 || (this.#waiting[0]?.bytes ?? 0) >= pageBytes;
  }

  /** The next pages; undefined when there are none. */
  take(): IndexPages | undefined {
    const next = this.#waiting.shift();
    if (!next) return undefined;
    const puts = [...next.changes.values()];
    const marked = puts.find(({ tree, key }) => tree === 'meta' && mark.equals(key))?.value;
    const merged = marked ? decodeMeta<MergeMark>(Buffer.from(marked), 'mark').position : undefined;
    return { puts, merged, trimBefore: next.trimBefore || undefined, isAll: this.#waiting.length === 0 };
  }

  transact<T>(work: (tx: KvWriter) => T): T {
    const own = nothing();
    const result = this.#kv.transact((tx) => work(this.#recording(tx, own)));
    if (own.changes.size > 0 || own.trimBefore > 0) this.#gather(own);
    return result;
  }

  #gather(own: Gathered): void {
    const last = this.#waiting.at(-1);
    if (!last || last.bytes >= pageBytes) {
      this.#waiting.push(own);
      return;
    }
    for (const [name, change] of own.changes) last.changes.set(name, change);
    last.bytes += own.bytes;
    last.trimBefore = Math.max(last.trimBefore, own.trimBefore);
  }

  #recording(tx: KvWriter, own: Gathered): KvWriter {
    const note = (tree: Tree, key: Uint8Array, value: Uint8Array | null): void => {
      if (tree === 'log') {
        if (value === null) own.trimBefore = Math.max(own.trimBefore, positionOfKey(key) + 1);
        return;
      }
      if (tree === 'meta' && clean.equals(key)) return;
      const kept = Buffer.from(key);
      own.changes.set(`${tree} ${kept.toString('latin1')}`, { tree, key: kept, value });
      own.bytes += entryBytes + kept.length + (value?.length ?? 0);
    };
    return {
      get: (tree, key) => tx.get(tree, key),
      peek: (tree, key) => tx.peek(tree, key),
      entries: (tree, range) => tx.entries(tree, range),
      keys: (tree, range) => tx.keys(tree, range),
      size: (tree) => tx.size(tree),
      refresh: () => tx.refresh(),
      put: (tree, key, value, append) => {
        tx.put(tree, key, value, append);
        note(tree, key, value);
      },
      remove: (tree, key) => {
        tx.remove(tree, key);
        note(tree, key, null);
      },
    };
  }

  get(tree: Tree, key: Uint8Array): Buffer | undefined {
    return this.#kv.get(tree, key);
  }

  peek(tree: Tree, key: Uint8Array): Buffer | undefined {
    return this.#kv.peek(tree, key);
  }

  entries(tree: Tree, range: RangeOptions): Iterable<{ readonly key: Buffer; readonly value: Buffer }> {
    return this.#kv.entries(tree, range);
  }

  keys(tree: Tree, range: RangeOptions): Iterable<Buffer> {
    return this.#kv.keys(tree, range);
  }

  size(tree: Tree): number {
    return this.#kv.size(tree);
  }

  refresh(): void {
    this.#kv.refresh();
  }

  close(): Promise<void> {
    return this.#kv.close();
  }
}
