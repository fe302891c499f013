/** Checking what jobs are found by beside status and type: each job has the label that follows from it, and no other job has one. */
import { isDeepStrictEqual } from 'node:util';
import { type Job, type JobSpec, noDetail } from '../../domain/job.js';
import { shownDetail, withMore } from '../format/detail.js';
import { decodeDetail, metaKey } from '../format/layout.js';
import { type RowPlace, readRow, rowHasDetail, rowHasMore } from '../format/row.js';
import { labelKey, labelOf, readLabel, seqOfLabel } from '../format/trees/job-label.js';
import type { CheckGround } from './check-ground.js';

/**
 * Looks at the label of a job that the log has nothing newer of.
 *
 * @param sealed its detail, if there is one
 */
export function checkLabel(
  ground: CheckGround,
  seq: number,
  spec: JobSpec,
  row: RowPlace,
  sealed: Buffer | undefined,
): void {
  const { faults, kv } = ground;
  if (!kv.get('meta', metaKey('labels'))) return;
  const under = labelKey(seq);
  faults.try('label', `the label of job number ${seq}`, () => {
    const found = kv.get('labels', under);
    const is = found && readLabel(found, under);
    const job = jobIn(seq, spec, row, sealed);
    if (job && !isDeepStrictEqual(is, labelOf(job)))
      faults.add('label', `${ground.nameOf(seq)} is not found by what it has`);
  });
}

/** The job as the trees have it; undefined where its detail cannot be read, which is a fault of its own. */
function jobIn(seq: number, spec: JobSpec, row: RowPlace, sealed: Buffer | undefined): Job | undefined {
  const state = readRow(row.bytes, row.at);
  if (!rowHasDetail(row.bytes, row.at)) return state && { spec, state, detail: noDetail };
  try {
    const stored = sealed && decodeDetail(sealed, seq);
    if (!state || !stored) return undefined;
    return {
      spec,
      state: rowHasMore(row.bytes, row.at) ? withMore(state, stored, seq) : state,
      detail: shownDetail(stored),
    };
  } catch {
    return undefined;
  }
}

/** No label stands for nobody. */
export function checkLabels(ground: CheckGround): void {
  const { kv, faults } = ground;
  faults.try('unreadable', 'the labels of jobs', () => {
    for (const key of kv.keys('labels', {})) {
      const seq = seqOfLabel(key);
      if (!ground.row(seq)) faults.add('left', `there is a label of job number ${seq}, which does not exist`);
    }
  });
}
