/** Examples of what is said on a WebSocket. A test holds each to its schema. */
import type { EventType, TransientType } from '../../domain/events.js';
import type { clientMessages, notices } from '../messages.js';
import { answerExamples, exampleId } from './examples.js';

const timestamp = '2024-01-02T15:30:00+08:00';
const head = { job_id: exampleId, job_name: 'payment_check' };

/** @param jobTypes registered ones; none where none may be shown */
export function actionExamples(jobTypes: readonly string[]): Readonly<Record<keyof typeof clientMessages, unknown>> {
  return {
    subscribe: {
      action: 'subscribe',
      filter: { job_types: jobTypes.slice(0, 2), event_types: ['job.completed', 'job.failed'] },
      since: 17,
    },
    unsubscribe: { action: 'unsubscribe' },
    ping: { action: 'ping' },
    get_stats: { action: 'get_stats' },
  };
}

export const noticeExamples: Readonly<Record<keyof typeof notices, unknown>> = {
  subscribed: {
    type: 'subscribed',
    filter: { job_types: [], event_types: ['job.completed', 'job.failed'], job_ids: [] },
    seq: 47,
  },
  unsubscribed: { type: 'unsubscribed' },
  pong: { type: 'pong', timestamp },
  stats: { type: 'stats', timestamp, data: answerExamples.stats[200] },
  gap: { type: 'gap', from: 2, to: 1200 },
  error: {
    type: 'error',
    code: 'validation_failed',
    message: 'action must be one of subscribe, unsubscribe, ping, get_stats.',
  },
};

export const eventExamples: Readonly<Record<EventType, unknown>> = {
  'job.scheduled': event('job.scheduled', 0, { trigger_at: timestamp, is_repeat: false }, 18),
  'job.updated': event('job.updated', 0, { trigger_at: timestamp, is_repeat: false }, 19),
  'job.started': event('job.started', 1, { attempt: 1 }, 20),
  'job.completed': event('job.completed', 2, { duration_ms: 42 }, 21),
  'job.failed': {
    ...event('job.failed', 3, { retry_count: 1, max_retries: 3, final: false }, 22),
    data: { error: 'the payment service did not answer' },
  },
  'job.retrying': event('job.retrying', 0, { next_retry_at: timestamp, retry_count: 1 }, 23),
  'job.cancelled': event('job.cancelled', 4, { previous_status: 'pending' }, 24),
  'job.paused': event('job.paused', 0, { until: timestamp, reason: 'the provider is down' }, 25),
  'job.resumed': event('job.resumed', 0, { until: timestamp, reason: 'the provider is down' }, 26),
};

function event(type: EventType, status: number, metadata: object, seq: number): object {
  return { type, ...head, status, timestamp, metadata, seq };
}

const running = { ...head, status: 1, timestamp };
export const transientExamples: Readonly<Record<TransientType, unknown>> = {
  'job.progress': { type: 'job.progress', ...running, data: { progress: 40 }, metadata: {} },
  'job.log': {
    type: 'job.log',
    ...running,
    data: { level: 'info', message: 'checking', fields: { order_id: 'A-1' } },
    metadata: {},
  },
};
