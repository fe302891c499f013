/**
 * One job per key: a key names a job within its type. It is taken while its job is pending or running, and with a `key_ttl` at least so
 * long after that job was made. Each key that was used has a *holder*: the job that has it, or had it last.
 */
import type { JobSpec, JobState } from '../job.js';
import { isFinished } from '../lifecycle.js';

/** What becomes of a request whose key is taken. */
export const ifExists = ['reject', 'return', 'replace'] as const;
export type IfExists = (typeof ifExists)[number];

/** The job that has a key, or had it last. */
export interface KeyHolder {
  readonly seq: number;
  /** Until then the key is taken whatever becomes of the job, in Unix milliseconds; 0: only while it is pending or running. */
  readonly keptUntil: number;
}

/** Where a key stands in tables: neither a type nor a key has a space. */
export const placeOfJobKey = (name: string, key: string): string => `${name} ${key}`;

/** Where the key of a job stands in tables; undefined when it has none. */
export function placeOf({ name, key }: Pick<JobSpec, 'name' | 'key'>): string | undefined {
  return key === undefined ? undefined : placeOfJobKey(name, key);
}

/** A job as the holder of its key. */
export function asHolder({ seq, createdAt, keyTtlMs = 0 }: JobSpec): KeyHolder {
  return { seq, keptUntil: keyTtlMs === 0 ? 0 : createdAt + keyTtlMs };
}

/**
 * Whether a key is taken.
 *
 * @param state of its holder; undefined where that has been removed
 */
export function isTaken({ keptUntil }: KeyHolder, state: Pick<JobState, 'status'> | undefined, now: number): boolean {
  return state !== undefined && (!isFinished(state.status) || keptUntil > now);
}
