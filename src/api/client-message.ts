/** What clients say on a WebSocket. */
import type { ErrorCode } from '../domain/errors.js';
import { type Filter, readFilter } from '../domain/filter.js';
import { nearest, suggestion } from '../domain/nearest.js';

export type ClientMessage =
  /** `since`: the last event that the client has had; it wants those after it first. */
  | { readonly action: 'subscribe'; readonly filter: Filter; readonly since?: number }
  | { readonly action: 'unsubscribe' | 'ping' | 'get_stats' }
  | { readonly action: 'invalid'; readonly code: ErrorCode; readonly message: string };

const fieldsOf: Readonly<Record<string, readonly string[]>> = {
  subscribe: ['action', 'filter', 'since'],
  unsubscribe: ['action'],
  ping: ['action'],
  get_stats: ['action'],
};

/** Reads a message; what is wrong with it is in the result. */
export function readClientMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { action: 'invalid', code: 'malformed_json', message: 'The message is not JSON.' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalid('The message must be a JSON object.');
  const { action, filter, since } = value as { action?: unknown; filter?: unknown; since?: unknown };
  const fields = typeof action === 'string' && Object.hasOwn(fieldsOf, action) ? fieldsOf[action] : undefined;
  if (fields === undefined) return invalid(unknownAction(action));
  const unknown = Object.keys(value).find((field) => !fields.includes(field));
  if (unknown !== undefined)
    return invalid(`${unknown.slice(0, 100)} is not a field of ${String(action)}${suggestion(unknown, fields)}.`);
  if (action !== 'subscribe') return { action: action as 'unsubscribe' | 'ping' | 'get_stats' };
  const read = readFilter(filter);
  if ('error' in read) return invalid(read.error);
  if (since === undefined) return { action, filter: read.filter };
  if (!Number.isSafeInteger(since) || (since as number) < 0) return invalid('since must be the seq of an event, or 0.');
  return { action, filter: read.filter, since: since as number };
}

function unknownAction(action: unknown): string {
  const actions = Object.keys(fieldsOf);
  const [meant] = typeof action === 'string' ? nearest(action, actions) : [];
  return `action must be one of ${actions.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}.`.replace(
    '?.',
    '?',
  );
}

function invalid(message: string): ClientMessage {
  return { action: 'invalid', code: 'validation_failed', message };
}
