/** The query of `GET /jobs`: what is looked for, in which order, which page. */
import type { JobFilter } from '../../domain/finding/job-filter.js';
import { limits } from '../../domain/limits.js';
import { Faults } from '../faults.js';
import { parseQuery, readLimit, readNumber } from '../query.js';
import { readFilter } from './filter.js';
import { filterNames, listParameters } from './filter-schema.js';

/** What a list is asked for. */
export interface ListRequest {
  readonly filter: JobFilter;
  readonly sort: 'created' | 'due';
  readonly descending: boolean;
  readonly limit: number;
  readonly offset: number;
  readonly cursor: string | undefined;
  /** A text that is looked for in jobs. */
  readonly text: string | undefined;
}

const wholeList: ListRequest = {
  filter: {},
  sort: 'created',
  descending: true,
  limit: limits.listDefault,
  offset: 0,
  cursor: undefined,
  text: undefined,
};

/** Parameters of which any, or all, of several values count. */
const lists: readonly string[] = ['status', 'name', 'id', 'tag'];

/**
 * Reads it.
 *
 * @param raw the query string as sent, without `?`
 * @param timezone IANA zone of instants without an offset
 * @throws Refusal `validation_failed`
 */
export function readListQuery(raw: string, timezone: string): ListRequest {
  if (raw === '') return wholeList;
  const faults = new Faults();
  const values = parseQuery(raw, listParameters, faults, ['tag']);
  const filterValues = new Map<string, readonly string[]>();
  for (const name of filterNames) {
    const text = values.get(name);
    if (text !== undefined) filterValues.set(name, lists.includes(name) ? text.split(',') : [text]);
  }
  const filter = readFilter(filterValues, { timezone, faults, pathOf: (name) => `query.${name}` });
  const sort = choice(values, 'sort', ['created', 'due'], faults) ?? 'created';
  const order = choice(values, 'order', ['asc', 'desc'], faults) ?? (sort === 'created' ? 'desc' : 'asc');
  const limit = readLimit(values, faults);
  const offset = readNumber(values.get('offset'), 0, 'query.offset', faults);
  const cursor = values.get('cursor');
  if (cursor !== undefined && offset !== undefined)
    faults.add('query.offset', 'must not be given with cursor, which replaces it');
  const asksOfDue = sort === 'due' || filter.dueFrom !== undefined || filter.dueBefore !== undefined;
  if (asksOfDue && (offset ?? 0) > limits.dueOffset)
    faults.add('query.offset', `must be at most ${limits.dueOffset} with due times or sort=due: use cursor to go on`);
  const text = values.get('q');
  if (text !== undefined && text.length > limits.searchChars)
    faults.add('query.q', `must have at most ${limits.searchChars} characters`);
  if (text !== undefined && sort === 'due')
    faults.add('query.sort', 'must be left out with q: what is found comes in the order of its making');
  if (text !== undefined && offset !== undefined) faults.add('query.offset', 'must be left out with q: cursor goes on');
  faults.throwIfAny();
  return {
    filter,
    sort,
    descending: order === 'desc',
    limit,
    offset: offset ?? 0,
    cursor,
    text,
  };
}

function choice<T extends string>(
  values: ReadonlyMap<string, string>,
  name: string,
  known: readonly T[],
  faults: Faults,
): T | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const found = known.find((each) => each === text);
  if (found === undefined) faults.add(`query.${name}`, `must be one of ${known.join(', ')}`);
  return found;
}
