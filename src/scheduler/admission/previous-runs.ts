/**
 * Attempts of one job are never in threads at once, nor are those of one type and key. A job whose key has been taken from another one that runs still, or that was
 * cancelled and is in its grace, waits here for the end of that attempt. Of each key at most one job waits: whoever comes later has taken
 * the key from the one before.
 */
import { placeOf } from '../../domain/control/keys.js';
import type { JobSpec } from '../../domain/job.js';
import type { WaitingJob } from './waiting-line.js';

const none: readonly WaitingJob[] = [];

/** See the head of this file. */
export class PreviousRuns {
  /** Jobs with a place in the pool, by their keys. */
  readonly #running = new Map<string, number>();
  readonly #waiting = new Map<string, WaitingJob>();
  /** Jobs that wait for the end of an attempt of their own, by `seq`: their next slot has ended it (`cancel_running`). */
  readonly #behindOwn = new Map<number, WaitingJob>();
  /** The keys of `#waiting`, by `seq`. */
  readonly #places = new Map<number, string>();

  /** An attempt has a place in the pool from now on. */
  began(spec: JobSpec): void {
    const place = placeOf(spec);
    if (place !== undefined) this.#running.set(place, spec.seq);
  }

  /** It has left it. Returns the jobs that have waited for that. */
  ended(spec: JobSpec): readonly WaitingJob[] {
    const place = placeOf(spec);
    if (place === undefined && this.#behindOwn.size === 0) return none;
    const own = this.#behindOwn.get(spec.seq);
    this.#behindOwn.delete(spec.seq);
    const next = place === undefined ? undefined : this.#waiting.get(place);
    if (place !== undefined) this.#running.delete(place);
    if (next !== undefined) this.changed(next.seq);
    return [own, next].filter((job) => job !== undefined);
  }

  /** Whether another job with the key has a place in the pool. */
  keepsWaiting(spec: JobSpec): boolean {
    const place = placeOf(spec);
    const running = place === undefined ? undefined : this.#running.get(place);
    return running !== undefined && running !== spec.seq;
  }

  /** Keeps a job that is due here, if it has to wait. Returns whether it does. @param runs an attempt of its own has a place still */
  keep(job: WaitingJob, spec: JobSpec, runs: boolean): boolean {
    if (runs) this.#behindOwn.set(job.seq, job);
    if (runs) return true;
    if (spec.key === undefined || !this.keepsWaiting(spec)) return false;
    const place = placeOf(spec) as string;
    const before = this.#waiting.get(place);
    if (before !== undefined) this.changed(before.seq);
    this.#waiting.set(place, job);
    this.#places.set(job.seq, place);
    return true;
  }

  /** A job has changed, and that is on disk. If it waits still, the window has it once more. */
  changed(seq: number): void {
    this.#behindOwn.delete(seq);
    const place = this.#places.get(seq);
    if (place === undefined) return;
    this.#places.delete(seq);
    this.#waiting.delete(place);
  }

  /** How many jobs wait here. */
  get waiting(): number {
    return this.#waiting.size + this.#behindOwn.size;
  }

  /** How many of a type do. It looks at all. */
  waitingOf(name: string): number {
    let jobs = 0;
    for (const waiting of [this.#waiting, this.#behindOwn])
      for (const job of waiting.values()) if (job.name === name) jobs++;
    return jobs;
  }

  /** Due time of the earliest that waits here, with this priority if it is given, in Unix milliseconds; Infinity when none does. */
  earliest(priority?: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const jobs of [this.#waiting, this.#behindOwn])
      for (const job of jobs.values())
        if (priority === undefined || job.priority === priority) first = Math.min(first, job.due);
    return first;
  }
}
