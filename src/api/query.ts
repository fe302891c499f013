/** Query strings, read strictly: what a user meant and we would ignore is a fault. */
import { limits } from '../domain/limits.js';
import { suggestion } from '../domain/nearest.js';
import type { Faults } from './faults.js';

/**
 * The values of known parameters. An empty parameter counts as absent; unknown and repeated ones are faults.
 *
 * @param raw the query string as sent, without `?`
 * @param repeatable those that may be given several times: their values have commas between them then
 */
export function parseQuery(
  raw: string,
  known: readonly string[],
  faults: Faults,
  repeatable: readonly string[] = [],
): Map<string, string> {
  const values = new Map<string, string>();
  const seen = new Set<string>();
  for (const part of raw === '' ? [] : raw.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const key = decode(equals < 0 ? part : part.slice(0, equals));
    const value = decode(equals < 0 ? '' : part.slice(equals + 1));
    if (key === undefined || value === undefined) faults.add(`query.${key ?? ''}`, 'is not properly percent-encoded');
    else if (!known.includes(key)) faults.add(`query.${key}`, `is not a parameter${suggestion(key, known)}`);
    else if (seen.has(key) && !repeatable.includes(key)) faults.add(`query.${key}`, 'must be given once');
    else {
      seen.add(key);
      const before = values.get(key);
      if (value !== '') values.set(key, before === undefined ? value : `${before},${value}`);
    }
  }
  return values;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

const limitRange = `from 1 to ${limits.listMax} (a larger one is taken for ${limits.listMax})`;

/** How many items a page is to have. */
export function readLimit(values: ReadonlyMap<string, string>, faults: Faults): number {
  const limit = readNumber(values.get('limit'), 1, 'query.limit', faults, limitRange) ?? limits.listDefault;
  return Math.min(limit, limits.listMax);
}

/**
 * A whole number of at least `min`; also as `1e9`, which is one.
 *
 * @param range as users read it
 */
export function readNumber(
  text: string | undefined,
  min: number,
  path: string,
  faults: Faults,
  range = `from ${min} to ${Number.MAX_SAFE_INTEGER}`,
): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,20}(?:e\d{1,2})?$/i.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= Number.MAX_SAFE_INTEGER) return number;
  faults.add(path, `must be a whole number ${range}`);
  return undefined;
}
