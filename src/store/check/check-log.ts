/** Checking the log: no gap, no damage, and each record's counters follow from the one before and its own events. */

import type { JobEvent } from '../../domain/events.js';
import { LogRecordReader } from '../format/log-record.js';
import { rowBytes, rowStatus, rowType } from '../format/row.js';
import { type Counters, noCounters } from '../port.js';
import { type CheckGround, SeqSet } from './check-ground.js';

export interface LogFindings {
  readonly records: number;
  readonly events: number;
  /** The last position; 0 when the log is empty. */
  readonly last: number;
}

/** What must hold between two records that follow each other. */
interface Before {
  readonly counters: Counters;
  readonly logBytes: number;
}

/** Reads the log through, and takes up what it has behind the mark. */
export function checkLog(ground: CheckGround): LogFindings {
  const { log, faults, mark } = ground;
  let [records, events, last, first] = [0, 0, 0, 0];
  // The log of a new directory begins at nothing; one that was trimmed, at whatever its first record says.
  let before: Before | undefined = { counters: noCounters, logBytes: 0 };
  faults.try('unreadable', 'the log', () => {
    for (const { position, bytes } of log.records({})) {
      first ||= position;
      if (position !== last + 1) {
        if (last > 0) faults.add('log', missing(last + 1, position - 1));
        before = undefined;
      }
      last = position;
      records++;
      const record = faults.try('log', `log record ${position}`, () => new LogRecordReader(position, bytes));
      if (record) events += checkRecord(ground, record, before);
      before = record && { counters: record.counters, logBytes: record.logBytes + record.bytes.length };
    }
  });
  const needed = Math.max(1, mark.position);
  if (first > needed)
    faults.add('log', `the log begins at record ${first}, but the trees hold the state after record ${mark.position}`);
  if (last < mark.position)
    faults.add('log', `the log ends at record ${last}, but the trees hold the state after record ${mark.position}`);
  return { records, events, last };
}

function missing(from: number, to: number): string {
  return from === to ? `log record ${from} is missing` : `log records ${from} to ${to} are missing`;
}

/** Returns how many events it has. */
function checkRecord(ground: CheckGround, record: LogRecordReader, before: Before | undefined): number {
  const { faults, types } = ground;
  const what = `log record ${record.position}`;
  ground.counters = record.counters;
  // A start knows only the list, which every record that names a new type rewrites; the log may be trimmed.
  for (const { id, name } of record.newTypes()) {
    if (types.all()[id] !== name) faults.add('type', `the list of job types lacks ${name}, which is number ${id}`);
  }
  const events = faults.try('log', `the events of ${what}`, () => record.events(types)) ?? [];
  if (before) checkCounters(ground, record, before, events);
  for (const { seq, jobSeq } of events) {
    if (jobSeq >= record.counters.nextSeq)
      faults.add('history', `event ${seq} in ${what} is of job number ${jobSeq}, which was never made`);
  }
  const isBehind = record.position > ground.mark.position;
  faults.try('log', `the changes in ${what}`, () => {
    record.rows((seq, at) => {
      checkRow(ground, record, seq, at);
      if (isBehind) ground.behind.set(seq, record.bytes, at);
    });
    for (const { seq, json } of record.details()) {
      JSON.parse(json);
      if (isBehind) ground.detailsBehind.add(seq);
    }
  });
  return record.eventCount;
}

function checkRow(ground: CheckGround, { bytes, counters, position }: LogRecordReader, seq: number, at: number): void {
  if (seq >= counters.nextSeq) {
    ground.faults.add('state', `log record ${position} changes job number ${seq}, which was never made`);
  } else if (rowType(bytes, at) >= ground.types.size || (bytes[at] !== 0 && rowStatus(bytes, at) === undefined)) {
    ground.faults.add('state', `log record ${position} gives ${ground.nameOf(seq)} a status or type that there is not`);
  }
}

function checkCounters(
  { faults }: CheckGround,
  record: LogRecordReader,
  before: Before,
  events: readonly JobEvent[],
): void {
  const what = `log record ${record.position}`;
  const { counters, logBytes, firstEvent } = record;
  if (logBytes !== before.logBytes) {
    faults.add('history', `${what} counts ${logBytes} bytes of log before it, there are ${before.logBytes}`);
  }
  if (firstEvent !== before.counters.lastEvent + 1) {
    faults.add(
      'history',
      `${what} begins with event ${firstEvent}, the last before it is ${before.counters.lastEvent}`,
    );
  }
  if (counters.nextSeq < before.counters.nextSeq)
    faults.add('history', `${what} takes back numbers of jobs that were made`);
  if (counters.idSeconds < before.counters.idSeconds) faults.add('history', `${what} sets the second of new ids back`);
  if (events.length !== record.eventCount) return;
  // What came from the directory of a single server has no events, and its totals.
  if (record.position === 1 && events.length === 0) return;
  const told = {
    completed: events.filter(({ body }) => body.type === 'job.completed').length,
    failed: events.filter(({ body }) => body.type === 'job.failed' && body.final).length,
    cancelled: events.filter(({ body }) => body.type === 'job.cancelled').length,
  };
  for (const total of ['completed', 'failed', 'cancelled'] as const) {
    const grown = counters[total] - before.counters[total];
    if (grown !== told[total])
      faults.add('history', `${what} adds ${grown} to the total of ${total} jobs, its events say ${told[total]}`);
  }
}

/**
 * Holds the trees against the log as far as it reaches back: the last record about a job, up to the mark, is what its
 * state page must say.
 */
export function checkStatesAgainstLog(ground: CheckGround): void {
  const { log, mark, faults } = ground;
  const seen = new SeqSet();
  faults.try('unreadable', 'the log', () => {
    for (const { position, bytes } of log.records({ to: mark.position + 1, reverse: true })) {
      let record: LogRecordReader;
      try {
        record = new LogRecordReader(position, bytes);
      } catch {
        return; // Told of already; what an older record says may be out of date.
      }
      record.rows((seq, at) => {
        if (!seen.add(seq) || ground.isOpen(seq)) return;
        const row = ground.rowInTrees(seq);
        const logged = rowStatus(record.bytes, at);
        const same = row
          ? record.bytes.compare(row.bytes, row.at, row.at + rowBytes, at, at + rowBytes) === 0
          : logged === undefined;
        if (same) return;
        const inTrees = row ? rowStatus(row.bytes, row.at) : 'not there';
        faults.add(
          'state',
          `${ground.nameOf(seq)} is ${logged ?? 'removed'} by log record ${record.position}, and ${inTrees} in the trees${logged === inTrees ? ', where other things differ' : ''}`,
        );
      });
    }
  });
}
