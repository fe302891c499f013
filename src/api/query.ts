/** Query strings, read strictly: what a user meant and we would ignore is a fault. */
import { type Status, statuses } from '../domain/lifecycle.js';
import { limits } from '../domain/limits.js';
import { suggestion } from '../domain/nearest.js';
import { Faults } from './faults.js';
import { listParameters } from './operations.js';

/** What a list is asked for. */
export interface ListRequest {
  readonly status: Status | undefined;
  readonly name: string | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly cursor: string | undefined;
}

/**
 * The values of known parameters. An empty parameter counts as absent; unknown and repeated ones are faults.
 *
 * @param raw the query string as sent, without `?`
 */
export function parseQuery(raw: string, known: readonly string[], faults: Faults): Map<string, string> {
  const values = new Map<string, string>();
  const seen = new Set<string>();
  for (const part of raw === '' ? [] : raw.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const key = decode(equals < 0 ? part : part.slice(0, equals));
    const value = decode(equals < 0 ? '' : part.slice(equals + 1));
    if (key === undefined || value === undefined) faults.add(`query.${key ?? ''}`, 'is not properly percent-encoded');
    else if (!known.includes(key)) faults.add(`query.${key}`, `is not a parameter${suggestion(key, known)}`);
    else if (seen.has(key)) faults.add(`query.${key}`, 'must be given once');
    else {
      seen.add(key);
      if (value !== '') values.set(key, value);
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

/**
 * The query of `GET /jobs`.
 *
 * @throws Refusal `validation_failed`
 */
export function readListQuery(raw: string): ListRequest {
  if (raw === '') return wholeList;
  const faults = new Faults();
  const values = parseQuery(raw, listParameters, faults);
  const status = values.get('status');
  if (status !== undefined && !isStatus(status)) faults.add('query.status', `must be one of ${statuses.join(', ')}`);
  const limit = readNumber(values.get('limit'), 1, 'query.limit', faults, limitRange) ?? limits.listDefault;
  const offset = readNumber(values.get('offset'), 0, 'query.offset', faults);
  const cursor = values.get('cursor');
  if (cursor !== undefined && offset !== undefined)
    faults.add('query.offset', 'must not be given with cursor, which replaces it');
  faults.throwIfAny();
  return {
    status: status as Status | undefined,
    name: values.get('name'),
    limit: Math.min(limit, limits.listMax),
    offset: offset ?? 0,
    cursor,
  };
}

const wholeList: ListRequest = {
  status: undefined,
  name: undefined,
  limit: limits.listDefault,
  offset: 0,
  cursor: undefined,
};

function isStatus(text: string): text is Status {
  return (statuses as readonly string[]).includes(text);
}

const limitRange = `from 1 to ${limits.listMax} (a larger one is taken for ${limits.listMax})`;

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
