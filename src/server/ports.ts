/** What the server is handed from above, beside the scheduler's `Requests` and the store's `Queries`. */
import type { Rate } from '../domain/control/rate.js';
import type { PayloadCheck } from '../schema/payload-check.js';

/** How the server is, and why if it is not well: a sentence for users, without paths. */
export type Health = (
  | { readonly status: 'healthy' }
  | { readonly status: 'degraded' | 'draining'; readonly reason: string }
) & {
  /** By job type: pending jobs that have no handler here. Absent when there are none. */
  readonly waiting_for_handler?: Readonly<Record<string, number>>;
  /** A user has paused the server. Absent where none has. */
  readonly paused?: true;
};

/** A job type without a handler, and how many of its jobs are pending: at least 1. */
export interface JobsWithoutHandler {
  readonly name: string;
  readonly pending: number;
}

/** Which jobs there are, by type. */
export interface JobsOfTypes {
  /** Types that have jobs, or had some, or have had attempts here. */
  names(): readonly string[];
  withoutHandler(): readonly JobsWithoutHandler[];
  /** Jobs of a type, in any status. */
  count(name: string): number;
  pending(name: string): number;
  running(name: string): number;
  /** What became of its attempts in the last minute; undefined where that is not known. */
  recent(name: string): RecentOfType | undefined;
}

/** There are none. */
export const noJobs: JobsOfTypes = {
  names: () => [],
  withoutHandler: () => [],
  count: () => 0,
  pending: () => 0,
  running: () => 0,
  recent: () => undefined,
};

/** Of a job type, in the last minute. Starts by how late they were, and ends by how long they took, in the buckets of the metrics. */
export interface RecentOfType {
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly lateness: readonly number[];
  readonly duration: readonly number[];
}

/** A job type that a handler is registered for, with the defaults of its jobs. */
export interface JobType {
  readonly name: string;
  readonly description: string;
  /** Attempts of this type that may run at once; Infinity when unbounded. */
  readonly concurrency: number;
  /** The same of each group of its jobs; absent: unbounded. */
  readonly groupConcurrency?: number | undefined;
  readonly rate?: Rate | undefined;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly maxRetryDelayMs?: number | undefined;
  readonly retryJitter?: number | undefined;
  readonly expiresAfterMs?: number | undefined;
  readonly priority?: number | undefined;
  /** What payloads of new jobs are held against; absent: any object will do. */
  readonly payload?: { readonly schema: Readonly<Record<string, unknown>>; readonly check: PayloadCheck };
}
