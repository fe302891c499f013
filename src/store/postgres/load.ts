/**
 * Loading a shard from PostgreSQL into a new local index: its pages and its log as of one instant, then what came after that. Complete
 * or nothing: whatever is missing, damaged or cut off ends it with an error, and the index is to be thrown away.
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
}

/**
 * @param taken the shard as it was taken: nobody else writes to it from then on
 * @throws NotOwned when another has taken it meanwhile; DamagedRecord; what the database says
 */
export async function loadShard(
  database: Pick<Database, 'load' | 'recordsAfter' | 'shards'>,
  taken: Pick<ShardRow, 'shard' | 'token'>,
  index: IndexFilling,
): Promise<LoadedIndex> {
  const { shard, token } = taken;
  const loading = new Loading(index);
  const { merged, lastSlice } = await database.load(shard, async ({ row, lastSlice, pages, log }) => {
    if (row.token !== token) throw new NotOwned(`shard ${shard} is another node's by now`);
    for await (const changes of pages) await index.loadPages(changes);
    for await (const rows of log) await loading.take(rows, row.merged);
    return { merged: row.merged, lastSlice };
  });
  for (;;) {
    const rows = await database.recordsAfter(shard, loading.last.position, tailRecords);
    if (rows.length === 0) break;
    await loading.take(rows, merged);
  }
  // What was read last may be another's, written under a later token.
  const now = (await database.shards()).find((row) => row.shard === shard);
  if (now?.token !== token) throw new NotOwned(`shard ${shard} is another node's by now`);
  await index.open(merged);
  return { last: loading.last, merged, lastSlice };
}

/** The log as it comes in: without a gap, each record behind the one that it names. */
class Loading {
  readonly #index: IndexFilling;
  #last: LastRecord = emptyLog;

  constructor(index: IndexFilling) {
    this.#index = index;
  }

  get last(): LastRecord {
    return this.#last;
  }

  async take(rows: readonly LogRow[], merged: number): Promise<void> {
    for (const { position, id, previous } of rows) {
      const isFirst = this.#last.position === 0;
      // The first that is kept names one that was trimmed.
      const follows = isFirst
        ? (position === 1) === (previous === null)
        : position === this.#last.position + 1 && previous === this.#last.id;
      if (!follows) throw new DamagedRecord(`log record ${position}`, `does not follow record ${this.#last.position}`);
      this.#last = { position, id };
    }
    await this.#index.loadRecords(rows, merged);
  }
}
