/** The shapes of answers as JSON Schema. What writes them is `render` and the routes; tests hold real answers to these. */
import { errorCodes } from '../domain/errors.js';
import { failureCodes, overlaps } from '../domain/job.js';
import { statuses } from '../domain/lifecycle.js';
import { limits } from '../domain/limits.js';
import { jobTypePattern } from '../domain/names.js';
import type { ShownWait } from '../scheduler/admission/admission.js';
import { Type } from '../schema/typebox.js';

const exact = { additionalProperties: false } as const;
/** `waiting_for`. */
const waits: readonly ShownWait[] = [
  'paused',
  'type_paused',
  'server_paused',
  'handler',
  'previous_run',
  'rate',
  'type_concurrency',
  'group_concurrency',
  'thread',
];
const count = Type.Integer({ minimum: 0 });

/** `job_1704182400_a1b2c3d4` */
export const jobId = Type.String({ pattern: '^job_\\d+_[0-9a-f]{8}$' });
export const jobType = Type.String({ minLength: 1, maxLength: limits.nameChars, pattern: jobTypePattern });
/** RFC 3339, in the server's zone. */
export const instant = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{0,2}[1-9])?(Z|[+-]\\d\\d:\\d\\d)$',
});
/** In Go's form: `1h30m0s`. */
export const duration = Type.String({ pattern: '^(0s|\\d+ms|(\\d+h)?(\\d+m)?\\d+s)$' });

const head = { id: jobId, name: jobType, status: Type.Enum([...statuses]), trigger_at: instant };
const retries = { retry_count: count, max_retries: Type.Integer({ minimum: 0, maximum: limits.maxRetries }) };
const whenPending = { next_run_in: Type.Optional(duration), waiting_for: Type.Optional(Type.Enum([...waits])) };
const whenPaused = {
  paused: Type.Optional(Type.Literal(true)),
  paused_until: Type.Optional(instant),
  pause_reason: Type.Optional(Type.String()),
};
const schedule = {
  cron_expr: Type.Optional(Type.String()),
  timezone: Type.Optional(Type.String()),
  delay: Type.Optional(duration),
  start_at: Type.Optional(instant),
  end_at: Type.Optional(instant),
  max_runs: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.maxRuns })),
  jitter: Type.Optional(duration),
  overlap: Type.Optional(Type.Enum([...overlaps])),
};
const whenSet = {
  max_retry_delay: Type.Optional(duration),
  retry_jitter: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  expires_after: Type.Optional(duration),
  priority: Type.Optional(Type.Integer({ minimum: -limits.maxPriority, maximum: limits.maxPriority })),
};
const options = { retry_delay: duration, backoff: Type.Enum(['exponential', 'fixed']), timeout: duration };
const whenRepeating = {
  misfire: Type.Optional(Type.Enum(['run_once', 'skip'])),
  skipped_count: Type.Optional(count),
  missed_count: Type.Optional(count),
  run_count: Type.Optional(count),
  last_outcome: Type.Optional(Type.Enum(['success', 'failed'])),
};
const attempt = {
  started_at: Type.Optional(instant),
  finished_at: Type.Optional(instant),
  progress: Type.Optional(Type.Unknown()),
  result: Type.Optional(Type.Unknown()),
  result_omitted: Type.Optional(Type.String()),
  last_error: Type.Optional(
    Type.Object(
      { name: Type.String(), message: Type.String(), code: Type.Enum([...failureCodes]), at: instant },
      exact,
    ),
  ),
};
const fields = {
  ...head,
  ...whenPending,
  ...whenPaused,
  ...retries,
  is_repeat: Type.Boolean(),
  created_at: instant,
  updated_at: instant,
  ...schedule,
  ...options,
  ...whenSet,
  tags: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: limits.tags })),
  group: Type.Optional(jobType),
  parent_id: Type.Optional(jobId),
  key: Type.Optional(Type.String()),
  key_ttl: Type.Optional(duration),
  ...whenRepeating,
  ...attempt,
};

/** A job without its payload: in lists, and as it was made. */
export const job = Type.Object(fields, exact);
export const jobDetail = Type.Object({ ...fields, payload: Type.Object({}) }, exact);
export const madeJobs = Type.Object({ total: count, items: Type.Array(job) }, exact);
/** RFC 9457, of every refusal. */
export const problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String(),
    code: Type.Enum([...errorCodes]),
    job_id: Type.Optional(jobId),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }, exact))),
  },
  exact,
);

const eachMade = Type.Object(
  { status: Type.Union([Type.Literal(200), Type.Literal(201)]), job, replayed: Type.Optional(Type.Literal(true)) },
  exact,
);
const eachRefused = Type.Object({ status: Type.Integer({ minimum: 400, maximum: 599 }), problem }, exact);
/** Of a batch whose items stand alone, in their order. */
export const eachJob = Type.Object({ total: count, items: Type.Array(Type.Union([eachMade, eachRefused])) }, exact);
export const jobList = Type.Object(
  { total: count, items: Type.Array(job), next_cursor: Type.Optional(Type.String()) },
  exact,
);

export const stats = Type.Object(
  {
    pending: count,
    running: count,
    completed: count,
    failed: count,
    cancelled: count,
    heap_size: count,
    uptime: duration,
    connections: count,
    connections_closed_slow: count,
  },
  { additionalProperties: Type.Union([Type.Number(), Type.String()]) },
);

const waitingByType = Type.Object({}, { additionalProperties: Type.Integer({ minimum: 1 }) });
export const health = Type.Object(
  {
    status: Type.Enum(['healthy', 'degraded', 'draining']),
    time: instant,
    version: Type.String(),
    reason: Type.Optional(Type.String()),
    waiting_for_handler: Type.Optional(waitingByType),
    paused: Type.Optional(Type.Literal(true)),
  },
  exact,
);
export const serverPause = Type.Object(
  { paused: Type.Boolean(), reason: Type.Optional(Type.String()), since: Type.Optional(instant) },
  exact,
);
export const ready = Type.Object({ status: Type.Literal('ready') }, exact);
export const live = Type.Object({ status: Type.Literal('live') }, exact);

/** Null is unbounded; of `rate`: none. */
const typeLimits = {
  concurrency: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  group_concurrency: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  rate: Type.Union([Type.String(), Type.Null()]),
};
const milliseconds = Type.Union([Type.Number(), Type.Null()]);
const typeState = {
  counts: Type.Object({ pending: count, due: count, running: count }, exact),
  recent: Type.Object(
    {
      span: duration,
      started: count,
      succeeded: count,
      failed: count,
      lateness_p99_ms: milliseconds,
      duration_p50_ms: milliseconds,
      duration_p99_ms: milliseconds,
    },
    exact,
  ),
};
const pausedType = { paused: Type.Optional(Type.Literal(true)), pause_reason: Type.Optional(Type.String()) };
const handled = Type.Object(
  {
    name: jobType,
    description: Type.String(),
    timeout: duration,
    ...typeLimits,
    max_retries: count,
    retry_delay: duration,
    ...whenSet,
    payload_schema: Type.Optional(
      Type.Object(
        {},
        {
          additionalProperties: true,
          description:
            'What payloads of new jobs are held against, as the handler declares it (JSON Schema 2020-12); absent: any object will do',
        },
      ),
    ),
    ...pausedType,
    handler: Type.Object(typeLimits, exact),
    ...typeState,
  },
  exact,
);
const unhandled = Type.Object(
  { name: jobType, handler: Type.Null(), ...typeLimits, ...typeState, ...pausedType },
  exact,
);
export const oneJobType = Type.Union([handled, unhandled]);
export const jobTypes = Type.Object(
  { total: count, items: Type.Array(oneJobType), threads: count, attempts_per_thread: count },
  exact,
);

export const groups = Type.Object(
  {
    total: count,
    items: Type.Array(Type.Object({ group: jobType, pending: count, due: count, running: count }, exact)),
    next_cursor: Type.Optional(Type.String()),
  },
  exact,
);

export const cron = Type.Object(
  {
    cron_expr: Type.String(),
    timezone: Type.String(),
    /** In English. */
    description: Type.String(),
    items: Type.Array(
      Type.Object(
        { at: instant, local: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d$' }) },
        exact,
      ),
    ),
  },
  exact,
);

export const history = Type.Object(
  {
    step: Type.Enum(['10s', '5m']),
    items: Type.Array(
      Type.Object(
        {
          /** When the step began. */
          at: instant,
          created: count,
          started: count,
          succeeded: count,
          failed: count,
          pending: count,
          running: count,
          lateness_p50_ms: milliseconds,
          lateness_p99_ms: milliseconds,
        },
        exact,
      ),
    ),
  },
  exact,
);

const figures = Type.Object({}, { additionalProperties: true });
export const system = Type.Object(
  {
    version: Type.String(),
    node: Type.String(),
    started_at: instant,
    threads: figures,
    store: figures,
    events: figures,
    http: figures,
    /** By their names, `-` as `_`. */
    options: figures,
  },
  exact,
);

export const backup = Type.Object(
  { directory: Type.String(), bytes: count, position: count, duration_ms: Type.Number({ minimum: 0 }) },
  exact,
);

export const index = Type.Object(
  {
    name: Type.Literal('escapement'),
    version: Type.String(),
    access: Type.Enum(['full', 'read']),
    links: Type.Object({}, { additionalProperties: Type.String() }),
  },
  exact,
);
