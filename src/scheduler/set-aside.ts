import { DamagedRecord, type DamageReports } from '../store/port.js';

/** Runs `read`; a damaged record is reported and the job set aside until the next start: the value is undefined then. */
export function setAsideIfDamaged<T>(damage: DamageReports, seq: number, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
    damage.tell(error, 'a job is set aside: its record is damaged', { jobSeq: seq });
    return undefined;
  }
}
