/** Examples of requests, answers and refusals, as documents show them. A test holds each to its schema. */
import type { ErrorCode, Fault } from '../../domain/errors.js';
import type { operations } from '../operations.js';
import type { Json } from './named-schemas.js';

type OperationName = keyof typeof operations;
/** One thing that can be asked for: what it shows, and the body. */
export interface RequestExample {
  readonly summary: string;
  readonly value: unknown;
}

const id = 'job_1704180000_a1b2c3d4';
const order = { order_id: 'ORD-2024-001', amount: 199.99 };
const payment: Json = {
  id,
  name: 'payment_check',
  status: 'pending',
  trigger_at: '2024-01-02T15:30:00+08:00',
  next_run_in: '10m0s',
  retry_count: 0,
  max_retries: 3,
  created_at: '2024-01-02T15:20:00+08:00',
  updated_at: '2024-01-02T15:20:00+08:00',
  is_repeat: false,
  retry_delay: '5m0s',
  backoff: 'exponential',
  timeout: '30s',
};
const detail: Json = { ...payment, payload: order };
const { next_run_in: _, ...cancelled } = {
  ...detail,
  status: 'cancelled',
  updated_at: '2024-01-02T15:25:00+08:00',
  finished_at: '2024-01-02T15:25:00+08:00',
} as Record<string, unknown>;

const newPayment = { name: 'payment_check', delay: '10m', payload: order, max_retries: 3, retry_delay: '5m' };
const health = { status: 'healthy', time: '2024-01-02T15:20:00+08:00', version: 'v1.0.0' };

const paymentType: Json = {
  name: 'payment_check',
  description: 'Checks whether an order has been paid',
  timeout: '30s',
  concurrency: null,
  max_retries: 3,
  retry_delay: '1m0s',
  group_concurrency: null,
  rate: null,
  handler: { concurrency: null, group_concurrency: null, rate: null },
  counts: { pending: 12, due: 2, running: 4 },
  recent: {
    span: '1m0s',
    started: 118,
    succeeded: 115,
    failed: 1,
    lateness_p99_ms: 0.9,
    duration_p50_ms: 31,
    duration_p99_ms: 240,
  },
};

const bulk: Json = {
  id: 'bulk_17',
  action: 'retry',
  filter: { status: 'failed', name: 'payment_check' },
  status: 'running',
  matched: 812,
  done: 512,
  skipped: 0,
  failed: 0,
  errors: [],
  created_at: '2024-01-02T15:20:00+08:00',
};

/** The path of a job. */
export const exampleId = id;

/**
 * Bodies to send.
 *
 * @param jobTypes registered ones, of which the examples must be; none where none may be shown
 */
export function requestExamples(
  jobTypes: readonly string[],
): Partial<Record<OperationName, Record<string, RequestExample>>> {
  const [first] = jobTypes.includes(newPayment.name) ? [] : jobTypes;
  const known = first === undefined ? {} : { name: first, payload: {} };
  const delayed = { ...newPayment, ...known };
  const daily = { ...delayed, delay: undefined, cron_expr: '0 0 9 * * *', timezone: 'Europe/Berlin', is_repeat: true };
  const once = { ...delayed, delay: undefined, trigger_at: '2030-01-02T15:30:00+08:00' };
  return {
    createJob: {
      delayed: { summary: 'In ten minutes', value: plain(delayed) },
      daily: { summary: 'Every day at nine, in Berlin', value: plain(daily) },
      once: { summary: 'At an instant', value: plain(once) },
    },
    createJobs: { two: { summary: 'Two jobs', value: [plain(delayed), plain({ ...delayed, delay: '20m' })] } },
    updateJob: { later: { summary: 'In an hour, with more retries', value: { delay: '1h', max_retries: 5 } } },
    pauseJob: {
      until: {
        summary: 'Until an instant, with the reason',
        value: { until: '2030-01-02T15:30:00+08:00', reason: 'the provider is down' },
      },
    },
    pause: { reason: { summary: 'With the reason', value: { reason: 'the database moves' } } },
    setJobType: {
      limits: {
        summary: 'At most a hundred a minute',
        value: { rate: '100/1m', concurrency: 8, group_concurrency: 1 },
      },
    },
    pauseJobType: { reason: { summary: 'With the reason', value: { reason: 'the provider is down' } } },
    createBulk: {
      retry: {
        summary: 'Retry all that have failed of a type',
        value: { action: 'retry', filter: { name: 'payment_check' } },
      },
      look: {
        summary: 'How many would be cancelled',
        value: { action: 'cancel', filter: { tag: 'import-7' }, dry_run: true },
      },
      update: {
        summary: 'Give up earlier',
        value: { action: 'update', filter: { status: 'pending', tag: 'import-7' }, change: { max_retries: 1 } },
      },
    },
    backUp: { backup: { summary: 'Into a new directory', value: { directory: '/backups/monday' } } },
  };
}

/** Answers by operation and status. */
export const answerExamples: {
  readonly [Name in OperationName]: { readonly [Status in keyof (typeof operations)[Name]['answers']]: unknown };
} = {
  index: {
    200: { name: 'escapement', version: 'v1.0.0', access: 'full', links: { jobs: '/api/v1/jobs', events: '/ws' } },
  },
  listJobs: { 200: { total: 1, items: [payment] } },
  failures: {
    200: {
      total: 1,
      items: [
        {
          name: 'payment_check',
          error_group: '3f1c09d2a7b4',
          message: 'connect ECONNREFUSED #:#',
          count: 812,
          first_at: '2024-01-02T15:20:00+08:00',
          last_at: '2024-01-02T15:30:00+08:00',
          job_id: id,
        },
      ],
    },
  },
  createBulk: { 200: { action: 'retry', matched: 812 }, 202: { ...bulk, status: 'pending', done: 0 } },
  listBulks: { 200: { total: 1, items: [bulk] } },
  showBulk: { 200: bulk },
  cancelBulk: { 200: { ...bulk, status: 'cancelled', finished_at: '2024-01-02T15:20:01+08:00' } },
  createJob: { 200: { ...payment, key: 'order-1' }, 201: payment },
  createJobs: {
    200: {
      total: 2,
      items: [
        { status: 201, job: payment },
        {
          status: 400,
          problem: {
            type: '/problems/validation_failed',
            title: 'The request is not valid',
            status: 400,
            detail: '/delay is required.',
            code: 'validation_failed',
          },
        },
      ],
    },
    201: { total: 2, items: [payment, { ...payment, id: 'job_1704180000_5c45d53e' }] },
  },
  showJob: { 200: detail },
  updateJob: { 200: { ...detail, next_run_in: '1h0m0s', trigger_at: '2024-01-02T16:20:00+08:00', max_retries: 5 } },
  deleteJob: { 200: cancelled },
  cancelJob: { 200: cancelled },
  retryJob: { 200: { ...detail, next_run_in: '0s' } },
  jobLogs: {
    200: {
      total: 2,
      dropped: 0,
      items: [
        {
          time: '2024-01-02T15:20:10.012+08:00',
          level: 'info',
          run: 1,
          message: 'checking',
          fields: { order_id: 'ORD-2024-001' },
        },
        { time: '2024-01-02T15:20:10.031+08:00', level: 'warn', run: 1, message: 'the provider is slow', fields: {} },
      ],
    },
  },
  jobRuns: {
    200: {
      total: 2,
      items: [
        {
          run: 1,
          scheduled_for: '2024-01-02T09:00:00+08:00',
          attempt: 1,
          manual: false,
          outcome: 'success',
          started_at: '2024-01-02T09:00:00.001+08:00',
          finished_at: '2024-01-02T09:00:00.043+08:00',
          lateness_ms: 1,
          duration_ms: 42,
        },
        {
          scheduled_for: '2024-01-01T09:00:00+08:00',
          manual: false,
          outcome: 'missed',
          count: 1,
          last_scheduled_for: '2024-01-01T09:00:00+08:00',
        },
      ],
    },
  },
  cron: {
    200: {
      cron_expr: '0 9 * * 1-5',
      timezone: 'Europe/Berlin',
      description: 'At 09:00, Monday through Friday',
      items: [{ at: '2024-01-03T16:00:00+08:00', local: '2024-01-03T09:00:00' }],
    },
  },
  pauseJob: { 200: { ...detail, paused: true, pause_reason: 'the provider is down' } },
  resumeJob: { 200: detail },
  runJob: { 200: { ...detail, next_run_in: '0s' } },
  removeJob: { 200: cancelled },
  pause: { 200: { paused: true, reason: 'the database moves', since: '2024-01-02T15:20:00+08:00' } },
  resume: { 200: { paused: false } },
  stats: {
    200: {
      pending: 12,
      running: 3,
      completed: 1542,
      failed: 8,
      cancelled: 2,
      heap_size: 15,
      uptime: '72h15m30s',
      connections: 1,
      connections_closed_slow: 0,
    },
  },
  history: {
    200: {
      step: '10s',
      items: [
        {
          at: '2024-01-02T15:20:00+08:00',
          created: 120,
          started: 118,
          succeeded: 115,
          failed: 3,
          pending: 42,
          running: 2,
          lateness_p50_ms: 0.51,
          lateness_p99_ms: 4.8,
        },
      ],
    },
  },
  system: {
    200: {
      version: 'v1.0.0',
      node: 'v22.11.0',
      started_at: '2024-01-02T09:00:00+08:00',
      threads: { alive: 2, busy: 1, lost: 0, replaced: 0 },
      store: { file_bytes: 8388608, log_records: 12042, commits: 90412, commit_p99_ms: 2.1, merges: 81 },
      events: { subscribers: 3, last_event: 412044, sent: 90231, resumed: 0, dropped: 0 },
      http: { adapter: 'uws', tls: false, requests: 50231, refused: 4, failed: 0 },
      options: { host: null, port: 8080, threads: 2, retention: '168h0m0s', token: 'set' },
    },
  },
  cluster: {
    200: {
      node: '0f8a4c2be51d4a6f9d3c7b1e2a5f6081',
      nodes: [
        {
          node: '0f8a4c2be51d4a6f9d3c7b1e2a5f6081',
          address: 'http://node-1.internal:8080',
          state: 'live',
          beat_age_ms: 412,
          clock_offset_ms: -3,
          shards: 1,
        },
      ],
      shards: [
        {
          shard: 0,
          owner: '0f8a4c2be51d4a6f9d3c7b1e2a5f6081',
          epoch: 4,
          appended: 90412,
          applied: 90412,
          merged: 90377,
          load_ms: 850,
        },
      ],
    },
  },
  health: { 200: health, 503: { ...health, status: 'degraded', reason: 'The disk takes no writes.' } },
  ready: { 200: { status: 'ready' }, 503: { ...health, status: 'draining', reason: 'The server is shutting down.' } },
  live: { 200: { status: 'live' } },
  events: {
    200: {
      type: 'job.started',
      job_id: exampleId,
      job_name: 'payment_check',
      status: 1,
      timestamp: '2024-01-02T15:30:00+08:00',
      metadata: { attempt: 1 },
      seq: 88,
    },
  },
  metrics: { 200: 'escapement_jobs{status="pending",type="payment_check"} 12\n' },
  jobType: { 200: paymentType },
  setJobType: { 200: { ...paymentType, concurrency: 8, group_concurrency: 1, rate: '100/1m' } },
  groups: { 200: { total: 1, items: [{ group: 'acme', pending: 12, due: 2, running: 1 }] } },
  pauseJobType: { 200: { ...paymentType, paused: true, pause_reason: 'the provider is down' } },
  resumeJobType: { 200: paymentType },
  jobTypes: {
    200: {
      total: 1,
      items: [paymentType],
      threads: 2,
      attempts_per_thread: 256,
    },
  },
  backUp: { 200: { directory: '/backups/monday', bytes: 1_236_992, position: 118, duration_ms: 41 } },
};

/** What `detail` says, and the faults where there are some. */
export const refusalExamples: Readonly<
  Record<ErrorCode, { readonly detail: string; readonly faults?: readonly Fault[] }>
> = {
  malformed_json: { detail: 'The body is not JSON.' },
  validation_failed: {
    detail: '/delay has no unit; write a number with a unit, such as 300ms, 10m or 1h30s.',
    faults: [{ path: '/delay', message: 'has no unit; write a number with a unit, such as 300ms, 10m or 1h30s' }],
  },
  unknown_job_type: {
    detail: '/name names no registered job type: there is no handler "nope" (GET /api/v1/job-types lists all).',
    faults: [
      {
        path: '/name',
        message: 'names no registered job type: there is no handler "nope" (GET /api/v1/job-types lists all)',
      },
    ],
  },
  unauthorized: {
    detail: 'Send the header "Authorization: Bearer <token>" with a token that the server was started with.',
  },
  forbidden: { detail: 'Pages of this origin may not do this; --cors-origin allows them to.' },
  not_found: { detail: 'There is no job with this id. It may have been removed after its retention.' },
  method_not_allowed: { detail: 'This resource has the methods GET, HEAD.' },
  conflict: { detail: `Job ${id} is failed; only a pending job can be updated.` },
  length_required: {
    detail: 'This server takes no bodies in chunks (--no-chunked): send Content-Length in place of Transfer-Encoding.',
  },
  payload_too_large: { detail: 'The body may have at most 1048576 bytes; --max-body sets the limit for single jobs.' },
  unsupported_media_type: { detail: 'The body must be JSON: send "Content-Type: application/json".' },
  misdirected_host: {
    detail: 'The Host header names another host; --allowed-host makes this server answer for it.',
  },
  internal_error: {
    detail: 'The server failed at this request; its log says more. Nothing is known to be wrong with the request.',
  },
  overloaded: { detail: 'More requests wait for the disk than it takes. Try again in a moment.' },
  draining: { detail: 'The server is shutting down and takes no new requests.' },
  storage_unavailable: { detail: 'The server cannot store changes at present. GET /health says why.' },
  timeout: {
    detail:
      'No answer was ready in time. Whether the request took effect is not known: ask for the job before sending it again.',
  },
};

/** Without the fields that are undefined. */
function plain(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
