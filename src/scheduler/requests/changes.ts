/** What the fields of a request mean for a job: its trigger, and what an update changes. Refuses what no job can be. */
import { Refusal } from '../../domain/errors.js';
import { isRepeating, type Job, type JobSpec, type Trigger } from '../../domain/job.js';
import { limits } from '../../domain/limits.js';
import { formatInstant } from '../../domain/time/instant.js';
import { type Change, changedSpec, exhaustedBy, startsAnew } from '../../domain/update.js';
import type { JobPatch, MoreFields, TriggerDraft } from '../messages.js';

/** What the meaning of a request depends on beside the job. */
interface Circumstances {
  /** IANA name: for cron jobs that name none, and for instants in sentences. */
  readonly timezone: string;
  /** Unix milliseconds. */
  readonly now: number;
}

/** The trigger that a request asks for, at the instant at which that is decided. */
export function triggerOf(draft: TriggerDraft, repeat: boolean, timezone: string, now: number): Trigger {
  switch (draft.kind) {
    case 'delay':
      if (repeat) return { kind: 'interval', everyMs: draft.delayMs, firstDue: now + draft.delayMs };
      return { kind: 'once', due: now + draft.delayMs };
    case 'at':
      return { kind: 'once', due: draft.at };
    case 'cron':
      return { kind: 'cron', expression: draft.expression, timezone: draft.timezone ?? timezone, repeat };
    default:
      return draft satisfies never;
  }
}

/** What `patch` means for a job: of a schedule that stays only the next occurrence moves. @throws Refusal */
export function changeOf(spec: JobSpec, patch: JobPatch, context: Circumstances): Change {
  const { trigger: draft, timezone, ...rest } = patch;
  const { trigger: old } = spec;
  const { now } = context;
  if (!isRepeating(spec)) refuseBounds(patch);
  if (draft === undefined) {
    if (timezone === undefined) return rest;
    if (old.kind !== 'cron')
      throw invalid(
        '/timezone',
        'belongs to a cron_expr, which this job does not have; leave it out, or give a cron_expr with it',
      );
    return { ...rest, trigger: { ...old, timezone } };
  }
  const repeat = isRepeating(spec);
  if (repeat && draft.kind === 'at') return { ...rest, movedTo: draft.at };
  if (repeat && draft.kind === 'delay') {
    if (old.kind === 'cron') return { ...rest, movedTo: now + draft.delayMs };
    if (draft.delayMs < limits.minIntervalMs) {
      const why = 'it is the new interval of this repeating job; to move its next run only, use trigger_at';
      throw invalid('/delay', `must be at least ${limits.minIntervalMs}ms: ${why}`);
    }
  }
  const zone = old.kind === 'cron' ? old.timezone : context.timezone;
  return { ...rest, trigger: triggerOf(draft, repeat, zone, now) };
}

/** Fields that only jobs have that repeat. */
const ofRepeating = {
  startAt: '/start_at',
  endAt: '/end_at',
  maxRuns: '/max_runs',
  jitterMs: '/jitter',
  overlap: '/overlap',
} as const satisfies Partial<Record<keyof MoreFields, string>>;

function refuseBounds(patch: JobPatch): void {
  for (const [field, path] of Object.entries(ofRepeating)) {
    if (patch[field as keyof typeof ofRepeating] === undefined) continue;
    throw invalid(path, 'is only for jobs that repeat, and this one runs once: leave it out');
  }
}

/**
 * Refuses a change that leaves a repeating job nothing to run for, or moves its next occurrence out of its bounds.
 *
 * @throws Refusal
 */
export function checkBounds({ spec, state }: Job, patch: JobPatch, change: Change, context: Circumstances): void {
  const { startAt, endAt, maxRuns } = changedSpec(spec, change);
  if (startAt === undefined && endAt === undefined && maxRuns === undefined) return;
  const { timezone, now } = context;
  const instant = (ms: number): string => formatInstant(ms, timezone);
  const isNew = startsAnew(spec, change);
  if (change.movedTo !== undefined) {
    const path = patch.trigger?.kind === 'delay' ? '/delay' : '/trigger_at';
    const moved = Math.max(change.movedTo, now);
    if (endAt !== undefined && moved > endAt) throw invalid(path, `must not lead past end_at, ${instant(endAt)}`);
    if (startAt !== undefined && moved < startAt)
      throw invalid(path, `must not lead to before start_at, ${instant(startAt)}`);
    return;
  }
  if (startAt !== undefined && endAt !== undefined && endAt < startAt)
    throw invalid('endAt' in patch ? '/end_at' : '/start_at', endsBeforeStart('endAt' in patch));
  const bound = exhaustedBy(
    changedSpec(spec, change),
    state,
    isNew ? undefined : state.nextSlot || state.occurrence,
    now,
  );
  if (bound === 'maxRuns')
    throw invalid(
      '/max_runs',
      `must be more than ${state.runCount}: so often it has run, and it would never run again`,
    );
  if (bound !== 'endAt' || endAt === undefined) return;
  const path = 'endAt' in patch ? '/end_at' : pathOfSchedule(patch);
  throw invalid(path, `leaves nothing to run for: there is no slot up to end_at, ${instant(endAt)}`);
}

/** What is wrong when the bounds are the wrong way round, by which of them is named. */
function endsBeforeStart(namesEnd: boolean): string {
  return namesEnd ? 'must not be before start_at' : 'must not be after end_at';
}

function pathOfSchedule({ trigger, startAt }: JobPatch): string {
  if (trigger?.kind === 'cron') return '/cron_expr';
  if (trigger?.kind === 'delay') return '/delay';
  return startAt === undefined ? '/timezone' : '/start_at';
}

/** A refusal of one field. @param path a JSON pointer */
export function invalid(path: string, message: string): Refusal {
  return new Refusal('validation_failed', `${path} ${message}.`, [{ path, message }]);
}
