/**
 * The log record: all that one batch changed. Rows are whole after-images and counters absolute, so replaying a record
 * twice, or over trees that already have some of it, changes nothing.
 */

import type { JobEvent } from '../../domain/events.js';
import type { JobState } from '../../domain/job.js';
import type { Counters } from '../port.js';
import { DamagedRecord, NewerRecord } from '../port.js';
import { ByteReader, type ByteWriter, crc32 } from './bytes.js';
import type { StoredDetail } from './detail.js';
import { readEvent, writeEvent } from './event-codec.js';
import { getU16, getU32, getU48, putU16, putU32, putU48 } from './numbers.js';
import { rowBytes, writeNoRow, writeRow } from './row.js';
import type { TypeDictionary } from './type-dictionary.js';

/** 2: with deadlines, and how many there are, before the names of types. Each record has the lowest version that holds it. */
const versions = { plain: 1, withDeadlines: 2 } as const;

/** A job's place in a record: its new state, or none when it was removed, and its detail if that is to be written. */
export interface Change {
  readonly seq: number;
  readonly name: string;
  readonly state: JobState | undefined;
  /** It has a detail, new or old. */
  readonly hasDetail: boolean;
  /** Of the job, where it has one. */
  readonly priority?: number | undefined;
  readonly detail?: StoredDetail | undefined;
}

/** Until when attempts of a pending job may start. */
export interface Deadline {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly at: number;
}

export interface LogRecord {
  readonly position: number;
  /** Unix milliseconds. */
  readonly at: number;
  /** Bytes of all records before this one: tells how much of the log any stretch of it is. */
  readonly logBytes: number;
  readonly counters: Counters;
  readonly changes: readonly Change[];
  /** Of the jobs among them that are pending and expire. */
  readonly deadlines?: readonly Deadline[];
  readonly events: readonly JobEvent[];
}

const header = { crc: 0, version: 4, at: 5, nextSeq: 11, lastEvent: 17, completed: 23, failed: 29, cancelled: 35 };
const headerRest = {
  idSeconds: 41,
  rows: 47,
  details: 51,
  events: 55,
  types: 59,
  tailAt: 61,
  logBytes: 65,
  jobs: 71,
  bytes: 77,
};

/** Bytes of a row with the job's `seq` before it. */
const keyedRowBytes = 6 + rowBytes;
const deadlineBytes = 14;

/** Appends a record to `out`, which must be empty. */
export function writeLogRecord(out: ByteWriter, record: LogRecord, types: TypeDictionary): void {
  const { counters, changes, events, deadlines = [] } = record;
  out.claim(headerRest.bytes);
  for (const { seq, name, state, hasDetail, priority } of changes) {
    const typeId = types.idOf(name);
    const at = out.claim(keyedRowBytes);
    putU48(out.buffer, at, seq);
    if (state) writeRow(out.buffer, at + 6, state, typeId, hasDetail, priority);
    else writeNoRow(out.buffer, at + 6, typeId);
  }
  let details = 0;
  for (const { seq, detail } of changes) {
    if (!detail) continue;
    out.u48(seq);
    out.text(JSON.stringify(detail));
    details++;
  }
  for (const { seq, at } of deadlines) {
    out.u48(seq);
    out.f64(at);
  }
  if (deadlines.length > 0) out.u32(deadlines.length);
  const tailAt = out.length;
  const fresh = types.fresh();
  for (const { id, name } of fresh) {
    out.u16(id);
    out.word(name);
  }
  for (const event of events) writeEvent(out, event, types.idOf(event.jobName));
  const { buffer } = out;
  buffer[header.version] = deadlines.length > 0 ? versions.withDeadlines : versions.plain;
  putU48(buffer, header.at, record.at);
  putU48(buffer, header.nextSeq, counters.nextSeq);
  putU48(buffer, header.lastEvent, counters.lastEvent);
  putU48(buffer, header.completed, counters.completed);
  putU48(buffer, header.failed, counters.failed);
  putU48(buffer, header.cancelled, counters.cancelled);
  putU48(buffer, headerRest.idSeconds, counters.idSeconds);
  putU48(buffer, headerRest.logBytes, record.logBytes);
  putU48(buffer, headerRest.jobs, counters.jobs);
  putU32(buffer, headerRest.rows, changes.length);
  putU32(buffer, headerRest.details, details);
  putU32(buffer, headerRest.events, events.length);
  putU16(buffer, headerRest.types, fresh.length);
  putU32(buffer, headerRest.tailAt, tailAt);
  putU32(buffer, header.crc, crc32(out.since(4), record.position >>> 0));
}

/** A record read back, in parts: replay wants rows, subscribers want events. */
export class LogRecordReader {
  readonly at: number;
  readonly logBytes: number;
  readonly counters: Counters;
  readonly rowCount: number;
  readonly eventCount: number;
  readonly #detailCount: number;
  readonly #typeCount: number;
  readonly #tailAt: number;

  /** @throws DamagedRecord when the bytes are not what `writeLogRecord` wrote. */
  constructor(
    readonly position: number,
    readonly bytes: Buffer,
  ) {
    const whole =
      bytes.length >= headerRest.bytes && getU32(bytes, header.crc) === crc32(bytes.subarray(4), position >>> 0);
    if (!whole) {
      throw new DamagedRecord(`log record ${position}`);
    }
    const found = bytes[header.version] as number;
    if (found > versions.withDeadlines)
      throw new NewerRecord(`log record ${position}`, { found, known: versions.withDeadlines });
    if (found < versions.plain)
      throw new DamagedRecord(`log record ${position}`, `has the format ${found}, which never existed`);
    this.at = getU48(bytes, header.at);
    this.counters = {
      nextSeq: getU48(bytes, header.nextSeq),
      jobs: getU48(bytes, headerRest.jobs),
      lastEvent: getU48(bytes, header.lastEvent),
      completed: getU48(bytes, header.completed),
      failed: getU48(bytes, header.failed),
      cancelled: getU48(bytes, header.cancelled),
      idSeconds: getU48(bytes, headerRest.idSeconds),
    };
    this.logBytes = getU48(bytes, headerRest.logBytes);
    this.rowCount = getU32(bytes, headerRest.rows);
    this.#detailCount = getU32(bytes, headerRest.details);
    this.eventCount = getU32(bytes, headerRest.events);
    this.#typeCount = getU16(bytes, headerRest.types);
    this.#tailAt = getU32(bytes, headerRest.tailAt);
  }

  /** Number of the record's first event, were there one. */
  get firstEvent(): number {
    return this.counters.lastEvent - this.eventCount + 1;
  }

  /** Calls `each` with every job's `seq` and where its row begins in `bytes`. */
  rows(each: (seq: number, at: number) => void): void {
    let at: number = headerRest.bytes;
    for (let i = 0; i < this.rowCount; i++, at += keyedRowBytes) each(getU48(this.bytes, at), at + 6);
  }

  *details(): Iterable<{ seq: number; json: string }> {
    const input = new ByteReader(this.bytes, headerRest.bytes + this.rowCount * keyedRowBytes);
    for (let i = 0; i < this.#detailCount; i++) yield { seq: input.u48(), json: input.text() };
  }

  /** They end where the tail begins. */
  *deadlines(): Iterable<Deadline> {
    if (this.bytes[header.version] !== versions.withDeadlines) return;
    const count = getU32(this.bytes, this.#tailAt - 4);
    const input = new ByteReader(this.bytes, this.#tailAt - 4 - count * deadlineBytes);
    for (let i = 0; i < count; i++) yield { seq: input.u48(), at: input.f64() };
  }

  /** The types that are named here for the first time. */
  newTypes(): { readonly id: number; readonly name: string }[] {
    return this.#readTypes(new ByteReader(this.bytes, this.#tailAt));
  }

  /** Takes up the types that are named here for the first time. */
  restoreTypes(types: TypeDictionary): void {
    for (const { id, name } of this.newTypes()) types.restore(id, name);
  }

  events(types: TypeDictionary): JobEvent[] {
    const input = this.#tail(types);
    const events: JobEvent[] = [];
    for (let i = 0; i < this.eventCount; i++) events.push(readEvent(input, this.firstEvent + i, types));
    return events;
  }

  /** The new types stand before the events, which may be of them; returns a reader at the first event. */
  #tail(types: TypeDictionary): ByteReader {
    const input = new ByteReader(this.bytes, this.#tailAt);
    for (const { id, name } of this.#readTypes(input)) types.restore(id, name);
    return input;
  }

  #readTypes(input: ByteReader): { readonly id: number; readonly name: string }[] {
    return Array.from({ length: this.#typeCount }, () => ({ id: input.u16(), name: input.word() }));
  }
}
