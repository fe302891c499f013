/**
 * A row of a job's runs as bytes. Its key is the job and the number of the row. Value: format version (u8), outcome (u8), flags (u8),
 * scheduled for (f64); of an attempt its run (u32), attempt (u16), started, finished (u48), lateness (f64) and perhaps the error; of what
 * was passed over the last slot (f64) and how many (u32). Sealed.
 */
import type { FailureCode } from '../../../domain/job.js';
import {
  type AttemptOutcome,
  isPassedOver,
  type NumberedRun,
  type PassOutcome,
  type Run,
} from '../../../domain/runs/run.js';
import { DamagedRecord, NewerRecord } from '../../port.js';
import { ByteReader, ByteWriter } from '../bytes.js';
import { type Put, seal, unseal } from '../layout.js';
import { key, keyPart, maxU16, maxU32 } from '../numbers.js';

const version = 1;
const manual = 1;
const hasError = 2;

/** A number that was ever written keeps its meaning. Those from 128 on are of what was passed over. */
const outcomeCodes = {
  running: 1,
  success: 2,
  failed: 3,
  retried: 4,
  timeout: 5,
  cancelled: 6,
  interrupted: 7,
  snoozed: 8,
  skipped_overlap: 128,
  skipped_paused: 129,
  missed: 130,
  expired: 131,
} as const satisfies Record<AttemptOutcome | PassOutcome, number>;
const firstPassed = 128;
const outcomeOfCode = new Map(Object.entries(outcomeCodes).map(([outcome, code]) => [code as number, outcome]));

const failureCodes = {
  handler_error: 1,
  timeout: 2,
  worker_lost: 3,
  expired: 4,
  cancelled: 5,
} as const satisfies Record<FailureCode, number>;
const failureOfCode = new Map(Object.entries(failureCodes).map(([failure, code]) => [code as number, failure]));

export const runKey = (seq: number, number: number): Buffer => key(seq, number);
/** The keys of all rows of a job: from the first, inclusive, to the second. */
export const runsOf = (seq: number): { readonly from: Buffer; readonly to: Buffer } => ({
  from: key(seq),
  to: key(seq + 1),
});
export const jobOfRunKey = (of: Uint8Array): number => keyPart(of, 0);
const numberOfRunKey = (of: Uint8Array): number => keyPart(of, 1);

/** What a commit writes of a row: itself, and the end of the row that it pushes out. @param kept so many rows stay */
export function runPuts(seq: number, { number, run }: NumberedRun, kept: number): Put[] {
  const under = runKey(seq, number);
  const put: Put = { tree: 'runs', key: under, value: encode(run, under) };
  return number <= kept ? [put] : [put, { tree: 'runs', key: runKey(seq, number - kept), value: null }];
}

function encode(run: Run, under: Uint8Array): Buffer {
  const out = new ByteWriter(96);
  out.u8(version);
  out.u8(outcomeCodes[run.outcome]);
  const error = isPassedOver(run) ? undefined : run.error;
  out.u8((run.manual ? manual : 0) | (error ? hasError : 0));
  out.f64(run.scheduledFor);
  if (isPassedOver(run)) {
    out.f64(run.lastScheduledFor);
    out.u32(Math.min(run.count, maxU32));
  } else {
    out.u32(run.run);
    out.u16(Math.min(run.attempt, maxU16));
    out.u48(run.startedAt);
    out.u48(run.finishedAt);
    out.f64(run.latenessMs);
    if (error) {
      out.u8(failureCodes[error.code]);
      out.text(error.name);
      out.text(error.message);
    }
  }
  return seal(out.since(0), under);
}

/** @throws DamagedRecord, NewerRecord */
export function readRun(sealed: Buffer, under: Uint8Array): NumberedRun {
  const what = `run ${numberOfRunKey(under)} of job ${jobOfRunKey(under)}`;
  const input = new ByteReader(unseal(sealed, under, what));
  const found = input.u8();
  if (found > version) throw new NewerRecord(what, { found, known: version });
  const code = input.u8();
  const flags = input.u8();
  const outcome = outcomeOfCode.get(code);
  if (outcome === undefined) throw new DamagedRecord(what, `has the outcome ${code}, which never existed`);
  const isManual = (flags & manual) !== 0;
  const scheduledFor = input.f64();
  const number = numberOfRunKey(under);
  if (code >= firstPassed) {
    const [lastScheduledFor, count] = [input.f64(), input.u32()];
    return {
      number,
      run: { outcome: outcome as PassOutcome, scheduledFor, lastScheduledFor, count, manual: isManual },
    };
  }
  const run = {
    outcome: outcome as AttemptOutcome,
    scheduledFor,
    manual: isManual,
    run: input.u32(),
    attempt: input.u16(),
    startedAt: input.u48(),
    finishedAt: input.u48(),
    latenessMs: input.f64(),
  };
  if ((flags & hasError) === 0) return { number, run };
  const failure = failureOfCode.get(input.u8()) as FailureCode | undefined;
  if (failure === undefined) throw new DamagedRecord(what, 'has an error of a kind that never existed');
  return { number, run: { ...run, error: { code: failure, name: input.text(), message: input.text() } } };
}
