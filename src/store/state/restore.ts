/** The committed state at a start: what the trees hold, and the log behind them replayed on top. */

import type { SetBack, Stretch } from '../../clock.js';
import type { Settings } from '../../domain/control/settings.js';
import type { DueLane } from '../../domain/due-heap.js';
import type { StoredDetail } from '../format/detail.js';
import { rowDue, rowPriority, rowStatus, rowType, rowWakes } from '../format/row.js';
import { laneOf } from '../format/trees/due-chunk.js';
import type { LogSource } from '../log/record-log.js';
import { readRecord, replay } from '../log/records.js';
import { type Counters, type Handover, type KeptBulks, noCounters } from '../port.js';
import { lanesIn } from '../trees/due-index.js';
import type { JobSets } from '../trees/job-sets.js';
import { readMark } from '../trees/merge-mark.js';
import type { StoreReader } from '../trees/reader.js';
import type { Memtable } from './memtable.js';
import { checkIndexes, checkLogEnds } from './whole.js';

/** Where the log stands, and from when on the due index is to be read. */
export interface Restored {
  readonly counters: Counters;
  /** The last record of the log; 0 when there is none. */
  readonly position: number;
  readonly logBytes: number;
  readonly watermark: number;
  /** The lanes that the due index has beside that of jobs without a priority. */
  readonly lanes: readonly DueLane[];
  /** When the last record was written, in Unix milliseconds; undefined when there is none. */
  readonly lastRecordAt: number | undefined;
  /** What users have set. */
  readonly settings: Settings;
  /** What is done with many jobs. */
  readonly bulks: KeptBulks;
  /** When no server ran, as far as the last record knows. Unix milliseconds. */
  readonly downtime: readonly Stretch[];
  /** The clock was set back, and not all jobs have been looked at since; undefined when that is not so. */
  readonly setBack: SetBack | undefined;
  /** When the shard was last given away; undefined where it never was, as on a single node. */
  readonly handover: Handover | undefined;
}

/**
 * Fills `memtable` and `sets`; calls `due` for each pending job that wakes, or has a deadline, at a time which may not be in the index
 * yet.
 * @throws DamagedRecord
 */
export function restore(
  parts: {
    readonly reader: StoreReader;
    readonly log: LogSource;
    readonly memtable: Memtable;
    readonly sets: JobSets;
  },
  due: (due: number, seq: number, lane: DueLane) => void,
): Restored {
  const { reader, log, memtable, sets } = parts;
  reader.loadTypes();
  const setsRead = reader.loadSets(sets);
  const settings = reader.settings();
  const bulks = reader.bulks();
  const downtime = reader.downtime();
  const setBack = reader.setBack();
  const handover = reader.handover();
  const { position, watermark } = readMark(reader.kv);
  const lanes = lanesIn(reader.kv)
    .filter((lane) => lane !== 0)
    .map(laneOf);
  checkLogEnds(log, position);
  const marked = position > 0 ? readRecord(log, position) : undefined;
  let restored: Restored = {
    counters: marked?.counters ?? noCounters,
    position,
    logBytes: marked ? marked.logBytes + marked.bytes.length : 0,
    watermark,
    lanes,
    lastRecordAt: marked?.at,
    settings,
    bulks,
    downtime,
    setBack,
    handover,
  };
  replay(log, position, (record) => {
    record.restoreTypes(reader.types);
    record.rows((seq, at) => {
      memtable.replay(seq, record.bytes, at);
      const status = rowStatus(record.bytes, at);
      sets.place(seq, status, rowType(record.bytes, at));
      if (rowWakes(record.bytes, at)) due(rowDue(record.bytes, at), seq, rowPriority(record.bytes, at));
    });
    for (const { seq, json } of record.details()) memtable.applyDetail(seq, JSON.parse(json) as StoredDetail);
    for (const { seq, at } of record.deadlines()) due(at, seq, 'deadlines');
    restored = {
      counters: record.counters,
      position: record.position,
      logBytes: record.logBytes + record.bytes.length,
      watermark,
      lanes,
      lastRecordAt: record.at,
      settings,
      bulks,
      downtime,
      setBack,
      handover,
    };
  });
  checkIndexes(reader.kv, { sets, setsRead, types: reader.types, counters: restored.counters });
  return restored;
}
