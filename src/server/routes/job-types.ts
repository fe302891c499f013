/** The resource `/job-types`: what handlers there are, with the defaults of their jobs. It never changes while we run. */
import { formatDuration } from '../../domain/duration.js';
import type { Route } from '../app.js';
import type { JobType } from '../ports.js';
import { jsonOk } from '../response-head.js';

/** What bounds the attempts of all types together. */
export interface Capacity {
  readonly threads: number;
  readonly attemptsPerThread: number;
}

export function jobTypesRoutes(base: string, types: readonly JobType[], capacity: Capacity): Route[] {
  const items = types
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, description, timeoutMs, concurrency, maxRetries, retryDelayMs }) => ({
      name,
      description,
      timeout: formatDuration(timeoutMs, 'up'),
      // JSON has no infinity: null is "unbounded".
      concurrency: Number.isFinite(concurrency) ? concurrency : null,
      max_retries: maxRetries,
      retry_delay: formatDuration(retryDelayMs, 'up'),
    }));
  const { threads, attemptsPerThread } = capacity;
  const document = JSON.stringify({ total: items.length, items, threads, attempts_per_thread: attemptsPerThread });
  return [{ method: 'GET', path: `${base}/job-types`, run: (exchange) => exchange.answer(jsonOk, document) }];
}
