/** The shapes of what subscribers are sent on a WebSocket, as JSON Schema. */
import { errorCodes } from '../domain/errors.js';
import { eventTypes } from '../domain/events.js';
import { statuses } from '../domain/lifecycle.js';
import { instant, jobId, jobType, stats } from './answers.js';
import { type TSchema, Type } from './typebox.js';

const exact = { additionalProperties: false } as const;
const count = Type.Integer({ minimum: 0 });
const seq = Type.Integer({ minimum: 1 });

function event(type: (typeof eventTypes)[number], metadata: Record<string, TSchema>, data?: TSchema): TSchema {
  return Type.Object(
    {
      type: Type.Literal(type),
      job_id: jobId,
      job_name: jobType,
      status: Type.Integer(),
      timestamp: instant,
      ...(data && { data }),
      metadata: Type.Object(metadata, exact),
      seq,
    },
    exact,
  );
}

const scheduled = { trigger_at: instant, is_repeat: Type.Boolean() };
const yes = Type.Optional(Type.Literal(true));

/** Events of jobs, by type. */
export const events: Readonly<Record<(typeof eventTypes)[number], TSchema>> = {
  'job.scheduled': event('job.scheduled', scheduled),
  'job.updated': event('job.updated', scheduled),
  'job.started': event('job.started', { attempt: Type.Integer({ minimum: 1 }) }),
  'job.completed': event('job.completed', { duration_ms: count }),
  'job.failed': event(
    'job.failed',
    { retry_count: count, max_retries: count, final: Type.Boolean() },
    Type.Object({ error: Type.String() }, exact),
  ),
  'job.retrying': event('job.retrying', { next_retry_at: instant, retry_count: count, manual: yes, interrupted: yes }),
  'job.cancelled': event('job.cancelled', { previous_status: Type.Enum([...statuses]) }),
};

const filter = Type.Object(
  {
    job_types: Type.Array(Type.String()),
    event_types: Type.Array(Type.Enum([...eventTypes])),
    job_ids: Type.Array(Type.String()),
  },
  exact,
);

/** Answers to messages, and what is sent beside events, by type. */
export const notices: Readonly<Record<string, TSchema>> = {
  subscribed: Type.Object({ type: Type.Literal('subscribed'), filter, seq: count }, exact),
  unsubscribed: Type.Object({ type: Type.Literal('unsubscribed') }, exact),
  pong: Type.Object({ type: Type.Literal('pong'), timestamp: instant }, exact),
  stats: Type.Object({ type: Type.Literal('stats'), timestamp: instant, data: stats }, exact),
  gap: Type.Object({ type: Type.Literal('gap'), from: seq, to: count }, exact),
  error: Type.Object({ type: Type.Literal('error'), code: Type.Enum([...errorCodes]), message: Type.String() }, exact),
};
