/**
 * Bytes on the wire, where the library has none: it sends a list of Buffers as text, twice as long, and reads results as UTF-8. So
 * lists are sent in PostgreSQL's own binary form, and what has bytes is read with COPY … (FORMAT binary).
 */

/** The types of elements, as PostgreSQL numbers them. */
const oids = { bytea: 17, text: 25 } as const;

/** A list of one dimension in binary form. Null: an element without a value. */
export function encodeList(type: keyof typeof oids, list: readonly (Uint8Array | null)[]): Buffer {
  let length = 20;
  for (const one of list) length += 4 + (one?.length ?? 0);
  const out = Buffer.allocUnsafe(length);
  out.writeInt32BE(1, 0);
  out.writeInt32BE(list.includes(null) ? 1 : 0, 4);
  out.writeInt32BE(oids[type], 8);
  out.writeInt32BE(list.length, 12);
  out.writeInt32BE(1, 16);
  let at = 20;
  for (const one of list) {
    at = out.writeInt32BE(one?.length ?? -1, at);
    if (one === null) continue;
    out.set(one, at);
    at += one.length;
  }
  return out;
}

/** A row of a binary COPY, a value for each column. */
export type BinaryRow = readonly (Buffer | null)[];

/** Before the rows: 11 bytes of signature, flags, and the length of an extension that no version has. */
const headerBytes = 19;

/** Takes a binary COPY in pieces of any length, and gives the rows that are whole. */
export class CopyRows {
  #pieces: Buffer[] = [];
  #length = 0;
  /** Below this the pieces have no whole row; so they are put together once for a long one. */
  #needed = headerBytes;
  #inRows = false;

  take(piece: Buffer): BinaryRow[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length < this.#needed) return [];
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces);
    let at = this.#inRows ? 0 : headerBytes;
    this.#inRows = true;
    const rows: BinaryRow[] = [];
    let read = readRow(bytes, at);
    while (typeof read !== 'number') {
      rows.push(read.row);
      at = read.end;
      read = readRow(bytes, at);
    }
    this.#pieces = [bytes.subarray(at)];
    this.#length = bytes.length - at;
    this.#needed = read - at;
    return rows;
  }
}

/** The row that begins at `at`; a number when it is not whole: how far the bytes have to reach at least. */
function readRow(bytes: Buffer, at: number): { row: BinaryRow; end: number } | number {
  if (at + 2 > bytes.length) return at + 2;
  const columns = bytes.readInt16BE(at);
  // The end mark, behind which nothing comes.
  if (columns < 0) return Number.POSITIVE_INFINITY;
  let end = at + 2;
  const row: (Buffer | null)[] = [];
  for (let column = 0; column < columns; column++) {
    if (end + 4 > bytes.length) return end + 4;
    const length = bytes.readInt32BE(end);
    end += 4;
    if (length < 0) {
      row.push(null);
      continue;
    }
    if (end + length > bytes.length) return end + length;
    row.push(bytes.subarray(end, end + length));
    end += length;
  }
  return { row, end };
}
