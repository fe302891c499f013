/** The query of an event stream: the filter of a WebSocket's `subscribe`, with commas between the values of a field. */

import { type HeardType, heardTypes } from '../domain/events.js';
import { type Filter, readFilter } from '../domain/filter.js';
import { type EventCursor, formatCursor, type Heard, isElsewhere, readCursor } from '../domain/ids/event-cursor.js';
import { limits } from '../domain/limits.js';
import { isJobType } from '../domain/names.js';
import { nearest } from '../domain/nearest.js';
import { wantedCursor } from './client-message.js';
import { Faults } from './faults.js';
import { eventParameters } from './operations.js';
import { parseQuery, readNumber } from './query.js';

export interface EventRequest {
  readonly filter: Filter;
  /** The last events that the client has had; undefined: it wants none of the past. */
  readonly since: Heard | undefined;
}

/** Of a value that came from outside; an answer is no echo. */
const shownChars = 100;

/**
 * Reads what a stream is to be of.
 *
 * @param raw the query string as sent, without `?`
 * @param lastEventId the header, which goes before `since`; '' counts as absent
 * @param latest numbers of the latest events
 * @param mayBeAhead the client may have heard more, of another node
 * @throws Refusal `validation_failed`
 */
export function readEventQuery(
  raw: string,
  lastEventId: string | undefined,
  latest: EventCursor,
  mayBeAhead = false,
): EventRequest {
  const faults = new Faults();
  const values = parseQuery(raw, eventParameters, faults);
  const list = (name: string): string[] | undefined => values.get(name)?.split(',');
  const asked = {
    job_types: each(list('job_types'), 'query.job_types', faults, jobTypeFault),
    event_types: each(list('event_types'), 'query.event_types', faults, eventTypeFault) as HeardType[],
    job_ids: each(list('job_ids'), 'query.job_ids', faults, idFault),
  };
  const inQuery = readPlace(values.get('since'), 'query.since', latest.length, faults);
  const inHeader = readPlace(lastEventId || undefined, 'header.Last-Event-ID', latest.length, faults);
  const since = inHeader ?? inQuery;
  if (since !== undefined && !mayBeAhead && isElsewhere(since, latest))
    faults.add(
      inHeader === undefined ? 'query.since' : 'header.Last-Event-ID',
      `is ${formatCursor(since.seqs, since.timelines)}, and the latest event is ${formatCursor(latest, since.timelines)}: it is of another server or data directory`,
    );
  faults.throwIfAny();
  const read = readFilter(asked);
  if ('filter' in read) return { filter: read.filter, since };
  faults.add('', `asks for too much: ${read.error.replace(/\.$/, '')}`);
  throw faults.refusal();
}

function readPlace(text: string | undefined, path: string, shards: number, faults: Faults): Heard | undefined {
  if (shards === 1) {
    const seq = readNumber(text, 0, path, faults);
    return seq === undefined ? undefined : { seqs: [seq], timelines: [0] };
  }
  const cursor = text === undefined ? undefined : readCursor(text, shards);
  if (text !== undefined && cursor === undefined) faults.add(path, `must be ${wantedCursor}`);
  return cursor;
}

/** The values; the first that cannot be used is a fault. */
function each(
  values: readonly string[] = [],
  path: string,
  faults: Faults,
  faultOf: (value: string) => string | undefined,
): readonly string[] {
  for (const value of values) {
    const fault = value === '' ? 'has nothing between two commas, or at an end' : faultOf(value);
    if (fault !== undefined) faults.add(path, fault);
  }
  return values;
}

function jobTypeFault(value: string): string | undefined {
  const shown = value.slice(0, shownChars);
  if (isJobType(value)) return undefined;
  return `has "${shown}", which no job type can be called: they have 1 to ${limits.nameChars} characters out of A-Z, a-z, 0-9 and _ . : -`;
}

function eventTypeFault(value: string): string | undefined {
  if ((heardTypes as readonly string[]).includes(value)) return undefined;
  const [meant] = nearest(value, heardTypes);
  const hint = meant === undefined ? '.' : `; did you mean ${meant}?`;
  return `has "${value.slice(0, shownChars)}", which is no type of event${hint} There are ${heardTypes.join(', ')}`;
}

function idFault(value: string): string | undefined {
  return value.length <= limits.nameChars ? undefined : `has an id of more than ${limits.nameChars} characters`;
}
