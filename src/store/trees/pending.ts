/** What log records changed since the trees were last brought up to date: the input of the next merge. */
import { isFinished } from '../../domain/lifecycle.js';
import type { Deadline, LogRecordReader } from '../format/log-record.js';
import { rowFinishedAt, rowStatus } from '../format/row.js';
import { RowTable } from '../format/row-table.js';

export class PendingChanges {
  readonly rows: RowTable;
  /** JSON text by job. */
  readonly details = new Map<number, string>();
  /** Jobs in finishing order: key and instant. A job that was retried and finished again stands twice. */
  readonly finished: { seq: number; at: number }[] = [];

  /** Deadlines of jobs that expire, in Unix milliseconds. A job that has had several stands several times. */
  readonly deadlines: Deadline[] = [];

  /** @param rows how many jobs will have changed, as far as that is known */
  constructor(rows = 0) {
    this.rows = new RowTable(rows);
  }

  add(record: LogRecordReader): void {
    record.rows((seq, at) => {
      this.rows.set(seq, record.bytes, at);
      const status = rowStatus(record.bytes, at);
      if (status && isFinished(status)) this.finished.push({ seq, at: rowFinishedAt(record.bytes, at) });
    });
    for (const { seq, json } of record.details()) this.details.set(seq, json);
    for (const deadline of record.deadlines()) this.deadlines.push(deadline);
  }
}
