/** What the metrics show beside what was counted: looked up in the parts of the server when somebody asks. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.js';
import { statuses } from './domain/lifecycle.js';
import type { WorkerPool } from './pool/pool.js';
import type { Scheduler } from './scheduler/scheduler.js';
import { dataFile, type LmdbKv } from './store/kv/kv-lmdb.js';
import { journalFile } from './store/log/journal-file.js';
import type { LogSource } from './store/log/record-log.js';
import type { CommittedState } from './store/state/committed-state.js';
import type { JobLogs } from './store/state/job-logs.js';
import type { Counts } from './telemetry/counts.js';
import { type Figures, metricsOf } from './telemetry/metrics.js';
import type { Exposition } from './telemetry/prometheus.js';

export interface FiguresParts {
  readonly version: string;
  readonly clock: Clock;
  /** The data directory. */
  readonly directory: string;
  readonly shard: {
    readonly state: Pick<CommittedState, 'sets' | 'types'>;
    readonly scheduler: Pick<Scheduler, 'firstDue' | 'settings' | 'queues'>;
    readonly jobLogs: Pick<JobLogs, 'bytes' | 'dropped'>;
  };
  readonly pool: Pick<WorkerPool, 'alive' | 'busy' | 'retired'>;
  readonly kv: Pick<LmdbKv, 'space'>;
  readonly log: Pick<LogSource, 'size'>;
}

/** The answer of `GET /metrics`. */
export async function metricsText(counts: Counts, parts: FiguresParts): Promise<Exposition> {
  // Loaded when somebody asks: a start does not wait for it.
  const { expose } = await import('./telemetry/prometheus.js');
  return expose(metricsOf(counts, figures(parts)));
}

function figures({
  version,
  clock,
  directory,
  shard: { state, scheduler, jobLogs },
  pool,
  kv,
  log,
}: FiguresParts): Figures {
  return {
    version,
    *jobs() {
      for (const [id, type] of state.types.all().entries()) {
        // A type whose jobs are all gone is still in the list.
        if (state.sets.total(undefined, id) === 0) continue;
        for (const status of statuses) yield { type, status, jobs: state.sets.total(status, id) };
      }
    },
    *overdue() {
      const now = clock.now();
      for (const [type, due] of scheduler.firstDue()) yield { type, ms: Math.max(0, now - due) };
    },
    *waiting() {
      for (const { name, waitsFor, jobs } of scheduler.queues()) yield { type: name, limit: waitsFor, jobs };
    },
    threads: () => ({ alive: pool.alive, busy: pool.busy, retired: pool.retired }),
    paused: () => {
      const { server, types } = scheduler.settings;
      const paused = [...types.values()].filter((type) => type.paused !== undefined);
      return { server: server.paused !== undefined, types: paused.length };
    },
    *files() {
      for (const file of [dataFile, journalFile]) {
        const found = statSync(join(directory, file), { throwIfNoEntry: false });
        if (found) yield { file, bytes: found.size };
      }
    },
    freeBytes: () => kv.space().free,
    logRecords: () => log.size(),
    jobLogs: () => jobLogs,
  };
}
