/** Every method of every resource, declared. The routes are these with what they do. */
import { statuses } from '../domain/lifecycle.js';
import { limits } from '../domain/limits.js';
import { Type } from '../schema/typebox.js';
import * as answers from './answers.js';
import { streamed } from './messages.js';
import type { Operation } from './operation.js';
import { backupSchema, jobSchema, patchSchema } from './schemas.js';

const text = Type.Optional(Type.String());

/** What lists can be asked for. Numbers may be written as `1e2`. */
const listQuery = Type.Object(
  { status: Type.Optional(Type.Enum([...statuses])), name: text, limit: text, offset: text, cursor: text },
  { additionalProperties: false },
);

/** The parameters of lists. */
export const listParameters: readonly string[] = Object.keys(listQuery.properties);

/** What an event stream can be asked for: lists with commas between their values. */
const eventQuery = Type.Object(
  { job_types: text, event_types: text, job_ids: text, since: text },
  { additionalProperties: false },
);

/** The parameters of event streams. */
export const eventParameters: readonly string[] = Object.keys(eventQuery.properties);

export const operations = {
  index: {
    method: 'GET',
    path: '',
    summary: 'What this is, and where its resources are',
    answers: { 200: answers.index },
  },
  listJobs: {
    method: 'GET',
    path: '/jobs',
    summary: 'List jobs, the newest first',
    query: listQuery,
    answers: { 200: answers.jobList },
  },
  createJob: {
    method: 'POST',
    path: '/jobs',
    summary: 'Make a job',
    request: jobSchema,
    answers: { 201: answers.job },
  },
  createJobs: {
    method: 'POST',
    path: '/jobs/batch',
    summary: 'Create many jobs: atomically, or each for itself with "Prefer: handling=lenient"',
    request: Type.Array(jobSchema, { minItems: 1, maxItems: limits.batchJobs }),
    answers: { 200: answers.eachJob, 201: answers.madeJobs },
  },
  showJob: { method: 'GET', path: '/jobs/:id', summary: 'Show a job', answers: { 200: answers.jobDetail } },
  updateJob: {
    method: 'PUT',
    path: '/jobs/:id',
    summary: 'Change a job that is pending',
    request: patchSchema,
    answers: { 200: answers.jobDetail },
  },
  deleteJob: { method: 'DELETE', path: '/jobs/:id', summary: 'Cancel a job', answers: { 200: answers.jobDetail } },
  cancelJob: { method: 'POST', path: '/jobs/:id/cancel', summary: 'Cancel a job', answers: { 200: answers.jobDetail } },
  retryJob: {
    method: 'POST',
    path: '/jobs/:id/retry',
    summary: 'Run a job again that has failed or was cancelled',
    answers: { 200: answers.jobDetail },
  },
  stats: { method: 'GET', path: '/stats', summary: 'Figures of the whole server', answers: { 200: answers.stats } },
  health: {
    method: 'GET',
    path: '/health',
    summary: 'Whether the server can do its work',
    open: true,
    answers: { 200: answers.health, 503: answers.health },
  },
  live: {
    method: 'GET',
    path: '/health/live',
    summary: 'Whether the server answers at all',
    open: true,
    answers: { 200: answers.live },
  },
  events: {
    method: 'GET',
    path: '/events',
    summary: 'Hear of what happens, as Server-Sent Events',
    query: eventQuery,
    produces: 'text/event-stream',
    answers: { 200: streamed },
  },
  /** Beside the API: where Prometheus looks unless told otherwise. */
  metrics: {
    method: 'GET',
    path: '/metrics',
    summary: 'What is counted, as Prometheus reads it',
    produces: 'text/plain; version=0.0.4; charset=utf-8',
    answers: { 200: Type.String() },
  },
  jobTypes: {
    method: 'GET',
    path: '/job-types',
    summary: 'The job types, with the defaults of their jobs',
    answers: { 200: answers.jobTypes },
  },
  backUp: {
    method: 'POST',
    path: '/backup',
    summary: 'Write a backup into a directory of the machine of the server',
    request: backupSchema,
    answers: { 200: answers.backup },
  },
} as const satisfies Record<string, Operation>;
