/** What the metrics show beside what was counted: looked up in the parts of the server when somebody asks. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.js';
import { type Status, statuses } from './domain/lifecycle.js';
import type { WorkerPool } from './pool/pool.js';
import type { Scheduler } from './scheduler/scheduler.js';
import { dataFile } from './store/kv/kv-lmdb.js';
import { journalFile } from './store/log/journal-file.js';
import type { CommittedState } from './store/state/committed-state.js';
import type { JobLogs } from './store/state/job-logs.js';
import { type ClusterFigures, clusterMetricsOf } from './telemetry/cluster/cluster-metrics.js';
import type { Counts } from './telemetry/counts.js';
import { type Figures, metricsOf } from './telemetry/metrics.js';
import type { Exposition } from './telemetry/prometheus.js';

export interface FiguresParts {
  readonly version: string;
  readonly clock: Clock;
  /** The data directory. */
  readonly directory: string;
  readonly together: {
    readonly states: readonly Pick<CommittedState, 'sets' | 'types'>[];
    readonly scheduler: Pick<Scheduler, 'firstDue' | 'settings' | 'queues'>;
    readonly jobLogs: Pick<JobLogs, 'bytes' | 'dropped'>;
  };
  readonly pool: Pick<WorkerPool, 'alive' | 'busy' | 'retired'>;
  readonly stores: {
    readonly all: readonly { readonly folder: string }[];
    space(): { readonly free: number };
    /** Records that the logs have. */
    size(): number;
  };
  /** Absent: the server is no node of a cluster. */
  readonly cluster?: ClusterFigures | undefined;
}

/** The answer of `GET /metrics`. */
export async function metricsText(counts: Counts, parts: FiguresParts): Promise<Exposition> {
  // Loaded when somebody asks: a start does not wait for it.
  const { expose } = await import('./telemetry/prometheus.js');
  const { cluster } = parts;
  return expose([...metricsOf(counts, figures(parts)), ...(cluster ? clusterMetricsOf(cluster) : [])]);
}

function figures({ version, clock, together, pool, stores }: FiguresParts): Figures {
  const { scheduler, jobLogs } = together;
  const total = (type: string, status?: Status): number =>
    together.states.reduce((sum, { types, sets }) => {
      const id = types.find(type);
      return id === undefined ? sum : sum + sets.total(status, id);
    }, 0);
  return {
    version,
    *jobs() {
      for (const type of new Set(together.states.flatMap(({ types }) => types.all()))) {
        // A type whose jobs are all gone is still in the list.
        if (total(type) === 0) continue;
        for (const status of statuses) yield { type, status, jobs: total(type, status) };
      }
    },
    *overdue() {
      const now = clock.now();
      const first = new Map<string, number>();
      for (const [type, due] of scheduler.firstDue()) first.set(type, Math.min(due, first.get(type) ?? due));
      for (const [type, due] of first) yield { type, ms: Math.max(0, now - due) };
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
        const found = stores.all.map(({ folder }) => statSync(join(folder, file), { throwIfNoEntry: false }));
        const sizes = found.flatMap((each) => (each ? [each.size] : []));
        if (sizes.length > 0) yield { file, bytes: sizes.reduce((sum, size) => sum + size, 0) };
      }
    },
    freeBytes: () => stores.space().free,
    logRecords: () => stores.size(),
    jobLogs: () => jobLogs,
  };
}
