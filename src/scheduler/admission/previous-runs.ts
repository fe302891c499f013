/**
 * Attempts of one type and key are never in threads at once. A job whose key has been taken from another one that runs still, or that was
 * cancelled and is in its grace, waits here for the end of that attempt. Of each key at most one job waits: whoever comes later has taken
 * the key from the one before.
 */
import { placeOf } from '../../domain/control/keys.js';
import type { JobSpec } from '../../domain/job.js';
import type { WaitingJob } from './waiting-line.js';

/** See the head of this file. */
export class PreviousRuns {
  /** Jobs with a place in the pool, by their keys. */
  readonly #running = new Map<string, number>();
  readonly #waiting = new Map<string, WaitingJob>();

  /** An attempt has a place in the pool from now on. */
  began(spec: JobSpec): void {
    const place = placeOf(spec);
    if (place !== undefined) this.#running.set(place, spec.seq);
  }

  /** It has left it. Returns the job that has waited for that. */
  ended(spec: JobSpec): WaitingJob | undefined {
    const place = placeOf(spec);
    if (place === undefined) return undefined;
    this.#running.delete(place);
    const next = this.#waiting.get(place);
    this.#waiting.delete(place);
    return next;
  }

  /** Whether another job with the key has a place in the pool. */
  keepsWaiting(spec: JobSpec): boolean {
    const place = placeOf(spec);
    const running = place === undefined ? undefined : this.#running.get(place);
    return running !== undefined && running !== spec.seq;
  }

  /** Keeps a job that is due here, if it has to wait. Returns whether it does. */
  keep(job: WaitingJob, spec: JobSpec): boolean {
    if (spec.key === undefined || !this.keepsWaiting(spec)) return false;
    this.#waiting.set(placeOf(spec) as string, job);
    return true;
  }

  /** How many wait here, or have moved on since. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Due time of the earliest that waits here, with this priority if it is given, in Unix milliseconds; Infinity when none does. */
  earliest(priority?: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const job of this.#waiting.values())
      if (priority === undefined || job.priority === priority) first = Math.min(first, job.due);
    return first;
  }
}
