/** Bulk actions over several shards: each has a part of one, under the same number, and here they are one again. */
import { type BulkRecord, type BulkStatus, hasEnded, keptErrors } from '../../domain/control/bulk.js';
import type { OwnedShard } from '../shards.js';

/** The latest first. */
export function gatheredBulks(shards: readonly OwnedShard[]): readonly BulkRecord[] {
  return mergedBulks(shards.map(({ scheduler }) => scheduler.bulks));
}

/** Lists of parts as one list, the latest first. */
export function mergedBulks(lists: readonly (readonly BulkRecord[])[]): readonly BulkRecord[] {
  const parts = new Map<number, BulkRecord[]>();
  for (const bulk of lists.flat()) parts.set(bulk.id, [...(parts.get(bulk.id) ?? []), bulk]);
  return [...parts.values()].map(together).sort((a, b) => b.id - a.id);
}

function together(parts: readonly BulkRecord[]): BulkRecord {
  const [first] = parts as [BulkRecord];
  const sum = (count: (bulk: BulkRecord) => number): number => parts.reduce((total, bulk) => total + count(bulk), 0);
  const status = statusOf(parts);
  return {
    ...first,
    status,
    matched: sum(({ matched }) => matched),
    done: sum(({ done }) => done),
    skipped: sum(({ skipped }) => skipped),
    failed: sum(({ failed }) => failed),
    errors: parts.flatMap(({ errors }) => errors).slice(0, keptErrors),
    createdAt: Math.min(...parts.map(({ createdAt }) => createdAt)),
    finishedAt: hasEnded({ status }) ? Math.max(...parts.map(({ finishedAt }) => finishedAt)) : 0,
  };
}

function statusOf(parts: readonly BulkRecord[]): BulkStatus {
  if (parts.every(({ status }) => status === 'pending')) return 'pending';
  if (!parts.every(hasEnded)) return 'running';
  return parts.some(({ status }) => status === 'cancelled') ? 'cancelled' : 'success';
}
