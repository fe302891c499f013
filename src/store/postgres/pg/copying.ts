/** Reads tables with bytes: a COPY in binary, piece by piece, as fast as its reader is. */
import type { PoolClient } from 'pg';
import type { Tree } from '../../format/layout.js';
import type { LogRow, PageChange } from '../database.js';
import { type BinaryRow, CopyRows } from './wire.js';

/**
 * The rows of a query, in pieces.
 * @param query without parameters, since COPY takes none
 * @param alive called with each piece
 */
export async function* copyRows(
  client: PoolClient,
  query: string,
  alive: () => void,
): AsyncGenerator<readonly BinaryRow[]> {
  const { to } = (await import('pg-copy-streams')).default;
  const stream = client.query(to(`COPY (${query}) TO STDOUT (FORMAT binary)`));
  const rows = new CopyRows();
  for await (const piece of stream) {
    alive();
    const whole = rows.take(piece as Buffer);
    if (whole.length > 0) yield whole;
    alive();
  }
}

export async function* copyPages(
  client: PoolClient,
  shard: number,
  alive: () => void,
): AsyncGenerator<readonly PageChange[]> {
  const query = `SELECT tree, key, value FROM page WHERE shard = ${shard} ORDER BY tree, key`;
  for await (const rows of copyRows(client, query, alive))
    yield rows.map(([tree, key, value]) => ({ tree: tree!.toString('latin1') as Tree, key: key!, value: value! }));
}

/** @param limit how many at most; absent: all */
export async function* copyLog(
  client: PoolClient,
  from: { readonly shard: number; readonly after: number; readonly limit?: number },
  alive: () => void,
): AsyncGenerator<readonly LogRow[]> {
  const query = `SELECT position, id, previous, bytes FROM log WHERE shard = ${from.shard} AND position > ${from.after}
    ORDER BY position${from.limit === undefined ? '' : ` LIMIT ${from.limit}`}`;
  for await (const rows of copyRows(client, query, alive))
    yield rows.map(([position, id, previous, bytes]) => ({
      position: Number(position!.readBigInt64BE()),
      id: id!.toString('hex'),
      previous: previous?.toString('hex') ?? null,
      bytes: bytes!,
    }));
}
