/** The key-value port on LMDB. Used by the storage thread to write and by the main thread to read. */

import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type Tree, trees } from '../format/layout.js';
import { DamagedRecord } from '../port.js';
import type { Kv, KvWriter, RangeOptions } from './kv.js';
import { isDamage } from './lmdb-damage.js';

/** The file that LMDB keeps its trees in, inside the data directory. */
export const dataFile = 'data.mdb';
/** What LMDB keeps beside it for as long as it is open, and leaves there. */
export const lockFile = `${dataFile}-lock`;

// Atomic and throwing cleanly only with these: the default overlappingSync leaves a failed write visible.
const durable = {
  overlappingSync: false,
  eventTurnBatching: false,
  cache: false,
  noSync: false,
  mapAsync: false,
  useWritemap: false,
} as const;

export class LmdbKv implements Kv, KvWriter {
  readonly #root: RootDatabase;
  readonly #trees: Record<Tree, Database<Buffer, Buffer>>;

  /** @param options `cache`: nothing is flushed, since all of it can be had from elsewhere; for all who open it alike */
  constructor(directory: string, options: { readonly readOnly?: boolean; readonly cache?: boolean } = {}) {
    this.#root = open({
      path: join(directory, dataFile),
      maxDbs: trees.length + 2,
      readOnly: options.readOnly ?? false,
      ...durable,
      ...(options.cache && { noSync: true }),
    } as Parameters<typeof open>[0]) as RootDatabase;
    this.#trees = Object.fromEntries(
      trees.map((name) => [name, this.#root.openDB({ name, keyEncoding: 'binary', encoding: 'binary' }) ?? noTree]),
    ) as unknown as Record<Tree, Database<Buffer, Buffer>>;
  }

  get(tree: Tree, key: Uint8Array): Buffer | undefined {
    try {
      return this.#trees[tree].getBinary(key as Buffer);
    } catch (error) {
      throw this.#explained(error, tree);
    }
  }

  /** Without the copy, whose memory the garbage collector has to find again, a run costs the main thread an eighth less. */
  peek(tree: Tree, key: Uint8Array): Buffer | undefined {
    try {
      const shared = this.#trees[tree].getBinaryFast(key as Buffer);
      // lmdb-js says by `length` alone how much of its one buffer counts.
      return shared && Buffer.from(shared.buffer, shared.byteOffset, shared.length);
    } catch (error) {
      throw this.#explained(error, tree);
    }
  }

  *entries(tree: Tree, range: RangeOptions): Iterable<{ key: Buffer; value: Buffer }> {
    try {
      for (const { key, value } of this.#trees[tree].getRange(lmdbRange(range))) {
        yield { key: key as Buffer, value: value as Buffer };
      }
    } catch (error) {
      throw this.#explained(error, tree);
    }
  }

  *keys(tree: Tree, range: RangeOptions): Iterable<Buffer> {
    try {
      yield* this.#trees[tree].getKeys(lmdbRange(range)) as Iterable<Buffer>;
    } catch (error) {
      throw this.#explained(error, tree);
    }
  }

  size(tree: Tree): number {
    return (this.#trees[tree].getStats() as { entryCount: number }).entryCount;
  }

  /** Bytes of the data file that hold something, and those that later writes take first: the file never becomes smaller. */
  space(): { readonly used: number; readonly free: number } {
    const root = this.#root.getStats() as LmdbStats & {
      readonly root: LmdbStats;
      readonly free: LmdbStats;
      readonly lastPageNumber: number;
    };
    const all = [root.root, root.free, ...trees.map((tree) => this.#trees[tree].getStats() as LmdbStats)];
    const used = all.reduce((sum, each) => sum + pagesOf(each), metaPages);
    return { used: used * root.pageSize, free: Math.max(0, root.lastPageNumber + 1 - used) * root.pageSize };
  }

  refresh(): void {
    this.#root.resetReadTxn();
  }

  put(tree: Tree, key: Uint8Array, value: Uint8Array, append = false): void {
    if (append) this.#trees[tree].putSync(key as Buffer, value as Buffer, { append: true });
    else this.#trees[tree].putSync(key as Buffer, value as Buffer);
  }

  remove(tree: Tree, key: Uint8Array): void {
    this.#trees[tree].removeSync(key as Buffer);
  }

  transact<T>(work: (tx: KvWriter) => T): T {
    return this.#root.transactionSync(() => work(this)) as T;
  }

  /**
   * Copies all that is committed now into a file that must not exist, on another thread; commits go on meanwhile. The
   * store must not be closed before it is done.
   *
   * @param compact leaves out pages that are free
   */
  async copyTo(file: string, compact: boolean): Promise<void> {
    await this.#root.backup(file, compact);
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  /**
   * An error of LMDB spoils the snapshot that it was met in. lmdb-js would go on with it, since the cursor that met the
   * error still holds it; so it is ended here, and the next read takes a new one.
   */
  #explained(error: unknown, tree: Tree): unknown {
    if (!isDamage(error)) return error;
    (this.#root as unknown as { _commitReadTxn(): void })._commitReadTxn();
    return new DamagedRecord(`the tree ${tree}`, `cannot be read (${error.message})`);
  }
}

/** The pages of one tree, as lmdb-js tells them. */
interface LmdbStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** Stands for a tree that a store of an older version does not have and that is only read: nothing is in it. */
const noTree = {
  getBinary: () => undefined,
  getBinaryFast: () => undefined,
  getRange: () => [],
  getKeys: () => [],
  getStats: () => ({ pageSize: 0, treeBranchPageCount: 0, treeLeafPageCount: 0, overflowPages: 0, entryCount: 0 }),
} as const;

/** The two heads of the file. */
const metaPages = 2;

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: LmdbStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}

/** lmdb-js takes the end it starts from as `start`, also when it walks backwards, and that end inclusive. */
function lmdbRange(range: RangeOptions): {
  start?: Buffer;
  end?: Buffer;
  reverse?: boolean;
  limit?: number;
  exclusiveStart?: boolean;
  inclusiveEnd?: boolean;
} {
  const limit = range.limit === undefined ? {} : { limit: range.limit };
  if (range.reverse) {
    return {
      ...(range.to && { start: range.to as Buffer, exclusiveStart: true }),
      ...(range.from && { end: range.from as Buffer, inclusiveEnd: true }),
      reverse: true,
      ...limit,
    };
  }
  return {
    ...(range.from && { start: range.from as Buffer }),
    ...(range.to && { end: range.to as Buffer }),
    ...limit,
  };
}
