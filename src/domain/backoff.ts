import type { JobSpec } from './job.js';
import { limits } from './limits.js';
import { fractionOf } from './slots/fraction.js';

/**
 * How long after a failure retry `n` (1 for the first) comes, in milliseconds, but for the jitter. The bound ends the doubling;
 * it never makes the wait shorter than the delay that the user asked for.
 */
export function backoffMs(
  {
    backoff,
    retryDelayMs,
    maxRetryDelayMs = limits.maxBackoffMs,
  }: Pick<JobSpec, 'backoff' | 'retryDelayMs' | 'maxRetryDelayMs'>,
  n: number,
): number {
  if (backoff === 'fixed') return retryDelayMs;
  return Math.max(retryDelayMs, Math.min(retryDelayMs * 2 ** (n - 1), maxRetryDelayMs));
}

/**
 * How long retry `n` waits, in milliseconds. As the failure says (`wantedMs`), up to what the backoff may reach; else the backoff,
 * and a part of up to `retryJitter` of it more. Which part follows from job and attempt: a failure that is decided again, as the
 * disk refused it, grants the same retry.
 *
 * @param fence of the attempt that failed
 */
export function retryWaitMs(spec: JobSpec, n: number, fence: number, wantedMs?: number): number {
  const { retryDelayMs, maxRetryDelayMs = limits.maxBackoffMs, retryJitter } = spec;
  if (wantedMs !== undefined) return Math.min(wantedMs, Math.max(retryDelayMs, maxRetryDelayMs));
  const waitMs = backoffMs(spec, n);
  if (retryJitter === undefined) return waitMs;
  return waitMs + Math.floor(fractionOf(spec.seq, spec.idSeconds, fence) * retryJitter * waitMs);
}
