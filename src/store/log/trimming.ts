/** How much of the log stays behind the merge, for those who follow it. */
import { LogRecordReader } from '../format/log-record.js';
import { UnreadableRecord } from '../port.js';
import type { RawRecord } from './record-log.js';

const logKept = { ms: 24 * 3_600_000, bytes: 256 * 1024 * 1024 } as const;

/**
 * Whether a record is too old, or one too many. A damaged one goes with the next that is over: what was in it is in the trees.
 *
 * @param newest the last record that the trees have
 * @param now Unix milliseconds
 * @param share of all bytes that are kept, the part of this log
 */
export function isOver({ position, bytes }: RawRecord, newest: LogRecordReader, now: number, share = 1): boolean {
  try {
    const record = new LogRecordReader(position, bytes);
    return record.at < now - logKept.ms || newest.logBytes - record.logBytes > logKept.bytes * share;
  } catch (error) {
    if (error instanceof UnreadableRecord) return false;
    throw error;
  }
}
