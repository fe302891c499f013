/**
 * What a row has no room for, as JSON: a job's last error and its result and, where the row's flag `more` says so, the rest of its
 * state. That is a pause, and what belongs to an extra occurrence.
 */
import { type Job, type JobDetail, type JobState, noDetail, type Pause } from '../../domain/job.js';
import { DamagedRecord } from '../port.js';

/** The rest of a state. */
interface MoreState {
  /** The row has when the pause ends. */
  readonly due: number;
  readonly nextSlot?: number;
  readonly pause?: Pause;
}

export interface StoredDetail extends JobDetail {
  readonly more?: MoreState;
}

/** Whether a row needs more than it has room for. */
export function needsMore({ pause, nextSlot }: JobState): boolean {
  return pause !== null || nextSlot !== 0;
}

/** Whether there is a detail to be stored beside the row. */
export function hasStoredDetail({ state, detail }: Pick<Job, 'state' | 'detail'>): boolean {
  return detail !== noDetail || needsMore(state);
}

/** The detail as it is stored. */
export function storedDetail({ state, detail }: Pick<Job, 'state' | 'detail'>): StoredDetail {
  if (!needsMore(state)) return detail;
  const { due, nextSlot, pause } = state;
  return { ...detail, more: { due, ...(nextSlot !== 0 && { nextSlot }), ...(pause !== null && { pause }) } };
}

/** The part of a stored detail that answers show. */
export function shownDetail(stored: StoredDetail): JobDetail {
  if (stored.more === undefined) return stored;
  const { more: _, ...shown } = stored;
  return Object.keys(shown).length === 0 ? noDetail : shown;
}

/** A state whose row has the flag `more`, with the rest of it. @throws DamagedRecord when that is not there */
export function withMore(state: JobState, { more }: StoredDetail, seq: number): JobState {
  if (more === undefined) throw new DamagedRecord(`the rest of the state of job ${seq}`, 'is missing');
  return { ...state, due: more.due, nextSlot: more.nextSlot ?? 0, pause: more.pause ?? null };
}
