/**
 * Numbers as bytes: little-endian inside values; big-endian in keys, so that those order as the numbers do.
 *
 * They go in and out byte by byte: the methods of `Buffer` look at every argument through functions that V8 does not inline,
 * which took an eighth of what a job costs the main thread.
 */

const two32 = 0x1_0000_0000;
export const maxU16 = 0xffff;
export const maxU32 = 0xffff_ffff;
const maxU48 = 0xffff_ffff_ffff;

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

export function getU16(buffer: Uint8Array, at: number): number {
  return (getU8(buffer, at + 1) << 8) | (buffer[at] as number);
}

export function getU32(buffer: Uint8Array, at: number): number {
  const high = getU8(buffer, at + 3);
  return (
    ((buffer[at] as number) | ((buffer[at + 1] as number) << 8) | ((buffer[at + 2] as number) << 16) | (high << 24)) >>>
    0
  );
}

export function getU48(buffer: Uint8Array, at: number): number {
  return getU16(buffer, at + 4) * two32 + getU32(buffer, at);
}

export function getF64(buffer: Uint8Array, at: number): number {
  getU8(buffer, at + 7);
  for (let i = 0; i < 8; i++) bytesOfDouble[i] = buffer[at + i] as number;
  return double[0] as number;
}

function check(buffer: Buffer, end: number, value: number, max: number): void {
  if (value >= 0 && value <= max && end <= buffer.length) return;
  throw new RangeError(`${value} is not from 0 to ${max}, or ends at ${end} of ${buffer.length} bytes`);
}

/** @throws RangeError past the end; so do the others */
export function getU8(buffer: Uint8Array, at: number): number {
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
  let value = getU8(of, at + keyPartBytes - 1);
  for (let i = keyPartBytes - 2, unit = 256; i >= 0; i--, unit *= 256) value += (of[at + i] as number) * unit;
  return value;
}
