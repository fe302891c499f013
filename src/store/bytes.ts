/**
 * Writing and reading of the compact binary records. Little-endian inside values; keys are big-endian, so that they
 * order as numbers do.
 *
 * Numbers go in and out byte by byte: the methods of `Buffer` look at every argument through functions that V8 does not
 * inline, which took an eighth of what a job costs the main thread.
 */
import { crc32 as zlibCrc32 } from 'node:zlib';

/** CRC-32 (ISO 3309) of a piece of a record; `start` (u32) binds it to something that is not in the piece. */
export const crc32 = zlibCrc32 as (data: Uint8Array, start?: number) => number;

const two32 = 0x1_0000_0000;

/** A buffer that grows while it is written to. */
export class ByteWriter {
  buffer: Buffer;
  length = 0;

  constructor(initialBytes = 4096) {
    // Not from the shared pool: the whole ArrayBuffer is handed to another thread.
    this.buffer = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** Makes room for `bytes` more and returns where they begin. */
  claim(bytes: number): number {
    const at = this.length;
    const end = at + bytes;
    if (end > this.buffer.length) this.#grow(end);
    this.length = end;
    return at;
  }

  #grow(atLeast: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(atLeast, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  u8(value: number): void {
    const at = this.claim(1);
    this.buffer[at] = value;
  }

  u16(value: number): void {
    const at = this.claim(2);
    putU16(this.buffer, at, value);
  }

  u32(value: number): void {
    const at = this.claim(4);
    putU32(this.buffer, at, value);
  }

  /** Whole numbers up to 2^48. */
  u48(value: number): void {
    const at = this.claim(6);
    putU48(this.buffer, at, value);
  }

  f64(value: number): void {
    const at = this.claim(8);
    putF64(this.buffer, at, value);
  }

  /** Length (u32), then UTF-8. */
  text(value: string): void {
    const most = value.length * 3;
    const at = this.claim(4 + most);
    const written = this.buffer.write(value, at + 4, 'utf8');
    putU32(this.buffer, at, written);
    this.length = at + 4 + written;
  }

  /** Length (u8), then ASCII; for short words. */
  word(value: string): void {
    const at = this.claim(1 + value.length);
    this.buffer[at] = value.length;
    this.buffer.write(value, at + 1, 'latin1');
  }

  /** What was written since `from`; a view. */
  since(from: number): Buffer {
    return this.buffer.subarray(from, this.length);
  }
}

/** Reads what `ByteWriter` wrote; reading past the end throws RangeError. */
export class ByteReader {
  constructor(
    readonly buffer: Buffer,
    public at = 0,
  ) {}

  u8(): number {
    const value = last(this.buffer, this.at);
    this.at += 1;
    return value;
  }

  u16(): number {
    const value = getU16(this.buffer, this.at);
    this.at += 2;
    return value;
  }

  u32(): number {
    const value = getU32(this.buffer, this.at);
    this.at += 4;
    return value;
  }

  u48(): number {
    const value = getU48(this.buffer, this.at);
    this.at += 6;
    return value;
  }

  f64(): number {
    const value = getF64(this.buffer, this.at);
    this.at += 8;
    return value;
  }

  text(): string {
    const length = this.u32();
    return this.#take(length).toString('utf8');
  }

  word(): string {
    const length = this.u8();
    return this.#take(length).toString('latin1');
  }

  #take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.buffer.length) throw new RangeError('record ends too early');
    const piece = this.buffer.subarray(this.at, end);
    this.at = end;
    return piece;
  }

  get done(): boolean {
    return this.at >= this.buffer.length;
  }
}

const [maxU16, maxU32, maxU48] = [0xffff, 0xffff_ffff, 0xffff_ffff_ffff];

/** @throws RangeError when the number or its place is out of range; a fraction is cut off */
export function putU16(buffer: Buffer, at: number, value: number): void {
  check(buffer, at + 2, value, maxU16);
  buffer[at] = value;
  buffer[at + 1] = value >>> 8;
}

/** @throws RangeError as above */
export function putU32(buffer: Buffer, at: number, value: number): void {
  check(buffer, at + 4, value, maxU32);
  putLow(buffer, at, value);
}

/** @throws RangeError as above */
export function putU48(buffer: Buffer, at: number, value: number): void {
  check(buffer, at + 6, value, maxU48);
  // Not the remainder: that of numbers beyond 32 bits is a call into the C library.
  const high = Math.floor(value / two32);
  putLow(buffer, at, value - high * two32);
  buffer[at + 4] = high;
  buffer[at + 5] = high >>> 8;
}

function putLow(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value;
  buffer[at + 1] = value >>> 8;
  buffer[at + 2] = value >>> 16;
  buffer[at + 3] = value >>> 24;
}

/** Little-endian, as is every machine that there is a binary of LMDB for. */
const double = new Float64Array(1);
const bytesOfDouble = new Uint8Array(double.buffer);

/** @throws RangeError when its place is out of range */
export function putF64(buffer: Buffer, at: number, value: number): void {
  check(buffer, at + 8, 0, 0);
  double[0] = value;
  for (let i = 0; i < 8; i++) buffer[at + i] = bytesOfDouble[i] as number;
}

/** @throws RangeError past the end; so do those below */
export function getU16(buffer: Uint8Array, at: number): number {
  return (last(buffer, at + 1) << 8) | (buffer[at] as number);
}

export function getU32(buffer: Uint8Array, at: number): number {
  const high = last(buffer, at + 3);
  return (
    ((buffer[at] as number) | ((buffer[at + 1] as number) << 8) | ((buffer[at + 2] as number) << 16) | (high << 24)) >>>
    0
  );
}

export function getU48(buffer: Uint8Array, at: number): number {
  return getU16(buffer, at + 4) * two32 + getU32(buffer, at);
}

export function getF64(buffer: Uint8Array, at: number): number {
  last(buffer, at + 7);
  for (let i = 0; i < 8; i++) bytesOfDouble[i] = buffer[at + i] as number;
  return double[0] as number;
}

function check(buffer: Buffer, end: number, value: number, max: number): void {
  if (value >= 0 && value <= max && end <= buffer.length) return;
  throw new RangeError(`${value} is not from 0 to ${max}, or ends at ${end} of ${buffer.length} bytes`);
}

/** The byte that a number ends with. */
function last(buffer: Uint8Array, at: number): number {
  const byte = buffer[at];
  if (byte === undefined) throw new RangeError('record ends too early');
  return byte;
}

const keyPartBytes = 6;

/** A key of whole numbers of 48 bits each, ordered as the numbers are. */
export function key(...parts: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(parts.length * keyPartBytes);
  for (let i = 0; i < parts.length; i++) {
    const value = parts[i] as number;
    const at = i * keyPartBytes;
    check(out, at + keyPartBytes, value, maxU48);
    const high = Math.floor(value / two32);
    const low = value - high * two32;
    out[at] = high >>> 8;
    out[at + 1] = high;
    out[at + 2] = low >>> 24;
    out[at + 3] = low >>> 16;
    out[at + 4] = low >>> 8;
    out[at + 5] = low;
  }
  return out;
}

/** The n-th number of a key. @throws RangeError when it has fewer */
export function keyPart(of: Uint8Array, n: number): number {
  const at = n * keyPartBytes;
  let value = last(of, at + keyPartBytes - 1);
  for (let i = keyPartBytes - 2, unit = 256; i >= 0; i--, unit *= 256) value += (of[at + i] as number) * unit;
  return value;
}
