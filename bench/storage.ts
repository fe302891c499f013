/**
 * The storage layout alone: how many creates and completions a second it takes, durable, at so many jobs a commit, with
 * so many jobs there. One thread, no server: the ceiling that `ingest` and `throughput` are held against.
 *
 *     node dist/bench/storage.js [jobs] [jobs per commit]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, start, succeed } from '../src/domain/decisions.js';
import type { Job, JobSpec } from '../src/domain/job.js';
import { noDetail } from '../src/domain/job.js';
import { Batch } from '../src/scheduler/batch.js';
import { sealBatch } from '../src/scheduler/seal.js';
import { StoreEngine } from '../src/store/engine.js';
import { JobSets } from '../src/store/job-sets.js';
import { LmdbKv } from '../src/store/kv-lmdb.js';
import { noCounters } from '../src/store/log-record.js';
import { TypeDictionary } from '../src/store/types.js';

const jobs = Number(process.argv[2] ?? 200_000);
const perCommit = Number(process.argv[3] ?? 300);
const mergeRows = 50_000;

const directory = mkdtempSync(join(tmpdir(), 'escapement-storage-'));
const kv = new LmdbKv(directory);
const engine = new StoreEngine(kv);
engine.open();
const types = new TypeDictionary();
const sets = new JobSets();
const now = Date.now();
let position = 0;
let changed = 0;

function commit(batch: Batch): void {
  engine.commit(sealBatch(batch, { position: ++position, now, logBytes: 0, counters: noCounters, types }));
  types.written(types.size);
  for (const { job } of batch.touched.values()) sets.set(job.spec.seq, job.state.status, types.idOf(job.spec.name));
  changed += batch.touched.size;
  if (changed >= mergeRows && !engine.merging) {
    changed = 0;
    engine.startMerge({ position, watermark: Number.NEGATIVE_INFINITY, sets: sets.takeChanged(), now });
  }
  if (engine.merging) for (let i = 0; i < 4; i++) engine.step();
}

const spec = (seq: number): JobSpec => ({
  seq,
  idSeconds: Math.floor(now / 1000),
  name: 'payment_check',
  payload: '{"order_id":"ORD-2024-001","amount":199.99,"user_id":"U123456"}',
  trigger: { kind: 'once', due: now + ((seq * 7919) % jobs) * 10 },
  maxRetries: 3,
  retryDelayMs: 60_000,
  backoff: 'exponential',
  timeoutMs: 300_000,
  misfire: 'run_once',
  createdAt: now,
});

function timed(what: string, count: number, work: () => void): void {
  const begun = performance.now();
  work();
  while (engine.merging) engine.step();
  const seconds = (performance.now() - begun) / 1000;
  console.log(`${what}: ${Math.round(count / seconds)}/s (${count} in ${seconds.toFixed(2)} s)`);
}

function inCommits(seqs: readonly number[], change: (batch: Batch, seq: number) => void): void {
  for (let i = 0; i < seqs.length; i += perCommit) {
    const batch = new Batch();
    for (const seq of seqs.slice(i, i + perCommit)) change(batch, seq);
    commit(batch);
  }
}

const seqs = Array.from({ length: jobs }, (_, i) => i + 1);
timed('creates', jobs, () => inCommits(seqs, (batch, seq) => void batch.apply(undefined, create(spec(seq), now))));
const inDueOrder = [...seqs].sort((a, b) => ((a * 7919) % jobs) - ((b * 7919) % jobs)).slice(0, 200_000);
timed('completions in due order', inDueOrder.length, () =>
  inCommits(inDueOrder, (batch, seq) => {
    const job: Job = { spec: spec(seq), state: create(spec(seq), now).state, detail: noDetail };
    const running = { ...job, state: start(job, now).state };
    batch.apply(running, succeed(running, { durationMs: 1 }, now));
  }),
);
console.log(`data file: ${(statSync(join(directory, 'data.mdb')).size / 2 ** 20).toFixed(0)} MiB`);
await kv.close();
rmSync(directory, { recursive: true });
