/**
 * What a handler threw, as a record. It may be anything, also something that throws when it is looked at, so every look
 * is guarded; what cannot be read counts as absent.
 */
import { inspect } from 'node:util';
import { limits } from '../../domain/limits.js';

export interface Thrown {
  readonly name: string;
  readonly message: string;
  /** False only if the thrown object says so. */
  readonly retryable: boolean;
  /** How long the retry is to wait, as the thrown object says: a duration as text, unchecked. Undefined where it says nothing. */
  readonly retryAfter: string | undefined;
  /** With the stack, for the log alone. */
  readonly detail: string;
}

const nameChars = 128;
const detailChars = 16 * 1024;
/** More than any duration has. */
const durationChars = 64;

export function describeThrown(thrown: unknown): Thrown {
  const name = text(thrown, 'name');
  const message = text(thrown, 'message') ?? (ownText(thrown) || `the handler threw ${show(thrown, 1)}`);
  return {
    name: cut(name || 'Error', nameChars),
    message: cut(message || `the handler threw ${name || 'an error'} without a message`, limits.errorMessageChars),
    retryable: read(thrown, 'retryable') !== false,
    retryAfter: durationText(read(thrown, 'retryAfter')),
    detail: cut(show(thrown, 4), detailChars),
  };
}

/** What is thrown and is no object is its own message; `undefined`, `null` and an empty text say nothing by themselves. */
function ownText(thrown: unknown): string | undefined {
  if (thrown === undefined || thrown === null || thrown === '') return undefined;
  return typeof thrown === 'object' || typeof thrown === 'function' ? undefined : String(thrown);
}

/** A number is one of milliseconds. */
function durationText(value: unknown): string | undefined {
  if (typeof value === 'number') return `${value}ms`;
  return typeof value === 'string' ? cut(value, durationChars) : undefined;
}

function read(value: unknown, key: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined;
  }
}

function text(value: unknown, key: string): string | undefined {
  const found = read(value, key);
  return typeof found === 'string' ? found : undefined;
}

/** For errors this is the stack, the cause and their own fields. */
function show(value: unknown, depth: number): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : value;
  try {
    return inspect(value, { depth, breakLength: 120, maxStringLength: detailChars });
  } catch {
    return 'something that cannot be shown';
  }
}

/** At most `chars` UTF-16 units, never half of a surrogate pair at the end. */
function cut(value: string, chars: number): string {
  if (value.length <= chars) return value;
  const last = value.charCodeAt(chars - 1);
  return value.slice(0, last >= 0xd800 && last < 0xdc00 ? chars - 1 : chars);
}
