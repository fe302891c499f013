/**
 * The resource `/job-types`: what handlers there are, with the defaults of their jobs, and types that have jobs to run and
 * no handler.
 */

import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { formatDuration } from '../../domain/time/duration.js';
import type { Route } from '../http/app.js';
import { jsonOk } from '../http/response-head.js';
import type { JobTypes } from '../job-types.js';
import type { JobsWithoutHandler, JobType } from '../ports.js';

/** What bounds the attempts of all types together. */
export interface Capacity {
  readonly threads: number;
  readonly attemptsPerThread: number;
}

export function jobTypesRoutes(
  base: string,
  types: JobTypes,
  { threads, attemptsPerThread }: Capacity,
  withoutHandler: () => readonly JobsWithoutHandler[],
): Route[] {
  const list = (): string => {
    const waiting = withoutHandler().map(({ name, pending }) => ({ name, handler: null, counts: { pending } }));
    const items = [...Array.from(types.all, shown), ...waiting].sort((a, b) => (a.name < b.name ? -1 : 1));
    return JSON.stringify({ total: items.length, items, threads, attempts_per_thread: attemptsPerThread });
  };
  return [{ ...at(base, operations.jobTypes), run: (exchange) => exchange.answer(jsonOk, list()) }];
}

function shown(type: JobType) {
  const { name, description, timeoutMs, concurrency, maxRetries, retryDelayMs, payload } = type;
  const { maxRetryDelayMs, retryJitter, expiresAfterMs, priority } = type;
  return {
    name,
    description,
    timeout: formatDuration(timeoutMs, 'up'),
    // JSON has no infinity: null is "unbounded".
    concurrency: Number.isFinite(concurrency) ? concurrency : null,
    max_retries: maxRetries,
    retry_delay: formatDuration(retryDelayMs, 'up'),
    ...(maxRetryDelayMs !== undefined && { max_retry_delay: formatDuration(maxRetryDelayMs, 'up') }),
    ...(retryJitter !== undefined && { retry_jitter: retryJitter }),
    ...(expiresAfterMs !== undefined && { expires_after: formatDuration(expiresAfterMs, 'up') }),
    ...(priority !== undefined && { priority }),
    ...(payload && { payload_schema: payload.schema }),
  };
}
