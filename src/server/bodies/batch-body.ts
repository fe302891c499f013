/**
 * Batches from bytes, in steps of a few milliseconds: 16 MiB of JSON, read and checked in one go, would hold up everything
 * else for a fifth of a second, and three times that if somebody means harm. The items of an array are found by their
 * brackets and parsed some at a time, lines of JSON by their ends.
 */
import { isUtf8 } from 'node:buffer';
import { Faults, pointer } from '../../api/faults.js';
import { Refusal } from '../../domain/errors.js';
import { limits } from '../../domain/limits.js';
import type { BatchItems } from './batch-items.js';
import { parseItems, parseLines } from './json-body.js';

/** What is parsed in a step, unless a single item is larger. */
const partBytes = 32 * 1024;
const checkedPerStep = 100;
/** Far below what exhausts the stack; `parseItems` reports what is too deep with its place. */
const maxDepth = 10 * limits.payloadDepth;

const [newline, comma, quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = Buffer.from(
  '\n,"\\{}[]',
) as unknown as [number, number, number, number, number, number, number, number];
const blanks = new Set(Buffer.from(' \t\r\n'));

/** @template T what the items become */
export class BatchReader<T> {
  readonly #bytes: Buffer;
  readonly #ndjson: boolean;
  readonly #maxItemBytes: number;
  readonly #items: BatchItems<T>;
  /** Parsed and not checked yet. */
  #values: unknown[] = [];
  /** How many have been parsed. */
  #parsed = 0;
  #lines = 0;
  /** What has been parsed of the bytes. */
  #at = 0;
  #done = false;

  /**
   * @param bytes not to be changed until all has been read
   * @param maxItemBytes of one job
   * @throws Refusal
   */
  constructor(bytes: Buffer, ndjson: boolean, items: BatchItems<T>, maxItemBytes: number) {
    this.#bytes = bytes;
    this.#ndjson = ndjson;
    this.#items = items;
    this.#maxItemBytes = maxItemBytes;
    if (ndjson) return;
    if (!isUtf8(bytes)) throw new Refusal('malformed_json', 'The body is not valid UTF-8.');
    this.#open();
  }

  /**
   * A step.
   *
   * @returns what all items became, once they have been read
   * @throws Refusal
   */
  step(): readonly T[] | undefined {
    if (this.#values.length > 0) {
      this.#check();
      return undefined;
    }
    if (!this.#done) {
      this.#values = this.#ndjson ? this.#parseSomeLines() : this.#parseSomeItems();
      this.#parsed += this.#values.length;
      if (this.#parsed > limits.batchJobs) throw this.#refusal('', `must have 1 to ${limits.batchJobs} jobs`);
      return undefined;
    }
    if (this.#parsed === 0) throw this.#refusal('', `must have 1 to ${limits.batchJobs} jobs`);
    return this.#items.done();
  }

  #check(): void {
    for (const value of this.#values.splice(0, checkedPerStep)) this.#items.take(value);
  }

  /** Passes over the opening bracket. */
  #open(): void {
    this.#skipBlanks();
    const first = this.#bytes[this.#at];
    if (first === openBracket) {
      this.#at += 1;
      this.#skipBlanks();
      if (this.#bytes[this.#at] === closeBracket) this.#close();
      return;
    }
    // Anything that may begin another value; whether it is one makes no difference.
    if (first !== undefined && /[{"\-0-9tfn]/.test(String.fromCharCode(first)))
      throw this.#refusal('', 'must be an array of jobs');
    throw new Refusal('malformed_json', 'The body is not JSON: it must begin with "[".');
  }

  /** Passes over the closing bracket, behind which nothing may be. */
  #close(): void {
    this.#at += 1;
    this.#skipBlanks();
    if (this.#at < this.#bytes.length)
      throw new Refusal('malformed_json', 'The body is not JSON: something follows the array.');
    this.#done = true;
  }

  #skipBlanks(): void {
    while (blanks.has(this.#bytes[this.#at] as number)) this.#at += 1;
  }

  #parseSomeItems(): unknown[] {
    const items: [from: number, to: number][] = [];
    const start = this.#at;
    let depth = 0;
    let isLast = false;
    while (!isLast && this.#at - start < partBytes && items.length <= limits.batchJobs) {
      const from = this.#at;
      depth = Math.max(depth, this.#passItem(this.#parsed + items.length));
      items.push([from, this.#at]);
      isLast = this.#bytes[this.#at] !== comma;
      if (!isLast) this.#at += 1;
    }
    const values = parseItems(this.#bytes, items, this.#parsed, depth, this.#items);
    if (isLast) this.#close();
    return values;
  }

  /** Moves on to the comma or bracket behind the item. @returns how deep it is nested */
  #passItem(index: number): number {
    const bytes = this.#bytes;
    const end = this.#at + this.#maxItemBytes;
    let depth = 0;
    let deepest = 0;
    let commas = 0;
    for (; this.#at < bytes.length; this.#at++) {
      const byte = bytes[this.#at];
      if (byte === quote) this.#passString();
      else if (byte === openBrace || byte === openBracket) {
        deepest = Math.max(deepest, ++depth);
      } else if (byte === closeBrace || byte === closeBracket) {
        if (depth === 0) {
          if (byte === closeBracket) return this.#notTooDeep(index, deepest);
          break;
        }
        depth -= 1;
      } else if (byte === comma) {
        if (depth === 0) return this.#notTooDeep(index, deepest);
        // A value has a byte at least, and so has what stands between two.
        if (++commas > limits.payloadBytes / 2) throw this.#refusal(pointer(index), tooManyValues);
      }
      if (this.#at > end) throw this.#refusal(pointer(index), `must have at most ${this.#maxItemBytes} bytes`);
    }
    throw new Refusal('malformed_json', `The body is not JSON: the array does not end behind job ${index}.`);
  }

  #notTooDeep(index: number, depth: number): number {
    if (depth <= maxDepth) return depth;
    throw this.#refusal(pointer(index), `must not be nested deeper than ${limits.payloadDepth} levels`);
  }

  /** From the opening quote to the closing one. */
  #passString(): void {
    const bytes = this.#bytes;
    for (this.#at += 1; this.#at < bytes.length && bytes[this.#at] !== quote; this.#at++)
      if (bytes[this.#at] === backslash) this.#at += 1;
  }

  #parseSomeLines(): unknown[] {
    const bytes = this.#bytes;
    const found = bytes.indexOf(newline, Math.min(this.#at + partBytes, bytes.length));
    const end = found < 0 ? bytes.length : found + 1;
    if (end - this.#at > partBytes + this.#maxItemBytes)
      throw this.#refusal('', `has a line of more than ${this.#maxItemBytes} bytes`);
    const part = bytes.subarray(this.#at, end);
    const values = parseLines(part, this.#items, { lines: this.#lines, values: this.#parsed });
    for (let at = part.indexOf(newline); at >= 0; at = part.indexOf(newline, at + 1)) this.#lines += 1;
    this.#at = end;
    this.#done = end === bytes.length;
    return values;
  }

  #refusal(path: string, message: string): Refusal {
    const faults = new Faults();
    faults.add(path, message);
    return faults.refusal();
  }
}

const tooManyValues = `has more values than a payload of ${limits.payloadBytes} bytes can have`;
