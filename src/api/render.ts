/**
 * Jobs as JSON text. Built by hand, since one is written for every request: fields stand in the order of the original's
 * examples, then the rest. Which field is there when is the table in the API's contract.
 */

import { nextStart } from '../domain/control/pausing.js';
import { formatId } from '../domain/id.js';
import { isRepeating, type Job, type JobDetail, type JobSpec, type JobState } from '../domain/job.js';
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
  { timezone: zone, waitingFor }: RenderRules,
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
  if (state.pause !== null) json += renderPause(state, now, zone);
  json += `,"retry_count":${state.retryCount},"max_retries":${spec.maxRetries}`;
  if (use === 'listed') json += `,"is_repeat":${repeating}`;
  json += `,"created_at":"${formatInstant(spec.createdAt, zone)}","updated_at":"${formatInstant(state.updatedAt, zone)}"`;
  if (use !== 'listed') json += `,"is_repeat":${repeating}`;
  json += renderSchedule(spec);
  json += `,"retry_delay":"${formatDuration(spec.retryDelayMs, 'up')}","backoff":"${spec.backoff}","timeout":"${formatDuration(spec.timeoutMs, 'up')}"`;
  if (repeating) json += `,"misfire":"${spec.misfire}","skipped_count":${state.skipped},"missed_count":${state.missed}`;
  if (use === 'detail') json += `,"payload":${spec.payload}`;
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

function renderSchedule({ trigger }: JobSpec): string {
  switch (trigger.kind) {
    case 'once':
      return '';
    case 'cron':
      return `,"cron_expr":${JSON.stringify(trigger.expression)},"timezone":${JSON.stringify(trigger.timezone)}`;
    case 'interval':
      return `,"delay":"${formatDuration(trigger.everyMs, 'up')}"`;
    default:
      return trigger satisfies never;
  }
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
