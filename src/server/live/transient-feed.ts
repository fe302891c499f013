/**
 * Events that are not kept: progress, and lines of handlers. They go only to those who name them, one by one and not by topics, so
 * that one who reads slowly loses some of these and nothing else. What comes faster than may be sent is dropped.
 */
import { renderTransient } from '../../api/render-event.js';
import type { TransientEvent } from '../../domain/events.js';
import { type Filter, isTransient, Matcher } from '../../domain/filter.js';
import type { Telemetry } from '../../telemetry/port.js';
import type { Subscriber } from './subscriber.js';

export interface TransientFeedOptions {
  readonly telemetry: Pick<Telemetry, 'eventsSent' | 'eventDropped'>;
  /** IANA name, for instants. */
  readonly timezone: string;
  /** Calls back after what is at hand has been done. */
  readonly soon: (step: () => void) => void;
}

/** Events that may wait for the end of a turn; of more the rest is dropped. */
const maxWaiting = 2000;
/** Deliveries in one turn. */
const deliveriesPerTurn = 5000;
/** A subscriber that has more than this to read gets none. */
const enoughBytes = 512 * 1024;

/** See the head of this file. */
export class TransientFeed {
  readonly #options: TransientFeedOptions;
  readonly #listening = new Map<Subscriber, Matcher>();
  #waiting: TransientEvent[] = [];

  constructor(options: TransientFeedOptions) {
    this.#options = options;
  }

  /** Whether anybody listens. */
  get isWanted(): boolean {
    return this.#listening.size > 0;
  }

  /** Replaces what the subscriber hears of: nothing, unless its filter names such events. */
  subscribe(subscriber: Subscriber, filter: Filter): void {
    this.forget(subscriber);
    if (filter.eventTypes.some(isTransient)) this.#listening.set(subscriber, new Matcher(filter));
  }

  /** The subscriber hears of nothing any more. */
  forget(subscriber: Subscriber): void {
    this.#listening.delete(subscriber);
  }

  /** Tells those who listen, at the end of the turn. */
  publish(event: TransientEvent): void {
    if (this.#listening.size === 0) return;
    if (this.#waiting.length >= maxWaiting) return this.#options.telemetry.eventDropped();
    if (this.#waiting.push(event) === 1) this.#options.soon(() => this.#send());
  }

  #send(): void {
    const { telemetry, timezone } = this.#options;
    const events = this.#waiting;
    const texts = new Map<TransientEvent, string>();
    let sent = 0;
    this.#waiting = [];
    for (const [subscriber, matcher] of this.#listening) {
      const its = events.filter((event) => matcher.matches(event));
      if (its.length === 0) continue;
      if (
        sent >= deliveriesPerTurn ||
        !subscriber.isOpen ||
        subscriber.slowSince !== undefined ||
        subscriber.backlog() > enoughBytes
      ) {
        for (const _ of its) telemetry.eventDropped();
        continue;
      }
      subscriber.together(() => {
        for (const event of its) {
          const text = texts.get(event) ?? renderTransient(event, timezone);
          texts.set(event, text);
          subscriber.send(text);
        }
      });
      sent += its.length;
    }
    if (sent > 0) telemetry.eventsSent(sent);
  }
}
