/**
 * An entry of the journal: one sealed batch as bytes, with what is needed to append it to the log later. Every entry begins a block,
 * so that no byte of an entry that was acknowledged is ever written again while it counts.
 */
import { readBatchIndex, roomForIndex, writeBatchIndex } from '../batch-index.js';
import { ByteReader, ByteWriter, crc32 } from '../bytes.js';
import { getU32, getU48, putU32, putU48 } from '../numbers.js';
import type { SealedBatch } from '../sealing.js';

export const blockBytes = 4096;
/** Of the salt, which is random and never told: no payload can be made to look like an entry. */
export const saltBytes = 16;

/** u32 CRC-32 of all that follows, salt, u48 position, u32 bytes of the index, of the batch and of the batch's record. */
const head = { crc: 0, salt: 4, position: 20, index: 26, batch: 30, record: 34, bytes: 38 } as const;
const zeros = Buffer.alloc(blockBytes);

/** An entry found in a journal. */
export interface JournalEntry {
  readonly batch: SealedBatch;
  /** Where the next one may begin, from where this one does. */
  readonly blocks: number;
}

/** The pieces of an entry, to be written one behind the other: whole blocks. */
export function journalEntry(batch: SealedBatch, salt: Uint8Array): readonly Uint8Array[] {
  const [start, body] = entryPieces(batch, salt);
  const length = start.length + body.length;
  return [start, body, zeros.subarray(0, toBlocks(length) * blockBytes - length)];
}

/** An entry in one piece, and no longer than it is: what one record of a shard's log is in PostgreSQL. A copy of the batch. */
export function entryBytes(batch: SealedBatch, salt: Uint8Array): Buffer {
  return Buffer.concat(entryPieces(batch, salt));
}

function entryPieces(batch: SealedBatch, salt: Uint8Array): readonly [start: Buffer, body: Buffer] {
  const { position, buffer, bytes, recordBytes } = batch;
  const out = new ByteWriter(head.bytes + roomForIndex(batch));
  out.claim(head.bytes);
  writeBatchIndex(out, batch);
  const body = Buffer.from(buffer, 0, bytes);
  const start = out.buffer;
  start.set(salt, head.salt);
  putU48(start, head.position, position);
  putU32(start, head.index, out.length - head.bytes);
  putU32(start, head.batch, bytes);
  putU32(start, head.record, recordBytes);
  putU32(start, head.crc, crc32(body, crc32(out.since(head.salt))));
  return [out.since(0), body];
}

/** How many blocks the entry of a batch takes, at most. */
export function entryBlocks({ bytes, specs, puts }: SealedBatch): number {
  let index = 8 + (specs.length / 3) * 14;
  for (const { key, value } of puts) index += 7 + key.length + (value?.length ?? 0);
  return toBlocks(head.bytes + index + bytes);
}

const toBlocks = (bytes: number): number => Math.ceil(bytes / blockBytes);

/** What `entryBytes` made; undefined when it is not whole. A copy. */
export function readEntry(bytes: Uint8Array, salt: Uint8Array): SealedBatch | undefined {
  return readJournalEntry(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, salt)?.batch;
}

/** The entry that begins at a byte of a journal; undefined where none does that is whole. */
export function readJournalEntry(journal: Buffer, at: number, salt: Uint8Array): JournalEntry | undefined {
  if (journal.length < at + head.bytes) return undefined;
  const start = journal.subarray(at, at + head.bytes);
  if (Buffer.compare(start.subarray(head.salt, head.salt + saltBytes), salt) !== 0) return undefined;
  const indexBytes = getU32(start, head.index);
  const bytes = getU32(start, head.batch);
  const end = at + head.bytes + indexBytes + bytes;
  if (end > journal.length || getU32(start, head.crc) !== crc32(journal.subarray(at + head.salt, end)))
    return undefined;
  const bodyAt = at + head.bytes + indexBytes;
  const buffer = new Uint8Array(journal.subarray(bodyAt, end)).buffer;
  const batch = {
    position: getU48(start, head.position),
    buffer,
    bytes,
    recordBytes: getU32(start, head.record),
    // A copy: the journal is not kept for it.
    ...readBatchIndex(new ByteReader(Buffer.from(journal.subarray(at + head.bytes, bodyAt)))),
  };
  return { batch, blocks: toBlocks(end - at) };
}
