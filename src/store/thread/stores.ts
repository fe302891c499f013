/**
 * The stores of a server's shards, each on a thread of its own. The first is in the data directory itself, as the only one of a server is;
 * others have folders in it.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { JobNumbers } from '../../domain/ids/job-numbers.js';
import { DirectoryError } from '../directory/directory.js';
import { LmdbKv } from '../kv/kv-lmdb.js';
import { journalFile, makeJournal } from '../log/journal-file.js';
import { KvLogSource } from '../log/kv-log.js';
import { ThreadedStore } from './threaded-store.js';

/** The store of one shard. */
export interface ShardStore {
  readonly numbers: JobNumbers;
  readonly folder: string;
  readonly store: ThreadedStore;
  /** What the main thread reads through. */
  readonly kv: LmdbKv;
  readonly log: KvLogSource;
}

/** See the head of this file. */
export class Stores {
  /** In order of their shards. */
  readonly all: readonly ShardStore[];

  private constructor(all: readonly ShardStore[]) {
    this.all = all;
  }

  /** Opens them all, or none: rejects with what made one fail. */
  static async open(directory: string, shards: number): Promise<Stores> {
    // With another number of shards its jobs would have other ids.
    if (existsSync(join(directory, `shard-${shards}`)))
      throw new DirectoryError(`${directory} is divided into more than ${shards} shards: give --shards as before`);
    const folders = Array.from({ length: shards }, (_, shard) =>
      shard === 0 ? directory : shardFolder(directory, shard),
    );
    const opened = await Promise.allSettled(folders.map((folder) => ThreadedStore.open({ directory: folder })));
    const stores = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = opened.find((each) => each.status === 'rejected');
    if (failed?.status === 'rejected') {
      await Promise.all(stores.map((store) => store.close(store.clean)));
      throw failed.reason;
    }
    return new Stores(
      stores.map((store, shard) => {
        const folder = folders[shard] as string;
        const kv = new LmdbKv(folder);
        return { numbers: new JobNumbers(shard, shards), folder, store, kv, log: new KvLogSource(kv) };
      }),
    );
  }

  /** All are new, or were left in order. */
  get clean(): boolean {
    return this.all.every(({ store }) => store.clean);
  }

  /** Ends their threads without more ado. Resolves false when a write that hangs holds one. */
  async end(): Promise<boolean> {
    return (await Promise.all(this.all.map(({ store }) => store.end()))).every((ended) => ended);
  }

  /** See `ThreadedStore`. */
  async close(clean: boolean): Promise<void> {
    await Promise.all(this.all.map(({ store }) => store.close(clean)));
  }

  /** Closes them as they were opened: nothing was written since. */
  async closeUnused(): Promise<void> {
    await Promise.all(this.all.map(({ store }) => store.close(store.clean)));
    await this.closeReaders();
  }

  async closeReaders(): Promise<void> {
    await Promise.all(this.all.map(({ kv }) => kv.close()));
  }

  /** Bytes of all data files. */
  space(): { readonly used: number; readonly free: number } {
    const spaces = this.all.map(({ kv }) => kv.space());
    return {
      used: spaces.reduce((sum, { used }) => sum + used, 0),
      free: spaces.reduce((sum, { free }) => sum + free, 0),
    };
  }

  /** Records that all logs have. */
  size(): number {
    return this.all.reduce((sum, { log }) => sum + log.size(), 0);
  }
}

function shardFolder(directory: string, shard: number): string {
  const folder = join(directory, `shard-${shard}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(join(folder, journalFile))) makeJournal(folder);
  return folder;
}
