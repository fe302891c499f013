/**
 * Bringing the trees up to date with the log, in slices, each a transaction of its own. The log position is moved in the
 * last one. A crash in between is harmless: replay starts from the old position, and everything here may be done twice.
 */

import { DueHeap } from '../../due-heap.js';
import { encodeFinished } from '../format/finished-list.js';
import {
  checkPage,
  detailKey,
  emptyPage,
  encodeMeta,
  finishedKey,
  logKey,
  type MergeMark,
  metaKey,
  pageKey,
  pageOf,
  rowAt,
  seal,
  sealPage,
  setKey,
  specKey,
} from '../format/layout.js';
import { LogRecordReader } from '../format/log-record.js';
import { keyPart } from '../format/numbers.js';
import { rowBytes, rowDue, rowStatus } from '../format/row.js';
import type { KvReader, KvWriter } from '../kv/kv.js';
import { DamagedRecord } from '../port.js';
import { combineRuns, type DueEntry, dropPassed, dueChunks } from './due-index.js';
import { dropExpiredKeys } from './idempotency.js';
import type { PendingChanges } from './pending.js';
import type { MergeOrder } from './storage.js';

/** Sized so that a slice takes a few milliseconds: commits wait no longer for one. */
const slice = {
  pages: 128,
  chunks: 16,
  buckets: 32,
  combined: 4096,
  finished: 4096,
  details: 256,
  sets: 32,
  passed: 256,
  keys: 512,
  logRecords: 64,
} as const;

/** How much of the log stays behind the merge, for those who follow it. */
export const logKept = { ms: 24 * 3_600_000, bytes: 256 * 1024 * 1024 } as const;

export type Slice = (tx: KvWriter) => void;

/** The slices of one merge, in order. */
export function* mergeSlices(kv: KvReader, changes: PendingChanges, order: MergeOrder): Iterable<Slice> {
  yield* dueSlices(changes, order.position);
  yield* finishedSlices(changes, order.position);
  yield* pageSlices(changes);
  yield* detailSlices(changes);
  yield* setSlices(order);
  const mark: MergeMark = { position: order.position, watermark: order.watermark };
  yield (tx) => tx.put('meta', metaKey('mark'), encodeMeta(mark, 'mark'));
  yield* untilFewer(slice.passed, (tx, limit) => dropPassed(tx, order.watermark, limit));
  yield* untilFewer(slice.keys, (tx, limit) => dropExpiredKeys(tx, order.now, limit));
  yield* trimSlices(kv, order);
}

function* inSlices<T>(items: Iterable<T>, size: number, write: (tx: KvWriter, item: T) => void): Iterable<Slice> {
  let some: T[] = [];
  for (const item of items) {
    some.push(item);
    if (some.length < size) continue;
    const full = some;
    some = [];
    yield (tx) => {
      for (const each of full) write(tx, each);
    };
  }
  if (some.length > 0) {
    yield (tx) => {
      for (const each of some) write(tx, each);
    };
  }
}

/** Removes what is out of date, `limit` in each slice, until there is less: more may come with a merge than one slice takes. */
function* untilFewer(limit: number, remove: (tx: KvWriter, limit: number) => number): Iterable<Slice> {
  for (let removed = limit; removed === limit; ) {
    yield (tx) => {
      removed = remove(tx, limit);
    };
  }
}

function* dueSlices(changes: PendingChanges, run: number): Iterable<Slice> {
  const buckets = new Set<number>();
  yield* inSlices(dueChunks(inOrderOfFiring(changes), run), slice.chunks, (tx, chunk) => {
    tx.put('due', chunk.key, chunk.value);
    buckets.add(keyPart(chunk.key, 0));
  });
  yield* combineSlices([...buckets], run);
}

/** Keeps the runs of the buckets that were added to few. By entries: where buckets are many, their runs are small. */
function* combineSlices(buckets: readonly number[], run: number): Iterable<Slice> {
  for (let from = 0, next = 0; from < buckets.length; from = next) {
    yield (tx) => {
      next = from;
      const to = Math.min(buckets.length, from + slice.buckets);
      for (let entries = 0; entries < slice.combined && next < to; next++)
        entries += combineRuns(tx, buckets[next] as number, run);
    };
  }
}

/**
 * Out of a heap, entry by entry as slices ask for them: sorting 50,000 at once kept the commits behind it waiting for
 * 30 to 45 ms.
 */
function* inOrderOfFiring({ rows }: PendingChanges): Iterable<DueEntry> {
  const heap = new DueHeap(rows.size);
  for (const seq of rows.keys()) {
    const at = rows.find(seq) as number;
    if (rowStatus(rows.slab, at) === 'pending') heap.push(rowDue(rows.slab, at), seq);
  }
  for (; heap.size > 0; heap.pop()) yield { due: heap.firstDue, seq: heap.firstSeq };
}

function finishedSlices({ finished }: PendingChanges, position: number): Iterable<Slice> {
  const starts = Array.from({ length: Math.ceil(finished.length / slice.finished) }, (_, i) => i * slice.finished);
  return inSlices(starts, 1, (tx, from) => {
    const under = finishedKey(position, from);
    tx.put('finished', under, encodeFinished(finished.slice(from, from + slice.finished), under));
  });
}

function pageSlices({ rows }: PendingChanges): Iterable<Slice> {
  return inSlices(byPage(rows.keys().slice().sort()), slice.pages, (tx, seqs) => {
    const number = pageOf(seqs[0] as number);
    const old = tx.get('states', pageKey(number));
    if (old) checkPage(old, number);
    const page = old ?? emptyPage();
    for (const seq of seqs) {
      const from = rows.find(seq) as number;
      rows.slab.copy(page, rowAt(seq), from, from + rowBytes);
      if (rowStatus(rows.slab, from) !== undefined) continue;
      tx.remove('specs', specKey(seq));
      tx.remove('details', detailKey(seq));
    }
    if (isEmpty(page)) tx.remove('states', pageKey(number));
    else {
      sealPage(page, number);
      tx.put('states', pageKey(number), page);
    }
  });
}

/** @param keys ascending */
function* byPage(keys: Float64Array): Iterable<Float64Array> {
  for (let from = 0, to = 0; from < keys.length; from = to) {
    const page = pageOf(keys[from] as number);
    while (to < keys.length && pageOf(keys[to] as number) === page) to++;
    yield keys.subarray(from, to);
  }
}

function isEmpty(page: Buffer): boolean {
  for (let seq = 0; rowAt(seq) < page.length && seq < 16; seq++) if (rowStatus(page, rowAt(seq))) return false;
  return true;
}

function detailSlices({ rows, details }: PendingChanges): Iterable<Slice> {
  const sorted = [...details].sort(([a], [b]) => a - b);
  return inSlices(sorted, slice.details, (tx, [seq, json]) => {
    const at = rows.find(seq);
    if (at !== undefined && rowStatus(rows.slab, at) === undefined) return;
    const under = detailKey(seq);
    tx.put('details', under, seal(Buffer.from(json), under));
  });
}

function setSlices({ sets }: MergeOrder): Iterable<Slice> {
  return inSlices(sets, slice.sets, (tx, { set, block, bytes }) => {
    const under = setKey(set, block);
    if (bytes) tx.put('bitmaps', under, seal(bytes, under));
    else tx.remove('bitmaps', under);
  });
}

/** Drops the log's oldest records while they are behind the merge and too old, or too much in all. */
function* trimSlices(kv: KvReader, order: MergeOrder): Iterable<Slice> {
  const newest = readRecord(kv, order.position);
  if (!newest) return;
  for (let more = true; more; ) {
    more = false;
    yield (tx) => {
      const oldest = [...tx.entries('log', { to: logKey(order.position), limit: slice.logRecords })];
      const over = oldest.findLastIndex(({ key, value }) => isOver(key, value, newest, order.now)) + 1;
      for (const { key } of oldest.slice(0, over)) tx.remove('log', key);
      more = over === slice.logRecords;
    };
  }
}

/** A damaged record goes with the next that is over: what was in it is in the trees. */
function isOver(key: Buffer, value: Buffer, newest: LogRecordReader, now: number): boolean {
  try {
    const record = new LogRecordReader(keyPart(key, 0), value);
    return record.at < now - logKept.ms || newest.logBytes - record.logBytes > logKept.bytes;
  } catch (error) {
    if (error instanceof DamagedRecord) return false;
    throw error;
  }
}

function readRecord(kv: KvReader, position: number): LogRecordReader | undefined {
  const bytes = kv.get('log', logKey(position));
  return bytes && new LogRecordReader(position, bytes);
}
