/**
 * Checking a store that nobody writes to: every record, index and counter, each against its checksum and against the
 * others. Reads each tree once in order, and beside that holds a bit for each job and the rows that the log has behind the
 * merge mark, so that memory does not grow with what jobs carry.
 *
 * Rules of thumb that the passes rest on: what the log has behind the mark goes before the trees, since a start replays it;
 * entries of the due index and of the list of finished jobs may be out of date, but none may be missing.
 */

import { type JobNumbers, singleShard } from '../../domain/ids/job-numbers.js';
import type { Status } from '../../domain/lifecycle.js';
import { decodeMeta, metaKey } from '../format/layout.js';
import { readHandover } from '../format/meta/handover.js';
import { readSetBack } from '../format/meta/set-back.js';
import { readSettings, settingsRange } from '../format/settings.js';
import { TypeDictionary } from '../format/type-dictionary.js';
import type { KvReader } from '../kv/kv.js';
import { noCounters } from '../port.js';
import { noMark, readMark } from '../trees/merge-mark.js';
import { checkBulks } from './check-bulks.js';
import { CheckFaults } from './check-faults.js';
import { CheckGround } from './check-ground.js';
import { checkJobKeys } from './check-job-keys.js';
import { checkJobLogs } from './check-job-logs.js';
import { checkJobs } from './check-jobs.js';
import { checkLabels } from './check-labels.js';
import { checkDue, checkFinished, checkKeys } from './check-lists.js';
import { checkLog, checkStatesAgainstLog } from './check-log.js';
import { checkRuns } from './check-runs.js';

export interface CheckSummary {
  readonly faults: number;
  /** Jobs by status. */
  readonly jobs: Readonly<Record<Status, number>>;
  /** Log records and the events in them. */
  readonly records: number;
  readonly events: number;
  /** The last position of the log. */
  readonly position: number;
}

/**
 * @param now Unix milliseconds, not before the store was last written to
 * @param report is called with one line for each fault
 * @param reading is called with what is read next
 * @param numbers of the jobs, where it is one shard of several
 */
export function checkStore(
  kv: KvReader,
  now: number,
  report: (line: string) => void,
  reading: (what: string) => void = () => {},
  numbers: JobNumbers = singleShard,
): CheckSummary {
  const pass = <T>(what: string, check: () => T): T => {
    reading(what);
    return check();
  };
  // An error of LMDB spoils the snapshot that it was met in: the rest is read from a new one.
  const faults = new CheckFaults(report, () => kv.refresh());
  const types = new TypeDictionary();
  faults.try('facts', 'the list of job types', () => {
    const sealed = kv.get('meta', metaKey('types'));
    if (sealed) decodeMeta<string[]>(sealed, 'types').forEach((name, id) => types.restore(id, name));
  });
  faults.try('facts', 'what users have set', () => readSettings(kv.entries('meta', settingsRange)));
  faults.try('facts', 'when no server ran', () => {
    const sealed = kv.get('meta', metaKey('downtime'));
    if (sealed) decodeMeta(sealed, 'downtime');
  });
  faults.try('facts', 'that the shard was given away', () => readHandover(kv.get('meta', metaKey('handover'))));
  faults.try('facts', 'that the clock was set back', () => readSetBack(kv.get('meta', metaKey('setBack'))));
  const mark = faults.try('facts', 'the merge mark', () => readMark(kv)) ?? noMark;
  const ground = new CheckGround(kv, faults, types, mark, now, noCounters, numbers);
  const { records, events, last } = pass('the log', () => checkLog(ground));
  const { counts, pending, expiring, finished } = pass('the jobs', () => checkJobs(ground));
  pass('the due index', () => checkDue(ground, pending, expiring));
  pass('the labels of jobs', () => checkLabels(ground));
  pass('what is done with many jobs', () => checkBulks(ground));
  pass('the list of finished jobs', () => checkFinished(ground, finished));
  pass('the idempotency keys', () => checkKeys(ground));
  pass('the keys of jobs', () => checkJobKeys(ground));
  pass('the runs of jobs', () => checkRuns(ground));
  pass('the lines of jobs', () => checkJobLogs(ground));
  pass('the log beside the states', () => checkStatesAgainstLog(ground));
  faults.finish();
  return { faults: faults.count, jobs: counts, records, events, position: last };
}
