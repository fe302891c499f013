/**
 * Loading a shard from PostgreSQL into a new local index: its pages and its log as of one instant, then what came after that. Complete
 * or nothing: whatever is missing, damaged or cut off ends it with an error, and the index is to be thrown away.
 *
 * One who is to own a shard soon may load it while another owns it, and follow its log: then only the rest is left to be read. That
 * holds as long as the owner writes no pages (`page-hold.ts`); where it did, the shard is to be loaded anew.
 */
import { DamagedRecord } from '../port.js';
import type { IndexFilling } from '../trees/local-index.js';
import type { Database, LogRow, RandomId, ShardRow } from './database.js';
import { emptyLog, type LastRecord } from './shard-log.js';

/** Records that are asked for at once behind the snapshot. */
const tailRecords = 64;

export interface LoadedIndex {
  /** The last record that the index has. */
  readonly last: LastRecord;
  /** The last record that the pages had. */
  readonly merged: number;
  /** The slice behind which pages are written; null for the first. */
  readonly lastSlice: RandomId | null;
}

/** The shard is not under the lease that it was to be loaded under. */
export class NotOwned extends Error {
  override readonly name = 'NotOwned';

  constructor(shard: number) {
    super(`shard ${shard} is another node's by now`);
  }
}

/** What was loaded is not what the shard goes on from: pages were written since, or the database has lost records. Load it anew. */
export class Outdated extends Error {
  override readonly name = 'Outdated';
}

type LoadDatabase = Pick<Database, 'load' | 'recordsAfter'>;

/**
 * @param taken the shard as it was taken: nobody else writes to it from then on
 * @throws NotOwned when another has taken it meanwhile; DamagedRecord; what the database says
 */
export async function loadShard(
  database: LoadDatabase,
  taken: Pick<ShardRow, 'shard' | 'token'>,
  index: IndexFilling,
): Promise<LoadedIndex> {
  const loading = await ShardLoading.begin(database, taken.shard, index);
  return await loading.finish(taken);
}

export class ShardLoading {
  readonly #database: LoadDatabase;
  readonly #shard: number;
  readonly #index: IndexFilling;
  #last: LastRecord = emptyLog;
  #merged = 0;
  #lastSlice: RandomId | null = null;
  /** All of one instant is there. */
  #isWhole = false;

  private constructor(database: LoadDatabase, shard: number, index: IndexFilling) {
    this.#database = database;
    this.#shard = shard;
    this.#index = index;
  }

  /** Loads all that there is, whoever owns the shard. @throws DamagedRecord; what the database says */
  static async begin(database: LoadDatabase, shard: number, index: IndexFilling): Promise<ShardLoading> {
    const loading = new ShardLoading(database, shard, index);
    await database.load(shard, async ({ row, lastSlice, pages, log }) => {
      loading.#merged = row.merged;
      loading.#lastSlice = lastSlice;
      for await (const changes of pages) await index.loadPages(changes);
      for await (const rows of log) await loading.#take(rows);
    });
    loading.#isWhole = true;
    await loading.follow();
    return loading;
  }

  /** The last slice of the pages that were loaded; null where there was none. */
  get lastSlice(): RandomId | null {
    return this.#lastSlice;
  }

  /** Reads what was appended since. Returns how many records that were. @throws Outdated; DamagedRecord; what the database says */
  async follow(): Promise<number> {
    for (let read = 0; ; ) {
      const rows = await this.#database.recordsAfter(this.#shard, this.#last.position, tailRecords);
      if (rows.length === 0) return read;
      await this.#take(rows);
      read += rows.length;
    }
  }

  /** Whether what was loaded is of use still. @throws Outdated; what the database says */
  async checkPages(): Promise<void> {
    this.#checkSlice(await this.#database.load(this.#shard, async ({ lastSlice }) => lastSlice));
  }

  #checkSlice(last: RandomId | null): void {
    if (last !== this.#lastSlice) throw new Outdated(`pages of shard ${this.#shard} were written since it was loaded`);
  }

  /**
   * Reads the rest of a shard that is taken now, and opens the index.
   *
   * @throws NotOwned when another has taken it meanwhile; Outdated; DamagedRecord; what the database says
   */
  async finish({ token }: Pick<ShardRow, 'token'>): Promise<LoadedIndex> {
    await this.follow();
    const { position, id } = this.#last;
    const [end] = await this.#database.recordsAfter(this.#shard, position - 1, 1);
    if (position > 0 && end?.id !== id) throw this.#misplaced(end?.position ?? position);
    // Read last, and in one instant: under this token nobody else has written anything since it was given.
    const now = await this.#database.load(this.#shard, async ({ row, lastSlice }) => ({ row, lastSlice }));
    if (now.row.token !== token) throw new NotOwned(this.#shard);
    this.#checkSlice(now.lastSlice);
    await this.#index.open(this.#merged);
    return { last: this.#last, merged: this.#merged, lastSlice: this.#lastSlice };
  }

  /** The log comes without a gap, each record behind the one that it names. */
  async #take(rows: readonly LogRow[]): Promise<void> {
    for (const { position, id, previous } of rows) {
      // The first that is kept names one that was trimmed.
      const follows =
        this.#last.position === 0
          ? (position === 1) === (previous === null)
          : position === this.#last.position + 1 && previous === this.#last.id;
      if (!follows) throw this.#misplaced(position);
      this.#last = { position, id };
    }
    await this.#index.loadRecords(rows, this.#merged);
  }

  #misplaced(position: number): Error {
    // What was loaded may have been trimmed meanwhile, or be of a timeline that is lost.
    if (this.#isWhole)
      return new Outdated(`the log of shard ${this.#shard} does not go on from record ${this.#last.position}`);
    return new DamagedRecord(`log record ${position}`, `does not follow record ${this.#last.position}`);
  }
}
