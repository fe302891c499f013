/** Turning a batch into the bytes that the store writes. */
import { noDetail } from '../domain/job.js';
import { ByteWriter } from '../store/format/bytes.js';
import { encodeMeta, metaKey } from '../store/format/layout.js';
import { type Change, type Counters, writeLogRecord } from '../store/format/log-record.js';
import { writeSpec } from '../store/format/spec-codec.js';
import type { TypeDictionary } from '../store/format/type-dictionary.js';
import type { SealedBatch } from '../store/port.js';
import { rememberKey } from '../store/trees/idempotency.js';
import type { Batch } from './batch.js';

/** `logBytes`: of all records before. */
export interface SealContext {
  readonly position: number;
  readonly now: number;
  readonly logBytes: number;
  readonly counters: Counters;
  readonly types: TypeDictionary;
}

export function sealBatch(batch: Batch, context: SealContext): SealedBatch {
  const { types } = context;
  const changes: Change[] = [];
  for (const { job, detailChanged, removed } of batch.touched.values()) {
    const { spec, state, detail } = job;
    changes.push({
      seq: spec.seq,
      name: spec.name,
      state: removed ? undefined : state,
      hasDetail: detail !== noDetail,
      detail: detailChanged && !removed ? detail : undefined,
    });
  }
  const puts = [...batch.puts];
  for (const [name, use] of batch.keys) puts.push(...rememberKey(name, use));
  const out = new ByteWriter(256 + changes.length * 256);
  for (const { name } of changes) types.idOf(name);
  if (types.fresh().length > 0) {
    puts.push({ tree: 'meta', key: metaKey('types'), value: encodeMeta(types.all(), 'types') });
  }
  writeLogRecord(
    out,
    {
      position: context.position,
      at: context.now,
      logBytes: context.logBytes,
      counters: context.counters,
      changes,
      events: batch.events,
    },
    types,
  );
  const recordBytes = out.length;
  const specs: number[] = [];
  for (const { job, specChanged, removed } of batch.touched.values()) {
    if (!specChanged || removed) continue;
    const from = out.length;
    writeSpec(out, job.spec, types.idOf(job.spec.name));
    specs.push(job.spec.seq, from, out.length - from);
  }
  return { position: context.position, buffer: out.buffer.buffer as ArrayBuffer, recordBytes, specs, puts };
}
