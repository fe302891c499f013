/** Sealing: what changed about which jobs becomes the bytes that one commit writes. */
import { isRepeating } from '../../domain/job.js';
import { runsKept } from '../../domain/runs/run.js';
import { deadlineOf } from '../../domain/slots/deadline.js';
import type { Changes, JobChange } from '../port.js';
import { ByteWriter } from './bytes.js';
import { hasStoredDetail, needsMore, storedDetail } from './detail.js';
import { encodeMeta, metaKey, type Put } from './layout.js';
import { type Change, type Deadline, writeLogRecord } from './log-record.js';
import { handoverPut } from './meta/handover.js';
import { setBackPut } from './meta/set-back.js';
import { settingsPuts } from './settings.js';
import { writeSpec } from './spec-codec.js';
import { bulkPuts } from './trees/bulk-record.js';
import { keyOfPlace } from './trees/finished-list.js';
import { jobKeyPut } from './trees/job-key.js';
import { keyUsePuts } from './trees/key-use.js';
import { runPuts } from './trees/run-row.js';
import type { TypeDictionary } from './type-dictionary.js';

/** A batch ready to be written, in one buffer that changes hands. */
export interface SealedBatch {
  /** Place of its record in the log; grows by one. */
  readonly position: number;
  readonly buffer: ArrayBuffer;
  /** How much of the buffer counts. */
  readonly bytes: number;
  /** The log record is the first so many bytes of the buffer. */
  readonly recordBytes: number;
  /** Specs to write: `seq`, offset in the buffer, length; three numbers each. */
  readonly specs: readonly number[];
  readonly puts: readonly Put[];
}

/** Where the record goes. `logBytes`: of all records before. */
export interface SealContext {
  readonly position: number;
  readonly logBytes: number;
  readonly types: TypeDictionary;
  /** What else the commit writes. */
  readonly morePuts?: readonly Put[];
}

/** Types that have no number yet are given one; they count as written after `TypeDictionary.written`. */
export function sealChanges(
  { at, counters, jobs, events, keys, jobKeys, runs, passed, bulks, settings, downtime, setBack, giving }: Changes,
  context: SealContext,
): SealedBatch {
  const { position, logBytes, types } = context;
  const changes: Change[] = [];
  const deadlines: Deadline[] = [];
  for (const { job, detailChanged, removed } of jobs.values()) {
    const { spec, state } = job;
    changes.push({
      seq: spec.seq,
      name: spec.name,
      state: removed ? undefined : state,
      hasDetail: hasStoredDetail(job),
      priority: spec.priority,
      detail: !removed && (detailChanged || needsMore(state)) ? storedDetail(job) : undefined,
    });
    if (spec.expiresAfterMs === undefined || removed || state.status !== 'pending') continue;
    deadlines.push({ seq: spec.seq, at: deadlineOf(spec, state) as number });
  }
  const puts: Put[] = passed.map((place) => ({ tree: 'finished', key: keyOfPlace(place), value: null }));
  puts.push(...(context.morePuts ?? []));
  for (const [name, use] of keys) puts.push(...keyUsePuts(name, use));
  for (const [place, holder] of jobKeys) puts.push(jobKeyPut(place, holder));
  for (const [seq, rows] of runs ?? []) {
    const repeats = isRepeating((jobs.get(seq) as JobChange).job.spec);
    for (const row of rows) puts.push(...runPuts(seq, row, runsKept(repeats)));
  }
  if (settings !== undefined) puts.push(...settingsPuts(settings));
  for (const change of bulks?.values() ?? []) puts.push(...bulkPuts(change));
  if (downtime !== undefined)
    puts.push({ tree: 'meta', key: metaKey('downtime'), value: encodeMeta(downtime, 'downtime') });
  if (setBack !== undefined) puts.push(setBackPut(setBack));
  if (giving !== undefined) puts.push(handoverPut(giving.attempts, position));
  const out = new ByteWriter(256 + changes.length * 256);
  for (const { name } of changes) types.idOf(name);
  if (types.fresh().length > 0) {
    puts.push({ tree: 'meta', key: metaKey('types'), value: encodeMeta(types.all(), 'types') });
  }
  writeLogRecord(out, { position, at, logBytes, counters, changes, deadlines, events }, types);
  const recordBytes = out.length;
  const specs: number[] = [];
  for (const { job, specChanged, removed } of jobs.values()) {
    if (!specChanged || removed) continue;
    const from = out.length;
    writeSpec(out, job.spec, types.idOf(job.spec.name));
    specs.push(job.spec.seq, from, out.length - from);
  }
  return { position, buffer: out.buffer.buffer as ArrayBuffer, bytes: out.length, recordBytes, specs, puts };
}
