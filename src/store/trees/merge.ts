/**
 * Bringing the trees up to date with the log, in slices, each a transaction of its own. The log position is moved in the
 * last one. A crash in between is harmless: replay starts from the old position, and everything here may be done twice.
 */

import { DueHeap } from '../../domain/due-heap.js';
import {
  checkPage,
  detailKey,
  emptyPage,
  encodeMeta,
  type MergeMark,
  metaKey,
  pageKey,
  pageOf,
  rowAt,
  sealDetail,
  sealPage,
  specKey,
} from '../format/layout.js';
import { rowBytes, rowDue, rowPriority, rowStatus, rowWakes } from '../format/row.js';
import { laneNumber } from '../format/trees/due-chunk.js';
import { encodeFinished, keyOfPlace } from '../format/trees/finished-list.js';
import { sealSet, setKey } from '../format/trees/set-block.js';
import type { Kv, KvWriter } from '../kv/kv.js';
import type { RecordLog } from '../log/record-log.js';
import { readRecord } from '../log/records.js';
import { isOver } from '../log/trimming.js';
import { combineRuns, dropPassed, dueChunks, eachOnce } from './due-index.js';
import { dropExpiredKeys } from './idempotency.js';
import { removeLogs } from './job-logs.js';
import type { PendingChanges } from './pending.js';
import { removeRuns } from './runs.js';
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

/** A piece of a merge, a transaction of its own: it throws and leaves nothing, or all of it is on disk. */
export type Slice = () => void;

/** What a slice writes to the trees. */
type TreeSlice = (tx: KvWriter) => void;

/**
 * The slices of one merge, in order.
 *
 * @param logShare as of `isOver`
 */
export function* mergeSlices(
  kv: Kv,
  log: RecordLog,
  changes: PendingChanges,
  order: MergeOrder,
  logShare?: number,
): Iterable<Slice> {
  // A spec that comes to the trees after its job was removed from them would stay for good.
  yield () => log.checkpoint();
  for (const write of treeSlices(changes, order)) yield () => kv.transact(write);
  yield* trimSlices(log, order, logShare);
}

function* treeSlices(changes: PendingChanges, order: MergeOrder): Iterable<TreeSlice> {
  yield* dueSlices(changes, order.position);
  yield* finishedSlices(changes, order.position);
  yield* pageSlices(changes);
  yield* detailSlices(changes);
  yield* setSlices(order);
  const mark = markOf(order);
  yield (tx) => tx.put('meta', metaKey('mark'), encodeMeta(mark, 'mark'));
  yield* untilFewer(slice.passed, (tx, limit) => dropPassed(tx, order.watermark, limit));
  for (const { lane, watermark } of order.lanes ?? [])
    yield* untilFewer(slice.passed, (tx, limit) => dropPassed(tx, watermark, limit, laneNumber(lane)));
  yield* untilFewer(slice.keys, (tx, limit) => dropExpiredKeys(tx, order.now, limit));
}

function markOf({ position, watermark, lanes = [] }: MergeOrder): MergeMark {
  if (lanes.length === 0) return { position, watermark };
  return {
    position,
    watermark,
    lanes: Object.fromEntries(lanes.map((of) => [laneNumber(of.lane), of.watermark])),
  };
}

function* inSlices<T>(items: Iterable<T>, size: number, write: (tx: KvWriter, item: T) => void): Iterable<TreeSlice> {
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
function* untilFewer(limit: number, remove: (tx: KvWriter, limit: number) => number): Iterable<TreeSlice> {
  for (let removed = limit; removed === limit; ) {
    yield (tx) => {
      removed = remove(tx, limit);
    };
  }
}

function* dueSlices(changes: PendingChanges, run: number): Iterable<TreeSlice> {
  const buckets = new Set<number>();
  for (const [lane, heap] of byLane(changes)) {
    yield* inSlices(dueChunks(eachOnce(heap), run, 0, lane), slice.chunks, (tx, chunk) => {
      tx.put('due', chunk.key, chunk.value);
      buckets.add(chunk.bucket);
    });
  }
  yield* combineSlices([...buckets], run);
}

/** Keeps the runs of the buckets that were added to few. By entries: where buckets are many, their runs are small. */
function* combineSlices(buckets: readonly number[], run: number): Iterable<TreeSlice> {
  for (let from = 0, next = 0; from < buckets.length; from = next) {
    yield (tx) => {
      next = from;
      const to = Math.min(buckets.length, from + slice.buckets);
      for (let entries = 0; entries < slice.combined && next < to; next++)
        entries += combineRuns(tx, buckets[next] as number, run);
    };
  }
}

/** What is pending, by the number of its lane. */
function byLane({ rows, deadlines }: PendingChanges): ReadonlyMap<number, DueHeap> {
  const ordinary = new DueHeap(rows.size);
  const lanes = new Map([[0, ordinary]]);
  for (const seq of rows.keys()) {
    const at = rows.find(seq) as number;
    if (!rowWakes(rows.slab, at)) continue;
    const priority = rowPriority(rows.slab, at);
    const heap = priority === 0 ? ordinary : laneIn(lanes, laneNumber(priority));
    heap.push(rowDue(rows.slab, at), seq);
  }
  for (const { at, seq } of deadlines) laneIn(lanes, laneNumber('deadlines')).push(at, seq);
  return lanes;
}

function laneIn(lanes: Map<number, DueHeap>, lane: number): DueHeap {
  const heap = lanes.get(lane) ?? new DueHeap();
  lanes.set(lane, heap);
  return heap;
}

function finishedSlices({ finished }: PendingChanges, position: number): Iterable<TreeSlice> {
  const starts = Array.from({ length: Math.ceil(finished.length / slice.finished) }, (_, i) => i * slice.finished);
  return inSlices(starts, 1, (tx, from) => {
    const under = keyOfPlace({ merge: position, from });
    tx.put('finished', under, encodeFinished(finished.slice(from, from + slice.finished), under));
  });
}

function pageSlices({ rows }: PendingChanges): Iterable<TreeSlice> {
  return inSlices(byPage(rows.keys().slice().sort()), slice.pages, (tx, seqs) => {
    const number = pageOf(seqs[0] as number);
    const old = tx.get('states', pageKey(number));
    if (old) checkPage(old, number);
    const page = old ?? emptyPage();
    const hasRuns = tx.size('runs') > 0;
    const hasLogs = tx.size('logs') > 0;
    for (const seq of seqs) {
      const from = rows.find(seq) as number;
      rows.slab.copy(page, rowAt(seq), from, from + rowBytes);
      if (rowStatus(rows.slab, from) !== undefined) continue;
      tx.remove('specs', specKey(seq));
      tx.remove('details', detailKey(seq));
      if (hasRuns) removeRuns(tx, seq);
      if (hasLogs) removeLogs(tx, seq);
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

function detailSlices({ rows, details }: PendingChanges): Iterable<TreeSlice> {
  const sorted = [...details].sort(([a], [b]) => a - b);
  return inSlices(sorted, slice.details, (tx, [seq, json]) => {
    const at = rows.find(seq);
    if (at !== undefined && rowStatus(rows.slab, at) === undefined) return;
    tx.put('details', detailKey(seq), sealDetail(json, seq));
  });
}

function setSlices({ sets }: MergeOrder): Iterable<TreeSlice> {
  return inSlices(sets, slice.sets, (tx, { set, block, bytes }) => {
    const under = setKey(set, block);
    if (bytes) tx.put('bitmaps', under, sealSet(bytes, under));
    else tx.remove('bitmaps', under);
  });
}

/** Drops the log's oldest records while they are behind the merge and too old, or too much in all. */
function* trimSlices(log: RecordLog, order: MergeOrder, share?: number): Iterable<Slice> {
  const newest = readRecord(log, order.position);
  if (!newest) return;
  for (let trimmed: number = slice.logRecords; trimmed === slice.logRecords; ) {
    yield () => {
      trimmed = log.trim(order.position, slice.logRecords, (record) => isOver(record, newest, order.now, share));
    };
  }
}
