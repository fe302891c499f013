/** Events as bytes inside a log record. */
import type { EventBody, EventType, JobEvent } from '../../domain/events.js';
import type { ByteReader, ByteWriter } from './bytes.js';
import {
  causeCodes,
  causeOfCode,
  eventCodes,
  eventOfCode,
  previousStatusCodes,
  previousStatusOfCode,
} from './codes.js';
import type { TypeDictionary } from './type-dictionary.js';

/** In one byte: whether the job repeats and, of one for which nothing is to come any more, what it is then. */
const repeats = 1;
const endings = { success: 2, failed: 4 } as const;

/** Appends an event; its `seq` is not written: it follows from its place in the log. */
export function writeEvent(out: ByteWriter, event: JobEvent, typeId: number): void {
  const { body } = event;
  out.u8(eventCodes[body.type]);
  out.u48(event.jobSeq);
  out.u48(event.idSeconds);
  out.u16(typeId);
  out.u48(event.at);
  switch (body.type) {
    case 'job.scheduled':
      out.f64(body.triggerAt);
      out.u8(body.isRepeat ? repeats : 0);
      break;
    case 'job.updated':
      out.f64(body.triggerAt);
      out.u8((body.isRepeat ? repeats : 0) | (body.ended === undefined ? 0 : endings[body.ended]));
      break;
    case 'job.started':
      out.u32(body.attempt);
      break;
    case 'job.completed':
      out.u48(body.durationMs);
      break;
    case 'job.failed':
      out.text(body.error);
      out.u8(body.retryCount);
      out.u8(body.maxRetries);
      out.u8(body.final ? 1 : 0);
      break;
    case 'job.retrying':
      out.f64(body.nextRetryAt);
      out.u8(body.retryCount);
      out.u8(causeCodes[body.cause]);
      break;
    case 'job.cancelled':
      out.u8(previousStatusCodes[body.previousStatus]);
      break;
    case 'job.paused':
    case 'job.resumed':
      out.u8(previousStatusCodes[body.status]);
      out.f64(body.until ?? Number.POSITIVE_INFINITY);
      out.u8(body.reason === undefined ? 0 : 1);
      if (body.reason !== undefined) out.text(body.reason);
      break;
    default:
      body satisfies never;
  }
}

function at<T>(list: readonly (T | undefined)[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new RangeError(`no entry ${index}`);
  return found;
}

function readBody(input: ByteReader, type: EventType): EventBody {
  switch (type) {
    case 'job.scheduled':
      return { type, triggerAt: input.f64(), isRepeat: input.u8() === repeats };
    case 'job.updated': {
      const triggerAt = input.f64();
      const bits = input.u8();
      const isRepeat = (bits & repeats) !== 0;
      if ((bits & ~repeats) === 0) return { type, triggerAt, isRepeat };
      return { type, triggerAt, isRepeat, ended: bits & endings.failed ? 'failed' : 'success' };
    }
    case 'job.started':
      return { type, attempt: input.u32() };
    case 'job.completed':
      return { type, durationMs: input.u48() };
    case 'job.failed':
      return {
        type,
        error: input.text(),
        retryCount: input.u8(),
        maxRetries: input.u8(),
        final: input.u8() === 1,
      };
    case 'job.retrying':
      return { type, nextRetryAt: input.f64(), retryCount: input.u8(), cause: at(causeOfCode, input.u8()) };
    case 'job.cancelled':
      return { type, previousStatus: at(previousStatusOfCode, input.u8()) };
    case 'job.paused':
    case 'job.resumed':
      return readPause(input, type);
    default:
      return type satisfies never;
  }
}

function readPause(input: ByteReader, type: 'job.paused' | 'job.resumed'): EventBody {
  const status = at(previousStatusOfCode, input.u8());
  if (status !== 'pending' && status !== 'running') throw new RangeError(`${type} of a ${status} job`);
  const until = input.f64();
  const reason = input.u8() === 1 ? { reason: input.text() } : undefined;
  return { type, status, ...(until !== Number.POSITIVE_INFINITY && { until }), ...reason };
}

export function readEvent(input: ByteReader, seq: number, types: TypeDictionary): JobEvent {
  const type = at(eventOfCode, input.u8());
  const jobSeq = input.u48();
  const idSeconds = input.u48();
  const jobName = types.nameOf(input.u16());
  const when = input.u48();
  return { seq, jobSeq, idSeconds, jobName, at: when, body: readBody(input, type) };
}
