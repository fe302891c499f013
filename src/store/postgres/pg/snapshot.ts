/** A whole cluster as it is at one instant, read in one transaction while its nodes go on. Nothing is written. */
import type { PoolClient } from 'pg';
import type { Claim, LoadedShard, ShardRow } from '../database.js';
import { newRandomId } from '../shard-log.js';
import { checkAddress, nameOfAddress } from './address.js';
import { Connections } from './connections.js';
import { copyLog, copyPages, copyRows } from './copying.js';
import { unusable } from './errors.js';
import { plainId, shardRows } from './pg-database.js';
import { type ClusterFacts, findCluster } from './prepare.js';

/** To be read within `readSnapshot` only, one part after the other, each once. */
export interface Snapshot {
  /** Host, port and database. */
  readonly where: string;
  readonly facts: ClusterFacts;
  readonly shards: readonly ShardRow[];
  load(row: ShardRow): Promise<LoadedShard>;
  /** Of one shard. */
  claims(shard: number): AsyncIterable<readonly Claim[]>;
}

export interface SnapshotOptions {
  readonly url: string;
  /** Number of the formats that this program reads. */
  readonly format: number;
  readonly schema?: string;
}

/** How long PostgreSQL may be without a sign of life, in milliseconds: it may have to sort the pages first. */
const answerMs = 60_000;

/** @throws DatabaseUnusable also where there is no cluster; what `read` throws */
export async function readSnapshot<T>(
  { url, format, schema = 'escapement' }: SnapshotOptions,
  read: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  checkAddress(url);
  const where = nameOfAddress(url);
  const connections = await Connections.prepare({ url, node: newRandomId(), schema, where, answerMs });
  let own: { readonly error: unknown } | undefined;
  try {
    return await connections.run('pages', async (client, alive) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const facts = await findCluster(client, { schema, where, format });
      const { rows } = await client.query<{ rows: ShardRow[] }>('SELECT shard_rows() AS rows');
      const result = await read({
        ...{ where, facts, shards: shardRows(rows[0]!.rows) },
        load: (row) => loaded(client, row, alive),
        claims: (shard) => copyClaims(client, shard, alive),
      }).catch((error: unknown) => {
        own = { error };
        throw error;
      });
      await client.query('COMMIT');
      return result;
    });
  } catch (error) {
    if (own !== undefined) throw own.error;
    throw unusable(error, where);
  } finally {
    await connections.close();
  }
}

async function loaded(client: PoolClient, row: ShardRow, alive: () => void): Promise<LoadedShard> {
  const { shard } = row;
  const { rows } = await client.query<{ slice: string | null }>('SELECT slice FROM merged WHERE shard = $1', [shard]);
  const slice = rows[0]?.slice ?? null;
  return {
    row,
    lastSlice: slice === null ? null : plainId(slice),
    pages: copyPages(client, shard, alive),
    log: copyLog(client, { shard, after: 0 }, alive),
  };
}

async function* copyClaims(client: PoolClient, shard: number, alive: () => void): AsyncGenerator<readonly Claim[]> {
  const query = `SELECT kind, name, slot, digest, expires_at FROM claim WHERE shard = ${shard}`;
  for await (const rows of copyRows(client, query, alive))
    yield rows.map(([kind, name, slot, digest, expiresAt]) => ({
      kind: kind!.toString('utf8') as Claim['kind'],
      name: name!.toString('utf8'),
      shard,
      slot: Number(slot!.readBigInt64BE()),
      digest: digest!.toString('utf8'),
      ...(expiresAt && { expiresAt: Number(expiresAt.readBigInt64BE()) }),
    }));
}
