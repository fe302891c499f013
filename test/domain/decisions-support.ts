/** What the tests of decisions share. */
import type { Failure } from '../../src/domain/decisions.js';
import type { JobDetail } from '../../src/domain/job.js';
import type { PassedOver, PassOutcome } from '../../src/domain/runs/run.js';

export const minute = 60_000;
export const hour = 60 * minute;
export const failure: Failure = { name: 'TypeError', message: 'no such order', code: 'handler_error', retryable: true };
export const lastErrorAt = (at: number): JobDetail => ({
  lastError: { name: 'TypeError', message: 'no such order', code: 'handler_error', at },
});
/** The row of slots that were passed over. */
export const passedOver = (
  outcome: PassOutcome,
  scheduledFor: number,
  lastScheduledFor: number,
  count: number,
): PassedOver => ({ outcome, scheduledFor, lastScheduledFor, count, manual: false });
