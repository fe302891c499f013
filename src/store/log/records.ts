/** What the records of the log say: one of them, all behind a position, and what their instants tell of the clock. */
import { LogRecordReader } from '../format/log-record.js';
import { DamagedRecord } from '../port.js';
import type { LogSource } from './record-log.js';

/** @throws DamagedRecord */
export function readRecord(log: LogSource, position: number): LogRecordReader | undefined {
  const bytes = log.read(position);
  return bytes && new LogRecordReader(position, bytes);
}

/**
 * Calls `each` with every record behind a position, in order: what the trees do not have yet.
 * @throws DamagedRecord when one is damaged or missing.
 */
export function replay(log: LogSource, behind: number, each: (record: LogRecordReader) => void): void {
  let expected = behind + 1;
  for (const { position, bytes } of log.records({ from: expected })) {
    if (position !== expected) throw new DamagedRecord(`log record ${expected}`, 'is missing');
    each(new LogRecordReader(expected, bytes));
    expected++;
  }
}

/** How many records are looked at to find out since when the clock was ahead. */
const looks = 10_000;

/** As `RecordedTimes` of the port. @throws DamagedRecord */
export function aheadSince(log: LogSource, now: number): number | undefined {
  let since: number | undefined;
  let position = log.ends()?.last ?? 0;
  for (let looked = 0; looked < looks; looked++) {
    const record = readRecord(log, position--);
    if (!record || record.at <= now) break;
    since = record.at;
  }
  return since;
}
