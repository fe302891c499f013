/** Writing and reading of the compact binary records, field after field. */
import { crc32 as zlibCrc32 } from 'node:zlib';
import { getF64, getU8, getU16, getU32, getU48, putF64, putU16, putU32, putU48 } from './numbers.js';

/** CRC-32 (ISO 3309) of a piece of a record; `start` (u32) binds it to something that is not in the piece. */
export const crc32 = zlibCrc32 as (data: Uint8Array, start?: number) => number;

/** A buffer that grows while it is written to. */
export class ByteWriter {
  buffer: Buffer;
  length = 0;

  constructor(initialBytes = 4096) {
    // Not from the shared pool: the whole ArrayBuffer is handed to another thread.
    this.buffer = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** Begins anew in the same memory: views of what was written are views of what comes. */
  clear(): void {
    this.length = 0;
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
    this.u8(value.length);
    this.latin1(value);
  }

  /** Characters of a byte each, without their number. */
  latin1(value: string): void {
    const at = this.claim(value.length);
    this.buffer.write(value, at, 'latin1');
  }

  /** As they are, without their length. */
  bytes(value: Uint8Array): void {
    const at = this.claim(value.length);
    this.buffer.set(value, at);
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
    const value = getU8(this.buffer, this.at);
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
    return this.bytes(length).toString('utf8');
  }

  word(): string {
    return this.latin1(this.u8());
  }

  /** So many characters, a byte each. */
  latin1(length: number): string {
    const end = this.at + length;
    if (end > this.buffer.length) throw new RangeError('record ends too early');
    const text = this.buffer.toString('latin1', this.at, end);
    this.at = end;
    return text;
  }

  /** So many bytes; a view. */
  bytes(length: number): Buffer {
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
