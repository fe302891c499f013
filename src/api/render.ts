/**
 * Jobs as JSON text. Built by hand, since one is written for every request: fields stand in the order of the original's
 * examples, then the rest. Which field is there when is the table in the API's contract.
 */

import { nextStart } from '../domain/control/pausing.js';
import { formatId } from '../domain/id.js';
import { isRepeating, type Job, type JobDetail, type JobSpec, type JobState } from '../domain/job.js';
import { hasWaiting } from '../domain/slots/overlap.js';
import { formatDuration } from '../domain/time/duration.js';
import { formatInstant } from '../domain/time/instant.js';

/** `created` and `listed` leave the payload out. */
export type JobUse = 'created' | 'listed' | 'detail';

/** What answers depend on beside the job. */
export interface RenderRules {
  /** IANA name, for instants. */
  readonly timezone: string;
  /** What a due job waits for; undefined when nothing is to be shown of that. */
  readonly waitingFor: (job: Job) => string | undefined;
  /** What its latest attempt has said last of its progress, JSON text; undefined when it has said nothing. Absent: as the job has it. */
  readonly progressOf?: (job: Job) => string | undefined;
}

/**
 * A job as answers show it.
 *
 * @param now Unix milliseconds, for `next_run_in` and `waiting_for`
 * @param id the public id, where it has been written already
 */
export function renderJob(
  job: Job,
  use: JobUse,
  now: number,
  { timezone: zone, waitingFor, progressOf }: RenderRules,
  id = formatId(job.spec.seq, job.spec.idSeconds),
): string {
  const { spec, state, detail } = job;
  const { status } = state;
  const repeating = isRepeating(spec);
  const due = state.pause === null ? state.due : nextStart(job, now);
  let json = `{"id":"${id}","name":"${spec.name}","status":"${status}","trigger_at":"${formatInstant(due, zone)}"`;
  if (status === 'pending') {
    json += `,"next_run_in":"${formatDuration(due - now, 'up')}"`;
    const wait = state.due <= now ? waitingFor(job) : undefined;
    if (wait !== undefined) json += `,"waiting_for":"${wait}"`;
  }
  if (spec.overlap === 'queue' && hasWaiting(job, now)) json += ',"waiting_for":"previous_run"';
  if (state.pause !== null) json += renderPause(state, now, zone);
  json += `,"retry_count":${state.retryCount},"max_retries":${spec.maxRetries}`;
  if (use === 'listed') json += `,"is_repeat":${repeating}`;
  json += `,"created_at":"${formatInstant(spec.createdAt, zone)}","updated_at":"${formatInstant(state.updatedAt, zone)}"`;
  if (use !== 'listed') json += `,"is_repeat":${repeating}`;
  json += renderSchedule(spec, zone);
  json += `,"retry_delay":"${formatDuration(spec.retryDelayMs, 'up')}","backoff":"${spec.backoff}","timeout":"${formatDuration(spec.timeoutMs, 'up')}"`;
  json += renderMore(spec);
  if (repeating) json += renderCounts(spec, state);
  if (use === 'detail') json += `,"payload":${spec.payload}`;
  const progress =
    detail.progress === undefined && status !== 'running' ? undefined : (progressOf?.(job) ?? detail.progress);
  if (progress !== undefined) json += `,"progress":${progress}`;
  return `${json}${renderAttempt(state, detail, zone)}}`;
}

/** A pause that lets an occurrence pass is one still. */
function renderPause({ pause }: JobState, now: number, zone: string): string {
  if (pause === null || (pause.until !== undefined && pause.until <= now)) return '';
  let json = ',"paused":true';
  if (pause.until !== undefined) json += `,"paused_until":"${formatInstant(pause.until, zone)}"`;
  if (pause.reason !== undefined) json += `,"pause_reason":${JSON.stringify(pause.reason)}`;
  return json;
}

function renderSchedule(spec: JobSpec, zone: string): string {
  const { trigger } = spec;
  switch (trigger.kind) {
    case 'once':
      return '';
    case 'cron': {
      const cron = `,"cron_expr":${JSON.stringify(trigger.expression)},"timezone":${JSON.stringify(trigger.timezone)}`;
      return cron + renderBounds(spec, zone);
    }
    case 'interval':
      return `,"delay":"${formatDuration(trigger.everyMs, 'up')}"${renderBounds(spec, zone)}`;
    default:
      return trigger satisfies never;
  }
}

function renderBounds({ startAt, endAt, maxRuns, jitterMs, overlap }: JobSpec, zone: string): string {
  let json = '';
  if (startAt !== undefined) json += `,"start_at":"${formatInstant(startAt, zone)}"`;
  if (endAt !== undefined) json += `,"end_at":"${formatInstant(endAt, zone)}"`;
  if (maxRuns !== undefined) json += `,"max_runs":${maxRuns}`;
  if (jitterMs !== undefined) json += `,"jitter":"${formatDuration(jitterMs, 'up')}"`;
  if (overlap !== undefined) json += `,"overlap":"${overlap}"`;
  return json;
}

/** The fields that a job may be without. */
function renderMore(spec: JobSpec): string {
  const { priority, tags, group, expiresAfterMs, maxRetryDelayMs, retryJitter, parentId, key, keyTtlMs } = spec;
  let json = '';
  if (maxRetryDelayMs !== undefined) json += `,"max_retry_delay":"${formatDuration(maxRetryDelayMs, 'up')}"`;
  if (retryJitter !== undefined) json += `,"retry_jitter":${retryJitter}`;
  if (expiresAfterMs !== undefined) json += `,"expires_after":"${formatDuration(expiresAfterMs, 'up')}"`;
  if (priority !== undefined) json += `,"priority":${priority}`;
  if (tags !== undefined) json += `,"tags":${JSON.stringify(tags)}`;
  if (group !== undefined) json += `,"group":"${group}"`;
  if (parentId !== undefined) json += `,"parent_id":"${formatId(parentId.seq, parentId.idSeconds)}"`;
  if (key !== undefined) json += `,"key":${JSON.stringify(key)}`;
  if (keyTtlMs !== undefined) json += `,"key_ttl":"${formatDuration(keyTtlMs, 'up')}"`;
  return json;
}

/** Of a job that repeats: what becomes of slots that it does not run for, and what became of the others. */
function renderCounts({ misfire }: JobSpec, { skipped, missed, runCount, lastOutcome }: JobState): string {
  const counts = `,"misfire":"${misfire}","skipped_count":${skipped},"missed_count":${missed},"run_count":${runCount}`;
  return lastOutcome === undefined ? counts : `${counts},"last_outcome":"${lastOutcome}"`;
}

/** What the latest attempt left behind, as far as there is something. */
function renderAttempt(state: JobState, { result, resultOmitted, lastError }: JobDetail, zone: string): string {
  let json = '';
  if (state.startedAt !== 0) json += `,"started_at":"${formatInstant(state.startedAt, zone)}"`;
  if (state.finishedAt !== 0) json += `,"finished_at":"${formatInstant(state.finishedAt, zone)}"`;
  if (result !== undefined) json += `,"result":${result}`;
  if (resultOmitted !== undefined) json += `,"result_omitted":${JSON.stringify(resultOmitted)}`;
  if (lastError !== undefined) {
    const { name, message, code, at } = lastError;
    json += `,"last_error":{"name":${JSON.stringify(name)},"message":${JSON.stringify(message)},"code":"${code}","at":"${formatInstant(at, zone)}"}`;
  }
  return json;
}
