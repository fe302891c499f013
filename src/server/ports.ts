/** What the server is handed from above, beside the scheduler's `Requests` and the store's `Queries`. Types only. */

/** How the server is, and why if it is not well: a sentence for users, without paths. */
export type Health =
  | { readonly status: 'healthy' }
  | { readonly status: 'degraded' | 'draining'; readonly reason: string };

/** A job type that a handler is registered for, with the defaults of its jobs. */
export interface JobType {
  readonly name: string;
  readonly description: string;
  /** Attempts of this type that may run at once; Infinity when unbounded. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
}
