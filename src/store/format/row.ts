/** A job's state as a row of fixed size: what the tree of states, the log and the tables in memory hold of a job. */

import { type JobState, wakesAt } from '../../domain/job.js';
import type { Status } from '../../domain/lifecycle.js';
import { NewerRecord } from '../port.js';
import { statusCodes, statusOfCode } from './codes.js';
import { needsMore } from './detail.js';
import { getF64, getU16, getU32, getU48, maxU16, maxU32, putF64, putU16, putU32, putU48 } from './numbers.js';

/**
 * Layout, little-endian: u8 status (`codes`; 0: no job), u8 interruptions, u8 retries, u8 flags, u32 fence, f64 due,
 * f64 occurrence, u48 updated, u48 started, u48 finished, u16 attempt, u32 skipped, u32 missed, u16 type.
 *
 * Two flags change it. `priority`: the second byte is the priority (i8), the interruptions are the upper half of the first. `runs`:
 * due time and occurrence are u48, and the u16 behind each is the lower or upper half of the number of runs. Only repeating
 * jobs have those, which are never due before 1970.
 *
 * Of the flags, 1 is as old as rows; 2 and 4 came with pauses, 8 to 64 with priorities and counted runs; 128 was never used.
 */
export const rowBytes = 54;

/**
 * What a row says beside its fields. A version that gives a job more than the row has room for keeps that elsewhere and sets a flag of its
 * own: so an older version sees that it does not know all.
 */
const flags = {
  /** There is a detail. */
  detail: 1,
  /** The detail has the rest of the state, and the row's due time is when something is to be done: a pause may end by then. */
  more: 2,
  /** It is pending, and no time does anything: it is paused until a user resumes it. The due index need not have it. */
  parked: 4,
  /** It has a priority, which takes the place of the interruptions. */
  priority: 8,
  /** It has run, or has an outcome: due time and occurrence are shorter. */
  runs: 16,
  /** How the occurrence ended that has run last; neither: none has. */
  lastFailed: 32,
  lastSucceeded: 64,
} as const;
const knownFlags = Object.values(flags).reduce((known, flag) => known | flag, 0);

/** A row inside a larger buffer. */
export interface RowPlace {
  readonly bytes: Buffer;
  readonly at: number;
}

/**
 * @param hasDetail there is a detail: were it lost, that would show
 * @param priority of the job: the due index goes by it
 */
export function writeRow(
  buffer: Buffer,
  at: number,
  state: JobState,
  typeId: number,
  hasDetail: boolean,
  priority = 0,
): void {
  buffer[at] = statusCodes[state.status];
  buffer[at + 1] = state.interruptions;
  buffer[at + 2] = state.retryCount;
  buffer[at + 3] = hasDetail ? flags.detail : 0;
  let { due } = state;
  if (needsMore(state)) {
    buffer[at + 3] = (buffer[at + 3] as number) | flags.more;
    const wakes = state.status === 'pending' ? wakesAt(state) : due;
    if (wakes === Number.POSITIVE_INFINITY) buffer[at + 3] = (buffer[at + 3] as number) | flags.parked;
    else due = wakes;
  }
  putU32(buffer, at + 4, state.fence);
  putF64(buffer, at + 8, due);
  putF64(buffer, at + 16, state.occurrence);
  if (priority !== 0) putPriority(buffer, at, state, priority);
  if (state.runCount > 0 || state.lastOutcome !== undefined) putRuns(buffer, at, state, due);
  putU48(buffer, at + 24, state.updatedAt);
  putU48(buffer, at + 30, state.startedAt);
  putU48(buffer, at + 36, state.finishedAt);
  putU16(buffer, at + 42, Math.min(state.attempt, maxU16));
  putU32(buffer, at + 44, Math.min(state.skipped, maxU32));
  putU32(buffer, at + 48, Math.min(state.missed, maxU32));
  putU16(buffer, at + 52, typeId);
}

function putPriority(buffer: Buffer, at: number, { interruptions }: JobState, priority: number): void {
  buffer[at] = (buffer[at] as number) | (Math.min(interruptions, 15) << 4);
  buffer[at + 1] = priority & 0xff;
  buffer[at + 3] = (buffer[at + 3] as number) | flags.priority;
}

/** @param due as the row has it */
function putRuns(buffer: Buffer, at: number, { occurrence, runCount, lastOutcome }: JobState, due: number): void {
  const runs = Math.min(runCount, maxU32);
  putU48(buffer, at + 8, due);
  putU16(buffer, at + 14, runs & maxU16);
  putU48(buffer, at + 16, occurrence);
  putU16(buffer, at + 22, runs >>> 16);
  const outcome = lastOutcome === undefined ? 0 : lastOutcome === 'failed' ? flags.lastFailed : flags.lastSucceeded;
  buffer[at + 3] = (buffer[at + 3] as number) | flags.runs | outcome;
}

/** The row of a job that no longer exists; its type stays, so that it can be taken out of the sets. */
export function writeNoRow(buffer: Buffer, at: number, typeId: number): void {
  buffer.fill(0, at, at + rowBytes);
  putU16(buffer, at + 52, typeId);
}

export function rowType(buffer: Buffer, at: number): number {
  return getU16(buffer, at + 52);
}

export function rowHasDetail(buffer: Buffer, at: number): boolean {
  return ((buffer[at + 3] as number) & flags.detail) !== 0;
}

/** The detail has the rest of the state: see `detail.ts`. */
export function rowHasMore(buffer: Buffer, at: number): boolean {
  return ((buffer[at + 3] as number) & flags.more) !== 0;
}

/** It is pending, and the time in the row does something: the due index must have it. */
export function rowWakes(buffer: Buffer, at: number): boolean {
  return rowStatus(buffer, at) === 'pending' && ((buffer[at + 3] as number) & flags.parked) === 0;
}

/** The status in a row without reading the rest; undefined where no job is. */
export function rowStatus(buffer: Buffer, at: number): Status | undefined {
  return statusOfCode[(buffer[at] as number) & 15];
}

/** When something is to be done about a pending job: it is due, or its pause ends. Unix milliseconds. */
export function rowDue(buffer: Buffer, at: number): number {
  return rowHas(buffer, at, flags.runs) ? getU48(buffer, at + 8) : getF64(buffer, at + 8);
}

/** Of jobs that are due the larger starts first; 0 unless the job has one. */
export function rowPriority(buffer: Buffer, at: number): number {
  return rowHas(buffer, at, flags.priority) ? ((buffer[at + 1] as number) << 24) >> 24 : 0;
}

function rowHas(buffer: Buffer, at: number, flag: number): boolean {
  return ((buffer[at + 3] as number) & flag) !== 0;
}

/** Number of the latest attempt. */
export function rowFence(buffer: Buffer, at: number): number {
  return getU32(buffer, at + 4);
}

export function rowFinishedAt(buffer: Buffer, at: number): number {
  return getU48(buffer, at + 36);
}

/**
 * The state as far as the row has it: see `rowHasMore`.
 * @throws NewerRecord when the row has something that this version does not know
 */
export function readRow(buffer: Buffer, at: number): JobState | undefined {
  const status = rowStatus(buffer, at);
  if (status === undefined) return undefined;
  const given = buffer[at + 3] as number;
  if ((given & ~knownFlags) !== 0) throw new NewerRecord("a job's state", { found: given, known: knownFlags });
  const hasRuns = (given & flags.runs) !== 0;
  return {
    status,
    due: hasRuns ? getU48(buffer, at + 8) : getF64(buffer, at + 8),
    occurrence: hasRuns ? getU48(buffer, at + 16) : getF64(buffer, at + 16),
    updatedAt: getU48(buffer, at + 24),
    startedAt: getU48(buffer, at + 30),
    finishedAt: getU48(buffer, at + 36),
    fence: getU32(buffer, at + 4),
    attempt: getU16(buffer, at + 42),
    retryCount: buffer[at + 2] as number,
    interruptions: (given & flags.priority) === 0 ? (buffer[at + 1] as number) : (buffer[at] as number) >> 4,
    skipped: getU32(buffer, at + 44),
    missed: getU32(buffer, at + 48),
    runCount: hasRuns ? getU16(buffer, at + 14) + getU16(buffer, at + 22) * 0x1_0000 : 0,
    lastOutcome:
      (given & flags.lastFailed) !== 0 ? 'failed' : (given & flags.lastSucceeded) !== 0 ? 'success' : undefined,
    pause: null,
    nextSlot: 0,
  };
}
