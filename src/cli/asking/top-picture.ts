/** The picture of `escapement top`: two samples of a server as lines of text. */
import type { Stats } from '../../client/types.js';
import { type Labels, label, largest, type Metrics, quantile, sum } from './metrics-text.js';
import { grouped, printable, shortDuration, table } from './text.js';

/** What a server said of itself at one time. */
export interface Sample {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly stats: Stats;
  readonly metrics: Metrics;
}

export interface Frame {
  readonly url: string;
  readonly columns: number;
  readonly rows: number;
}

const titles = ['TYPE', 'PENDING', 'RUNNING', 'STARTS/S', 'FAILED/S', 'LATE P99', 'RUN P50', 'RUN P99'];
/** Of the columns with numbers, as far as it is usual; a longer name of a type would push the last ones out. */
const numbersWidth = 66;

/** @param before undefined at first: then there are no rates yet */
export function picture(before: Sample | undefined, now: Sample, { url, columns, rows }: Frame): string[] {
  const { stats, metrics } = now;
  const version = label([...(metrics.get('escapement_build_info')?.keys() ?? [''])][0] as string, 'version') ?? '';
  const rate = (name: string, wanted?: Labels): string => perSecond(before, now, name, wanted);
  const head = [
    `escapement ${version}  ${url}  up ${stats.uptime}`,
    '',
    parts(
      `pending ${grouped(stats.pending)}`,
      `running ${grouped(stats.running)}`,
      `failed ${grouped(stats.failed)}`,
      `cancelled ${grouped(stats.cancelled)}`,
      `completed ${grouped(stats.completed)}`,
    ),
    parts(
      `a second: started ${rate('escapement_attempts_started_total')}`,
      `succeeded ${rate('escapement_attempts_ended_total', { outcome: 'succeeded' })}`,
      `failed ${rate('escapement_attempts_ended_total', { outcome: 'failed' })}`,
      `requests ${rate('escapement_http_requests_total')}`,
      `events sent ${rate('escapement_events_sent_total')}`,
    ),
    parts(
      `lateness p50 ${time(before, now, 'escapement_attempt_lateness_seconds', 0.5)}`,
      `p99 ${time(before, now, 'escapement_attempt_lateness_seconds', 0.99)}`,
      `oldest overdue ${seconds(largest(metrics, 'escapement_oldest_overdue_seconds'))}`,
      `commit p99 ${time(before, now, 'escapement_commit_duration_seconds', 0.99)}`,
    ),
    parts(
      `threads ${sum(metrics, 'escapement_threads')}`,
      `subscribers ${grouped(sum(metrics, 'escapement_subscribers'))}`,
      `memory ${Math.round(sum(metrics, 'process_resident_memory_bytes') / 1024 ** 2)} MiB`,
      `store ${Math.round(sum(metrics, 'escapement_store_file_bytes') / 1024 ** 2)} MiB`,
    ),
    ...held(metrics),
    '',
  ];
  const rest = Math.max(0, rows - head.length - 1);
  const types = busiest(before, now)
    .slice(0, rest)
    .map((type) => typeRow(before, now, type, columns));
  const below = table(titles, types, { numbersFrom: 1, width: columns });
  return [...head, ...below.split('\n')].slice(0, rows).map((line) => line.slice(0, columns));
}

/** What keeps due jobs from starting, most first, and what is paused; no line where that is nothing. */
function held(metrics: Metrics): string[] {
  const limits = new Map<string, number>();
  for (const [labels, jobs] of metrics.get('escapement_waiting_jobs') ?? []) {
    const limit = label(labels, 'limit') ?? '';
    limits.set(limit, (limits.get(limit) ?? 0) + jobs);
  }
  const waits = [...limits].filter(([, jobs]) => jobs > 0).sort((a, b) => b[1] - a[1]);
  const types = sum(metrics, 'escapement_types_paused');
  const all = [
    ...(waits.length > 0 ? [`wait for ${waits.map(([limit, jobs]) => `${limit} ${grouped(jobs)}`).join(', ')}`] : []),
    ...(sum(metrics, 'escapement_server_paused') > 0 ? ['the server is paused'] : []),
    ...(types > 0 ? [types === 1 ? '1 type is paused' : `${grouped(types)} types are paused`] : []),
  ];
  return all.length > 0 ? [parts(...all)] : [];
}

function parts(...all: string[]): string {
  return all.join('   ');
}

function typeRow(before: Sample | undefined, now: Sample, type: string, columns: number): string[] {
  const jobs = (status: string): string => grouped(sum(now.metrics, 'escapement_jobs', { type, status }));
  return [
    printable(type).slice(0, Math.max(12, columns - numbersWidth)),
    jobs('pending'),
    jobs('running'),
    perSecond(before, now, 'escapement_attempts_started_total', { type }),
    perSecond(before, now, 'escapement_attempts_ended_total', { type, outcome: 'failed' }),
    time(before, now, 'escapement_attempt_lateness_seconds', 0.99, { type }),
    time(before, now, 'escapement_attempt_duration_seconds', 0.5, { type }),
    time(before, now, 'escapement_attempt_duration_seconds', 0.99, { type }),
  ];
}

/** Those that started most since the last sample first, then those with most jobs that are to run. */
function busiest(before: Sample | undefined, now: Sample): string[] {
  const types = new Set<string>();
  for (const name of ['escapement_jobs', 'escapement_attempts_started_total']) {
    for (const labels of now.metrics.get(name)?.keys() ?? []) types.add(label(labels, 'type') ?? '');
  }
  const weight = (type: string): readonly [number, number] => [
    before ? grown(before, now, 'escapement_attempts_started_total', { type }) : 0,
    sum(now.metrics, 'escapement_jobs', { type, status: 'pending' }) +
      sum(now.metrics, 'escapement_jobs', { type, status: 'running' }),
  ];
  return [...types]
    .map((type) => [type, ...weight(type)] as const)
    .sort((a, b) => b[1] - a[1] || b[2] - a[2] || (a[0] < b[0] ? -1 : 1))
    .map(([type]) => type);
}

/** A server that was started again counts from 0. */
function grown(before: Sample, now: Sample, name: string, wanted?: Labels): number {
  return Math.max(0, sum(now.metrics, name, wanted) - sum(before.metrics, name, wanted));
}

function perSecond(before: Sample | undefined, now: Sample, name: string, wanted?: Labels): string {
  if (!before) return '-';
  const rate = (grown(before, now, name, wanted) * 1000) / (now.at - before.at);
  return rate === 0 || rate >= 10 ? grouped(Math.round(rate)) : rate.toFixed(1);
}

function time(before: Sample | undefined, now: Sample, name: string, q: number, wanted?: Labels): string {
  const value = before && quantile(before.metrics, now.metrics, name, q, wanted);
  return value === undefined ? '-' : seconds(value);
}

function seconds(value: number): string {
  const ms = value * 1000;
  if (ms >= 10_000) return shortDuration(ms);
  if (ms === 0 || ms >= 10) return `${Math.round(ms)} ms`;
  return `${ms.toFixed(1)} ms`;
}
