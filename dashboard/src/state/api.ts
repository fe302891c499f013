/** What the dashboard asks for, by the client. Shapes that the client does not name stand here. */
import type {
  Cluster,
  Health,
  History,
  HistoryFilter,
  Job,
  JobStatus,
  JobType,
  ListedJob,
  System,
} from '../../../src/client/client.js';
import { client } from './session.js';

export const statuses = [
  'pending',
  'running',
  'success',
  'failed',
  'cancelled',
] as const satisfies readonly JobStatus[];

/** What a job may have beside. */
export interface Extras {
  readonly key?: string;
  readonly group?: string;
  readonly progress?: unknown;
  readonly parent_id?: string;
  readonly overlap?: string;
}
export type Listed = Omit<ListedJob, keyof Extras> & Extras;
export type Whole = Omit<Job, keyof Extras> & Extras;

export interface Page<Item> {
  readonly total?: number;
  readonly items: readonly Item[];
  readonly next_cursor?: string;
  readonly scanned?: number;
}

export interface Rate {
  readonly concurrency?: number | null;
  readonly group_concurrency?: number | null;
  readonly rate?: string | null;
}
export type TypeInfo = Omit<JobType, 'handler' | 'counts' | keyof Rate> &
  Rate & {
    readonly handler?: Rate | null;
    readonly counts?: { readonly pending: number; readonly due?: number; readonly running?: number };
    readonly recent?: {
      readonly span: string;
      readonly started: number;
      readonly succeeded: number;
      readonly failed: number;
      readonly lateness_p99_ms?: number | null;
      readonly duration_p50_ms?: number | null;
      readonly duration_p99_ms?: number | null;
    };
  };

export interface Run {
  readonly run?: number;
  readonly scheduled_for: string;
  readonly attempt?: number;
  readonly manual?: boolean;
  readonly outcome: string;
  readonly started_at?: string;
  readonly finished_at?: string;
  readonly lateness_ms?: number;
  readonly duration_ms?: number;
  readonly error?: { readonly name?: string; readonly message: string; readonly code?: string };
  readonly count?: number;
  readonly last_scheduled_for?: string;
}

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly run?: number;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface Failure {
  readonly name: string;
  readonly error_group: string;
  readonly message: string;
  readonly count: number;
  readonly first_at: string;
  readonly last_at: string;
  readonly job_id: string;
}

export interface GroupInfo {
  readonly group: string;
  readonly pending: number;
  readonly due: number;
  readonly running: number;
}

export interface CronPreview {
  readonly cron_expr: string;
  readonly timezone: string;
  readonly description: string;
  readonly items: readonly { readonly at: string; readonly local: string }[];
}

export interface Bulk {
  readonly id: string;
  readonly action: string;
  readonly status: 'pending' | 'running' | 'success' | 'cancelled';
  readonly matched: number;
  readonly done: number;
  readonly skipped: number;
  readonly failed: number;
}

type Query = Readonly<Record<string, string | number | undefined>>;

const query = (values: Query): string => {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
};
const get = <T>(path: string, values: Query = {}, signal?: AbortSignal): Promise<T> =>
  client.request<T>('GET', path + query(values), signal ? { signal } : {});
const part = encodeURIComponent;

export const listJobs = (values: Query, signal?: AbortSignal): Promise<Page<Listed>> => get('/jobs', values, signal);
export const getJob = (id: string, signal?: AbortSignal): Promise<Whole> => get(`/jobs/${part(id)}`, {}, signal);
export const listRuns = (id: string, values: Query, signal?: AbortSignal): Promise<Page<Run>> =>
  get(`/jobs/${part(id)}/runs`, values, signal);
export const listLogs = (
  id: string,
  values: Query,
  signal?: AbortSignal,
): Promise<Page<LogLine> & { dropped?: number }> => get(`/jobs/${part(id)}/logs`, values, signal);
export const listTypes = (signal?: AbortSignal): Promise<Page<TypeInfo>> => get('/job-types', {}, signal);
export const getType = (name: string, signal?: AbortSignal): Promise<TypeInfo> =>
  get(`/job-types/${part(name)}`, {}, signal);
export const listGroups = (name: string, signal?: AbortSignal): Promise<Page<GroupInfo>> =>
  get('/groups', { name, limit: 20 }, signal);
export const listFailures = (values: Query, signal?: AbortSignal): Promise<Page<Failure>> =>
  get('/failures', values, signal);
export const getHistory = (filter: HistoryFilter, signal?: AbortSignal): Promise<History> =>
  client.history(filter, signal ? { signal } : {});
export type { Cluster } from '../../../src/client/client.js';
export const getCluster = (signal?: AbortSignal): Promise<Cluster> => client.cluster(signal ? { signal } : {});
export const getSystem = (signal?: AbortSignal): Promise<System> => client.system(signal ? { signal } : {});
export const previewCron = (values: Query, signal?: AbortSignal): Promise<CronPreview> => get('/cron', values, signal);

export const getHealth = (signal?: AbortSignal): Promise<Health> => client.health(signal ? { signal } : {});

export type Action = 'cancel' | 'retry' | 'run' | 'pause' | 'resume' | 'remove';
export const act = (id: string, action: Action, body?: object): Promise<Whole> =>
  client.request('POST', `/jobs/${part(id)}/${action}`, body ? { body } : {});
export const changeJob = (id: string, change: object): Promise<Whole> =>
  client.request('PUT', `/jobs/${part(id)}`, { body: change });
export const createJob = (job: object): Promise<Listed> => client.request('POST', '/jobs', { body: job });
export const setType = (name: string, change: object): Promise<TypeInfo> =>
  client.request('PUT', `/job-types/${part(name)}`, { body: change });
export const holdType = (name: string, paused: boolean, reason?: string): Promise<TypeInfo> =>
  client.request('POST', `/job-types/${part(name)}/${paused ? 'pause' : 'resume'}`, reason ? { body: { reason } } : {});

export type BulkFilter = Readonly<Record<string, unknown>>;
export const countBulk = (action: Action, filter: BulkFilter): Promise<{ matched: number }> =>
  client.request('POST', '/bulk', { body: { action, filter, dry_run: true } });
export const startBulk = (action: Action, filter: BulkFilter): Promise<Bulk> =>
  client.request('POST', '/bulk', { body: { action, filter } });
export const listBulk = (signal?: AbortSignal): Promise<Page<Bulk>> => get('/bulk', { limit: 20 }, signal);
export const getBulk = (id: string, signal?: AbortSignal): Promise<Bulk> => get(`/bulk/${part(id)}`, {}, signal);
export const stopBulk = (id: string): Promise<Bulk> => client.request('DELETE', `/bulk/${part(id)}`);
