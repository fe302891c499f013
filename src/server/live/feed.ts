/**
 * The feed: who listens to what, and what happened to those who listen. Fan-out itself is the HTTP port's: an event is
 * rendered once, if anybody wants it, and published to the topics that have listeners.
 *
 * Filters with job ids have a topic of their own per listener (`@<number>`) and are found by the ids; such a listener has
 * no other topic, so here too an event reaches it once.
 *
 * A commit of ten thousand events for a thousand listeners would hold up everything else for seconds, so what is much is
 * published in several turns of the loop, in order. `latest` moves on with what has been published.
 */

import { renderEvent } from '../../api/render-event.js';
import type { EventType, JobEvent } from '../../domain/events.js';
import { type Filter, isTransient, Matcher, topicCount, topicsFor, topicsOf } from '../../domain/filter.js';
import { formatId } from '../../domain/id.js';
import { type EventCursor, formatCursor } from '../../domain/ids/event-cursor.js';
import type { Telemetry } from '../../telemetry/port.js';
import { type Ids, readIds, WatchedJobs } from './watched-jobs.js';

/** A connection as the feed sees it. */
export interface Listener {
  /** Different for every connection of a server's life. */
  readonly number: number;
  join(topic: string): void;
  leave(topic: string): void;
}

export interface FeedOptions {
  readonly telemetry: Telemetry;
  /** Tells all listeners of a topic. @param resumeAt whoever has heard it can resume there */
  readonly publish: (topic: string, message: string, resumeAt: number | string) => void;
  /** IANA name, for instants. */
  readonly timezone: string;
  /** Numbers of the latest events before this server began. */
  readonly latest: EventCursor;
  /** Calls back after what is at hand has been done. */
  readonly soon: (step: () => void) => void;
}

/** Deliveries in one turn: some ten milliseconds of work. */
const deliveriesPerTurn = 20_000;
/**
 * Events in one turn, however many listen: what a turn costs is mostly the one system call for each listener. With 5,000
 * listeners and four events a turn a seventh of the deliveries was made.
 */
const eventsPerTurn = 24;
/** Events that may wait to be published. Beyond them publishing goes before all else, which slows down those who make them. */
const maxWaiting = 50_000;

interface Subscription {
  readonly listener: Listener;
  readonly topics: readonly string[];
  /** The jobs that it names; undefined when it names none and hears of all. */
  readonly ids: Ids | undefined;
  readonly bytes: number;
  /** What it asks of the events of its jobs, beside that they are of its jobs; absent when it names none. */
  readonly kinds?: Matcher;
}

/** A subscription that names jobs. */
type Watcher = Subscription & { readonly ids: Ids };

/** What an id, and a topic without its text, take in memory here and in uWebSockets.js, as measured. */
const idBytes = 64;
const topicBytes = 384;

/** About what a subscription with this filter takes in memory. */
export function filterBytes(filter: Filter): number {
  // Such a filter is kept twice: see `TransientFeed`.
  return topicBytesOf(filter) * (filter.eventTypes.some(isTransient) ? 2 : 1);
}

function topicBytesOf(filter: Filter): number {
  const { jobTypes, eventTypes, jobIds } = filter;
  if (jobIds.length > 0) return jobIds.length * idBytes + charsOf(jobTypes) + charsOf(eventTypes);
  const topics = topicCount(filter);
  const perJobType = topics / Math.max(jobTypes.length, 1);
  const perEventType = topics / Math.max(eventTypes.length, 1);
  return topics * topicBytes + 2 * (charsOf(jobTypes) * perJobType + charsOf(eventTypes) * perEventType);
}

function charsOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

type TopicsByType = Partial<Record<EventType, readonly string[]>>;

const maxRememberedNames = 10_000;

export class Feed {
  readonly #options: FeedOptions;
  readonly #subscriptions = new Map<Listener, Subscription>();
  /** Listeners by topic, those of their own left out. */
  readonly #listening = new Map<string, number>();
  readonly #watched = new WatchedJobs<Watcher>();
  /** A plain map, emptied when full: it is looked up at each event, where an LRU takes twice as long (12 ns instead of 6). */
  readonly #topics = new Map<string, TopicsByType>();
  /** On disk and not published yet, from `#next` on. */
  #waiting: JobEvent[] = [];
  #next = 0;
  readonly #latest: number[];
  readonly #timelines: number[];
  #filterBytes = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#latest = [...options.latest];
    this.#timelines = this.#latest.map(() => 0);
  }

  /** Numbers of the latest events that were published: a listener hears of all later ones that it asked for. */
  get latest(): EventCursor {
    return this.#latest;
  }

  /** What timelines these are of. */
  get timelines(): EventCursor {
    return this.#timelines;
  }

  /** The same as clients are told it. */
  get resumeAt(): number | string {
    return formatCursor(this.#latest, this.#timelines);
  }

  /** About what all filters take in memory. */
  get filterBytes(): number {
    return this.#filterBytes;
  }

  /** Listeners that have subscribed to something. */
  get subscribers(): number {
    return this.#subscriptions.size;
  }

  /** True when the listener hears of events as they happen. */
  hears(listener: Listener): boolean {
    return this.#subscriptions.has(listener);
  }

  /**
   * Replaces what the listener hears of. Whoever resumes from an earlier event is to be sent what lies between that and
   * `seq` before this is called.
   */
  subscribe(listener: Listener, filter: Filter): void {
    this.unsubscribe(listener);
    const ids = filter.jobIds.length > 0 ? readIds(filter.jobIds) : undefined;
    const topics = ids ? [ownTopic(listener)] : topicsOf(filter);
    // It is found by the ids, which need not be held against it again.
    const kinds = ids && { kinds: new Matcher({ ...filter, jobIds: [] }) };
    const subscription = { listener, topics, ids, bytes: filterBytes(filter), ...kinds };
    this.#subscriptions.set(listener, subscription);
    this.#options.telemetry.subscriberGained();
    this.#filterBytes += subscription.bytes;
    for (const topic of topics) {
      listener.join(topic);
      if (!ids) this.#listening.set(topic, (this.#listening.get(topic) ?? 0) + 1);
    }
    if (isWatcher(subscription)) this.#watched.add(subscription);
  }

  /** The listener hears of nothing any more. */
  unsubscribe(listener: Listener): void {
    const subscription = this.#subscriptions.get(listener);
    if (subscription === undefined) return;
    for (const topic of subscription.topics) listener.leave(topic);
    this.forget(listener);
  }

  /** As `unsubscribe`, for a connection that is closed and may not be touched. */
  forget(listener: Listener): void {
    const subscription = this.#subscriptions.get(listener);
    if (subscription === undefined) return;
    this.#subscriptions.delete(listener);
    this.#options.telemetry.subscriberLost();
    this.#filterBytes -= subscription.bytes;
    if (isWatcher(subscription)) return this.#watched.delete(subscription);
    for (const topic of subscription.topics) {
      const left = (this.#listening.get(topic) as number) - 1;
      if (left === 0) this.#listening.delete(topic);
      else this.#listening.set(topic, left);
    }
  }

  /** Tells what happened; the events are on disk, in order of `seq`. */
  publish(events: readonly JobEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    const under = this.#waiting.length > 0;
    if (!under && this.#subscriptions.size === 0) {
      this.#passed(last);
      return;
    }
    for (const event of events) this.#waiting.push(event);
    if (!under || this.#waiting.length - this.#next > maxWaiting) this.#publishSome(under);
  }

  /** Of a shard nothing before this event is to be told here any more: listeners know, or there are none. */
  begin(shard: number, seq: number, timeline: number): void {
    if (this.#waiting.length > 0) this.flush();
    this.#latest[shard] = seq;
    this.#timelines[shard] = timeline;
  }

  /** Tells of all that waits, at once: the server is about to close. */
  flush(): void {
    let deliveries = 0;
    for (; this.#next < this.#waiting.length; this.#next++)
      deliveries += this.#publish(this.#waiting[this.#next] as JobEvent);
    this.#options.telemetry.eventsSent(deliveries);
  }

  /** @param under a later turn is to come anyway */
  #publishSome(under: boolean): void {
    const first = this.#next;
    let deliveries = 0;
    for (; this.#next < this.#waiting.length; this.#next++) {
      const enough = deliveries >= deliveriesPerTurn && this.#next - first >= eventsPerTurn;
      if (enough && this.#waiting.length - this.#next <= maxWaiting) break;
      deliveries += this.#publish(this.#waiting[this.#next] as JobEvent);
    }
    this.#options.telemetry.eventsSent(deliveries);
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    } else if (this.#next >= maxWaiting) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    if (!under && this.#waiting.length > 0) this.#options.soon(() => this.#publishSome(false));
  }

  /** Returns how many listeners it goes to. */
  #publish(event: JobEvent): number {
    const { publish, timezone } = this.#options;
    const { type } = event.body;
    this.#passed(event);
    let deliveries = 0;
    let text: string | undefined;
    let resumeAt: number | string = event.seq;
    const render = (): string => {
      if (event.shard !== undefined) resumeAt = this.resumeAt;
      return renderEvent(event, timezone);
    };
    if (this.#listening.size > 0) {
      for (const topic of this.#topicsFor(event.jobName, type)) {
        const listeners = this.#listening.get(topic);
        if (listeners === undefined) continue;
        publish(topic, (text ??= render()), resumeAt);
        deliveries += listeners;
      }
    }
    if (this.#watched.size === 0) return deliveries;
    for (const { listener, kinds } of this.#watched.of(formatId(event.jobSeq, event.idSeconds), event.idSeconds)) {
      if (!kinds?.matches(event)) continue;
      publish(ownTopic(listener), (text ??= render()), resumeAt);
      deliveries++;
    }
    return deliveries;
  }

  /** Events are published in the order of their shard; those of several are of one commit each. */
  #passed({ seq, shard = 0 }: JobEvent): void {
    this.#latest[shard] = seq;
  }

  /** Names and types are few and come over and over; building and hashing new strings costs more than the rest. */
  #topicsFor(jobName: string, type: EventType): readonly string[] {
    let byType = this.#topics.get(jobName);
    if (byType === undefined) {
      if (this.#topics.size >= maxRememberedNames) this.#topics.clear();
      byType = {};
      this.#topics.set(jobName, byType);
    }
    return (byType[type] ??= topicsFor(jobName, type));
  }
}

function isWatcher(subscription: Subscription): subscription is Watcher {
  return subscription.ids !== undefined;
}

function ownTopic({ number }: Listener): string {
  return `@${number}`;
}
