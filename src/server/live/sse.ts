/**
 * Events by Server-Sent Events: who may listen, and that a silent stream shows signs of life. A stream hears what a WebSocket
 * with the same filter hears; it says what it wants once, in its request.
 */

import { readEventQuery } from '../../api/event-query.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { Refusal } from '../../domain/errors.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { tokenOf } from '../http/gate.js';
import { responseHead } from '../http/response-head.js';
import { EventStream } from './event-stream.js';
import { heartbeatBlock, type StreamTopics } from './stream-topics.js';
import type { Subscribers } from './subscribers.js';

export interface EventStreamsOptions {
  readonly subscribers: Subscribers;
  readonly topics: StreamTopics;
  /** True once the server goes. */
  readonly closing: () => boolean;
}

/** nginx would keep what it gets until it has enough of it. */
const head = responseHead('200 OK', operations.events.produces, [['X-Accel-Buffering', 'no']]);
const tickMs = 1000;
const filler = heartbeatBlock(undefined);

export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<EventStream>();
  readonly #ticker: NodeJS.Timeout;
  #ticks = 0;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#ticker.unref();
  }

  /** Streams that are open, those among them that have been ended and are still being read. */
  get size(): number {
    return this.#open.size;
  }

  route(base: string): Route {
    return { ...at(base, operations.events), run: (exchange) => this.#begin(exchange) };
  }

  /** No more signs of life; the streams are ended by `subscribers`. */
  close(): void {
    clearInterval(this.#ticker);
  }

  #begin(exchange: Exchange): void {
    const { subscribers, closing } = this.#options;
    if (closing()) throw new Refusal('draining', 'The server is shutting down and takes no new connections.');
    const known = subscribers.whenKnown();
    if (known === undefined) return this.#subscribe(exchange);
    void known
      .then((isKnown) => {
        if (exchange.over) return;
        if (!isKnown) throw new Refusal('storage_unavailable', 'Not all shards have an owner just now.');
        this.#subscribe(exchange);
      })
      .catch((error) => exchange.fail(error));
  }

  #subscribe(exchange: Exchange): void {
    const { subscribers, topics } = this.#options;
    const { feed, mayBeAhead } = subscribers;
    const { filter, since } = readEventQuery(exchange.query, exchange.lastEventId, feed.latest, mayBeAhead);
    const refusal = subscribers.noRoom() ?? subscribers.noMemoryFor(filter);
    if (refusal) throw refusal;
    const stream = new EventStream(topics, subscribers, tokenOf(exchange));
    const answer = exchange.stream(head, { filler, close: () => this.#closed(stream) });
    if (answer === undefined) return;
    stream.open(answer);
    this.#open.add(stream);
    subscribers.add(stream);
    subscribers.subscribe(stream, filter, since);
  }

  #closed(stream: EventStream): void {
    stream.closed();
    this.#open.delete(stream);
    this.#options.subscribers.delete(stream);
  }

  /** A second has gone by. Not all at once: there may be thousands. */
  #tick(): void {
    const { feed, bounds } = this.#options.subscribers;
    const turn = ++this.#ticks % bounds.heartbeatSeconds;
    const caughtUp = heartbeatBlock(feed.resumeAt);
    for (const stream of this.#open)
      if (stream.number % bounds.heartbeatSeconds === turn) stream.push(feed.hears(stream) ? caughtUp : filler);
  }
}
