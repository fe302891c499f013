/** What `GET /system` shows. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { formatDuration } from '../domain/time/duration.js';
import { formatInstant } from '../domain/time/instant.js';
import type { WorkerPool } from '../pool/pool.js';
import { dataFile } from '../store/kv/kv-lmdb.js';
import { journalFile } from '../store/log/journal-file.js';
import type { Queries } from '../store/queries-port.js';
import type { Counts } from '../telemetry/counts.js';
import type { Histogram } from '../telemetry/histogram.js';
import { historyFile } from '../telemetry/history/history.js';
import { quantile } from '../telemetry/history/point.js';

export interface SystemParts {
  readonly version: string;
  /** When it began, Unix milliseconds. */
  readonly startedAt: number;
  /** The data directory. */
  readonly directory: string;
  readonly config: Config;
  readonly http: string;
  readonly counts: Counts;
  readonly pool: Pick<WorkerPool, 'alive' | 'busy'>;
  readonly stores: {
    readonly all: readonly { readonly folder: string }[];
    space(): { readonly used: number; readonly free: number };
    size(): number;
  };
  readonly queries: Pick<Queries, 'lastEvent'>;
}

/** @param trusted whoever asks may know paths of the machine */
export function systemOf(parts: SystemParts): (trusted: boolean) => Readonly<Record<string, unknown>> {
  return (trusted) => {
    const { version, startedAt, config } = parts;
    return {
      version: `v${version}`,
      node: process.version,
      started_at: formatInstant(startedAt, config.timezone),
      threads: threads(parts),
      store: store(parts, trusted),
      events: events(parts),
      http: http(parts),
      options: options(config, trusted),
    };
  };
}

function threads({ pool, counts, config }: SystemParts): object {
  const { stopped, memory, exit, error } = counts.threadsLost;
  return {
    alive: pool.alive,
    busy: pool.busy,
    lost: stopped + memory + exit + error,
    replaced: counts.threadsReplaced,
    attempts_per_thread: config.attemptsPerThread,
    heap_limit_bytes: config.threadMemoryMiB * 1024 ** 2,
    process_memory_bytes: process.memoryUsage.rss(),
  };
}

function store({ directory, stores, counts }: SystemParts, trusted: boolean): object {
  const { used, free } = stores.space();
  const sizeOfAll = (file: string): number => stores.all.reduce((sum, { folder }) => sum + sizeOf(folder, file), 0);
  const commits = observations(counts.commit);
  return {
    ...(trusted && { directory }),
    file_bytes: sizeOfAll(dataFile),
    used_bytes: used,
    free_bytes: free,
    journal_bytes: sizeOfAll(journalFile),
    history_bytes: sizeOf(directory, historyFile),
    log_records: stores.size(),
    commits,
    commit_p50_ms: milliseconds(counts.commit, 0.5),
    commit_p99_ms: milliseconds(counts.commit, 0.99),
    jobs_per_commit: commits === 0 ? null : Math.round((counts.committedJobs / commits) * 10) / 10,
    merges: observations(counts.merge),
    merge_p99_ms: milliseconds(counts.merge, 0.99),
  };
}

function events({ counts, queries }: SystemParts): object {
  const { subscribers, sent, resumed, dropped } = counts;
  return { subscribers, last_event: queries.lastEvent(), sent, resumed, dropped };
}

function http({ http, counts, config }: SystemParts): object {
  let [requests, refused, failed] = [0, 0, 0];
  for (const byMethod of counts.routes.values())
    for (const { statuses } of byMethod.values())
      for (const [status, answers] of statuses) {
        requests += answers;
        if (status >= 500) failed += answers;
        else if (status >= 400) refused += answers;
      }
  return { adapter: http, tls: config.tlsCert !== undefined, requests, refused, failed };
}

/** Of what is secret it says that it is set, and of what only the machine's users should know, nothing. */
function options(config: Config, trusted: boolean): object {
  const set = (values: readonly unknown[]): 'set' | null => (values.length > 0 ? 'set' : null);
  const text = (ms: number): string => formatDuration(ms, 'up');
  return {
    host: config.host ?? null,
    port: config.port,
    http: config.http ?? null,
    ...(trusted && {
      data_dir: config.dataDir,
      handlers: config.handlersDir,
      token_file: config.tokenFile ?? null,
      tls_cert: config.tlsCert ?? null,
      tls_key: config.tlsKey ?? null,
      token: set(config.givenTokens.full),
      read_token: set(config.givenTokens.read),
      http_secret: set(config.httpType?.secrets ?? []),
      http_secret_file: config.httpType?.secretFile ?? null,
      http_env: set(config.httpType?.variables ?? []),
    }),
    ...optionsOfNode(config, trusted),
    watch: config.watch,
    threads: config.threads,
    thread_memory: `${config.threadMemoryMiB}MiB`,
    thread_attempts: config.attemptsPerThread,
    timezone: config.timezone,
    grace: text(config.graceMs),
    retention: text(config.retentionMs),
    retain: config.retainJobs,
    retention_failed: text(config.failedRetentionMs),
    retain_failed: config.retainFailed,
    max_body: config.maxBodyBytes,
    max_connections: config.maxConnections,
    allowed_host: config.allowedHosts,
    cors_origin: config.corsOrigins,
    http_target: config.httpType?.targets ?? [],
    chunked: config.chunked,
    dashboard: config.dashboard,
    log_level: config.logLevel,
    job_log_level: config.jobLogLevel,
    job_logs: config.jobLogsBytes,
    log_format: config.logFormat,
  };
}

/** Of one that keeps its jobs in PostgreSQL: of that, host and database. */
function optionsOfNode({ cluster }: Config, trusted: boolean): object {
  if (cluster === undefined) return {};
  const { store, advertise, settleMs } = cluster;
  const { host, pathname } = new URL(store);
  return {
    ...(trusted && { store: `${host}${pathname}` }),
    advertise,
    settle: settleMs === undefined ? null : formatDuration(settleMs, 'up'),
  };
}

const sizeOf = (directory: string, file: string): number =>
  statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0;

const observations = ({ counts }: Histogram): number => counts.reduce((sum, count) => sum + count, 0);

function milliseconds({ bounds, counts }: Histogram, share: number): number | null {
  const seconds = quantile(bounds, counts, share);
  return seconds === undefined ? null : Math.round(seconds * 1e6) / 1e3;
}
