/** Lines of handlers of the jobs of one shard, under the numbers that these have there. */
import type { JobNumbers } from '../../../domain/ids/job-numbers.js';
import { shardOf } from '../../../domain/ids/job-numbers.js';
import type { Put } from '../../format/layout.js';
import {
  allChunks,
  chunkKey,
  costOf,
  orderKey,
  packLines,
  placeOfChunk,
  readChunk,
  readTotal,
  sealChunk,
  sealOrder,
  sealTotal,
  totalKey,
} from '../../format/trees/job-log.js';
import type { KvReader } from '../../kv/kv.js';

/** What belongs together, and about how much that is. */
export interface MovedLines {
  readonly puts: readonly Put[];
  readonly bytes: number;
}

/** @throws DamagedRecord, NewerRecord */
export function* movedLines(kv: KvReader, numbers: JobNumbers): Iterable<MovedLines> {
  let total = 0;
  for (const under of kv.keys('logs', allChunks)) {
    const place = placeOfChunk(under);
    if (shardOf(place.seq, numbers.shards) !== numbers.shard) continue;
    const value = kv.get('logs', under);
    if (value === undefined) continue;
    const moved = { ...place, seq: numbers.slotOf(place.seq) };
    const key = chunkKey(moved);
    const order = orderKey(moved.number);
    total += costOf(moved);
    yield {
      puts: [
        { tree: 'logs', key, value: sealChunk(packLines(readChunk(value, under)), key) },
        { tree: 'logs', key: order, value: sealOrder(key, order) },
      ],
      bytes: value.length + key.length * 2,
    };
  }
  if (total === 0) return;
  const { next } = readTotal(kv.get('logs', totalKey));
  yield { puts: [{ tree: 'logs', key: totalKey, value: sealTotal({ bytes: total, next }) }], bytes: 64 };
}
