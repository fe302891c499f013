/** Checking the runs of jobs: rows of jobs that exist, numbered without a gap, and the latest attempt is among them. */
import { isRepeating } from '../../domain/job.js';
import { type AttemptRun, isPassedOver, type NumberedRun, runsKept } from '../../domain/runs/run.js';
import { specKey } from '../format/layout.js';
import { rowFence, rowStatus } from '../format/row.js';
import { readSpec } from '../format/spec-codec.js';
import { jobOfRunKey, readRun } from '../format/trees/run-row.js';
import type { CheckGround } from './check-ground.js';

/** What is gathered of one job. */
interface RowsOfJob {
  readonly seq: number;
  rows: number;
  last: number;
  hasGap: boolean;
  latest: AttemptRun | undefined;
}

export function checkRuns(ground: CheckGround): void {
  const { kv, faults } = ground;
  let present: RowsOfJob | undefined;
  faults.try('unreadable', 'the runs of jobs', () => {
    for (const { key, value } of kv.entries('runs', {})) {
      const seq = jobOfRunKey(key);
      if (present?.seq !== seq) {
        if (present) checkJob(ground, present);
        present = { seq, rows: 0, last: 0, hasGap: false, latest: undefined };
      }
      const row = faults.try('run', `a row of the runs of ${ground.nameOf(seq)}`, () => readRun(value, key));
      if (row) gather(present, row);
    }
  });
  if (present) checkJob(ground, present);
}

function gather(of: RowsOfJob, { number, run }: NumberedRun): void {
  of.hasGap ||= of.rows > 0 && number !== of.last + 1;
  of.rows++;
  of.last = number;
  if (!isPassedOver(run)) of.latest = run;
}

function checkJob(ground: CheckGround, { seq, rows, hasGap, latest }: RowsOfJob): void {
  const { faults } = ground;
  const row = ground.row(seq);
  if (!row) {
    if (!ground.isOpen(seq)) faults.add('left', `there are runs of job number ${seq}, which does not exist`);
    return;
  }
  const name = ground.nameOf(seq);
  if (hasGap) faults.add('run', `a row of the runs of ${name} is missing`);
  const fence = rowFence(row.bytes, row.at);
  // That of an attempt which runs comes with its end.
  const expected = rowStatus(row.bytes, row.at) === 'running' ? fence - 1 : fence;
  if (latest && latest.run !== expected)
    faults.add('run', `the runs of ${name} end with attempt ${latest.run}, its state says ${expected}`);
  const bytes = ground.kv.get('specs', specKey(seq));
  const spec = bytes && faults.try('spec', `the spec of ${name}`, () => readSpec(seq, bytes, ground.types));
  if (spec && rows > runsKept(isRepeating(spec))) faults.add('left', `${name} has ${rows} rows of runs`);
}
