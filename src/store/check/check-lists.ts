/** Checking what jobs are found by: the due index, the list of finished jobs, the idempotency keys. */
import { limits } from '../../domain/limits.js';
import { deadlineOf } from '../../domain/slots/deadline.js';
import { withMore } from '../format/detail.js';
import { decodeDetail, detailKey, specKey } from '../format/layout.js';
import { readRow, rowDue, rowFinishedAt, rowHasMore, rowPriority } from '../format/row.js';
import { readSpec } from '../format/spec-codec.js';
import {
  bucketOf,
  bucketOfKey,
  type DueEntry,
  decodeDueChunk,
  laneNumber,
  laneOfBucket,
  runOfKey,
  startOfBucket,
} from '../format/trees/due-chunk.js';
import { decodeFinished } from '../format/trees/finished-list.js';
import { expiryKey, keyOfExpiry, nameOfKey } from '../format/trees/key-use.js';
import { UnreadableRecord } from '../port.js';
import { compareDue } from '../trees/due-index.js';
import { findKey } from '../trees/idempotency.js';
import { watermarkOf } from '../trees/merge-mark.js';
import type { CheckGround, SeqSet } from './check-ground.js';

/**
 * @param pending must all be found, each in the lane of its priority, at its due time and not before the point that a start reads the
 *   lane from
 * @param expiring those that have a deadline: they must be found by that
 */
export function checkDue(ground: CheckGround, pending: SeqSet, expiring: SeqSet): void {
  const { kv, faults, mark } = ground;
  let [bucket, run]: [number, number] = [-1, -1];
  let before: DueEntry | undefined;
  faults.try('unreadable', 'the due index', () => {
    for (const { key, value } of kv.entries('due', {})) {
      if (bucketOfKey(key) !== bucket || runOfKey(key) !== run) before = undefined;
      [bucket, run] = [bucketOfKey(key), runOfKey(key)];
      const lane = laneOfBucket(bucket);
      const about = instant(startOfBucket(bucket));
      const entries = faults.try('due', `the due index for the time from ${about}`, () => decodeDueChunk(value, key));
      for (const entry of entries ?? []) {
        const { due, seq } = entry;
        const inOrder = bucketOf(due, lane) === bucket && (!before || compareDue(before, entry) < 0);
        if (!inOrder) faults.add('due', `the due index has ${ground.nameOf(seq)} in the wrong place`);
        before = entry;
        if (due < watermarkOf(mark, lane) || !inOrder) continue;
        if (lane === deadlineLane) {
          if (expiring.has(seq) && deadlineInTrees(ground, seq) === due) expiring.delete(seq);
          continue;
        }
        const row = pending.has(seq) ? ground.rowInTrees(seq) : undefined;
        if (!row || rowDue(row.bytes, row.at) !== due) continue;
        if (laneNumber(rowPriority(row.bytes, row.at)) === lane) pending.delete(seq);
      }
    }
  });
  for (const seq of pending) {
    const row = ground.rowInTrees(seq);
    const due = row ? instant(rowDue(row.bytes, row.at)) : 'at some time';
    faults.add('unfound', `${ground.nameOf(seq)} is pending, due ${due}, and not where the due index is read`);
  }
  for (const seq of expiring)
    faults.add('unfound', `${ground.nameOf(seq)} expires, and is not where the due index is read for deadlines`);
}

const deadlineLane = laneNumber('deadlines');

/** As the trees have it: the log has nothing newer about the job. */
function deadlineInTrees(ground: CheckGround, seq: number): number | undefined {
  const row = ground.rowInTrees(seq);
  const bytes = ground.kv.get('specs', specKey(seq));
  const state = row && readRow(row.bytes, row.at);
  if (!bytes || !state) return undefined;
  const detail = rowHasMore(row.bytes, row.at) ? ground.kv.get('details', detailKey(seq)) : undefined;
  const whole = detail === undefined ? state : withMore(state, decodeDetail(detail, seq), seq);
  return deadlineOf(readSpec(seq, bytes, ground.types), whole);
}

function instant(ms: number): string {
  return Math.abs(ms) <= limits.maxInstantMs ? new Date(ms).toISOString() : `at ${ms} ms`;
}

/** @param finished must all be found, each with the instant at which it finished */
export function checkFinished(ground: CheckGround, finished: SeqSet): void {
  const { kv, faults } = ground;
  faults.try('unreadable', 'the list of finished jobs', () => {
    for (const { key, value } of kv.entries('finished', {})) {
      const jobs = faults.try('finished', 'a piece of the list of finished jobs', () => decodeFinished(value, key));
      for (const { seq, at } of jobs ?? []) {
        const row = finished.has(seq) ? ground.rowInTrees(seq) : undefined;
        if (row && rowFinishedAt(row.bytes, row.at) === at) finished.delete(seq);
      }
    }
  });
  for (const seq of finished)
    faults.add('finished', `${ground.nameOf(seq)} is finished and not in the list of finished jobs`);
}

/** Each key names the job that it made and is forgotten in its time. */
export function checkKeys(ground: CheckGround): void {
  const { kv, faults } = ground;
  faults.try('unreadable', 'the idempotency keys', () => {
    for (const { key } of kv.entries('keys', {})) {
      const name = nameOfKey(key);
      const use = faults.try('key', 'an idempotency key', () => findKey(kv, name, Number.NEGATIVE_INFINITY));
      if (!use) continue;
      if (!kv.get('keyExpiry', expiryKey(use, key)))
        faults.add('left', `the idempotency key of ${ground.nameOf(use.seq)} would never be forgotten`);
      if (use.seq >= ground.counters.nextSeq)
        faults.add('key', `an idempotency key is of job number ${use.seq}, which was never made`);
      else checkMaker(ground, use.seq, name);
    }
  });
  faults.try('unreadable', 'the times of the idempotency keys', () => {
    for (const expiry of kv.keys('keyExpiry', {})) {
      if (!kv.get('keys', keyOfExpiry(expiry))) faults.add('key', 'an idempotency key is gone before its time');
    }
  });
}

/** The job that a key names was made with it, if it still exists. */
function checkMaker(ground: CheckGround, seq: number, name: string): void {
  const bytes = ground.kv.get('specs', specKey(seq));
  if (!bytes) return;
  try {
    if (readSpec(seq, bytes, ground.types).idempotencyKey !== name) {
      ground.faults.add('key', `an idempotency key names ${ground.nameOf(seq)}, which was made without it`);
    }
  } catch (error) {
    // Reported when the specs were read.
    if (!(error instanceof UnreadableRecord)) throw error;
  }
}
