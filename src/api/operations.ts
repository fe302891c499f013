/** Every method of every resource, declared. The routes are these with what they do. */
import { limits } from '../domain/limits.js';
import { Type } from '../schema/typebox.js';
import * as answers from './answers.js';
import { clusterOperations } from './cluster/operations.js';
import { foundJobs } from './finding/answers.js';
import { listQuery } from './finding/filter-schema.js';
import { findingOperations } from './finding/operations.js';
import { healthOperations } from './health/operations.js';
import { jobLogs } from './logs/schemas.js';
import { streamed } from './messages.js';
import type { Operation } from './operation.js';
import { runList, runsQuery } from './runs/schemas.js';
import { backupSchema, holdSchema, jobSchema, patchSchema, pauseSchema, typeSchema } from './schemas.js';

/** Where a subscriber goes on. */
const place = (description: string) =>
  Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.String()], { description }));

/** What an event stream can be asked for: lists with commas between their values. */
const eventQuery = Type.Object(
  {
    job_types: Type.Optional(Type.String({ description: 'Events of jobs of these types only, with commas between' })),
    event_types: Type.Optional(Type.String({ description: 'Events of these types only, with commas between' })),
    job_ids: Type.Optional(Type.String({ description: 'Events of these jobs only, with commas between' })),
    since: place('seq of the last event that is known, or a cursor: those after it come first'),
  },
  { additionalProperties: false },
);

/** The parameters of event streams. */
export const eventParameters: readonly string[] = Object.keys(eventQuery.properties);

/** What `GET /cron` is asked. */
const cronQuery = Type.Object(
  {
    expr: Type.String({
      maxLength: limits.cronChars,
      description: 'Five or six fields, or a shorthand such as `@daily`',
    }),
    timezone: Type.Optional(Type.String({ description: "Its zone, an IANA name; default: the server's" })),
    count: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: 5, description: 'How many times are shown' }),
    ),
    after: Type.Optional(Type.String({ description: 'Only times after this instant; default: now' })),
  },
  { additionalProperties: false },
);

/** What `GET /history` is asked. */
const historyQuery = Type.Object(
  {
    from: Type.Optional(
      Type.String({ description: 'Only steps that began at this time or later; default: all that are kept' }),
    ),
    to: Type.Optional(Type.String({ description: 'Only steps that began at this time or earlier; default: now' })),
    step: Type.Optional(
      Type.Enum(['10s', '5m'], { default: '10s', description: '`10s` is kept for three hours, `5m` for seven days' }),
    ),
  },
  { additionalProperties: false },
);

/** The parameters of `GET /history`. */
export const historyParameters: readonly string[] = Object.keys(historyQuery.properties);

/** The parameters of `GET /cron`. */
export const cronParameters: readonly string[] = Object.keys(cronQuery.properties);

/** What `GET /groups` is asked. */
const groupsQuery = Type.Object(
  {
    name: Type.String({ description: 'The job type' }),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, default: limits.listDefault, description: 'Groups of a page, at most 100' }),
    ),
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before, with the same name' })),
  },
  { additionalProperties: false },
);

/** The parameters of `GET /groups`. */
export const groupsParameters: readonly string[] = Object.keys(groupsQuery.properties);

const preferWait = Type.Optional(
  Type.String({
    description:
      '`wait=30`: the answer comes when the job (of a repeating one, its occurrence) has ended, or after so many seconds, at most 60 (RFC 7240). It then shows the job as `GET` does, and says `Preference-Applied: wait=30`',
  }),
);

export const operations = {
  index: {
    method: 'GET',
    path: '',
    tag: 'Server',
    summary: 'The index of the API',
    answers: { 200: answers.index },
  },
  listJobs: {
    method: 'GET',
    path: '/jobs',
    tag: 'Jobs',
    summary: 'List jobs: all, or those that match a filter',
    description:
      'The filters are joined by AND. `total` counts all that match. With `due_after`, `due_before` or `sort=due` the list is put together beside other requests, as of one instant.',
    query: listQuery,
    answers: { 200: Type.Union([answers.jobList, foundJobs]) },
  },
  ...findingOperations,
  createJob: {
    method: 'POST',
    path: '/jobs',
    tag: 'Jobs',
    summary: 'Create a job',
    description:
      'Exactly one of `delay`, `trigger_at` and `cron_expr` says when it is due. When the answer comes, the job is on disk.',
    request: jobSchema,
    headers: {
      'Idempotency-Key': Type.String({
        minLength: 1,
        maxLength: limits.idempotencyKeyChars,
        pattern: '^[\\x21-\\x7e]+$',
        description: 'The same key with the same body answers the first job. Kept for 24 hours',
      }),
      Prefer: preferWait,
    },
    answers: {
      200: Type.Union([answers.job, answers.jobDetail]),
      201: Type.Union([answers.job, answers.jobDetail]),
    },
    answerHeaders: {
      Location: Type.String({ description: 'The path of the job' }),
      'Idempotent-Replayed': Type.Literal('true', { description: 'An earlier request with this key made the job' }),
    },
    refusals: ['unknown_job_type', 'conflict'],
  },
  createJobs: {
    method: 'POST',
    path: '/jobs/batch',
    tag: 'Jobs',
    summary: 'Create many jobs: atomically, or each for itself',
    description:
      'All of them are on disk when the answer comes, or none is made. Paths of faults begin with `/<index>`. With `Prefer: handling=lenient` each item stands alone.',
    request: Type.Array(jobSchema, { minItems: 1, maxItems: limits.batchJobs }),
    ndjson: true,
    headers: {
      Prefer: Type.Optional(Type.String({ description: '`handling=lenient`: each item stands alone (RFC 7240)' })),
    },
    answers: { 200: answers.eachJob, 201: answers.madeJobs },
    refusals: ['unknown_job_type', 'conflict'],
  },
  showJob: {
    method: 'GET',
    path: '/jobs/:id',
    tag: 'Jobs',
    summary: 'Show a job',
    headers: { Prefer: preferWait },
    answers: { 200: answers.jobDetail },
  },
  updateJob: {
    method: 'PUT',
    path: '/jobs/:id',
    tag: 'Jobs',
    summary: 'Change a job that is pending',
    description:
      'Fields that are not named stay. `delay` or `trigger_at` moves the next occurrence of a cron job only.',
    request: patchSchema,
    answers: { 200: answers.jobDetail },
    refusals: ['conflict'],
  },
  deleteJob: {
    method: 'DELETE',
    path: '/jobs/:id',
    tag: 'Jobs',
    summary: 'Cancel a job',
    description: 'The same as `POST /jobs/{id}/cancel`.',
    answers: { 200: answers.jobDetail },
    refusals: ['conflict'],
  },
  cancelJob: {
    method: 'POST',
    path: '/jobs/:id/cancel',
    tag: 'Jobs',
    summary: 'Cancel a job',
    description: 'A running handler gets its signal, and is stopped after the grace period. A repeating job ends.',
    answers: { 200: answers.jobDetail },
    refusals: ['conflict'],
  },
  retryJob: {
    method: 'POST',
    path: '/jobs/:id/retry',
    tag: 'Jobs',
    summary: 'Run a failed job again',
    headers: { Prefer: preferWait },
    answers: { 200: answers.jobDetail },
    refusals: ['conflict'],
  },
  jobRuns: {
    method: 'GET',
    path: '/jobs/:id/runs',
    tag: 'Jobs',
    summary: 'List the runs of a job, the newest first',
    description:
      'Shows how each attempt ended, and which slots did not run and why. Slots in a row that did not run for the same reason are one row. The server keeps the last 100 rows of a repeating job.',
    query: runsQuery,
    answers: { 200: runList },
  },
  jobLogs,
  cron: {
    method: 'GET',
    path: '/cron',
    tag: 'Server',
    summary: 'What a cron expression means, and when it fires next',
    query: cronQuery,
    answers: { 200: answers.cron },
  },
  pauseJob: {
    method: 'POST',
    path: '/jobs/:id/pause',
    tag: 'Jobs',
    summary: 'Pause a job',
    description:
      'What runs goes on, and nothing starts, no retry either. Slots that pass are skipped. Paused again, only what is named is replaced.',
    request: pauseSchema,
    bodyOptional: true,
    answers: { 200: answers.jobDetail },
    refusals: ['conflict'],
  },
  resumeJob: {
    method: 'POST',
    path: '/jobs/:id/resume',
    tag: 'Jobs',
    summary: 'End the pause of a job',
    description: 'A repeating job waits for its next slot. One that runs once and is overdue starts at once.',
    answers: { 200: answers.jobDetail },
    refusals: ['conflict'],
  },
  runJob: {
    method: 'POST',
    path: '/jobs/:id/run',
    tag: 'Jobs',
    summary: 'Run a job now',
    description:
      'A job that runs once, or whose retry waits, is due now. A repeating job gets one extra occurrence; its next slot stays. Its own pause is ignored, limits and the pause of its type or of the server are not.',
    headers: { Prefer: preferWait },
    answers: { 200: answers.jobDetail },
    refusals: ['conflict'],
  },
  removeJob: {
    method: 'POST',
    path: '/jobs/:id/remove',
    tag: 'Jobs',
    summary: 'Remove a finished job',
    description: 'Everything that is stored about it is removed. The answer is the job as it was.',
    answers: { 200: answers.jobDetail },
    refusals: ['conflict'],
  },
  pause: {
    method: 'POST',
    path: '/pause',
    tag: 'Server',
    summary: 'Pause the server',
    description:
      'The server accepts jobs and starts none, also after a restart, until it is resumed. What came due meanwhile then runs late.',
    request: holdSchema,
    bodyOptional: true,
    answers: { 200: answers.serverPause },
  },
  resume: {
    method: 'POST',
    path: '/resume',
    tag: 'Server',
    summary: 'End the pause of the server',
    answers: { 200: answers.serverPause },
  },
  stats: {
    method: 'GET',
    path: '/stats',
    tag: 'Server',
    summary: 'Figures of the whole server',
    answers: { 200: answers.stats },
  },
  history: {
    method: 'GET',
    path: '/history',
    tag: 'Server',
    summary: 'What happened over the last hours or days, step by step',
    description:
      'Steps in which the server did not run are not there. Lateness is that of starts, as far as its histogram tells; null where nothing started.',
    query: historyQuery,
    answers: { 200: answers.history },
  },
  system: {
    method: 'GET',
    path: '/system',
    tag: 'Server',
    summary: 'The parts of the server, their state, and its options',
    description:
      'Paths of the machine are shown to a full token, or where there are no tokens to callers on the machine. Of secrets it only says that they are set.',
    answers: { 200: answers.system },
  },
  ...clusterOperations,
  ...healthOperations,
  events: {
    method: 'GET',
    path: '/events',
    tag: 'Server',
    summary: 'Subscribe to events, as Server-Sent Events',
    query: eventQuery,
    headers: {
      'Last-Event-ID': place('As since, and before it: browsers send it when they connect again'),
    },
    produces: 'text/event-stream',
    answers: { 200: streamed },
  },
  /** Beside the API: where Prometheus looks unless told otherwise. */
  metrics: {
    method: 'GET',
    path: '/metrics',
    beside: true,
    tag: 'Server',
    summary: 'Metrics, in the text format of Prometheus',
    produces: 'text/plain; version=0.0.4; charset=utf-8',
    answers: { 200: Type.String() },
  },
  jobTypes: {
    method: 'GET',
    path: '/job-types',
    tag: 'Server',
    summary: 'The job types, with the defaults of their jobs',
    answers: { 200: answers.jobTypes },
  },
  jobType: {
    method: 'GET',
    path: '/job-types/:name',
    tag: 'Server',
    summary: 'Show a job type',
    answers: { 200: answers.oneJobType },
  },
  setJobType: {
    method: 'PUT',
    path: '/job-types/:name',
    tag: 'Server',
    summary: 'Set the limits of a job type, or pause it',
    description:
      'What is not named stays; null is what the handler says. It holds at once, for what waits already too, and after a restart. A lowered limit stops nothing.',
    request: typeSchema,
    answers: { 200: answers.oneJobType },
  },
  groups: {
    method: 'GET',
    path: '/groups',
    tag: 'Server',
    summary: 'The groups of a job type that have jobs to run, those with most of them first',
    query: groupsQuery,
    answers: { 200: answers.groups },
  },
  pauseJobType: {
    method: 'POST',
    path: '/job-types/:name/pause',
    tag: 'Server',
    summary: 'Pause a job type',
    description: 'Its jobs do not start, also after a restart, until it is resumed. They then run late.',
    request: holdSchema,
    bodyOptional: true,
    answers: { 200: answers.oneJobType },
  },
  resumeJobType: {
    method: 'POST',
    path: '/job-types/:name/resume',
    tag: 'Server',
    summary: 'End the pause of a job type',
    answers: { 200: answers.oneJobType },
  },
  backUp: {
    method: 'POST',
    path: '/backup',
    tag: 'Server',
    summary: 'Write a backup into a directory of the machine of the server',
    request: backupSchema,
    answers: { 200: answers.backup },
    refusals: ['conflict', 'not_found'],
  },
} as const satisfies Record<string, Operation>;
