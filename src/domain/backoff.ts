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

/**
 * How long retry `n` waits, in milliseconds: as the failure says (`wantedMs`), up to what the backoff may reach, else by the
 * backoff.
 */
export function retryWaitMs(spec: Pick<JobSpec, 'backoff' | 'retryDelayMs'>, n: number, wantedMs?: number): number {
  if (wantedMs === undefined) return backoffMs(spec, n);
  return Math.min(wantedMs, Math.max(spec.retryDelayMs, limits.maxBackoffMs));
}
