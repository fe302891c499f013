/** A run as answers show it. */
import { isPassedOver, type Run } from '../../domain/runs/run.js';
import { formatInstant } from '../../domain/time/instant.js';

/** @param timezone IANA name, for instants */
export function renderRun(run: Run, timezone: string): object {
  const instant = (ms: number): string => formatInstant(ms, timezone);
  const { outcome, manual } = run;
  const scheduled_for = instant(run.scheduledFor);
  if (isPassedOver(run))
    return { scheduled_for, manual, outcome, count: run.count, last_scheduled_for: instant(run.lastScheduledFor) };
  const { startedAt, finishedAt, latenessMs, error } = run;
  return {
    run: run.run,
    scheduled_for,
    attempt: run.attempt,
    manual,
    outcome,
    started_at: instant(startedAt),
    ...(finishedAt !== 0 && { finished_at: instant(finishedAt) }),
    lateness_ms: Math.round(latenessMs),
    // The clock may have been set back meanwhile.
    ...(finishedAt !== 0 && { duration_ms: Math.max(0, finishedAt - startedAt) }),
    ...(error && { error }),
  };
}
