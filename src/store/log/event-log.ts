/**
 * Past events out of the log, some at a time. A record is read as a whole, since its checksum covers all of it, and may
 * hold ten thousand events: whoever has not come to its end keeps what was decoded, and all who are in the same record
 * keep the same, so that a thousand of them take no more memory than one.
 */

import type { JobEvent } from '../../domain/events.js';
import type { LogRecordReader } from '../format/log-record.js';
import type { TypeDictionary } from '../format/type-dictionary.js';
import { DamagedRecord } from '../port.js';
import type { LogPlace, PastEvents } from '../queries-port.js';
import type { LogEnds, LogSource } from './record-log.js';
import { readRecord } from './records.js';

/** Records that somebody has not come to the end of; past so many, those that nobody keeps any more are taken out. */
const sharedRecords = 64;

export class EventLog {
  readonly #log: LogSource;
  readonly #types: TypeDictionary;
  /** Where the log begins, so that its first record is not read at each look. */
  #begins = { position: -1, event: 0 };
  /** No cache: it finds what somebody keeps, and keeps nothing itself. */
  readonly #shared = new Map<number, WeakRef<readonly JobEvent[]>>();

  constructor(log: LogSource, types: TypeDictionary) {
    this.#log = log;
    this.#types = types;
  }

  /** As `Queries.eventsAfter`; undefined when the log is empty. @throws DamagedRecord */
  eventsAfter(seq: number, limit: number, from?: LogPlace): PastEvents | undefined {
    const bounds = this.#log.ends();
    if (!bounds) return undefined;
    const begins = this.#firstEvent(bounds.first);
    const events: JobEvent[] = [];
    let next = from ?? { position: this.#positionOf(seq + 1, bounds) };
    while (events.length < limit && next.position <= bounds.last) {
      if (next.record === undefined && next.position < bounds.first) {
        // What lies between is gone meanwhile. That is told by `oldest` of a look that begins there.
        if (events.length > 0) break;
        next = { position: bounds.first };
      }
      const record = next.record ?? this.#events(next.position);
      const read = events.length;
      const begin = Math.max(0, seq + 1 - (record[0]?.seq ?? 0));
      for (let at = begin; at < record.length && events.length < limit; at++) events.push(record[at] as JobEvent);
      const isRead = begin + events.length - read >= record.length;
      next = isRead ? { position: next.position + 1 } : this.#share(next.position, record);
    }
    const oldest = Math.min(begins, events[0]?.seq ?? begins);
    return events.length === 0 ? { events, oldest } : { events, oldest, next };
  }

  #share(position: number, record: readonly JobEvent[]): LogPlace {
    if (this.#shared.get(position)?.deref() !== record) {
      this.#shared.set(position, new WeakRef(record));
      if (this.#shared.size > sharedRecords) {
        for (const [at, kept] of this.#shared) if (kept.deref() === undefined) this.#shared.delete(at);
      }
    }
    return { position, record };
  }

  #events(position: number): readonly JobEvent[] {
    return this.#shared.get(position)?.deref() ?? this.#record(position).events(this.#types);
  }

  #firstEvent(position: number): number {
    if (this.#begins.position !== position) this.#begins = { position, event: this.#record(position).firstEvent };
    return this.#begins.event;
  }

  /** The first record that reaches event `seq`, by bisection: events and positions grow together. */
  #positionOf(seq: number, bounds: LogEnds): number {
    let low = bounds.first;
    let high = bounds.last + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const reaches = this.#record(middle).counters.lastEvent;
      if (reaches < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Between the log's bounds there is no gap. */
  #record(position: number): LogRecordReader {
    const record = readRecord(this.#log, position);
    if (!record) throw new DamagedRecord(`log record ${position}`, 'is missing');
    return record;
  }
}
