/** A filter of jobs, out of the values of its parameters: those of a query, or of the body that asks for something to be done with many. */
import { parseGroup } from '../../domain/finding/error-group.js';
import type { JobFilter } from '../../domain/finding/job-filter.js';
import type { RunOutcome } from '../../domain/job.js';
import { type Status, statuses } from '../../domain/lifecycle.js';
import { limits } from '../../domain/limits.js';
import { parseInstant } from '../../domain/time/instant.js';
import type { Faults } from '../faults.js';
import type { FilterName } from './filter-schema.js';

/** What the meaning of a filter depends on, and where its faults stand. */
export interface FilterContext {
  /** IANA zone of instants without an offset. */
  readonly timezone: string;
  readonly faults: Faults;
  /** The path of a parameter in faults. */
  readonly pathOf: (name: FilterName) => string;
}

/** Values by parameter, at least one each. */
export type FilterValues = ReadonlyMap<string, readonly string[]>;

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

/** What is not as it should be is a fault. */
export function readFilter(values: FilterValues, context: FilterContext): JobFilter {
  const filter: Writable<JobFilter> = {};
  const { faults, pathOf } = context;
  const fault = (name: FilterName, message: string): void => faults.add(pathOf(name), message);
  const list = (name: FilterName): readonly string[] | undefined => {
    const given = values.get(name);
    if (given?.includes('')) fault(name, 'has nothing between two commas, or at an end');
    if (given !== undefined && given.length > limits.filterIds)
      fault(name, `must have at most ${limits.filterIds} values`);
    return given && [...new Set(given)];
  };
  const one = (name: FilterName): string | undefined => {
    const given = values.get(name);
    if (given !== undefined && given.length > 1) fault(name, 'must have one value');
    return given?.[0];
  };
  const oneOf = (name: FilterName, known: readonly string[]): string | undefined => {
    const text = one(name);
    if (text !== undefined && !known.includes(text)) fault(name, `must be one of ${known.join(', ')}`);
    return text;
  };
  const asked = list('status');
  if (asked?.some((text) => !isStatus(text)))
    fault('status', `must be one of ${statuses.join(', ')}, or several with commas between`);
  if (asked !== undefined) filter.statuses = asked as readonly Status[];
  const [names, ids, tags] = [list('name'), list('id'), list('tag')];
  if (names !== undefined) filter.names = names;
  if (ids !== undefined) filter.ids = ids;
  if (tags !== undefined) filter.tags = tags;
  const [group, key] = [one('group'), one('key')];
  if (group !== undefined) filter.group = group;
  if (key !== undefined) filter.key = key;
  const paused = oneOf('paused', ['true', 'false']);
  if (paused !== undefined) filter.paused = paused === 'true';
  const isRepeat = oneOf('is_repeat', ['true', 'false']);
  if (isRepeat !== undefined) filter.isRepeat = isRepeat === 'true';
  const lastOutcome = oneOf('last_outcome', ['success', 'failed']);
  if (lastOutcome !== undefined) filter.lastOutcome = lastOutcome as RunOutcome;
  const errorGroup = one('error_group');
  if (errorGroup !== undefined) {
    const number = parseGroup(errorGroup);
    if (number === undefined) fault('error_group', 'must be an error_group of GET /failures: 12 hexadecimal digits');
    else filter.errorGroup = number;
  }
  for (const [name, field] of instants) {
    const text = one(name);
    if (text === undefined) continue;
    const instant = parseInstant(asWritten(text), context.timezone);
    if ('error' in instant) fault(name, instant.error);
    else filter[field] = instant.ms;
  }
  return filter;
}

const instants = [
  ['created_after', 'createdFrom'],
  ['created_before', 'createdBefore'],
  ['due_after', 'dueFrom'],
  ['due_before', 'dueBefore'],
] as const satisfies readonly (readonly [FilterName, keyof JobFilter])[];

/** In a query, the plus of an offset that was not encoded is a blank. */
const asWritten = (text: string): string => text.replace(/ (?=\d\d:?\d\d$)/, '+');

const isStatus = (text: string): text is Status => (statuses as readonly string[]).includes(text);
