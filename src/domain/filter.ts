/**
 * What a subscriber wants to hear of, and how that becomes topics. A field that is empty matches everything; the fields
 * are joined by AND, the values of one by OR.
 *
 * Topics are of four classes, and a filter uses exactly one of them: all events, those of a type of job, of a type of
 * event, of both. An event belongs to one topic of each class, so it reaches a subscriber at most once.
 */
import { type EventType, eventTypes, type JobEvent } from './events.js';
import { formatId } from './id.js';
import { limits } from './limits.js';
import { isJobType } from './names.js';
import { suggestion } from './nearest.js';

export interface Filter {
  readonly jobTypes: readonly string[];
  readonly eventTypes: readonly EventType[];
  /** Public ids; any text is allowed, what is no id matches nothing. */
  readonly jobIds: readonly string[];
}

export const everything: Filter = { jobTypes: [], eventTypes: [], jobIds: [] };

const fields = ['job_types', 'event_types', 'job_ids'];

/**
 * A filter as a client sent it, each value once.
 *
 * @param value parsed JSON; undefined is everything
 * @returns the filter, or what is wrong with it as a sentence
 */
export function readFilter(value: unknown): { readonly filter: Filter } | { readonly error: string } {
  if (value === undefined) return { filter: everything };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { error: 'filter must be an object with job_types, event_types and job_ids, or left out.' };
  }
  const unknown = Object.keys(value).find((field) => !fields.includes(field));
  if (unknown !== undefined)
    return { error: `filter.${unknown.slice(0, 100)} is not a field${suggestion(unknown, fields)}.` };
  const given = value as { job_types?: unknown; event_types?: unknown; job_ids?: unknown };
  const types = readList(
    given.job_types,
    'job_types',
    isJobType,
    'a name of a job type (characters out of A-Z, a-z, 0-9 and _ . : -)',
  );
  const events = readList(given.event_types, 'event_types', isEventType, `one of ${eventTypes.join(', ')}`);
  const ids = readList(given.job_ids, 'job_ids', isShort, `a job id of at most ${limits.nameChars} characters`);
  for (const list of [types, events, ids]) if ('error' in list) return list;
  const filter = {
    jobTypes: (types as Read<string>).values,
    eventTypes: (events as Read<EventType>).values,
    jobIds: (ids as Read<string>).values,
  };
  const fault = boundFault(filter);
  return fault === undefined ? { filter } : { error: fault };
}

interface Read<Value> {
  readonly values: readonly Value[];
}

function readList<Value extends string>(
  list: unknown,
  field: string,
  fits: (text: string) => text is Value,
  wanted: string,
): Read<Value> | { readonly error: string } {
  if (list === undefined) return { values: [] };
  if (!Array.isArray(list)) return { error: `filter.${field} must be an array of strings.` };
  const values = new Set<Value>();
  for (const [at, item] of list.entries()) {
    if (typeof item !== 'string' || !fits(item)) return { error: `filter.${field}[${at}] must be ${wanted}.` };
    values.add(item);
  }
  return { values: [...values] };
}

function isEventType(text: string): text is EventType {
  return (eventTypes as readonly string[]).includes(text);
}

function isShort(text: string): text is string {
  return text.length <= limits.nameChars;
}

function boundFault(filter: Filter): string | undefined {
  const { jobIds } = filter;
  if (jobIds.length > limits.filterIds) return `filter.job_ids may have at most ${limits.filterIds} ids.`;
  if (topicCount(filter) > limits.filterTopics) {
    return `filter may have at most ${limits.filterTopics} pairs of a job type and an event type.`;
  }
  return undefined;
}

/** How many topics a filter without job ids has. */
export function topicCount({ jobTypes, eventTypes: events }: Filter): number {
  return Math.max(jobTypes.length, 1) * Math.max(events.length, 1);
}

/** The topics of a filter without job ids. */
export function topicsOf({ jobTypes, eventTypes: events }: Filter): string[] {
  const types = jobTypes.length === 0 ? ['*'] : jobTypes;
  const kinds = events.length === 0 ? ['*'] : events;
  return types.flatMap((type) => kinds.map((kind) => `${type}/${kind}`));
}

/** The topics that an event belongs to: one of each class. */
export function topicsFor(jobName: string, type: EventType): readonly [string, string, string, string] {
  return ['*/*', `${jobName}/*`, `*/${type}`, `${jobName}/${type}`];
}

/** A filter that many events are held against: its lists, which may be long, are looked up and not searched. */
export class Matcher {
  readonly #jobTypes: ReadonlySet<string>;
  readonly #eventTypes: ReadonlySet<EventType>;
  readonly #jobIds: ReadonlySet<string>;

  constructor({ jobTypes, eventTypes: events, jobIds }: Filter) {
    this.#jobTypes = new Set(jobTypes);
    this.#eventTypes = new Set(events);
    this.#jobIds = new Set(jobIds);
  }

  /** True when the filter lets the event through. */
  matches({ jobName, body, jobSeq, idSeconds }: JobEvent): boolean {
    return (
      (this.#jobTypes.size === 0 || this.#jobTypes.has(jobName)) &&
      (this.#eventTypes.size === 0 || this.#eventTypes.has(body.type)) &&
      (this.#jobIds.size === 0 || this.#jobIds.has(formatId(jobSeq, idSeconds)))
    );
  }
}
