import type { JobSpec } from './job.js';
import { limits } from './limits.js';

/**
 * How long after a failure retry `n` (1 for the first) comes, in milliseconds. The bound ends the doubling; it never makes the
 * wait shorter than the delay that the user asked for.
 */
export function backoffMs(spec: Pick<JobSpec, 'backoff' | 'retryDelayMs'>, n: number): number {
  if (spec.backoff === 'fixed') return spec.retryDelayMs;
  return Math.max(spec.retryDelayMs, Math.min(spec.retryDelayMs * 2 ** (n - 1), limits.maxBackoffMs));
}
