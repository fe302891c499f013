/**
 * Bodies of requests into what the scheduler takes: `JobDraft` and `JobPatch`. All faults of a body are found in one go;
 * each check skips what has already been found to be of the wrong type.
 */

import type { PauseChange } from '../domain/control/pausing.js';
import { limits } from '../domain/limits.js';
import { nearest } from '../domain/nearest.js';
import { parseCron } from '../domain/time/cron-expression.js';
import { parseInstant } from '../domain/time/instant.js';
import { zoneNamed } from '../domain/time/zone.js';
import type { JobDraft, JobPatch, MoreFields, TriggerDraft } from '../scheduler/messages.js';
import type { PayloadCheck } from '../schema/payload-check.js';
import type { Shape } from '../schema/shape.js';
import type { Faults } from './faults.js';
import { readDuration } from './fields/durations.js';
import { readKey } from './fields/key.js';
import { checkSlots, readMoreFields } from './fields/more-fields.js';
import {
  addShapeFaults,
  type HoldBody,
  holdShape,
  type JobBody,
  jobShape,
  type PatchBody,
  type PauseBody,
  patchShape,
  pauseShape,
} from './schemas.js';

/** What validity depends on beside the body. */
export interface Rules {
  /** IANA zone of instants without an offset. */
  readonly timezone: string;
  readonly isRegistered: (name: string) => boolean;
  /** Those that are registered, to name those that may have been meant. */
  readonly jobTypes?: readonly string[];
  /** Present time, Unix milliseconds; absent: the system's. */
  readonly now?: () => number;
  /** Whether any type has a payload schema. */
  readonly checksPayloads?: boolean;
  /** Holds payloads of a job type against its schema; undefined where it has none. */
  readonly payloadCheckOf?: (name: string) => PayloadCheck | undefined;
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };
type Options = Writable<Omit<JobPatch, 'trigger' | 'timezone' | keyof MoreFields>>;

/**
 * A job as one item of a request asks for it.
 *
 * @param at JSON pointer of the item in the body
 * @returns undefined when faults were added
 */
export function readDraft(value: unknown, rules: Rules, faults: Faults, at = ''): JobDraft | undefined {
  const body = shaped<JobBody>(jobShape, value, faults, at);
  if (body === undefined) return undefined;
  const { name } = body;
  if (typeof name === 'string' && !faults.has(`${at}/name`) && !rules.isRegistered(name)) {
    faults.addUnknownType(`${at}/name`, name, rules.jobTypes ?? []);
  }
  const trigger = readTrigger(body, rules, faults, at);
  const given = countTriggers(body);
  if (given === 0) faults.add(at, 'must have one of delay, trigger_at and cron_expr');
  if (body.timezone !== undefined && body.cron_expr === undefined)
    faults.add(
      `${at}/timezone`,
      'is only allowed with cron_expr: leave it out; an instant takes an offset such as +01:00',
    );
  const isRepeat = body.is_repeat === true;
  if (isRepeat && body.trigger_at !== undefined)
    faults.add(`${at}/is_repeat`, 'must not be true with trigger_at: a date comes once');
  if (isRepeat && trigger?.kind === 'delay' && trigger.delayMs < limits.minIntervalMs) {
    faults.add(`${at}/delay`, `must be at least ${limits.minIntervalMs}ms for a job that repeats`);
  }
  const options = readOptions(body, faults, at);
  const more = readMoreFields(body, rules, faults, at);
  if (!isRepeat) refuseBounds(body, faults, at);
  else if (trigger !== undefined) checkSlots(trigger, more ?? {}, rules, faults, at);
  const keyed = readKey(body, faults, at);
  checkPayload(rules.payloadCheckOf?.(name), body.payload ?? {}, options.payload, faults, at);
  if (faults.any || trigger === undefined) return undefined;
  const { payload = '{}', ...rest } = options;
  return { name, trigger, isRepeat, payload, ...rest, ...more, ...keyed };
}

function refuseBounds(body: JobBody, faults: Faults, at: string): void {
  for (const field of ['start_at', 'end_at', 'max_runs', 'jitter', 'overlap'] as const) {
    if (body[field] !== undefined)
      faults.add(`${at}/${field}`, 'is only for jobs that repeat: leave it out, or add "is_repeat": true');
  }
}

/**
 * A partial update.
 *
 * @param typeOf the type of the job that it is for, asked only when there is a payload; undefined where there is no such job
 * @returns undefined when faults were added
 */
export function readPatch(
  value: unknown,
  rules: Rules,
  faults: Faults,
  typeOf?: () => string | undefined,
  at = '',
): JobPatch | undefined {
  const body = shaped<PatchBody>(patchShape, value, faults, at);
  if (body === undefined) return undefined;
  const patch: Writable<JobPatch> = {};
  const trigger = readTrigger(body, rules, faults, at);
  if (trigger !== undefined) patch.trigger = trigger;
  if (body.timezone !== undefined && body.cron_expr === undefined) {
    if (countTriggers(body) > 0)
      faults.add(`${at}/timezone`, 'is only allowed with cron_expr, or alone: leave out delay and trigger_at, or it');
    const timezone = readZone(body.timezone);
    if (timezone !== undefined) patch.timezone = timezone;
  }
  Object.assign(patch, readOptions(body, faults, at), readMoreFields(body, rules, faults, at));
  if (patch.payload !== undefined && rules.checksPayloads === true) {
    const name = typeOf?.();
    const check = name === undefined ? undefined : rules.payloadCheckOf?.(name);
    checkPayload(check, body.payload, patch.payload, faults, at);
  }
  return faults.any ? undefined : patch;
}

/** Adds what the schema of the job's type has against its payload. */
function checkPayload(
  check: PayloadCheck | undefined,
  payload: unknown,
  text: string | undefined,
  faults: Faults,
  at: string,
): void {
  if (check === undefined || faults.has(`${at}/payload`)) return;
  const chars = faults.isFull ? Number.POSITIVE_INFINITY : (text?.length ?? 0);
  for (const { path, message } of check(payload, chars)) faults.add(`${at}/payload${path}`, message);
}

/** What a request says of the pause of a job. Where faults were added, it says nothing. */
export function readPause(value: unknown, { timezone }: Pick<Rules, 'timezone'>, faults: Faults): PauseChange {
  const { until, reason } = shaped<PauseBody>(pauseShape, value, faults, '') ?? {};
  const instant = typeof until === 'string' ? parseInstant(until, timezone) : undefined;
  if (instant !== undefined && 'error' in instant) faults.add('/until', instant.error);
  const ends = instant !== undefined && 'ms' in instant ? { until: instant.ms } : until === null && { until };
  return { ...ends, ...(reason !== undefined && { reason }) };
}

/** What a request says of the pause of the server or of a type. Where faults were added, it says nothing. */
export function readHold(value: unknown, faults: Faults): { readonly reason?: string | null } {
  const { reason } = shaped<HoldBody>(holdShape, value, faults, '') ?? {};
  return reason === undefined ? {} : { reason };
}

/** The value as an object of this shape; fields that are not of it are there, but have a fault. */
function shaped<Body>(shape: Shape, value: unknown, faults: Faults, at: string): Body | undefined {
  if (!shape.fits(value)) {
    addShapeFaults(shape, value, faults, at);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  }
  return value as Body;
}

function countTriggers({ delay, trigger_at, cron_expr }: PatchBody): number {
  return (delay === undefined ? 0 : 1) + (trigger_at === undefined ? 0 : 1) + (cron_expr === undefined ? 0 : 1);
}

/** The trigger, every one of several checked; undefined when there is none or its text has a fault. */
function readTrigger(body: PatchBody, rules: Rules, faults: Faults, at: string): TriggerDraft | undefined {
  const timezone = readZone(body.timezone);
  if (countTriggers(body) > 1) faults.add(at, 'must have only one of delay, trigger_at and cron_expr');
  if (typeof body.timezone === 'string' && timezone === undefined)
    faults.add(`${at}/timezone`, unknownZone(body.timezone, faults));
  let trigger: TriggerDraft | undefined;
  if (body.delay !== undefined) {
    const delayMs = readDuration(body.delay, faults, `${at}/delay`);
    if (delayMs !== undefined) trigger = { kind: 'delay', delayMs };
  }
  if (typeof body.trigger_at === 'string') {
    const instant = parseInstant(body.trigger_at, rules.timezone);
    if ('error' in instant) faults.add(`${at}/trigger_at`, instant.error);
    else trigger = { kind: 'at', at: instant.ms };
  }
  if (typeof body.cron_expr === 'string') {
    const cron = parseCron(body.cron_expr);
    if ('error' in cron) faults.add(`${at}/cron_expr`, cron.error);
    else trigger = { kind: 'cron', expression: body.cron_expr, ...(timezone !== undefined && { timezone }) };
  }
  return trigger;
}

/** The zone as the database spells it; undefined when there is none, or none that is known. */
function readZone(text: unknown): string | undefined {
  return typeof text === 'string' ? zoneNamed(text) : undefined;
}

function unknownZone(name: string, faults: Faults): string {
  const [meant] = faults.isFull ? [] : nearest(name, Intl.supportedValuesOf('timeZone'));
  const hint = meant === undefined ? 'write one such as Europe/Berlin or UTC' : `did you mean ${meant}?`;
  return `is not an IANA time zone known here; ${hint}`;
}

/** The fields that creations and updates share, only those that are there. */
function readOptions(body: PatchBody, faults: Faults, at: string): Options {
  const options: Options = {};
  if (body.payload !== undefined) {
    const payload = JSON.stringify(body.payload);
    // A UTF-16 unit has at most three bytes in UTF-8: most texts need no count.
    if (payload.length * 3 > limits.payloadBytes && Buffer.byteLength(payload) > limits.payloadBytes) {
      faults.add(`${at}/payload`, `must have at most ${limits.payloadBytes} bytes as JSON`);
    }
    options.payload = payload;
  }
  if (body.max_retries !== undefined) options.maxRetries = body.max_retries;
  if (body.retry_delay !== undefined) {
    const ms = readDuration(body.retry_delay, faults, `${at}/retry_delay`);
    if (ms !== undefined) options.retryDelayMs = ms;
  }
  if (body.backoff !== undefined) options.backoff = body.backoff as 'exponential' | 'fixed';
  if (body.timeout !== undefined) {
    const ms = readDuration(body.timeout, faults, `${at}/timeout`);
    if (ms === 0) faults.add(`${at}/timeout`, 'must be longer than 0');
    if (ms !== undefined) options.timeoutMs = ms;
  }
  if (body.misfire !== undefined) options.misfire = body.misfire as 'run_once' | 'skip';
  return options;
}

/** Visible characters only: what a header can carry without being changed on its way. */
const keyForm = new RegExp(`^[\\x21-\\x7e]{1,${limits.idempotencyKeyChars}}$`);

/** Looks at an idempotency key, of a header or an item of a batch: adds a fault at `at` where `key` is none. */
export function readIdempotencyKey(key: unknown, faults: Faults, at: string): void {
  if (typeof key === 'string' && keyForm.test(key)) return;
  faults.add(at, `must have 1 to ${limits.idempotencyKeyChars} visible ASCII characters`);
}
