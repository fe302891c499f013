/**
 * What is to come, on disk. Time is cut into buckets of about 17 minutes; each merge adds to a bucket one run of
 * (due, job) in order, cut into chunks. Nothing is ever updated: an entry whose job has moved on is dropped when it
 * fires, and a bucket that has passed is removed whole. So the cost of a merge does not depend on how many jobs wait,
 * and those of one bucket are read in order by merging its runs, however many they are.
 */
import { ByteReader, ByteWriter } from './bytes.js';
import type { KvReader, KvWriter } from './kv.js';
import { seal, unseal } from './layout.js';
import { key, keyPart } from './numbers.js';

export const bucketMs = 2 ** 20;
export const chunkEntries = 512;

/** A job and when it is due, in Unix milliseconds. */
export interface DueEntry {
  readonly due: number;
  readonly seq: number;
}

/** Order of firing: by due time, then as jobs were made. */
export function compareDue(a: DueEntry, b: DueEntry): number {
  return a.due - b.due || a.seq - b.seq;
}

export const beforeAll: DueEntry = { due: Number.NEGATIVE_INFINITY, seq: 0 };
export const afterAll: DueEntry = { due: Number.POSITIVE_INFINITY, seq: 0 };

export function bucketOf(due: number): number {
  return due <= 0 ? 0 : Math.floor(due / bucketMs);
}

/** Cuts the entries of a merge, in order of firing, into chunks: pairs of key and value for the `due` tree. */
export function* dueChunks(entries: Iterable<DueEntry>, run: number): Iterable<{ key: Buffer; value: Buffer }> {
  let chunk: DueEntry[] = [];
  let bucket = 0;
  let chunks = 0;
  for (const entry of entries) {
    if (chunk.length === chunkEntries || (chunk.length > 0 && bucketOf(entry.due) !== bucket)) {
      yield encodeChunk(chunk, key(bucket, run, chunks++));
      chunk = [];
    }
    bucket = bucketOf(entry.due);
    chunk.push(entry);
  }
  if (chunk.length > 0) yield encodeChunk(chunk, key(bucket, run, chunks));
}

function encodeChunk(entries: readonly DueEntry[], under: Buffer): { key: Buffer; value: Buffer } {
  const out = new ByteWriter(8 + entries.length * 14);
  out.u16(entries.length);
  for (const { due, seq } of entries) {
    out.f64(due);
    out.u48(seq);
  }
  return { key: under, value: seal(out.since(0), under) };
}

/** @throws DamagedRecord */
export function decodeChunk(value: Buffer, under: Buffer): DueEntry[] {
  const input = new ByteReader(unseal(value, under, 'the due index'));
  return Array.from({ length: input.u16() }, () => ({ due: input.f64(), seq: input.u48() }));
}

/** Removes whole buckets before the one that `watermark` lies in; at most `limit` chunks. Returns how many. */
export function dropPassed(tx: KvWriter, watermark: number, limit: number): number {
  // Nothing is pending: all that the index has is out of date.
  const to = watermark === Number.POSITIVE_INFINITY ? {} : { to: key(bucketOf(watermark)) };
  const passed = [...tx.keys('due', { ...to, limit })];
  for (const each of passed) tx.remove('due', each);
  return passed.length;
}

/** One run of a bucket, read chunk by chunk. */
interface Run {
  readonly chunks: readonly Buffer[];
  next: number;
  entries: DueEntry[];
  at: number;
}

/** Reads the index in order of firing, from a point on. After a merge, `seek` again: it has added runs. */
export class DueCursor {
  readonly #kv: KvReader;
  #position: DueEntry = beforeAll;
  /** Runs of the bucket being read, the first to fire at the end; undefined before the first and after a seek. */
  #runs: Run[] | undefined;
  #bucket = 0;

  constructor(kv: KvReader) {
    this.#kv = kv;
  }

  /** Continues behind `position`. */
  seek(position: DueEntry): void {
    this.#position = position;
    this.#runs = undefined;
    this.#bucket = bucketOf(position.due);
  }

  /** The next entries, at most `limit`; fewer only where the index ends. Entries may repeat and may be out of date. */
  take(limit: number): DueEntry[] {
    const taken: DueEntry[] = [];
    while (taken.length < limit) {
      this.#runs ??= this.#openBucket(this.#bucket);
      if (this.#runs === undefined) break;
      const run = this.#runs.pop();
      if (!run) {
        this.#runs = undefined;
        this.#bucket++;
        continue;
      }
      const entry = head(run);
      run.at++;
      if (this.#load(run)) insert(this.#runs, run);
      if (compareDue(entry, this.#position) > 0) {
        taken.push(entry);
        this.#position = entry;
      }
    }
    return taken;
  }

  /** Lists the runs of the first bucket not before `from`; undefined when there is none. */
  #openBucket(from: number): Run[] | undefined {
    const [first] = this.#kv.keys('due', { from: key(from), limit: 1 });
    if (!first) return undefined;
    this.#bucket = keyPart(first, 0);
    const byRun = new Map<number, Buffer[]>();
    for (const found of this.#kv.keys('due', { from: key(this.#bucket), to: key(this.#bucket + 1) })) {
      const run = keyPart(found, 1);
      const chunks = byRun.get(run);
      if (chunks) chunks.push(Buffer.from(found));
      else byRun.set(run, [Buffer.from(found)]);
    }
    const runs: Run[] = [];
    for (const chunks of byRun.values()) {
      const run = this.#openRun(chunks);
      if (this.#load(run)) insert(runs, run);
    }
    return runs;
  }

  /** Finds by bisection the first chunk that reaches past the position. */
  #openRun(chunks: readonly Buffer[]): Run {
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.#read(chunks[middle] as Buffer).at(-1);
      if (last && compareDue(last, this.#position) > 0) high = middle;
      else low = middle + 1;
    }
    return { chunks, next: low, entries: [], at: 0 };
  }

  #read(chunk: Buffer): DueEntry[] {
    const value = this.#kv.get('due', chunk);
    return value ? decodeChunk(value, chunk) : [];
  }

  /** Makes the run's next entry available; false when the run is at its end. */
  #load(run: Run): boolean {
    while (run.at >= run.entries.length && run.next < run.chunks.length) {
      run.entries = this.#read(run.chunks[run.next++] as Buffer);
      run.at = 0;
    }
    return run.at < run.entries.length;
  }
}

const head = (run: Run): DueEntry => run.entries[run.at] as DueEntry;

/** Keeps the runs in descending order of their next entry, so that the first to fire is popped. */
function insert(runs: Run[], run: Run): void {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareDue(head(runs[middle] as Run), head(run)) > 0) low = middle + 1;
    else high = middle;
  }
  runs.splice(low, 0, run);
}
