import type { Logger } from '../log.js';
import { DamagedRecord } from '../store/damage.js';

/** Runs `read`; a damaged record is reported and the job set aside until the next start: the value is undefined then. */
export function setAsideIfDamaged<T>(log: Logger, seq: number, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
    log.error({ jobSeq: seq, reason: error.message }, 'a job is set aside: its record is damaged');
    return undefined;
  }
}
