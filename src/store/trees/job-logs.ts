/** Writing lines of handlers, and keeping them within their bounds: in one transaction of their own, beside commits and merges. */
import { limits } from '../../domain/limits.js';
import {
  allOrder,
  type ChunkPlace,
  chunkKey,
  chunksOf,
  chunksOfRun,
  costOf,
  type LogTotal,
  orderKey,
  placeOfChunk,
  readOrder,
  readTotal,
  sealChunk,
  sealOrder,
  sealTotal,
  totalKey,
} from '../format/trees/job-log.js';
import type { Kv, KvReader, KvWriter } from '../kv/kv.js';

/** Lines of one run, packed. */
export interface NewChunk extends Omit<ChunkPlace, 'number'> {
  readonly packed: Uint8Array;
}

export interface LogOrder {
  readonly chunks: readonly NewChunk[];
  /** What all may take; the oldest go. */
  readonly maxBytes: number;
}

/** The oldest chunks that one transaction removes. */
const removedAtOnce = 5000;
/** Runs whose size is remembered. */
const maxKnown = 10_000;

interface RunSize {
  lines: number;
  bytes: number;
}

export class LogWriter {
  readonly #kv: Kv;
  /** By job and run. */
  readonly #known = new Map<string, RunSize>();

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** Writes the chunks, or throws and leaves nothing of them. Returns the bytes of all lines there are. */
  write({ chunks, maxBytes }: LogOrder): number {
    try {
      return this.#kv.transact((tx) => {
        let { bytes, next } = readTotal(tx.get('logs', totalKey));
        for (const { packed, ...place } of chunks) {
          const chunk = { ...place, number: next++ };
          const under = chunkKey(chunk);
          tx.put('logs', under, sealChunk(packed, under));
          tx.put('logs', orderKey(chunk.number), sealOrder(under, orderKey(chunk.number)));
          bytes += costOf(chunk) - this.#trim(tx, chunk);
        }
        bytes -= this.#removeOldest(tx, bytes - maxBytes);
        tx.put('logs', totalKey, sealTotal({ bytes, next }));
        return bytes;
      });
    } catch (error) {
      this.#known.clear();
      throw error;
    }
  }

  /** Removes the oldest chunks of a run, as long as those behind them reach its bounds. Returns what they took. */
  #trim(tx: KvWriter, { seq, run, lines, bytes }: ChunkPlace): number {
    const name = `${seq}/${run}`;
    let size = this.#known.get(name);
    if (size === undefined) {
      if (this.#known.size >= maxKnown) this.#known.clear();
      size = sizeOfRun(tx, seq, run);
      this.#known.set(name, size);
    } else {
      size.lines += lines;
      size.bytes += bytes;
    }
    if (!isFull(size)) return 0;
    let freed = 0;
    for (;;) {
      const [under] = [...tx.keys('logs', { ...chunksOfRun(seq, run), limit: 1 })];
      if (under === undefined) break;
      const oldest = placeOfChunk(under);
      if (!isFull({ lines: size.lines - oldest.lines, bytes: size.bytes - oldest.bytes })) break;
      removeChunk(tx, under, oldest);
      size.lines -= oldest.lines;
      size.bytes -= oldest.bytes;
      freed += costOf(oldest);
    }
    return freed;
  }

  /** Removes the oldest of all until so many bytes are free. Returns what they took. */
  #removeOldest(tx: KvWriter, excess: number): number {
    if (excess <= 0) return 0;
    let freed = 0;
    for (const { key, value } of [...tx.entries('logs', { ...allOrder, limit: removedAtOnce })]) {
      if (freed >= excess) break;
      const under = readOrder(value, key);
      const oldest = placeOfChunk(under);
      removeChunk(tx, under, oldest);
      this.#known.delete(`${oldest.seq}/${oldest.run}`);
      freed += costOf(oldest);
    }
    return freed;
  }
}

/** No more lines of a run are kept than these. */
function isFull({ lines, bytes }: RunSize): boolean {
  return lines >= limits.runLogLines || bytes >= limits.runLogBytes;
}

function sizeOfRun(kv: KvReader, seq: number, run: number): RunSize {
  const size = { lines: 0, bytes: 0 };
  for (const under of kv.keys('logs', chunksOfRun(seq, run))) {
    const { lines, bytes } = placeOfChunk(under);
    size.lines += lines;
    size.bytes += bytes;
  }
  return size;
}

function removeChunk(tx: KvWriter, under: Uint8Array, { number }: ChunkPlace): void {
  tx.remove('logs', under);
  tx.remove('logs', orderKey(number));
}

/** Removes all lines of a job. */
export function removeLogs(tx: KvWriter, seq: number): void {
  let freed = 0;
  for (const under of [...tx.keys('logs', chunksOf(seq))]) {
    const place = placeOfChunk(under);
    removeChunk(tx, under, place);
    freed += costOf(place);
  }
  if (freed === 0) return;
  const total: LogTotal = readTotal(tx.get('logs', totalKey));
  tx.put('logs', totalKey, sealTotal({ ...total, bytes: total.bytes - freed }));
}
