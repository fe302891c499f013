/** The shapes of what is said on a WebSocket, in both directions, as JSON Schema. */
import { errorCodes } from '../domain/errors.js';
import { type eventTypes, heardTypes, type transientTypes } from '../domain/events.js';
import { statuses } from '../domain/lifecycle.js';
import { limits } from '../domain/limits.js';
import { jobTypePattern } from '../domain/names.js';
import { type TSchema, Type } from '../schema/typebox.js';
import { instant, jobId, jobType, stats } from './answers.js';

const exact = { additionalProperties: false } as const;
const count = Type.Integer({ minimum: 0 });
const seq = Type.Integer({ minimum: 1 });
/** Of a server of several. */
const shard = Type.Integer({ minimum: 0, description: 'Where jobs are divided over several: which one counts by seq' });

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
      shard: Type.Optional(shard),
    },
    exact,
  );
}

const scheduled = { trigger_at: instant, is_repeat: Type.Boolean() };
/** Of the pause that begins or ends. */
const paused = { until: Type.Optional(instant), reason: Type.Optional(Type.String()) };
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
  'job.retrying': event('job.retrying', {
    next_retry_at: instant,
    retry_count: count,
    manual: yes,
    interrupted: yes,
    snoozed: yes,
  }),
  'job.cancelled': event('job.cancelled', { previous_status: Type.Enum([...statuses]) }),
  'job.paused': event('job.paused', paused),
  'job.resumed': event('job.resumed', paused),
};

function transient(type: (typeof transientTypes)[number], data: Record<string, TSchema>): TSchema {
  return Type.Object(
    {
      type: Type.Literal(type),
      job_id: jobId,
      job_name: jobType,
      status: Type.Integer(),
      timestamp: instant,
      data: Type.Object(data, exact),
      metadata: Type.Object({}, exact),
    },
    exact,
  );
}

/** Events of running jobs that are not kept, by type: they have no `seq`. */
export const transientEvents: Readonly<Record<(typeof transientTypes)[number], TSchema>> = {
  'job.progress': transient('job.progress', { progress: Type.Unknown() }),
  'job.log': transient('job.log', {
    level: Type.Enum(['debug', 'info', 'warn', 'error']),
    message: Type.String(),
    fields: Type.Object({}, { additionalProperties: true }),
  }),
};

const filter = Type.Object(
  {
    job_types: Type.Array(Type.String()),
    event_types: Type.Array(Type.Enum([...heardTypes])),
    job_ids: Type.Array(Type.String()),
  },
  exact,
);

/** Answers to messages, and what is sent beside events, by type. */
export const notices = {
  subscribed: Type.Object(
    { type: Type.Literal('subscribed'), filter, seq: Type.Optional(count), cursor: Type.Optional(Type.String()) },
    exact,
  ),
  unsubscribed: Type.Object({ type: Type.Literal('unsubscribed') }, exact),
  pong: Type.Object({ type: Type.Literal('pong'), timestamp: instant }, exact),
  stats: Type.Object({ type: Type.Literal('stats'), timestamp: instant, data: stats }, exact),
  gap: Type.Object(
    {
      type: Type.Literal('gap'),
      from: seq,
      to: count,
      shard: Type.Optional(shard),
      cursor: Type.Optional(Type.String()),
    },
    exact,
  ),
  error: Type.Object({ type: Type.Literal('error'), code: Type.Enum([...errorCodes]), message: Type.String() }, exact),
} as const satisfies Readonly<Record<string, TSchema>>;

/** A message of an event stream. */
export const streamed = Type.Union([
  ...Object.values(events),
  ...Object.values(transientEvents),
  notices.subscribed,
  notices.gap,
]);

const everyValue = 'Absent or empty: all.';

/** What a client wants to hear of. How many different values there may be is for `domain/filter` to say. */
export const askedFilter = Type.Object(
  {
    job_types: Type.Optional(
      Type.Array(Type.String({ maxLength: limits.nameChars, pattern: jobTypePattern }), {
        description: `Job types, registered or not. ${everyValue} With event_types at most ${limits.filterTopics} pairs`,
      }),
    ),
    event_types: Type.Optional(
      Type.Array(Type.Enum([...heardTypes]), {
        description: `Types of events. ${everyValue} but job.progress and job.log, which go only to those who name them`,
      }),
    ),
    job_ids: Type.Optional(
      Type.Array(Type.String({ maxLength: limits.nameChars }), {
        description: `Ids of jobs, existing or not, at most ${limits.filterIds} different ones. ${everyValue}`,
      }),
    ),
  },
  { ...exact, description: 'An event must match all three lists, and in each of them one value. Absent: all events' },
);

const since = Type.Union(
  [Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.String({ maxLength: limits.cursorChars })],
  {
    description:
      'The seq of the last event that the client has had, or 0: those after it come first. Of a server of several shards, its cursor',
  },
);

/** What a client may say, by action. */
export const clientMessages = {
  subscribe: Type.Object(
    { action: Type.Literal('subscribe'), filter: Type.Optional(askedFilter), since: Type.Optional(since) },
    { ...exact, description: 'Replaces what the client hears of. Answered by subscribed, then events' },
  ),
  unsubscribe: Type.Object(
    { action: Type.Literal('unsubscribe') },
    { ...exact, description: 'Ends the subscription. Answered by unsubscribed' },
  ),
  ping: Type.Object({ action: Type.Literal('ping') }, { ...exact, description: 'Answered by pong' }),
  get_stats: Type.Object(
    { action: Type.Literal('get_stats') },
    { ...exact, description: 'Answered by stats, the figures of GET /stats' },
  ),
} as const;
