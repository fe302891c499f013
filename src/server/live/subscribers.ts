/**
 * All who hear events: how many there may be, what they may ask for, and what becomes of those who do not read. How a message
 * gets to one of them is its own business.
 *
 * At its first loss a reader that is too slow is taken off its topics, so that what it has read until then has no gap.
 */

import type { Clock } from '../../clock.js';
import type { EventGap } from '../../cluster/events/cluster-events.js';
import { Refusal } from '../../domain/errors.js';
import type { Filter } from '../../domain/filter.js';
import type { EventCursor, Heard } from '../../domain/ids/event-cursor.js';
import { limits } from '../../domain/limits.js';
import type { Logger } from '../../log.js';
import type { Queries } from '../../store/queries-port.js';
import type { Telemetry } from '../../telemetry/port.js';
import { Turns } from '../bodies/turns.js';
import { Feed, type FeedOptions, filterBytes } from './feed.js';
import { type History, type PastOfOthers, resume } from './resume.js';
import type { Subscriber } from './subscriber.js';
import { TransientFeed } from './transient-feed.js';

/** The other nodes of a cluster, as those who listen here need them. */
export interface OtherNodes extends PastOfOthers {
  /** Resolves when it is known of all shards where they are, or with false when that takes too long; undefined: it is known. */
  whenKnown(): Promise<boolean> | undefined;
}

export interface SubscribersOptions {
  readonly publish: FeedOptions['publish'];
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly log: Logger;
  /** IANA name, for instants. */
  readonly timezone: string;
  readonly maxConnections: number;
  /** Numbers of the latest events before this server began. */
  readonly latest: EventCursor;
  /** Past events, for those who resume. */
  readonly queries: Pick<Queries, 'eventsAfter'>;
  /** Absent: there are none. */
  readonly others?: OtherNodes | undefined;
  readonly bounds?: Partial<SubscriberBounds> | undefined;
}

/** What readers may take of time and memory. */
export interface SubscriberBounds {
  /** A ping goes to a WebSocket that is silent for some time, and one that does not answer is closed after this; at least 8. */
  readonly idleTimeoutSeconds: number;
  /** How often a stream is sent something, so that nobody in between takes it for dead. */
  readonly heartbeatSeconds: number;
  /** What may wait for all of them; past it the largest backlogs go. */
  readonly backlogsBytes: number;
  /** What the filters of all may take, as they are kept. */
  readonly filtersBytes: number;
  /** How long a reader that is too slow may take to read up to its end. */
  readonly slowGraceMs: number;
}

const defaults: SubscriberBounds = {
  idleTimeoutSeconds: 60,
  heartbeatSeconds: 15,
  backlogsBytes: 512 * 1024 * 1024,
  filtersBytes: limits.filtersBytes,
  slowGraceMs: 30_000,
};

/** What may wait for one reader: some seconds of events at full load. */
export const maxBacklogBytes = 8 * 1024 * 1024;
const sweepMs = 1000;

export class Subscribers {
  readonly feed: Feed;
  readonly bounds: SubscriberBounds;
  /** Of all subscribers: what takes its time is done for each in turn. */
  readonly turns: Turns;
  readonly #options: SubscribersOptions;
  /** Of events that are not kept. */
  readonly transient: TransientFeed;
  readonly #history: History;
  readonly #all = new Set<Subscriber>();
  readonly #sweeper: NodeJS.Timeout;
  /** Too slow, and still on their topics. */
  readonly #leaving: Subscriber[] = [];
  #lastNumber = 0;
  #closedSlow = 0;

  constructor(options: SubscribersOptions) {
    this.#options = options;
    this.bounds = { ...defaults, ...options.bounds };
    const { clock, timezone, telemetry, latest, queries, others } = options;
    const publish: FeedOptions['publish'] = (topic, message, resumeAt) => {
      this.#leaveSlow();
      options.publish(topic, message, resumeAt);
    };
    this.feed = new Feed({ publish, timezone, telemetry, latest, soon: setImmediate });
    this.transient = new TransientFeed({ timezone, telemetry, soon: setImmediate });
    this.turns = new Turns({ now: () => clock.monotonic(), soon: setImmediate });
    this.#history = {
      queries,
      others,
      latest: () => this.feed.latest,
      timelines: () => this.feed.timelines,
      timezone,
      turns: this.turns,
      telemetry,
    };
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  /** Whoever subscribes waits for this, where there are other nodes. See `OtherNodes`. */
  whenKnown(): Promise<boolean> | undefined {
    return this.#options.others?.whenKnown();
  }

  /** Whether one may have heard more than this server has: of another node. */
  get mayBeAhead(): boolean {
    return this.#options.others !== undefined;
  }

  /** Connections, whether they have subscribed or not. */
  get size(): number {
    return this.#all.size;
  }

  /** Connections that were closed since they did not read what they had asked for. */
  get closedSlow(): number {
    return this.#closedSlow;
  }

  /** Why there can be no other one, or undefined. */
  noRoom(): Refusal | undefined {
    if (this.#all.size < this.#options.maxConnections) return undefined;
    return new Refusal('overloaded', 'All connections are taken; --max-connections sets how many there are.');
  }

  /** A number for another one. */
  number(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  add(subscriber: Subscriber): void {
    this.#all.add(subscriber);
  }

  /** Its connection is closed. */
  delete(subscriber: Subscriber): void {
    this.#all.delete(subscriber);
    this.feed.forget(subscriber);
    this.transient.forget(subscriber);
  }

  /** Why nobody can be given this filter now, or undefined. */
  noMemoryFor(filter: Filter): Refusal | undefined {
    if (this.feed.filterBytes + filterBytes(filter) <= this.bounds.filtersBytes) return undefined;
    return new Refusal(
      'overloaded',
      'The filters of all connections take all the memory that they may: subscribe to fewer jobs or types.',
    );
  }

  /**
   * Replaces what it hears of: the answer comes first, then what it has missed, then live events.
   *
   * @param since the last events that it has had; undefined: it wants none of the past
   */
  subscribe(subscriber: Subscriber, filter: Filter, since: Heard | undefined): void {
    const { feed } = this;
    const subscription = ++subscriber.subscriptions;
    feed.unsubscribe(subscriber);
    this.transient.forget(subscriber);
    // The answer goes first: what is sent and what is published keeps its order.
    const { resumeAt } = feed;
    const place = typeof resumeAt === 'number' ? `"seq":${resumeAt}` : `"cursor":"${resumeAt}"`;
    const answer = `{"type":"subscribed","filter":${renderFilter(filter)},${place}}`;
    subscriber.send(answer, since === undefined ? resumeAt : undefined);
    // A reader that is too slow gets its end next, and no events before it.
    if (subscriber.slowSince !== undefined) return;
    this.transient.subscribe(subscriber, filter);
    if (since === undefined) return feed.subscribe(subscriber, filter);
    resume(this.#history, filter, since, {
      send: (message, at) => subscriber.send(message, at),
      together: (step) => subscriber.together(step),
      backlog: () => subscriber.backlog(),
      wanted: () =>
        subscriber.isOpen && subscriber.subscriptions === subscription && subscriber.slowSince === undefined,
      live: () => feed.subscribe(subscriber, filter),
    });
  }

  /** It hears of nothing any more. */
  unsubscribe(subscriber: Subscriber): void {
    subscriber.subscriptions += 1;
    this.feed.unsubscribe(subscriber);
    this.transient.forget(subscriber);
  }

  /** Events of a shard are lost to all who listen. */
  gap(shard: number, { from, to, latest, timeline }: EventGap): void {
    this.feed.begin(shard, latest, timeline);
    const { resumeAt } = this.feed;
    const message = `{"type":"gap","from":${from},"to":${to},"shard":${shard},"cursor":"${resumeAt}"}`;
    for (const subscriber of this.#all)
      if (this.feed.hears(subscriber) && subscriber.slowSince === undefined) subscriber.send(message, resumeAt);
  }

  /**
   * It has lost something, or is about to. May come in the middle of a publish, when no subscription may be changed: that has
   * to wait until it has returned.
   */
  tooSlow(subscriber: Subscriber): void {
    this.#options.telemetry.eventDropped();
    if (subscriber.slowSince !== undefined) return;
    subscriber.slowSince = this.#options.clock.monotonic();
    this.#closedSlow += 1;
    this.#options.log.warn({ connection: subscriber.number }, 'a subscriber reads too slowly and is closed');
    this.#leaving.push(subscriber);
    setImmediate(() => this.#leaveSlow());
  }

  /**
   * Closes the connections whose token is valid no more. What they subscribed to is taken from them at once.
   *
   * @returns how many there were
   */
  revoke(isRevoked: (token: string) => boolean): number {
    const revoked = [...this.#all].filter(({ token }) => token !== undefined && isRevoked(token));
    for (const subscriber of revoked) {
      this.unsubscribe(subscriber);
      subscriber.revoke();
    }
    return revoked.length;
  }

  /** Tells all that is to be told, and says goodbye to everybody. */
  close(): void {
    clearInterval(this.#sweeper);
    this.feed.flush();
    for (const subscriber of [...this.#all]) subscriber.end();
  }

  /** Nothing more is sent to those who have lost something, or what they read would have a gap. */
  #leaveSlow(): void {
    while (this.#leaving.length > 0) this.feed.unsubscribe(this.#leaving.pop() as Subscriber);
  }

  #sweep(): void {
    const now = this.#options.clock.monotonic();
    let total = 0;
    for (const subscriber of [...this.#all]) {
      const { slowSince } = subscriber;
      if (slowSince !== undefined && now - slowSince > this.bounds.slowGraceMs) subscriber.cut();
      else total += subscriber.backlog();
    }
    if (total > this.bounds.backlogsBytes) this.#cutBacklogs(total);
  }

  #cutBacklogs(total: number): void {
    const sizes = [...this.#all].map((subscriber) => ({ subscriber, bytes: subscriber.backlog() }));
    for (const { subscriber, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
      if (total <= this.bounds.backlogsBytes) return;
      total -= bytes;
      if (subscriber.slowSince === undefined) this.#closedSlow += 1;
      subscriber.cut();
    }
  }
}

function renderFilter({ jobTypes, eventTypes, jobIds }: Filter): string {
  return JSON.stringify({ job_types: jobTypes, event_types: eventTypes, job_ids: jobIds });
}
