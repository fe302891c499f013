/**
 * The shapes of request bodies as JSON Schema: types, bounds and which fields there are. What a shape cannot say (what a
 * duration is, which fields exclude each other) is in `validate`. The sentences beside them are what users read.
 */
import { limits } from '../domain/limits.js';
import { jobTypePattern } from '../domain/names.js';
import { suggestion } from '../domain/nearest.js';
import { type Faults, pointer } from './faults.js';
import { Compile, Settings, Type } from './typebox.js';

// Its default of 8 would hide faults; a bound it must have, since a body can be wrong in 100,000 fields.
Settings.Set({ maxErrors: 200 });

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

/** The body of `POST /jobs`. */
export const jobSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: limits.nameChars, pattern: jobTypePattern }),
    ...triggers,
    is_repeat: Type.Optional(Type.Boolean()),
    ...options,
  },
  { additionalProperties: false },
);

/** The body of `PUT /jobs/:id`. */
export const patchSchema = Type.Object({ ...triggers, ...options }, { additionalProperties: false, minProperties: 1 });

export type JobBody = Type.Static<typeof jobSchema>;
export type PatchBody = Type.Static<typeof patchSchema>;

/** A compiled shape. */
export interface Shape {
  /** The names of its fields. */
  readonly fields: readonly string[];
  Check(value: unknown): boolean;
  Errors(
    value: unknown,
  ): readonly { readonly keyword: string; readonly instancePath: string; readonly params: object }[];
}

export const jobShape: Shape = compiled(jobSchema);
export const patchShape: Shape = compiled(patchSchema);

function compiled(schema: typeof jobSchema | typeof patchSchema): Shape {
  const validator = Compile(schema);
  return {
    fields: Object.keys(schema.properties),
    Check: (value) => validator.Check(value),
    Errors: (value) => validator.Errors(value),
  };
}

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
};

/** Unknown fields of one object that are looked at: more than are shown. */
const maxUnknown = 60;

/** The object without most of its unknown fields, if it has very many: naming 80,000 takes a third of a second. */
function withFewFields(shape: Shape, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const unknown = Object.keys(value).filter((field) => !shape.fields.includes(field));
  if (unknown.length <= maxUnknown) return value;
  const kept = [...shape.fields.filter((field) => Object.hasOwn(value, field)), ...unknown.slice(0, maxUnknown)];
  return Object.fromEntries(kept.map((field) => [field, (value as Record<string, unknown>)[field]]));
}

/** Adds what keeps `value` from having the shape, by field and in our own words. */
export function addShapeFaults(shape: Shape, value: unknown, faults: Faults, at: string): void {
  for (const { keyword, instancePath, params } of shape.Errors(withFewFields(shape, value))) {
    if (keyword === 'required') {
      for (const field of (params as { requiredProperties: string[] }).requiredProperties)
        faults.add(at + pointer(field), 'is required');
    } else if (keyword === 'additionalProperties') {
      for (const field of (params as { additionalProperties: string[] }).additionalProperties) {
        const hint = faults.isFull ? '' : suggestion(field, shape.fields);
        faults.add(at + pointer(field), `is not a field of this request${hint}`);
      }
    } else if (keyword === 'minProperties') {
      faults.add(at, 'must have at least one field to change');
    } else if (keyword !== 'boolean') {
      const field = instancePath.slice(1);
      faults.add(
        at + instancePath,
        instancePath === '' ? 'must be a JSON object' : (sentences[field] ?? 'is not valid'),
      );
    }
  }
}
