/** A job type as answers show it. */
import { limitsOf, type TypeLimits, type TypeSettings } from '../../../domain/control/settings.js';
import { formatDuration } from '../../../domain/time/duration.js';
import { attemptBounds, latenessBounds } from '../../../telemetry/counts.js';
import { quantile } from '../../../telemetry/recent.js';
import type { JobType, RecentOfType } from '../../ports.js';

/** What there is to be shown of one. */
export interface TypeFacts {
  /** Undefined: none is loaded. */
  readonly handler: JobType | undefined;
  /** By users. */
  readonly set: TypeSettings;
  readonly counts: { readonly pending: number; readonly due: number; readonly running: number };
  /** Undefined: nothing is known. */
  readonly recent: RecentOfType | undefined;
}

export interface Shown {
  readonly name: string;
  readonly handler: object | null;
}

const unlimited = { concurrency: Number.POSITIVE_INFINITY };
const span = '1m0s';

export function shownType(name: string, { handler, set, counts, recent }: TypeFacts): Shown {
  const limits = shownLimits(limitsOf(handler ?? unlimited, set));
  const { paused } = set;
  const shown = {
    name,
    ...(handler && defaultsOf(handler, limits)),
    ...limits,
    ...(paused !== undefined && { paused: true, ...(paused.reason !== undefined && { pause_reason: paused.reason }) }),
    handler: handler ? shownLimits(limitsOf(handler, {})) : null,
    counts,
    recent: shownRecent(recent),
  };
  return shown;
}

/** In the order of the original's example. */
function defaultsOf(type: JobType, { concurrency }: ReturnType<typeof shownLimits>): object {
  const { description, timeoutMs, maxRetries, retryDelayMs, payload } = type;
  const { maxRetryDelayMs, retryJitter, expiresAfterMs, priority } = type;
  return {
    description,
    timeout: formatDuration(timeoutMs, 'up'),
    concurrency,
    max_retries: maxRetries,
    retry_delay: formatDuration(retryDelayMs, 'up'),
    ...(maxRetryDelayMs !== undefined && { max_retry_delay: formatDuration(maxRetryDelayMs, 'up') }),
    ...(retryJitter !== undefined && { retry_jitter: retryJitter }),
    ...(expiresAfterMs !== undefined && { expires_after: formatDuration(expiresAfterMs, 'up') }),
    ...(priority !== undefined && { priority }),
    ...(payload && { payload_schema: payload.schema }),
  };
}

/** JSON has no infinity: null is "unbounded". */
function shownLimits({ concurrency, groupConcurrency, rate }: TypeLimits) {
  return {
    concurrency: Number.isFinite(concurrency) ? concurrency : null,
    group_concurrency: Number.isFinite(groupConcurrency) ? groupConcurrency : null,
    rate: rate?.text ?? null,
  };
}

function shownRecent(recent: RecentOfType | undefined): object {
  const { started = 0, succeeded = 0, failed = 0, lateness = [], duration = [] } = recent ?? {};
  return {
    span,
    started,
    succeeded,
    failed,
    lateness_p99_ms: quantile(latenessBounds, lateness, 0.99),
    duration_p50_ms: quantile(attemptBounds, duration, 0.5),
    duration_p99_ms: quantile(attemptBounds, duration, 0.99),
  };
}
