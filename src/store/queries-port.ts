/** What the read side answers. All of one answer comes from one snapshot of what is on disk. */

import type { JobEvent } from '../domain/events.js';
import type { Job } from '../domain/job.js';
import type { Status } from '../domain/lifecycle.js';

export interface ListQuery {
  readonly status?: Status;
  readonly name?: string;
  readonly limit: number;
  readonly offset: number;
  /** Lists jobs made before this one: a key, from an earlier page's `nextBefore`. Replaces `offset`. */
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

export interface Queries {
  get(id: string): Job | undefined;
  list(query: ListQuery): ListPage;
  totals(): Totals;
  /** Number of the latest event on disk. */
  lastEvent(): number;
  /** Events after `seq`, in order, at most `limit`; `oldest` is the first that the log still has. */
  eventsAfter(seq: number, limit: number): { readonly events: readonly JobEvent[]; readonly oldest: number };
  /** The key that an id names, whether or not the job still exists. */
  keyOf(id: string): number | undefined;
}
