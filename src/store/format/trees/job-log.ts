/**
 * Lines of handlers as bytes, in the tree `logs`. They stand in chunks: what a run has written in some half a second. The key of a chunk says
 * all that it takes to count and to leave it out, so that no chunk is read for that. A second entry of each has them in the order they were
 * written, for the oldest to go; a third says how much there is.
 */
import { DamagedRecord, NewerRecord } from '../../port.js';
import { seal, unseal } from '../layout.js';
import { getF64, key, keyPart, putF64 } from '../numbers.js';

const version = 1;

/** First numbers of keys. */
const kinds = { total: 0, chunk: 1, order: 2 } as const;

/** A line that is kept. */
export interface KeptLine {
  /** Its number among all lines of its run, those that were dropped included: from 0. */
  readonly n: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly level: string;
  readonly message: string;
  /** JSON text of an object. */
  readonly fields?: string | undefined;
}

/** What the key of a chunk says. */
export interface ChunkPlace {
  readonly seq: number;
  readonly run: number;
  /** Grows by one with every chunk that is written. */
  readonly number: number;
  readonly lines: number;
  /** So many lines the run had written by its end, those that were dropped included. */
  readonly until: number;
  /** As they count against the bounds. */
  readonly bytes: number;
}

/** What an entry takes beside its text: its key, that of its place in the order, and what the tree needs for both. */
const overheadBytes = 200;

export const chunkKey = ({ seq, run, number, lines, until, bytes }: ChunkPlace): Buffer =>
  key(kinds.chunk, seq, run, number, lines, until, bytes);

export function placeOfChunk(of: Uint8Array): ChunkPlace {
  const [seq, run, number, lines, until, bytes] = [1, 2, 3, 4, 5, 6].map((part) => keyPart(of, part)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { seq, run, number, lines, until, bytes };
}

interface Range {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** All chunks; those of a job from a run on; those of one run. */
export const allChunks: Range = { from: key(kinds.chunk), to: key(kinds.chunk + 1) };
export const chunksOf = (seq: number, fromRun = 0): Range => ({
  from: key(kinds.chunk, seq, fromRun),
  to: key(kinds.chunk, seq + 1),
});
export const chunksOfRun = (seq: number, run: number): Range => ({
  from: key(kinds.chunk, seq, run),
  to: key(kinds.chunk, seq, run + 1),
});

export const orderKey = (number: number): Buffer => key(kinds.order, number);
export const allOrder: Range = { from: key(kinds.order), to: key(kinds.order + 1) };
/** The key of a chunk, as the order has it. */
export const sealOrder = (chunk: Uint8Array, under: Uint8Array): Buffer => seal(chunk, under);
export const readOrder = (sealed: Buffer, under: Uint8Array): Buffer =>
  unseal(sealed, under, 'the place of lines of a job in their order');

/** What there is in all. */
export interface LogTotal {
  readonly bytes: number;
  /** The number of the next chunk. */
  readonly next: number;
}

export const totalKey = key(kinds.total);
export function sealTotal({ bytes, next }: LogTotal): Buffer {
  const value = Buffer.alloc(16);
  putF64(value, 0, bytes);
  putF64(value, 8, next);
  return seal(value, totalKey);
}
export function readTotal(sealed: Buffer | undefined): LogTotal {
  if (sealed === undefined) return { bytes: 0, next: 0 };
  const value = unseal(sealed, totalKey, 'how many lines of jobs there are');
  return { bytes: getF64(value, 0), next: getF64(value, 8) };
}

/** The lines as they stand in a chunk, not sealed yet: format version (u8), then JSON. */
export function packLines(lines: readonly KeptLine[]): Buffer {
  const rows = lines.map(({ n, at, level, message, fields }) => [n, at, level, message, ...(fields ? [fields] : [])]);
  return Buffer.from(`${String.fromCharCode(version)}${JSON.stringify(rows)}`);
}

/** What lines count as against the bounds of a run. */
export const sizeOfLine = ({ message, fields }: Pick<KeptLine, 'message' | 'fields'>): number =>
  Buffer.byteLength(message) + (fields === undefined ? 0 : Buffer.byteLength(fields)) + 32;

/** What a chunk counts as against the bound of all. */
export const costOf = ({ bytes }: ChunkPlace): number => bytes + overheadBytes;

export const sealChunk = (packed: Uint8Array, under: Uint8Array): Buffer => seal(packed, under);

/** @throws DamagedRecord, NewerRecord */
export function readChunk(sealed: Buffer, under: Uint8Array): KeptLine[] {
  const { seq, run } = placeOfChunk(under);
  const what = `lines of run ${run} of job ${seq}`;
  const bytes = unseal(sealed, under, what);
  const found = bytes[0] ?? 0;
  if (found > version) throw new NewerRecord(what, { found, known: version });
  try {
    const rows = JSON.parse(bytes.toString('utf8', 1)) as [number, number, string, string, string?][];
    return rows.map(([n, at, level, message, fields]) => ({ n, at, level, message, ...(fields && { fields }) }));
  } catch {
    throw new DamagedRecord(what);
  }
}
