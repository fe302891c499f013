/**
 * What a subscriber wants to hear of, and how that becomes topics. A field that is empty matches everything; the fields
 * are joined by AND, the values of one by OR.
 *
 * Topics are of four classes, and a filter uses exactly one of them: all events, those of a type of job, of a type of
 * event, of both. An event belongs to one topic of each class, so it reaches a subscriber at most once.
 */
import {
  type EventType,
  type HeardType,
  type JobEvent,
  type TransientEvent,
  type TransientType,
  transientTypes,
} from './events.js';
import { formatId } from './id.js';
import { limits } from './limits.js';

export interface Filter {
  readonly jobTypes: readonly string[];
  readonly eventTypes: readonly HeardType[];
  /** Public ids; any text is allowed, what is no id matches nothing. */
  readonly jobIds: readonly string[];
}

/** Of an event that is not kept: a filter lets it through only where it names the type. */
export function isTransient(type: HeardType): type is TransientType {
  return (transientTypes as readonly string[]).includes(type);
}

export const everything: Filter = { jobTypes: [], eventTypes: [], jobIds: [] };

/** A filter as a client writes it, of the shape that `api/messages` declares. */
export interface AskedFilter {
  readonly job_types?: readonly string[];
  readonly event_types?: readonly HeardType[];
  readonly job_ids?: readonly string[];
}

/**
 * The filter that a client asks for, each value once.
 *
 * @returns the filter, or which bound it passes as a sentence
 */
export function readFilter(asked: AskedFilter): { readonly filter: Filter } | { readonly error: string } {
  const filter = {
    jobTypes: [...new Set(asked.job_types)],
    eventTypes: [...new Set(asked.event_types)],
    jobIds: [...new Set(asked.job_ids)],
  };
  const fault = boundFault(filter);
  return fault === undefined ? { filter } : { error: fault };
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
  readonly #eventTypes: ReadonlySet<HeardType>;
  readonly #jobIds: ReadonlySet<string>;

  constructor({ jobTypes, eventTypes: events, jobIds }: Filter) {
    this.#jobTypes = new Set(jobTypes);
    this.#eventTypes = new Set(events);
    this.#jobIds = new Set(jobIds);
  }

  /** True when the filter lets the event through. */
  matches({ jobName, body, jobSeq, idSeconds }: JobEvent | TransientEvent): boolean {
    return (
      (this.#jobTypes.size === 0 || this.#jobTypes.has(jobName)) &&
      (this.#eventTypes.size === 0 ? !isTransient(body.type) : this.#eventTypes.has(body.type)) &&
      (this.#jobIds.size === 0 || this.#jobIds.has(formatId(jobSeq, idSeconds)))
    );
  }
}
