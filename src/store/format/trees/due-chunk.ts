/**
 * A chunk of the due index as bytes: the number of entries (u16), then due time (f64) and job (u48) of each, sealed. Its key says the
 * bucket of time that it belongs to, the merge that wrote its run, and its place in the run.
 */
import { ByteReader, ByteWriter } from '../bytes.js';
import { seal, unseal } from '../layout.js';
import { key, keyPart } from '../numbers.js';

/** Length of a bucket in milliseconds, about 17 minutes. The keys on disk count in it, so it never changes. */
export const bucketMs = 2 ** 20;
const countBytes = 2;
const entryBytes = 14;

/** A job and when it is due, in Unix milliseconds. */
export interface DueEntry {
  readonly due: number;
  readonly seq: number;
}

/** The bucket of a due time. What was due before 1970 is in the first. */
export function bucketOf(due: number): number {
  return due <= 0 ? 0 : Math.floor(due / bucketMs);
}

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
