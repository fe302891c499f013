/** Events as the JSON text that subscribers get: the fields of the original in its order, then `seq`. */
import type { EventBody, EventType, JobEvent, TransientBody, TransientEvent } from '../domain/events.js';
import { formatId } from '../domain/id.js';
import { statusCode } from '../domain/lifecycle.js';
import { formatInstant } from '../domain/time/instant.js';

/** The number that stands for the job's status in an event; a failed attempt says so even if a retry follows. */
const codes = {
  'job.scheduled': statusCode.pending,
  'job.started': statusCode.running,
  'job.completed': statusCode.success,
  'job.failed': statusCode.failed,
  'job.retrying': statusCode.pending,
  'job.cancelled': statusCode.cancelled,
  'job.updated': statusCode.pending,
} as const satisfies Record<Exclude<EventType, PauseType>, number>;

/** Events that may be of a job in more than one status: they say in which. */
type PauseType = 'job.paused' | 'job.resumed';

function codeOf(body: EventBody): number {
  if ('status' in body) return statusCode[body.status];
  if (body.type === 'job.updated' && body.ended !== undefined) return statusCode[body.ended];
  return codes[body.type];
}

/** @param zone IANA name, for instants */
export function renderEvent({ seq, shard, jobSeq, idSeconds, jobName, at, body }: JobEvent, zone: string): string {
  const data = body.type === 'job.failed' ? `,"data":{"error":${JSON.stringify(body.error)}}` : '';
  return (
    `{"type":"${body.type}","job_id":"${formatId(jobSeq, idSeconds)}","job_name":"${jobName}","status":${codeOf(body)}` +
    `,"timestamp":"${formatInstant(at, zone)}"${data},"metadata":{${renderMetadata(body, zone)}},"seq":${seq}${shard === undefined ? '' : `,"shard":${shard}`}}`
  );
}

/** An event that is not kept: it has no `seq`. @param zone IANA name, for instants */
export function renderTransient({ jobSeq, idSeconds, jobName, at, body }: TransientEvent, zone: string): string {
  return (
    `{"type":"${body.type}","job_id":"${formatId(jobSeq, idSeconds)}","job_name":"${jobName}","status":${statusCode.running}` +
    `,"timestamp":"${formatInstant(at, zone)}","data":${renderData(body)},"metadata":{}}`
  );
}

function renderData(body: TransientBody): string {
  switch (body.type) {
    case 'job.progress':
      return `{"progress":${body.progress}}`;
    case 'job.log':
      return `{"level":"${body.level}","message":${JSON.stringify(body.message)},"fields":${body.fields ?? '{}'}}`;
    default:
      return body satisfies never;
  }
}

function renderMetadata(body: EventBody, zone: string): string {
  switch (body.type) {
    case 'job.scheduled':
    case 'job.updated':
      return `"trigger_at":"${formatInstant(body.triggerAt, zone)}","is_repeat":${body.isRepeat}`;
    case 'job.started':
      return `"attempt":${body.attempt}`;
    case 'job.completed':
      return `"duration_ms":${Math.round(body.durationMs)}`;
    case 'job.failed':
      return `"retry_count":${body.retryCount},"max_retries":${body.maxRetries},"final":${body.final}`;
    case 'job.retrying':
      return `"next_retry_at":"${formatInstant(body.nextRetryAt, zone)}","retry_count":${body.retryCount}${causes[body.cause]}`;
    case 'job.cancelled':
      return `"previous_status":"${body.previousStatus}"`;
    case 'job.paused':
    case 'job.resumed':
      return [
        ...(body.until === undefined ? [] : [`"until":"${formatInstant(body.until, zone)}"`]),
        ...(body.reason === undefined ? [] : [`"reason":${JSON.stringify(body.reason)}`]),
      ].join();
    default:
      return body satisfies never;
  }
}

/** A failed handler is the usual cause and goes without saying. */
const causes = {
  failure: '',
  manual: ',"manual":true',
  interruption: ',"interrupted":true',
  snooze: ',"snoozed":true',
} as const;
