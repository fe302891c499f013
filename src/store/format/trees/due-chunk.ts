/**
 * A chunk of the due index as bytes: the number of entries (u16), then due time (f64) and job (u48) of each, sealed. Its key says the
 * bucket of time that it belongs to, the merge that wrote its run, and its place in the run. The upper 16 bits of the bucket are
 * the lane: 0 is that of jobs without a priority.
 */
import type { DueLane } from '../../../domain/due-heap.js';
import { ByteReader, ByteWriter } from '../bytes.js';
import { seal, unseal } from '../layout.js';
import { key, keyPart } from '../numbers.js';

/** Length of a bucket in milliseconds, about 17 minutes. The keys on disk count in it, so it never changes. */
const bucketMs = 2 ** 20;
const countBytes = 2;
const entryBytes = 14;

/** A job and when it is due, in Unix milliseconds. */
export interface DueEntry {
  readonly due: number;
  readonly seq: number;
}

/** Buckets of one lane. The keys on disk count in it, so it never changes. */
const laneBuckets = 2 ** 32;
const deadlines = 1;
/** Priority 0 would be this one, and is lane 0. */
const priorityZero = 256;

/** The number of a lane in keys, and in the mark of a merge. */
export function laneNumber(lane: DueLane): number {
  if (lane === 'deadlines') return deadlines;
  return lane === 0 ? 0 : priorityZero + lane;
}

/** The lane that a number stands for. */
export function laneOf(number: number): DueLane {
  if (number === deadlines) return 'deadlines';
  return number === 0 ? 0 : number - priorityZero;
}

/** The bucket of a due time, or deadline. What was due before 1970 is in the first of its lane. @param lane its number */
export function bucketOf(due: number, lane = 0): number {
  return lane * laneBuckets + (due <= 0 ? 0 : Math.floor(due / bucketMs));
}

/** The number of the lane that a bucket is of. */
export const laneOfBucket = (bucket: number): number => Math.floor(bucket / laneBuckets);
/** The first instant of a bucket, in Unix milliseconds. */
export const startOfBucket = (bucket: number): number => (bucket % laneBuckets) * bucketMs;
/** The first bucket behind those of a lane, by its number. */
export const endOfLane = (lane: number): number => (lane + 1) * laneBuckets;

/** The key of a chunk; of its first numbers alone, a key before all chunks of that bucket or run. */
export const dueKey = (
  ...place: [bucket: number] | [bucket: number, run: number] | [bucket: number, run: number, chunk: number]
): Buffer => key(...place);

/** The bucket of a chunk, by its key. */
export const bucketOfKey = (of: Uint8Array): number => keyPart(of, 0);
/** The merge that wrote a chunk's run, by its key. */
export const runOfKey = (of: Uint8Array): number => keyPart(of, 1);
/** The place of a chunk in its run, by its key. */
export const chunkOfKey = (of: Uint8Array): number => keyPart(of, 2);

/** @param entries at most 65,535 */
export function encodeDueChunk(entries: readonly DueEntry[], under: Uint8Array): Buffer {
  const out = new ByteWriter(countBytes + entries.length * entryBytes);
  out.u16(entries.length);
  for (const { due, seq } of entries) {
    out.f64(due);
    out.u48(seq);
  }
  return seal(out.since(0), under);
}

/** @throws DamagedRecord */
export function decodeDueChunk(sealed: Buffer, under: Uint8Array): DueEntry[] {
  const input = new ByteReader(unseal(sealed, under, 'the due index'));
  const entries: DueEntry[] = [];
  for (let left = input.u16(); left > 0; left--) entries.push({ due: input.f64(), seq: input.u48() });
  return entries;
}

/** The last entry of a chunk, without decoding the others. @throws DamagedRecord */
export function lastOfDueChunk(sealed: Buffer, under: Uint8Array): DueEntry {
  const bytes = unseal(sealed, under, 'the due index');
  const input = new ByteReader(bytes, bytes.length - entryBytes);
  return { due: input.f64(), seq: input.u48() };
}
