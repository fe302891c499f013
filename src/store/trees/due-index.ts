/**
 * What is to come, on disk, in lanes: each has keys of its own and is read by a cursor of its own. Time is cut into buckets of about 17 minutes; each merge adds to a bucket one run of
 * (due, job) in order, cut into chunks. No entry is ever updated: one whose job has moved on is dropped when it fires,
 * and a bucket that has passed is removed whole. So the cost of a merge does not depend on how many jobs wait, and those
 * of one bucket are read in order by merging its runs. Many small runs are made one, so that a bucket which a day's merges
 * have added to is opened as fast as the others (a log-structured merge tree: O'Neil et al., 1996).
 */

import { DueHeap } from '../../domain/due-heap.js';
import {
  bucketOf,
  bucketOfKey,
  chunkOfKey,
  type DueEntry,
  decodeDueChunk,
  dueKey,
  encodeDueChunk,
  endOfLane,
  laneOfBucket,
  lastOfDueChunk,
  runOfKey,
} from '../format/trees/due-chunk.js';
import type { KvReader, KvWriter } from '../kv/kv.js';
import { DamagedRecord } from '../port.js';

export const chunkEntries = 512;

/** As soon as a bucket's last 16 chunks hold eight whole runs, these become one: 8,192 entries at most, some milliseconds. */
export const combined = { runs: 8, chunks: 16 } as const;

/** Order of firing: by due time, then as jobs were made. */
export function compareDue(a: DueEntry, b: DueEntry): number {
  return a.due - b.due || a.seq - b.seq;
}

export const beforeAll: DueEntry = { due: Number.NEGATIVE_INFINITY, seq: 0 };

/** A chunk ready to be written to the `due` tree. */
export interface DueChunk {
  readonly bucket: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

/**
 * Cuts the entries of a merge, in order of firing, into chunks.
 *
 * @param chunks number of the first chunk
 * @param lane number of the lane that they are of
 */
export function* dueChunks(entries: Iterable<DueEntry>, run: number, chunks = 0, lane = 0): Iterable<DueChunk> {
  let chunk: DueEntry[] = [];
  let bucket = 0;
  for (const entry of entries) {
    if (chunk.length === chunkEntries || (chunk.length > 0 && bucketOf(entry.due, lane) !== bucket)) {
      yield makeChunk(chunk, bucket, dueKey(bucket, run, chunks++));
      chunk = [];
    }
    bucket = bucketOf(entry.due, lane);
    chunk.push(entry);
  }
  if (chunk.length > 0) yield makeChunk(chunk, bucket, dueKey(bucket, run, chunks));
}

function makeChunk(entries: readonly DueEntry[], bucket: number, key: Buffer): DueChunk {
  return { bucket, key, value: encodeDueChunk(entries, key) };
}

/** Removes whole buckets of a lane before the one that `watermark` lies in; at most `limit` chunks. Returns how many. */
export function dropPassed(tx: KvWriter, watermark: number, limit: number, lane = 0): number {
  // Nothing is pending: all that the lane has is out of date.
  const end = watermark === Number.POSITIVE_INFINITY ? endOfLane(lane) : bucketOf(watermark, lane);
  const passed = [...tx.keys('due', { from: dueKey(endOfLane(lane - 1)), to: dueKey(end), limit })];
  for (const each of passed) tx.remove('due', each);
  return passed.length;
}

/**
 * Makes the last runs of a bucket one where they are many and small; returns how many entries that took. For one job a
 * merge it comes to 4.4 KB each, about the page that LMDB writes for the bucket anyway.
 *
 * Takes only what merges before `position` wrote: one that is done again after a crash writes its own run again, under
 * the same keys. The one run takes the place of the latest and numbers its chunks on from there. So no key comes back
 * with other entries behind it, and a cursor that is reading the bucket finds chunks gone, but never changed.
 *
 * @throws DamagedRecord
 */
export function combineRuns(tx: KvWriter, bucket: number, position: number): number {
  const range = { from: dueKey(bucket), to: dueKey(bucket, position), reverse: true, limit: combined.chunks + 1 };
  const last = [...tx.keys('due', range)];
  // The first run that was looked at may reach back further.
  const cut = last.length > combined.chunks ? runOfKey(last.at(-1) as Buffer) : -1;
  const chunks = last.filter((chunk) => runOfKey(chunk) !== cut);
  const [latest] = chunks;
  if (!latest || new Set(chunks.map(runOfKey)).size < combined.runs) return 0;
  const heap = new DueHeap(chunks.length * chunkEntries);
  for (const chunk of chunks) {
    const value = tx.peek('due', chunk);
    if (!value) throw new DamagedRecord('the due index', 'is not complete');
    for (const { due, seq } of decodeDueChunk(value, chunk)) heap.push(due, seq);
    tx.remove('due', chunk);
  }
  const entries = heap.size;
  const one = dueChunks(eachOnce(heap), runOfKey(latest), chunkOfKey(latest) + 1, laneOfBucket(bucket));
  for (const chunk of one) tx.put('due', chunk.key, chunk.value);
  return entries;
}

/**
 * What a heap has, in order of firing and each entry once. Entry by entry as slices ask for them: sorting 50,000 at once kept the
 * commits behind it waiting for 30 to 45 ms.
 */
export function* eachOnce(heap: DueHeap): Iterable<DueEntry> {
  let before = beforeAll;
  for (; heap.size > 0; heap.pop()) {
    const entry = { due: heap.firstDue, seq: heap.firstSeq };
    if (compareDue(before, entry) !== 0) yield entry;
    before = entry;
  }
}

/** One run of a bucket, read chunk by chunk. */
interface Run {
  readonly chunks: readonly Buffer[];
  next: number;
  entries: DueEntry[];
  at: number;
}

/** Numbers of the lanes that the index has entries of. */
export function lanesIn(kv: KvReader): number[] {
  const lanes: number[] = [];
  for (let from = 0; ; ) {
    const [first] = kv.keys('due', { from: dueKey(from), limit: 1 });
    if (!first) return lanes;
    const lane = laneOfBucket(bucketOfKey(first));
    lanes.push(lane);
    from = endOfLane(lane);
  }
}

/** Reads a lane of the index in order of firing, from a point on. After a merge, `seek` again: it has added runs. */
export class DueCursor {
  readonly #kv: KvReader;
  readonly #lane: number;
  #position: DueEntry = beforeAll;
  /** Runs of the bucket being read, the first to fire at the end; undefined before the first and after a seek. */
  #runs: Run[] | undefined;
  /** A chunk of the runs was not there any more: they have become one with others, or the bucket has passed. */
  #isStale = false;
  #bucket: number;

  /** @param lane its number */
  constructor(kv: KvReader, lane = 0) {
    this.#kv = kv;
    this.#lane = lane;
    this.#bucket = bucketOf(0, lane);
  }

  /** Continues behind `position`. */
  seek(position: DueEntry): void {
    this.#position = position;
    this.#runs = undefined;
    this.#bucket = bucketOf(position.due, this.#lane);
  }

  /** The next entries, at most `limit`; fewer only where the index ends. Entries may repeat and may be out of date. */
  take(limit: number): DueEntry[] {
    const taken: DueEntry[] = [];
    while (taken.length < limit) {
      if (this.#isStale) this.#runs = undefined;
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
    const [first] = this.#kv.keys('due', { from: dueKey(from), to: dueKey(endOfLane(this.#lane)), limit: 1 });
    if (!first) return undefined;
    this.#bucket = bucketOfKey(first);
    const byRun = new Map<number, Buffer[]>();
    for (const found of this.#kv.keys('due', { from: dueKey(this.#bucket), to: dueKey(this.#bucket + 1) })) {
      const run = runOfKey(found);
      const chunks = byRun.get(run);
      if (chunks) chunks.push(Buffer.from(found));
      else byRun.set(run, [Buffer.from(found)]);
    }
    const runs: Run[] = [];
    for (const chunks of byRun.values()) {
      const run = this.#openRun(chunks);
      if (this.#load(run)) insert(runs, run);
    }
    // What is not there although it is listed is lost, and looking again would not find it.
    this.#isStale = false;
    return runs;
  }

  /** Finds by bisection the first chunk that reaches past the position. */
  #openRun(chunks: readonly Buffer[]): Run {
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#reaches(chunks[middle] as Buffer)) high = middle;
      else low = middle + 1;
    }
    return { chunks, next: low, entries: [], at: 0 };
  }

  /** Whether a chunk reaches past the position. One that is not there hides nothing of those before it. */
  #reaches(chunk: Buffer): boolean {
    const value = this.#kv.peek('due', chunk);
    return !value || compareDue(lastOfDueChunk(value, chunk), this.#position) > 0;
  }

  #read(chunk: Buffer): DueEntry[] {
    const value = this.#kv.peek('due', chunk);
    if (!value) this.#isStale = true;
    return value ? decodeDueChunk(value, chunk) : [];
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
