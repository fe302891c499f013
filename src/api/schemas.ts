/**
 * The shapes of request bodies as JSON Schema: types, bounds and which fields there are. What a shape cannot say (what a
 * duration is, which fields exclude each other) is in `validate`. The sentences beside them are what users read.
 */
import { bulkActions } from '../domain/control/bulk.js';
import { ifExists } from '../domain/control/keys.js';
import { rateForm } from '../domain/control/rate.js';
import { overlaps } from '../domain/job.js';
import { limits } from '../domain/limits.js';
import { jobTypePattern } from '../domain/names.js';
import { suggestion } from '../domain/nearest.js';
import { type Shape, shapeOf } from '../schema/shape.js';
import { Type } from '../schema/typebox.js';
import { type Faults, pointer } from './faults.js';

const duration = Type.Optional(Type.String({ maxLength: 100, description: 'A duration: 300ms, 10m, 1h30s, 2d' }));

const triggers = {
  delay: duration,
  trigger_at: Type.Optional(Type.String({ maxLength: 128, description: 'An ISO 8601 date-time' })),
  cron_expr: Type.Optional(
    Type.String({
      maxLength: limits.cronChars,
      description: 'Six fields, seconds first, or five, or a shorthand such as @daily',
    }),
  ),
  timezone: Type.Optional(Type.String({ maxLength: 64, description: 'An IANA time zone; with cron_expr only' })),
};

const options = {
  payload: Type.Optional(Type.Object({}, { description: 'Handed to the handler; at most 256 KiB as JSON' })),
  max_retries: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.maxRetries })),
  retry_delay: duration,
  backoff: Type.Optional(Type.Enum(['exponential', 'fixed'])),
  timeout: duration,
  misfire: Type.Optional(Type.Enum(['run_once', 'skip'])),
};

const keyPattern = '^[\\x21-\\x7e]+$';
const tagPattern = '^[A-Za-z0-9_.:/@-]+$';

/** Fields that a job may be without. */
const more = {
  priority: Type.Integer({ minimum: -limits.maxPriority, maximum: limits.maxPriority }),
  tags: Type.Array(Type.String({ minLength: 1, maxLength: limits.tagChars, pattern: tagPattern }), {
    maxItems: limits.tags,
    uniqueItems: true,
  }),
  group: Type.String({ minLength: 1, maxLength: limits.nameChars, pattern: jobTypePattern }),
  expires_after: Type.String({ maxLength: 100 }),
  max_retry_delay: Type.String({ maxLength: 100 }),
  retry_jitter: Type.Number({ minimum: 0, maximum: 1 }),
  start_at: Type.String({ maxLength: 128 }),
  end_at: Type.String({ maxLength: 128 }),
  max_runs: Type.Integer({ minimum: 1, maximum: limits.maxRuns }),
  jitter: Type.String({ maxLength: 100 }),
  overlap: Type.Enum([...overlaps]),
};

const given = {
  priority: Type.Optional(more.priority),
  tags: Type.Optional(more.tags),
  group: Type.Optional(more.group),
  expires_after: Type.Optional(more.expires_after),
  max_retry_delay: Type.Optional(more.max_retry_delay),
  retry_jitter: Type.Optional(more.retry_jitter),
  start_at: Type.Optional(more.start_at),
  end_at: Type.Optional(more.end_at),
  max_runs: Type.Optional(more.max_runs),
  jitter: Type.Optional(more.jitter),
  overlap: Type.Optional(more.overlap),
};

/** In an update null takes one away. */
const givenOrNull = {
  priority: Type.Optional(Type.Union([more.priority, Type.Null()])),
  tags: Type.Optional(Type.Union([more.tags, Type.Null()])),
  group: Type.Optional(Type.Union([more.group, Type.Null()])),
  expires_after: Type.Optional(Type.Union([more.expires_after, Type.Null()])),
  max_retry_delay: Type.Optional(Type.Union([more.max_retry_delay, Type.Null()])),
  retry_jitter: Type.Optional(Type.Union([more.retry_jitter, Type.Null()])),
  start_at: Type.Optional(Type.Union([more.start_at, Type.Null()])),
  end_at: Type.Optional(Type.Union([more.end_at, Type.Null()])),
  max_runs: Type.Optional(Type.Union([more.max_runs, Type.Null()])),
  jitter: Type.Optional(Type.Union([more.jitter, Type.Null()])),
  overlap: Type.Optional(Type.Union([more.overlap, Type.Null()])),
};

/** Of new jobs only: a key never changes. */
const keyed = {
  key: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: limits.jobKeyChars,
      pattern: keyPattern,
      description: 'Names the job within its type: 1 to 255 visible ASCII characters',
    }),
  ),
  if_exists: Type.Optional(Type.Enum([...ifExists])),
  key_ttl: Type.Optional(Type.String({ maxLength: 100 })),
};

/** The body of `POST /jobs`. */
export const jobSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: limits.nameChars, pattern: jobTypePattern }),
    ...triggers,
    is_repeat: Type.Optional(Type.Boolean()),
    ...options,
    ...given,
    ...keyed,
  },
  { additionalProperties: false },
);

/** The body of `PUT /jobs/:id`. */
export const patchSchema = Type.Object(
  { ...triggers, ...options, ...givenOrNull },
  { additionalProperties: false, minProperties: 1 },
);

const reason = Type.Optional(
  Type.Union([Type.String({ maxLength: limits.pauseReasonChars }), Type.Null()], {
    description: `Shown with the pause; at most ${limits.pauseReasonChars} characters. null: none any more`,
  }),
);

/** The body of `POST /jobs/:id/pause`. */
export const pauseSchema = Type.Object(
  {
    until: Type.Optional(
      Type.Union([Type.String({ maxLength: 128 }), Type.Null()], {
        description: 'When the pause ends by itself: an ISO 8601 date-time. null: it does not any more',
      }),
    ),
    reason,
  },
  { additionalProperties: false },
);

/** The body of `POST /pause` and `POST /job-types/:name/pause`. */
export const holdSchema = Type.Object({ reason }, { additionalProperties: false });

const typeConcurrency = Type.Union([Type.Integer({ minimum: 1, maximum: limits.maxTypeConcurrency }), Type.Null()]);

/** The body of `PUT /job-types/:name`. Null: as the handler says. */
export const typeSchema = Type.Object(
  {
    concurrency: Type.Optional(typeConcurrency),
    group_concurrency: Type.Optional(typeConcurrency),
    rate: Type.Optional(
      Type.Union([Type.String({ maxLength: 120 }), Type.Null()], {
        description: 'At most this many starts in any period of this length, spread evenly: `100/1m`',
      }),
    ),
    paused: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    pause_reason: reason,
  },
  { additionalProperties: false, minProperties: 1 },
);

/** The body of `POST /backup`. */
export const backupSchema = Type.Object(
  {
    directory: Type.String({
      description: 'An absolute path on the machine of the server: new, or an empty directory',
    }),
  },
  { additionalProperties: false },
);

export type JobBody = Type.Static<typeof jobSchema>;
export type PatchBody = Type.Static<typeof patchSchema>;
export type PauseBody = Type.Static<typeof pauseSchema>;
export type TypeBody = Type.Static<typeof typeSchema>;
export type HoldBody = Type.Static<typeof holdSchema>;

export const jobShape = shapeOf(jobSchema);
export const patchShape = shapeOf(patchSchema);
export const pauseShape = shapeOf(pauseSchema);
export const typeShape = shapeOf(typeSchema);
export const holdShape = shapeOf(holdSchema);
export const backupShape = shapeOf(backupSchema);

/** What is said of a directory that is none, be it by its type or by its text. */
export const notAPath = 'must be an absolute path on the machine of the server';

const sentences: Readonly<Record<string, string>> = {
  name: `must be a string of 1 to ${limits.nameChars} characters out of A-Z, a-z, 0-9 and _ . : -`,
  delay: 'must be a string such as "10m" or "1h30s"',
  trigger_at: 'must be a string such as "2026-01-02T15:30:00+08:00"',
  cron_expr: `must be a string of at most ${limits.cronChars} characters such as "0 */5 * * * *"`,
  timezone: 'must be the name of an IANA time zone such as "Europe/Berlin"',
  is_repeat: 'must be true or false',
  payload: 'must be a JSON object',
  max_retries: `must be a whole number from 0 to ${limits.maxRetries}`,
  retry_delay: 'must be a string such as "5m" or "30s"',
  backoff: 'must be "exponential" or "fixed"',
  timeout: 'must be a string such as "5m" or "30s"',
  misfire: 'must be "run_once" or "skip"',
  priority: `must be a whole number from -${limits.maxPriority} to ${limits.maxPriority}`,
  tags: `must be an array of at most ${limits.tags} different strings of 1 to ${limits.tagChars} characters out of A-Z, a-z, 0-9 and _ . : / @ -`,
  group: `must be a string of 1 to ${limits.nameChars} characters out of A-Z, a-z, 0-9 and _ . : -`,
  expires_after: 'must be a string such as "10m" or "30s"',
  max_retry_delay: 'must be a string such as "1h" or "30m"',
  retry_jitter: 'must be a number from 0 to 1',
  start_at: 'must be a string such as "2026-01-02T15:30:00+08:00"',
  end_at: 'must be a string such as "2026-01-02T15:30:00+08:00"',
  max_runs: `must be a whole number from 1 to ${limits.maxRuns}`,
  jitter: 'must be a string such as "10m" or "30s"',
  overlap: 'must be "skip", "queue" or "cancel_running"',
  key: `must be a string of 1 to ${limits.jobKeyChars} visible ASCII characters`,
  if_exists: 'must be "reject", "return" or "replace"',
  key_ttl: 'must be a string such as "10m" or "30s"',
  directory: notAPath,
  action: `must be one of ${Object.keys(bulkActions).join(', ')}`,
  filter: 'must be a JSON object that says which jobs are meant, such as {"status": "failed"}',
  dry_run: 'must be true or false',
  concurrency: `must be a whole number from 1 to ${limits.maxTypeConcurrency}, or null: as the handler says`,
  group_concurrency: `must be a whole number from 1 to ${limits.maxTypeConcurrency}, or null: as the handler says`,
  rate: `${rateForm}, or null: as the handler says`,
  paused: 'must be true or false, or null: not paused',
  pause_reason: `must be a string of at most ${limits.pauseReasonChars} characters, or null`,
  until: 'must be a string such as "2026-01-02T15:30:00+08:00", or null',
  reason: `must be a string of at most ${limits.pauseReasonChars} characters, or null`,
};

/** Adds what keeps `value` from having the shape, by field and in our own words. */
export function addShapeFaults(shape: Shape, value: unknown, faults: Faults, at: string): void {
  for (const { kind, path } of shape.faults(value)) {
    const place = at + path.map(pointer).join('');
    const field = path.at(-1) ?? '';
    switch (kind) {
      case 'missing':
        faults.add(place, 'is required');
        break;
      case 'unknown':
        faults.add(place, `is not a field of this request${faults.isFull ? '' : suggestion(field, shape.fields)}`);
        break;
      case 'empty':
        faults.add(place, 'must have at least one field to change');
        break;
      case 'wrong':
        faults.add(
          place,
          path.length === 0
            ? 'must be a JSON object'
            : (sentences[field] ?? sentences[path[0] ?? ''] ?? 'is not valid'),
        );
        break;
      default:
        kind satisfies never;
    }
  }
}
