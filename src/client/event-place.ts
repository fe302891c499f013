/**
 * How far somebody has heard of events: the `seq` of the last one. Of a server of several shards, where each counts by itself, it is the
 * `cursor` that the server tells, brought up to date with each event.
 */
import type { Gap, JobEvent } from './event-types.js';

/** See the head of this file. */
export type EventPlace = number | string;

/** What the server says when a subscription begins. */
export interface Subscribed {
  readonly type: 'subscribed';
  readonly seq?: number;
  readonly cursor?: string;
}

/** Where the server is as it says so. */
export function placeOf({ seq, cursor }: Subscribed): EventPlace {
  return cursor ?? seq ?? 0;
}

/** The place that 0 stands for, where places are like this one. */
export function beginningOf(place: EventPlace): EventPlace {
  return typeof place === 'number' ? 0 : place.replace(/-\d+/g, '-0');
}

/** The place behind this event, or gap, of one that was there before it. */
export function placeBehind(before: EventPlace | undefined, event: Pick<JobEvent, 'seq' | 'shard'> | Gap): EventPlace {
  if ('cursor' in event && event.cursor !== undefined) return event.cursor;
  const [seq, { shard }] = ['to' in event ? event.to : event.seq, event];
  if (shard === undefined || typeof before !== 'string') return seq;
  const parts = before.split('.');
  const [epoch] = (parts[shard] ?? '').split('-');
  if (shard < parts.length) parts[shard] = `${epoch}-${seq}`;
  return parts.join('.');
}

/** How many events there have been up to there, over all shards. */
export function countOf(place: EventPlace): number {
  if (typeof place === 'number') return place;
  return place.split('.').reduce((sum, part) => sum + Number(part.split('-')[1]), 0);
}
