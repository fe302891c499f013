/** Checking which job has which key, from both sides: a job that is pending or running has its own, and each key is of a job that has it. */
import { placeOf } from '../../domain/control/keys.js';
import type { JobSpec } from '../../domain/job.js';
import { isFinished, type Status } from '../../domain/lifecycle.js';
import { pageOf, specKey } from '../format/layout.js';
import { type RowPlace, rowStatus } from '../format/row.js';
import { readSpec } from '../format/spec-codec.js';
import { placeOfUnder, readKeyHolder, underOfJobKey } from '../format/trees/job-key.js';
import { UnreadableRecord } from '../port.js';
import type { CheckGround } from './check-ground.js';

/** A job that is pending or running has its key, unless another has taken it while it ran. */
export function checkHeld(ground: CheckGround, seq: number, spec: JobSpec, row: RowPlace): void {
  const place = placeOf(spec);
  if (place === undefined || spec.keyLost || isFinished(rowStatus(row.bytes, row.at) as Status)) return;
  const under = underOfJobKey(place);
  const sealed = ground.kv.get('jobKeys', under);
  try {
    const holder = sealed && readKeyHolder(sealed, under);
    if (holder?.seq === seq) return;
    const other = holder === undefined ? 'nobody has it' : `${ground.nameOf(holder.seq)} has it`;
    ground.faults.add('jobKey', `the key of ${ground.nameOf(seq)} is not its own: ${other}`);
  } catch (error) {
    // Reported when the keys are read.
    if (!(error instanceof UnreadableRecord)) throw error;
  }
}

/** Each key is of a job that there is and that was made with it. */
export function checkJobKeys(ground: CheckGround): void {
  const { kv, faults, counters } = ground;
  faults.try('unreadable', 'the keys of jobs', () => {
    for (const { key, value } of kv.entries('jobKeys', {})) {
      const holder = faults.try('jobKey', 'the key of a job', () => readKeyHolder(value, key));
      if (!holder) continue;
      if (holder.seq >= counters.nextSeq)
        faults.add('jobKey', `a key is of job number ${holder.seq}, which was never made`);
      else checkHolder(ground, holder.seq, placeOfUnder(key));
    }
  });
}

function checkHolder(ground: CheckGround, seq: number, place: string): void {
  if (ground.damagedPages.has(pageOf(seq))) return;
  const bytes = ground.kv.get('specs', specKey(seq));
  if (!ground.row(seq) || !bytes) {
    ground.faults.add('jobKey', `a key is of job number ${seq}, which does not exist`);
    return;
  }
  try {
    if (placeOf(readSpec(seq, bytes, ground.types)) !== place)
      ground.faults.add('jobKey', `a key names ${ground.nameOf(seq)}, which was made with another one, or without`);
  } catch (error) {
    // Reported when the specs were read.
    if (!(error instanceof UnreadableRecord)) throw error;
  }
}
