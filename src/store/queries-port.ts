/** What the read side answers. All of one answer comes from one snapshot of what is on disk. */

import type { JobEvent } from '../domain/events.js';
import type { Job } from '../domain/job.js';
import type { Status } from '../domain/lifecycle.js';
import type { NumberedRun } from '../domain/runs/run.js';

export interface ListQuery {
  readonly status?: Status;
  readonly name?: string;
  readonly limit: number;
  readonly offset: number;
  /** Lists jobs made before this one: a `seq`, from an earlier page's `nextBefore`. Replaces `offset`. */
  readonly before?: number;
}

export interface ListPage {
  /** Jobs that match, on all pages. */
  readonly total: number;
  /** Newest first. */
  readonly jobs: readonly Job[];
  /** Where the next page begins; absent on the last. */
  readonly nextBefore?: number;
}

export interface Totals {
  readonly pending: number;
  readonly running: number;
  /** Finished occurrences since the data directory was made. */
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** Where a look into the past ended: the next one goes on there without searching. */
export interface LogPlace {
  /** Of a record of the log. */
  readonly position: number;
  /** The events of that record if some are left: they need not be read again. */
  readonly record?: readonly JobEvent[];
}

export interface PastEvents {
  /** In order. */
  readonly events: readonly JobEvent[];
  /** The first that can be read still. */
  readonly oldest: number;
  /** Behind these events; absent when there are none. */
  readonly next?: LogPlace;
}

export interface RunPage {
  /** Rows that there are, on all pages. */
  readonly total: number;
  /** Newest first. */
  readonly runs: readonly NumberedRun[];
  /** Where the next page begins; absent on the last. */
  readonly nextBefore?: number;
}

export interface Queries {
  get(id: string): Job | undefined;
  /**
   * The runs of a job; undefined when there is no such job.
   *
   * @param query `before`: only rows with a lower number, from an earlier page's `nextBefore`
   */
  runs(id: string, query: { readonly limit: number; readonly before?: number | undefined }): RunPage | undefined;
  list(query: ListQuery): ListPage;
  totals(): Totals;
  /** Number of the latest event on disk. */
  lastEvent(): number;
  /**
   * Events after `seq`, at most `limit`.
   *
   * @param from `next` of the look that ended with event `seq`
   */
  eventsAfter(seq: number, limit: number, from?: LogPlace): PastEvents;
  /** The `seq` that an id names, whether or not the job still exists. */
  seqOf(id: string): number | undefined;
}
