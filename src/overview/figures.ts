/** Figures of the whole server that its statistics and its history show, looked up in its parts. */
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import type { WorkerPool } from '../pool/pool.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { Queries } from '../store/queries-port.js';
import { type Counts, latenessBounds } from '../telemetry/counts.js';
import { History, type Totals } from '../telemetry/history/history.js';

export interface OverviewParts {
  readonly clock: Clock;
  readonly counts: Counts;
  readonly pool: Pick<WorkerPool, 'alive' | 'busy'>;
  readonly scheduler: Pick<Scheduler, 'firstDue'>;
  /** How many jobs the process has made. */
  readonly made: () => number;
  readonly queries: Pick<Queries, 'totals' | 'lastEvent'>;
}

/** Looked up again after so long: with many types it takes its time, and many may ask. */
const overdueKeptMs = 500;

/** What the statistics have beside the contract's. */
export function statsOf({ clock, counts, pool, scheduler, queries }: OverviewParts): () => Record<string, number> {
  let overdue = 0;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.monotonic();
    if (now - lookedAt >= overdueKeptMs) {
      const at = clock.now();
      overdue = 0;
      for (const [, due] of scheduler.firstDue()) overdue = Math.max(overdue, at - due);
      lookedAt = now;
    }
    let started = 0;
    for (const type of counts.types.values()) started += type.started;
    return {
      started,
      threads: pool.alive,
      threads_busy: pool.busy,
      oldest_overdue_ms: Math.round(overdue),
      last_event: queries.lastEvent(),
    };
  };
}

/** The history of the server whose data directory this is. */
export function historyOf(directory: string, parts: OverviewParts, log: Logger): Promise<History> {
  return History.open({
    directory,
    now: () => parts.clock.now(),
    totals: totalsOf(parts),
    onFailure: (err) =>
      log.warn({ err }, 'the file of the history cannot be used: GET /history shows only what is in memory'),
  });
}

/** What a history is made of. */
function totalsOf({ counts, made, queries }: OverviewParts): () => Totals {
  return () => {
    const { pending, running } = queries.totals();
    const lateness = new Array<number>(latenessBounds.length + 1).fill(0);
    let [started, succeeded, failed] = [0, 0, 0];
    for (const type of counts.types.values()) {
      started += type.started;
      succeeded += type.outcomes.succeeded;
      failed += type.outcomes.failed;
      for (const [index, count] of type.lateness.counts.entries())
        lateness[index] = (lateness[index] as number) + count;
    }
    return { created: made(), started, succeeded, failed, pending, running, lateness };
  };
}
