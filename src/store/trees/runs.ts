/** Runs of jobs on disk, as far as the trees have them. */
import type { NumberedRun } from '../../domain/runs/run.js';
import { readRun, runsOf } from '../format/trees/run-row.js';
import type { KvReader, KvWriter } from '../kv/kv.js';

/** The rows of a job, the newest first. @throws DamagedRecord, NewerRecord */
export function runsIn(kv: KvReader, seq: number, limit = Number.POSITIVE_INFINITY): NumberedRun[] {
  const range = { ...runsOf(seq), reverse: true, ...(limit !== Number.POSITIVE_INFINITY && { limit }) };
  return Array.from(kv.entries('runs', range), ({ key, value }) => readRun(value, key));
}

/** Removes all rows of a job. */
export function removeRuns(tx: KvWriter, seq: number): void {
  for (const key of [...tx.keys('runs', runsOf(seq))]) tx.remove('runs', key);
}
