/** A job's spec as bytes: CRC-32 of the job's `seq` and the rest, format version, the fields. Any damage is refused on reading. */

import type { JobSpec, Overlap, SlotRange, TraceContext, Trigger } from '../../domain/job.js';
import { DamagedRecord, NewerRecord } from '../port.js';
import { ByteReader, type ByteWriter, crc32 } from './bytes.js';
import { overlapCodes, overlapOfCode, triggerCodes, triggerOfCode } from './codes.js';
import { getU32, putU32 } from './numbers.js';
import type { TypeDictionary } from './type-dictionary.js';

/**
 * 2: with instants that the job has run for already, which a server of version 1.0.0 would take for something else. 3: with these, be
 * there none, and then the trace of the request that made the job. 4: with the instants, then a word of 32 bits that says what
 * follows (`spec-fields`), the trace if there is one, and the fields. Each spec has the lowest version that holds it.
 */
const versions = { plain: 1, withAlreadyRan: 2, withTrace: 3, withFields: 4 } as const;
const fixed = 1;
const skip = 2;
const keyed = 4;
const repeats = 8;

const traceIdBytes = 16;
const spanIdBytes = 8;

/** The fields of a spec that most jobs are without. A bit says of each whether it is there; they stand in the order of the bits. */
type Fields = Pick<
  JobSpec,
  | 'priority'
  | 'tags'
  | 'expiresAfterMs'
  | 'expiresFrom'
  | 'maxRetryDelayMs'
  | 'retryJitter'
  | 'startAt'
  | 'endAt'
  | 'maxRuns'
  | 'jitterMs'
  | 'overlap'
  | 'parentId'
  | 'key'
  | 'keyTtlMs'
  | 'keyLost'
  | 'successor'
  | 'group'
>;

/** The bit of the trace, which stands before the fields. */
const traced = 1;

/** A bit that was ever written keeps its meaning. */
const bits = {
  priority: 2,
  tags: 4,
  expiresAfterMs: 8,
  expiresFrom: 16,
  maxRetryDelayMs: 32,
  retryJitter: 64,
  startAt: 128,
  endAt: 256,
  maxRuns: 512,
  jitterMs: 1024,
  overlap: 32_768,
  parentId: 16384,
  key: 2048,
  keyTtlMs: 4096,
  group: 8192,
  keyLost: 65_536,
  successor: 131_072,
} as const satisfies Record<keyof Fields, number>;

/** A bit that is not among these is of a later version. */
const knownFields = Object.values(bits).reduce((known, bit) => known | bit, traced);

/** Appends the spec to `out`; what it wrote begins where `out` ended before. */
export function writeSpec(out: ByteWriter, spec: JobSpec, typeId: number): void {
  const start = out.claim(4);
  const { trigger, trace, alreadyRan = [] } = spec;
  const fields = fieldsOf(spec);
  const version =
    fields !== 0
      ? versions.withFields
      : trace !== undefined
        ? versions.withTrace
        : alreadyRan.length > 0
          ? versions.withAlreadyRan
          : versions.plain;
  out.u8(version);
  out.u8(
    (spec.backoff === 'fixed' ? fixed : 0) |
      (spec.misfire === 'skip' ? skip : 0) |
      (spec.idempotencyKey === undefined ? 0 : keyed) |
      (trigger.kind === 'cron' && trigger.repeat ? repeats : 0),
  );
  out.u8(triggerCodes[trigger.kind]);
  out.u8(spec.maxRetries);
  out.u16(typeId);
  out.u48(spec.idSeconds);
  out.u48(spec.createdAt);
  out.u48(spec.retryDelayMs);
  out.u48(spec.timeoutMs);
  switch (trigger.kind) {
    case 'once':
      out.f64(trigger.due);
      break;
    case 'cron':
      out.text(trigger.expression);
      out.word(trigger.timezone);
      break;
    case 'interval':
      out.u48(trigger.everyMs);
      out.f64(trigger.firstDue);
      break;
    default:
      trigger satisfies never;
  }
  if (spec.idempotencyKey !== undefined) out.word(spec.idempotencyKey);
  if (version >= versions.withAlreadyRan) writeRanges(out, alreadyRan);
  if (version >= versions.withFields) out.u32(trace === undefined ? fields : fields | traced);
  if (trace !== undefined) writeTrace(out, trace);
  if (fields !== 0) writeFields(out, spec, fields, typeId);
  out.text(spec.payload);
  putU32(out.buffer, start, crc32(out.since(start + 4), spec.seq >>> 0));
}

function writeRanges(out: ByteWriter, ranges: readonly SlotRange[]): void {
  out.u8(ranges.length);
  for (const { from, until } of ranges) {
    out.f64(from);
    out.f64(until);
  }
}

function readRanges(input: ByteReader): SlotRange[] {
  return Array.from({ length: input.u8() }, () => ({ from: input.f64(), until: input.f64() }));
}

function writeTrace(out: ByteWriter, { traceId, spanId, flags, state = '' }: TraceContext): void {
  out.bytes(Buffer.from(traceId, 'hex'));
  out.bytes(Buffer.from(spanId, 'hex'));
  out.u8(flags);
  out.text(state);
}

function readTrace(input: ByteReader): TraceContext {
  const traceId = input.bytes(traceIdBytes).toString('hex');
  const spanId = input.bytes(spanIdBytes).toString('hex');
  const flags = input.u8();
  const state = input.text();
  return state === '' ? { traceId, spanId, flags } : { traceId, spanId, flags, state };
}

function readTrigger(input: ByteReader, kind: number, repeat: boolean): Trigger {
  switch (triggerOfCode[kind]) {
    case 'once':
      return { kind: 'once', due: input.f64() };
    case 'cron':
      return { kind: 'cron', expression: input.text(), timezone: input.word(), repeat };
    case 'interval':
      return { kind: 'interval', everyMs: input.u48(), firstDue: input.f64() };
    default:
      throw new RangeError(`unknown trigger ${kind}`);
  }
}

/** @throws DamagedRecord when the bytes are not what `writeSpec` wrote. */
export function readSpec(seq: number, bytes: Buffer, types: TypeDictionary): JobSpec {
  if (bytes.length < 5 || getU32(bytes, 0) !== crc32(bytes.subarray(4), seq >>> 0)) {
    throw new DamagedRecord(`the spec of job ${seq}`);
  }
  const input = new ByteReader(bytes, 4);
  const version = input.u8();
  if (version > versions.withFields)
    throw new NewerRecord(`the spec of job ${seq}`, { found: version, known: versions.withFields });
  if (version < versions.plain)
    throw new DamagedRecord(`the spec of job ${seq}`, `has the format ${version}, which never existed`);
  const flags = input.u8();
  const kind = input.u8();
  const maxRetries = input.u8();
  const name = types.nameOf(input.u16());
  const idSeconds = input.u48();
  const createdAt = input.u48();
  const retryDelayMs = input.u48();
  const timeoutMs = input.u48();
  const trigger = readTrigger(input, kind, (flags & repeats) !== 0);
  const key = flags & keyed ? { idempotencyKey: input.word() } : undefined;
  const ranges = version >= versions.withAlreadyRan ? readRanges(input) : [];
  const ran = ranges.length > 0 ? { alreadyRan: ranges } : undefined;
  const fields = version >= versions.withFields ? input.u32() : version === versions.withTrace ? traced : 0;
  if ((fields & ~knownFields) !== 0)
    throw new NewerRecord(`the spec of job ${seq}`, { found: fields, known: knownFields });
  const trace = fields & traced ? { trace: readTrace(input) } : undefined;
  const more = fields === 0 ? undefined : readFields(input, fields, (bytes) => readSpec(seq, bytes, types));
  return {
    seq,
    idSeconds,
    name,
    payload: input.text(),
    trigger,
    maxRetries,
    retryDelayMs,
    backoff: flags & fixed ? 'fixed' : 'exponential',
    timeoutMs,
    misfire: flags & skip ? 'skip' : 'run_once',
    createdAt,
    ...key,
    ...ran,
    ...trace,
    ...more,
  };
}

/** Which of the fields a spec has. One by one: each job that is made passes here, and a loop over names costs ten times as much. */
function fieldsOf(spec: Fields): number {
  return (
    (spec.priority === undefined ? 0 : bits.priority) |
    (spec.tags === undefined ? 0 : bits.tags) |
    (spec.expiresAfterMs === undefined ? 0 : bits.expiresAfterMs) |
    (spec.expiresFrom === undefined ? 0 : bits.expiresFrom) |
    (spec.maxRetryDelayMs === undefined ? 0 : bits.maxRetryDelayMs) |
    (spec.retryJitter === undefined ? 0 : bits.retryJitter) |
    (spec.startAt === undefined ? 0 : bits.startAt) |
    (spec.endAt === undefined ? 0 : bits.endAt) |
    (spec.maxRuns === undefined ? 0 : bits.maxRuns) |
    (spec.jitterMs === undefined ? 0 : bits.jitterMs) |
    (spec.overlap === undefined ? 0 : bits.overlap) |
    (spec.parentId === undefined ? 0 : bits.parentId) |
    (spec.key === undefined ? 0 : bits.key) |
    (spec.keyTtlMs === undefined ? 0 : bits.keyTtlMs) |
    (spec.keyLost === undefined ? 0 : bits.keyLost) |
    (spec.successor === undefined ? 0 : bits.successor) |
    (spec.group === undefined ? 0 : bits.group)
  );
}

/** Appends those that are there, as `fieldsOf` says. */
function writeFields(out: ByteWriter, spec: Fields, there: number, typeId: number): void {
  const { tags = [] } = spec;
  if (there & bits.priority) out.u8((spec.priority as number) & 0xff);
  if (there & bits.tags) {
    out.u8(tags.length);
    for (const tag of tags) out.word(tag);
  }
  if (there & bits.expiresAfterMs) out.u48(spec.expiresAfterMs as number);
  if (there & bits.expiresFrom) out.f64(spec.expiresFrom as number);
  if (there & bits.maxRetryDelayMs) out.u48(spec.maxRetryDelayMs as number);
  if (there & bits.retryJitter) out.f64(spec.retryJitter as number);
  if (there & bits.startAt) out.f64(spec.startAt as number);
  if (there & bits.endAt) out.f64(spec.endAt as number);
  if (there & bits.maxRuns) out.u32(spec.maxRuns as number);
  if (there & bits.jitterMs) out.u48(spec.jitterMs as number);
  if (there & bits.overlap) out.u8(overlapCodes[spec.overlap as Overlap]);
  if (there & bits.parentId) {
    out.u48(spec.parentId?.seq as number);
    out.u48(spec.parentId?.idSeconds as number);
  }
  if (there & bits.key) out.word(spec.key as string);
  if (there & bits.keyTtlMs) out.u48(spec.keyTtlMs as number);
  if (there & bits.group) out.word(spec.group as string);
  if (there & bits.successor) writeSuccessor(out, spec.successor as JobSpec, typeId);
}

/** Length (u32), then a whole spec. */
function writeSuccessor(out: ByteWriter, successor: JobSpec, typeId: number): void {
  const at = out.claim(4);
  writeSpec(out, successor, typeId);
  putU32(out.buffer, at, out.length - at - 4);
}

/** Reads what `writeFields` wrote. */
function readFields(input: ByteReader, there: number, readSuccessor: (bytes: Buffer) => JobSpec): Fields {
  const fields: { -readonly [Name in keyof Fields]: Fields[Name] } = {};
  if (there & bits.priority) fields.priority = (input.u8() << 24) >> 24;
  if (there & bits.tags) fields.tags = Array.from({ length: input.u8() }, () => input.word());
  if (there & bits.expiresAfterMs) fields.expiresAfterMs = input.u48();
  if (there & bits.expiresFrom) fields.expiresFrom = input.f64();
  if (there & bits.maxRetryDelayMs) fields.maxRetryDelayMs = input.u48();
  if (there & bits.retryJitter) fields.retryJitter = input.f64();
  if (there & bits.startAt) fields.startAt = input.f64();
  if (there & bits.endAt) fields.endAt = input.f64();
  if (there & bits.maxRuns) fields.maxRuns = input.u32();
  if (there & bits.jitterMs) fields.jitterMs = input.u48();
  if (there & bits.overlap) fields.overlap = overlapOfCode[input.u8()] as Overlap;
  if (there & bits.parentId) fields.parentId = { seq: input.u48(), idSeconds: input.u48() };
  if (there & bits.key) fields.key = input.word();
  if (there & bits.keyTtlMs) fields.keyTtlMs = input.u48();
  if (there & bits.group) fields.group = input.word();
  if (there & bits.keyLost) fields.keyLost = true;
  if (there & bits.successor) fields.successor = readSuccessor(input.bytes(input.u32()));
  return fields;
}
