/** What clients say on a WebSocket: held against the shapes of `messages`, and what is wrong put into one sentence. */
import type { ErrorCode } from '../domain/errors.js';
import { heardTypes } from '../domain/events.js';
import { everything, type Filter, readFilter } from '../domain/filter.js';
import { type Heard, readCursor } from '../domain/ids/event-cursor.js';
import { limits } from '../domain/limits.js';
import { nearest, suggestion } from '../domain/nearest.js';
import { type ShapeFault, shapeOf } from '../schema/shape.js';
import { askedFilter, clientMessages } from './messages.js';

export type ClientMessage =
  /** `since`: the last event that the client has had; it wants those after it first. */
  | { readonly action: 'subscribe'; readonly filter: Filter; readonly since?: Heard }
  | { readonly action: 'unsubscribe' | 'ping' | 'get_stats' }
  | { readonly action: 'invalid'; readonly code: ErrorCode; readonly message: string };

const shapes = {
  subscribe: shapeOf(clientMessages.subscribe),
  unsubscribe: shapeOf(clientMessages.unsubscribe),
  ping: shapeOf(clientMessages.ping),
  get_stats: shapeOf(clientMessages.get_stats),
};

type Action = keyof typeof shapes;

/** What must stand where, by place; an index is left out. */
const wanted: Readonly<Record<string, string>> = {
  since: 'the seq of an event, or 0',
  filter: 'an object with job_types, event_types and job_ids, or left out',
  'filter.job_types': 'an array of strings',
  'filter.job_types[]': 'a name of a job type (characters out of A-Z, a-z, 0-9 and _ . : -)',
  'filter.event_types': 'an array of strings',
  'filter.event_types[]': `one of ${heardTypes.join(', ')}`,
  'filter.job_ids': 'an array of strings',
  'filter.job_ids[]': `a job id of at most ${limits.nameChars} characters`,
};

/** Of a server of several shards, `since` must be this. */
export const wantedCursor = 'a cursor that this server gave out, or 0';

/** Of a name that came from outside; an answer is no echo. */
const shownChars = 100;

/** Reads a message; what is wrong with it is in the result. @param shards how many the server has */
export function readClientMessage(text: string, shards = 1): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { action: 'invalid', code: 'malformed_json', message: 'The message is not JSON.' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalid('The message must be a JSON object.');
  const { action } = value as { action?: unknown };
  if (!isAction(action)) return invalid(unknownAction(action));
  if (action === 'subscribe') return readSubscribe(value, shards);
  const shape = shapes[action];
  return shape.fits(value) ? { action } : invalid(sentence(shape.faults(value)[0], action));
}

function readSubscribe(value: object, shards: number): ClientMessage {
  const { subscribe } = shapes;
  if (!subscribe.fits(value)) return invalid(sentence(subscribe.faults(value)[0], 'subscribe'));
  const { action, filter, since } = value;
  const read = filter === undefined ? { filter: everything } : readFilter(filter);
  if ('error' in read) return invalid(read.error);
  if (since === undefined) return { action, filter: read.filter };
  // One shard counts in numbers, and a text is none.
  const cursor = shards === 1 && typeof since !== 'number' ? undefined : readCursor(since, shards);
  if (cursor === undefined) return invalid(`since must be ${shards === 1 ? wanted.since : wantedCursor}.`);
  return { action, filter: read.filter, since: cursor };
}

function isAction(action: unknown): action is Action {
  return typeof action === 'string' && Object.hasOwn(shapes, action);
}

function unknownAction(action: unknown): string {
  const actions = Object.keys(shapes);
  const [meant] = typeof action === 'string' ? nearest(action, actions) : [];
  return `action must be one of ${actions.join(', ')}${meant === undefined ? '.' : `; did you mean ${meant}?`}`;
}

function sentence(fault: ShapeFault | undefined, action: Action): string {
  if (fault === undefined) throw new Error(`a message that is no ${action} has no fault`);
  const { kind, path } = fault;
  if (kind === 'unknown') {
    const [name = '', isNested] = [path.at(-1), path.length > 1];
    const known = isNested ? Object.keys(askedFilter.properties) : shapes[action].fields;
    const place = [...path.slice(0, -1), name.slice(0, shownChars)].join('.');
    return `${place} is not a field${isNested ? '' : ` of ${action}`}${suggestion(name, known)}.`;
  }
  const [field, index] = [path.slice(0, 2).join('.'), path[2]];
  const [place, rule] = index === undefined ? [field, field] : [`${field}[${index}]`, `${field}[]`];
  return `${place} must be ${wanted[rule]}.`;
}

function invalid(message: string): ClientMessage {
  return { action: 'invalid', code: 'validation_failed', message };
}
