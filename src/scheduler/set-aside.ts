import { type DamageReports, UnreadableRecord } from '../store/port.js';

/** Runs `read`; one that cannot be read is reported and the job set aside until the next start: the value is undefined then. */
export function setAsideIfDamaged<T>(damage: DamageReports, seq: number, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnreadableRecord)) throw error;
    damage.tell(error, `a job is set aside: its record is ${error.state}`, { jobSeq: seq });
    return undefined;
  }
}
