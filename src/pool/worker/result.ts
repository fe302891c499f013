/**
 * What a handler returned, as JSON text, or why it cannot be kept: a job whose result cannot be kept has succeeded. What
 * is far too long is not written out first: its text might not fit into the thread's memory, or end the process.
 */
import { limits } from '../../domain/limits.js';
import { describeThrown } from './thrown.js';

export type Result = { readonly kind: 'none' } | { readonly kind: 'json' | 'omitted'; readonly text: string };

/** What a handler of the server's own returns when its result cannot be kept. */
export class Omitted {
  /** @param why as `result_omitted` says it */
  constructor(readonly why: string) {}
}

// As it is before any handler is loaded: handlers may replace it.
const { stringify } = JSON;

const none: Result = { kind: 'none' };
const tooLong: Result = { kind: 'omitted', text: `the result is more than ${limits.resultBytes} bytes of JSON` };

/** Thrown out of `JSON.stringify`; no handler can throw it. */
const overLimit = Symbol('over the limit');

/** JSON text of a value, unless that is longer than `maxChars`, or cannot be. */
export function boundedJson(
  value: unknown,
  maxChars: number,
):
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'none' | 'tooLong' }
  | { readonly kind: 'failed'; readonly why: string } {
  if (isLong(value, maxChars)) return { kind: 'tooLong' };
  try {
    // Primitives but texts are short, and need no look at each part.
    const text = typeof value === 'object' ? stringify(value, bounded(maxChars)) : stringify(value);
    return text === undefined ? { kind: 'none' } : { kind: 'json', text };
  } catch (error) {
    if (error === overLimit) return { kind: 'tooLong' };
    // V8 draws a cycle over several lines; the first says what it is.
    return { kind: 'failed', why: describeThrown(error).message.split('\n', 1)[0] ?? '' };
  }
}

/** `undefined` is no result, `null` is the result `null`. */
export function encodeResult(value: unknown): Result {
  if (value === undefined) return none;
  if (value instanceof Omitted) return { kind: 'omitted', text: value.why };
  const json = boundedJson(value, limits.resultBytes);
  if (json.kind === 'tooLong') return tooLong;
  if (json.kind !== 'json') {
    const why = json.kind === 'failed' ? json.why : `a ${typeof value}`;
    return { kind: 'omitted', text: `the result cannot be written as JSON: ${why}` };
  }
  const { text } = json;
  // A UTF-16 unit takes at most three bytes, so most results need no count.
  const isOver = text.length * 3 > limits.resultBytes && Buffer.byteLength(text) > limits.resultBytes;
  return isOver ? tooLong : json;
}

/** A replacer that replaces nothing, and gives up when what it has seen takes more than that. */
function bounded(maxChars: number): (this: unknown, key: string, value: unknown) => unknown {
  let chars = 0;
  return function count(key, value) {
    if (isLong(value, maxChars)) throw overLimit;
    // Never more than will be written: functions and the like are left out, and so are the keys of a list.
    if (typeof value === 'string') chars += value.length;
    else if (value === null || typeof value === 'number' || typeof value === 'boolean') chars++;
    if (value !== undefined && typeof value !== 'function' && typeof value !== 'symbol' && !Array.isArray(this)) {
      chars += key.length;
    }
    if (chars > maxChars) throw overLimit;
    return value;
  };
}

/** A text, or a list of a character and a comma each, that is over the limit by itself: `toJSON` of a Buffer makes a list, so it is measured before. */
function isLong(value: unknown, maxChars: number): boolean {
  if (typeof value === 'string') return value.length > maxChars;
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
  return isList && (value as { length: number }).length * 2 > maxChars;
}
