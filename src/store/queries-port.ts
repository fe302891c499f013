/** What the read side answers. All of one answer comes from one snapshot of what is on disk. */

import type { JobEvent } from '../domain/events.js';
import type { JobFilter } from '../domain/finding/job-filter.js';
import type { Job, JobName } from '../domain/job.js';
import type { NumberedRun } from '../domain/runs/run.js';
import type { BulkJobs } from './port.js';

/** Where a page ended. */
export interface ListPlace {
  readonly seq: number;
  /** When that job was due, in Unix milliseconds: of a list in order of due times. */
  readonly due?: number;
  /** Over several shards: the place in each, by its number. It replaces the others. */
  readonly places?: readonly ListPlace[];
}

export interface ListQuery {
  /** Absent: all jobs. */
  readonly filter?: JobFilter;
  /** By `seq`, or by due time and then `seq`; absent: by `seq`. */
  readonly sort?: 'created' | 'due';
  /** The newest, or the latest, first; absent: it is so by `seq`, and not by due time. */
  readonly descending?: boolean;
  readonly limit: number;
  readonly offset: number;
  /** Lists only jobs behind this one: `next` of an earlier page. Replaces `offset`. */
  readonly behind?: ListPlace;
  /** The place of each job is wanted, too. */
  readonly withPlaces?: boolean;
}

export interface ListPage {
  /** Jobs that match, on all pages. */
  readonly total: number;
  /** In the order that was asked for. */
  readonly jobs: readonly Job[];
  /** Behind this the next page begins; absent on the last. */
  readonly next?: ListPlace;
  /** Of each of the jobs, where they are wanted. */
  readonly places?: readonly ListPlace[];
}

/** Jobs that have a text in payload, result or last error, case ignored. */
export interface SearchQuery {
  readonly filter: JobFilter;
  readonly text: string;
  /** The newest first. */
  readonly descending: boolean;
  readonly limit: number;
  /** Only jobs behind this one: `next` of an earlier page. */
  readonly behind?: ListPlace;
  /** Monotonic milliseconds: a request looks for a while only. */
  readonly now: () => number;
}

export interface SearchPage {
  /** Perhaps none. */
  readonly jobs: readonly Job[];
  /** Jobs that were looked at. */
  readonly scanned: number;
  /** Behind this the next page begins; absent when all have been looked at. */
  readonly next?: ListPlace;
}

export interface FailureQuery {
  /** Of jobs of this type only. */
  readonly name?: string;
  readonly limit: number;
  /** Only groups behind this one: `next` of an earlier page. */
  readonly behind?: { readonly count: number; readonly group: number };
}

/** Jobs that have failed, of one type and for one reason, as `finding/error-group` tells. Instants are Unix milliseconds. */
export interface FailureGroup {
  readonly name: string;
  readonly group: number;
  /** Folded. */
  readonly message: string;
  readonly count: number;
  /** When the first of them failed, and the last. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** The one that failed last. */
  readonly latest: JobName;
}

export interface FailurePage {
  /** Groups on all pages. */
  readonly total: number;
  /** Those of the most jobs first. */
  readonly groups: readonly FailureGroup[];
  /** Behind this the next page begins; absent on the last. */
  readonly next?: { readonly count: number; readonly group: number };
}

/** A query that takes too long for one turn: each `next` is a step of about a millisecond, and the last returns the answer. */
export type Steps<T> = Iterator<undefined, T>;

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

/** A group of a type: its jobs that are not finished. */
export interface GroupCounts {
  readonly group: string;
  readonly pending: number;
  /** Of those. */
  readonly due: number;
  readonly running: number;
}

export interface RunPage {
  /** Rows that there are, on all pages. */
  readonly total: number;
  /** Newest first. */
  readonly runs: readonly NumberedRun[];
  /** Where the next page begins; absent on the last. */
  readonly nextBefore?: number;
}

/** Which lines of a job. */
export interface JobLogQuery {
  /** Of this attempt only. */
  readonly run?: number | undefined;
  readonly limit: number;
  /** Behind this line. */
  readonly after?: LogLinePlace | undefined;
}

/** A line: its attempt, and its number among the lines of that. */
export interface LogLinePlace {
  readonly run: number;
  readonly n: number;
}

/** A line that a handler has written. `at`: Unix milliseconds; `fields`: JSON text of an object. */
export interface JobLogLine extends LogLinePlace {
  readonly at: number;
  readonly level: string;
  readonly message: string;
  readonly fields?: string | undefined;
}

export interface JobLogPage {
  /** Lines that there are. */
  readonly total: number;
  /** Lines that there were, of the attempts that have some left. */
  readonly dropped: number;
  readonly items: readonly JobLogLine[];
  /** The last one; undefined when nothing is behind it. */
  readonly next: LogLinePlace | undefined;
}

export interface Queries {
  /** How many shards the jobs are in. */
  readonly shards: number;
  get(id: string): Job | undefined;
  /**
   * Lines that handlers of a job have written; undefined when there is no such job.
   *
   * @throws Refusal when a record is damaged
   */
  logs(id: string, query: JobLogQuery): JobLogPage | undefined;
  /**
   * The runs of a job; undefined when there is no such job.
   *
   * @param query `before`: only rows with a lower number, from an earlier page's `nextBefore`
   */
  runs(id: string, query: { readonly limit: number; readonly before?: number | undefined }): RunPage | undefined;
  /** A list that asks of no due times. */
  list(query: ListQuery): ListPage;
  /** Any list, as of the instant of one of its steps; the jobs are shown as they are in the last. */
  listInSteps(query: ListQuery): Steps<ListPage>;
  search(query: SearchQuery): Steps<SearchPage>;
  failures(query: FailureQuery): Steps<FailurePage>;
  /** All jobs that match, by block, as of the instant of one of its steps. */
  matching(filter: JobFilter): Steps<readonly BulkJobs[]>;
  totals(): Totals;
  /** Pending jobs that are due at `now` by type, of types that have some. Unix milliseconds. */
  dueInSteps(now: number): Steps<ReadonlyMap<string, number>>;
  /** The groups of a type that have unfinished jobs, those with most of them first. */
  groupsInSteps(name: string, now: number): Steps<readonly GroupCounts[]>;
  /** Number of the latest event on disk; over several shards, how many there have been. */
  lastEvent(): number;
  /** Number of the latest event of a shard. */
  lastEventOf(shard: number): number;
  /**
   * Events after `seq`, at most `limit`.
   *
   * @param from `next` of the look that ended with event `seq`
   * @param shard whose events; absent: there is one only
   */
  eventsAfter(seq: number, limit: number, from?: LogPlace, shard?: number): PastEvents;
  /** The `seq` that an id names, whether or not the job still exists. */
  seqOf(id: string): number | undefined;
}
