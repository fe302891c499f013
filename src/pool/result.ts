/** What a handler returned, as JSON text, or why it cannot be kept: a job whose result cannot be kept has succeeded. */
import { limits } from '../domain/limits.js';
import { describeThrown } from './thrown.js';

export type Result = { readonly kind: 'none' } | { readonly kind: 'json' | 'omitted'; readonly text: string };

const none: Result = { kind: 'none' };

/** `undefined` is no result, `null` is the result `null`. */
export function encodeResult(value: unknown): Result {
  if (value === undefined) return none;
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    // V8 draws a cycle over several lines; the first says what it is.
    const why = describeThrown(error).message.split('\n', 1)[0];
    return { kind: 'omitted', text: `the result cannot be written as JSON: ${why}` };
  }
  if (json === undefined) return { kind: 'omitted', text: `the result cannot be written as JSON: a ${typeof value}` };
  // A UTF-16 unit takes at most three bytes, so most results need no count.
  if (json.length * 3 > limits.resultBytes) {
    const bytes = Buffer.byteLength(json);
    if (bytes > limits.resultBytes) {
      return { kind: 'omitted', text: `the result is ${bytes} bytes of JSON, more than ${limits.resultBytes}` };
    }
  }
  return { kind: 'json', text: json };
}
