/** Jobs and their events as lines for people. */
import type { EventOf, EventType, TransientType } from '../../client/event-types.js';
import type { ListedJob } from '../../client/types.js';
import { ago, printable, table } from './text.js';

export function jobTable(jobs: readonly ListedJob[]): string {
  return table(
    ['ID', 'TYPE', 'STATUS', 'WHEN', 'ABOUT'],
    jobs.map((job) => [job.id, job.name, job.status, when(job), about(job)]),
  );
}

/** A job that was just made or changed, in a line that begins with its id. */
export function jobLine(job: ListedJob): string {
  return [job.id, job.name, job.status, when(job), about(job)]
    .filter((part) => part !== '')
    .map(printable)
    .join('  ');
}

/** What a job waits for, where the word alone does not say it. */
const waits: Readonly<Record<string, string>> = {
  paused: 'paused',
  type_paused: 'its type is paused',
  server_paused: 'the server is paused',
  previous_run: 'another job that had its key runs still',
};

function when({ status, next_run_in, started_at, finished_at, waiting_for, paused, paused_until }: ListedJob): string {
  if (status === 'pending' && paused) return paused_until === undefined ? 'paused' : `paused until ${paused_until}`;
  if (status === 'pending' && waiting_for) return waits[waiting_for] ?? `waits for ${waiting_for}`;
  if (status === 'pending') return `in ${next_run_in ?? '0s'}`;
  if (status === 'running') return started_at ? `for ${ago(started_at)}` : '';
  return finished_at ? `${ago(finished_at)} ago` : '';
}

/** What it is named, what it repeats by, and what went wrong last. */
function about({
  is_repeat,
  cron_expr,
  timezone,
  delay,
  last_error,
  retry_count,
  max_retries,
  status,
  pause_reason,
  progress,
  key,
}: ListedJob): string {
  const parts: string[] = [];
  if (key !== undefined) parts.push(`key ${key}`);
  if (pause_reason !== undefined) parts.push(pause_reason);
  if (cron_expr !== undefined) parts.push(`cron ${cron_expr}${timezone ? ` ${timezone}` : ''}`);
  else if (is_repeat && delay !== undefined) parts.push(`every ${delay}`);
  if (typeof progress === 'number' && status === 'running') parts.push(`${progress} %`);
  if (retry_count > 0 && status === 'pending') parts.push(`retry ${retry_count} of ${max_retries}`);
  if (last_error && status !== 'success') parts.push(last_error.message);
  return parts.join(', ');
}

/** An event in a line: time, what, of which job, and what is known of it. */
export function eventLine({
  timestamp,
  type,
  job_name,
  job_id,
  data,
  metadata,
}: EventOf<EventType | TransientType>): string {
  const details = { ...metadata, ...data } as Record<string, unknown>;
  const known = Object.entries(details).map(([name, value]) => `${name}=${detail(value)}`);
  const [at = '', what = '', ...rest] = [timestamp, type, job_name, job_id, ...known].map(printable);
  return [at.padEnd(instantChars), what.padEnd(13), ...rest].join('  ');
}

/** With milliseconds and offset; instants without are shorter. */
export const instantChars = 29;

/** Of a detail; words that would run into the next one are in quotes. */
export function detail(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  const { message } = (value ?? {}) as { message?: unknown };
  return JSON.stringify(typeof message === 'string' ? message : value);
}
