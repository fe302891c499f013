/** The fields that a job may be without, out of a body. `null`, which only updates may have, takes one away. */
import { isRepeating, type Overlap, type Trigger } from '../../domain/job.js';
import { nextSlot, onGrid } from '../../domain/slots/schedule.js';
import { formatInstant, parseInstant } from '../../domain/time/instant.js';
import type { MoreFields, TriggerDraft } from '../../scheduler/messages.js';
import type { Faults } from '../faults.js';
import type { JobBody, PatchBody } from '../schemas.js';
import { readDuration } from './durations.js';

/** What the meaning of these fields depends on. */
interface Circumstances {
  /** IANA zone of instants without an offset. */
  readonly timezone: string;
  /** Present time, Unix milliseconds; absent: the system's. */
  readonly now?: () => number;
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };
type Body = Pick<
  JobBody & PatchBody,
  | 'priority'
  | 'tags'
  | 'group'
  | 'expires_after'
  | 'max_retry_delay'
  | 'retry_jitter'
  | 'start_at'
  | 'end_at'
  | 'max_runs'
  | 'jitter'
  | 'overlap'
>;
type Given = { readonly [Field in keyof Body]: unknown };

const durations = { expires_after: 'expiresAfterMs', max_retry_delay: 'maxRetryDelayMs', jitter: 'jitterMs' } as const;
const instants = { start_at: 'startAt', end_at: 'endAt' } as const;
const plain = { priority: 'priority', retry_jitter: 'retryJitter', max_runs: 'maxRuns' } as const;

/** Those that are there: one that is to be taken away is undefined. What is of the wrong type has a fault already. */
export function readMoreFields(body: Given, { timezone }: Circumstances, faults: Faults, at: string): MoreFields {
  const more: Writable<MoreFields> = {};
  for (const field of ['priority', 'retry_jitter', 'max_runs'] as const) {
    if (body[field] !== undefined) more[plain[field]] = (body[field] ?? undefined) as number | undefined;
  }
  if (body.overlap !== undefined) more.overlap = (body.overlap ?? undefined) as Overlap | undefined;
  if (body.tags !== undefined) more.tags = tagsOf(body.tags);
  if (body.group !== undefined) more.group = (body.group ?? undefined) as string | undefined;
  for (const field of ['expires_after', 'max_retry_delay', 'jitter'] as const) {
    if (body[field] === undefined) continue;
    const ms = readDuration(body[field], faults, `${at}/${field}`);
    if (ms === 0 && field === 'expires_after') faults.add(`${at}/${field}`, 'must be longer than 0');
    more[durations[field]] = ms;
  }
  for (const field of ['start_at', 'end_at'] as const) {
    const text = body[field];
    if (text === undefined) continue;
    const instant = typeof text === 'string' ? parseInstant(text, timezone) : undefined;
    if (instant && 'error' in instant) faults.add(`${at}/${field}`, instant.error);
    else more[instants[field]] = instant?.ms;
  }
  return more;
}

/** None are as good as absent. */
function tagsOf(tags: unknown): readonly string[] | undefined {
  return Array.isArray(tags) && tags.length > 0 ? (tags as readonly string[]) : undefined;
}

/** Adds a fault when a job that is to repeat has no slot within its bounds. */
export function checkSlots(
  draft: TriggerDraft,
  { startAt, endAt }: MoreFields,
  { timezone, now: clock = Date.now }: Circumstances,
  faults: Faults,
  at: string,
): void {
  if (endAt === undefined || faults.has(`${at}/end_at`) || faults.has(`${at}/start_at`)) return;
  if (startAt !== undefined && endAt < startAt) return faults.add(`${at}/end_at`, 'must not be before start_at');
  const now = clock();
  const trigger = onGrid(triggerOf(draft, timezone, now), startAt);
  if (!isRepeating({ trigger }) || nextSlot({ trigger, startAt, endAt }, now) !== undefined) return;
  const first = nextSlot({ trigger, startAt }, now);
  const next = first === undefined ? '' : `; the first is at ${formatInstant(first, timezone)}`;
  faults.add(`${at}/end_at`, `leaves nothing to run for: there is no slot up to then${next}`);
}

function triggerOf(draft: TriggerDraft, timezone: string, now: number): Trigger {
  if (draft.kind === 'at') return { kind: 'once', due: draft.at };
  if (draft.kind === 'delay')
    return { kind: 'interval', everyMs: Math.max(1, draft.delayMs), firstDue: now + draft.delayMs };
  return { kind: 'cron', expression: draft.expression, timezone: draft.timezone ?? timezone, repeat: true };
}
