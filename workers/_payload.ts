/**
 * Reading of payloads for the example handlers. Names that begin with `_` are no handlers.
 *
 * All faults of a payload are reported together, and as an error that is not worth a retry: the same payload would come
 * again.
 */
import type { JsonObject } from '../src/pool/worker/handler.js';

/** Thrown for a payload that the handler cannot work with. */
export class BadPayload extends Error {
  override readonly name = 'BadPayload';
  readonly retryable = false;
}

/** Reads fields of a payload and remembers what is wrong with them; `done` throws if anything was. */
export function readPayload(payload: JsonObject) {
  const faults: string[] = [];

  /** A text that is not empty. */
  function text(name: string): string {
    const value = payload[name];
    if (typeof value === 'string' && value.trim() !== '') return value;
    faults.push(`${name} must be a text`);
    return '';
  }

  function positiveNumber(name: string): number {
    const value = payload[name];
    if (typeof value === 'number' && value > 0) return value;
    faults.push(`${name} must be a number above 0`);
    return 0;
  }

  /** One e-mail address or a list of them. */
  function addresses(name: string): readonly string[] {
    const value = payload[name];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const isAddress = (each: unknown): each is string => typeof each === 'string' && /^[^\s@]+@[^\s@]+$/.test(each);
    if (list.length > 0 && list.every(isAddress)) return list;
    faults.push(`${name} must be an e-mail address or a list of them`);
    return [];
  }

  /** Undefined where the field is absent. */
  function optional<Value>(name: string, read: (name: string) => Value): Value | undefined {
    return payload[name] === undefined ? undefined : read(name);
  }

  function done(): void {
    if (faults.length > 0) throw new BadPayload(`the payload cannot be used: ${faults.join('; ')}`);
  }

  return { text, positiveNumber, addresses, optional, done };
}
