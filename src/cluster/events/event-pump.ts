/**
 * The events of one shard that is open here, each once and in order from some event on: first out of the log, then as they happen. Where
 * events come that are not the next, as after an opening, it reads what lies between.
 */
import { Refusal } from '../../domain/errors.js';
import type { JobEvent } from '../../domain/events.js';
import type { LogPlace, PastEvents, Queries } from '../../store/queries-port.js';

/** The shards that are open here. */
export type EventSource = Pick<Queries, 'eventsAfter' | 'lastEventOf'>;

/** Whoever hears of them. */
export interface EventTarget {
  events(events: readonly JobEvent[]): void;
  /** From one number to another: the log does not have them any more. */
  gap(from: number, to: number): void;
  /** Bytes that wait to be taken. */
  backlog(): number;
}

/** Events in one step: about a millisecond of work. */
const perStep = 250;
/** A target with more than this is waited for. */
const enoughBytes = 1024 * 1024;
const lookAgainMs = 20;

/** See the head of this file. */
export class EventPump {
  readonly #shard: number;
  readonly #source: EventSource;
  readonly #target: EventTarget;
  #position: number;
  #place: LogPlace | undefined;
  #isReading = false;
  #isOver = false;

  /** @param position the last event that the target has heard of */
  constructor(shard: number, position: number, source: EventSource, target: EventTarget) {
    this.#shard = shard;
    this.#position = position;
    this.#source = source;
    this.#target = target;
  }

  /** These have just been committed. */
  offer(events: readonly JobEvent[]): void {
    if (this.#isReading || this.#isOver) return;
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined || last.seq <= this.#position) return;
    if (first.seq !== this.#position + 1 || this.#target.backlog() > enoughBytes) return this.look();
    this.#position = last.seq;
    this.#target.events(events);
  }

  /** Reads what the log has, if that is more than the target has heard of. */
  look(): void {
    if (this.#isReading || this.#isOver) return;
    this.#isReading = true;
    this.#step();
  }

  /** Nothing comes any more. */
  end(): void {
    this.#isOver = true;
  }

  #step(): void {
    if (this.#isOver) return;
    if (this.#target.backlog() > enoughBytes) return this.#later();
    const before = this.#position;
    if (before >= this.#source.lastEventOf(this.#shard)) {
      this.#isReading = false;
      this.#place = undefined;
      return;
    }
    const found = pastEvents(this.#source, before, this.#place, this.#shard, perStep);
    if (found.oldest - 1 > before) {
      this.#position = found.oldest - 1;
      this.#target.gap(before + 1, this.#position);
    }
    const last = found.events.at(-1);
    if (last !== undefined) {
      this.#position = last.seq;
      this.#target.events(found.events);
    }
    this.#place = found.next;
    if (this.#position === before) return this.#later();
    setImmediate(() => this.#step());
  }

  #later(): void {
    setTimeout(() => this.#step(), lookAgainMs);
  }
}

/** As `Queries.eventsAfter`; where the log is damaged, what it had is gone. */
export function pastEvents(
  source: EventSource,
  position: number,
  place: LogPlace | undefined,
  shard: number,
  limit: number,
): PastEvents {
  try {
    return source.eventsAfter(position, limit, place, shard);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { events: [], oldest: source.lastEventOf(shard) + 1 };
  }
}
