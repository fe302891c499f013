/**
 * Ceiling of `ingest-batch` and `throughput`: the storage layout alone, durable, one thread, no server, fed with the
 * changes that the server would feed it: jobs come in one order, start and succeed in another. A process of its own; tells
 * changes per second.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, start, succeed } from '../../src/domain/decisions.js';
import type { EventBody, JobEvent } from '../../src/domain/events.js';
import { type Job, type JobSpec, noDetail } from '../../src/domain/job.js';
import { Batch } from '../../src/scheduler/batch.js';
import { mergeBounds } from '../../src/scheduler/merging.js';
import { sealChanges } from '../../src/store/format/sealing.js';
import { TypeDictionary } from '../../src/store/format/type-dictionary.js';
import { LmdbKv } from '../../src/store/kv/kv-lmdb.js';
import { makeJournal } from '../../src/store/log/journal-file.js';
import { openLog } from '../../src/store/log/open-log.js';
import { noCounters } from '../../src/store/port.js';
import { StoreEngine } from '../../src/store/trees/engine.js';
import { JobSets } from '../../src/store/trees/job-sets.js';

export interface StorageLoad {
  readonly jobs: number;
  /** Jobs that start and succeed, in random order of creation. */
  readonly completions: number;
  readonly perCommit: number;
}

export interface StorageSpeed {
  readonly createsPerSecond: number;
  readonly completionsPerSecond: number;
  readonly fileMiB: number;
}

const slicesPerCommit = 4;
/** A prime: `seq * stride % jobs` visits all jobs in an order that has nothing to do with their creation. */
const stride = 7_368_787;

class StorageAlone {
  readonly directory = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'escapement-bench-storage-'));
  readonly #kv = new LmdbKv(this.directory);
  readonly #engine: StoreEngine;
  readonly #types = new TypeDictionary();
  readonly #sets = new JobSets();
  readonly #now = Date.now();
  readonly #jobs: number;
  #position = 0;
  #changed = 0;
  #lastEvent = 0;

  constructor(jobs: number) {
    this.#jobs = jobs;
    makeJournal(this.directory);
    this.#engine = new StoreEngine(this.#kv, openLog(this.#kv, this.directory));
    this.#engine.open();
  }

  create(batch: Batch, seq: number): void {
    const decision = create(this.#spec(seq), this.#now);
    this.#tell(batch, batch.apply(undefined, decision), decision.events);
  }

  /** A start and a success in one commit, as they mostly fall. */
  complete(batch: Batch, seq: number): void {
    const spec = this.#spec(seq);
    const job: Job = { spec, state: create(spec, this.#now).state, detail: noDetail };
    const started = start(job, this.#now);
    this.#tell(batch, job, started.events);
    const running = batch.apply(job, started);
    const succeeded = succeed(running, { durationMs: 1 }, this.#now);
    this.#tell(batch, batch.apply(running, succeeded), succeeded.events);
  }

  /** Applies a change to each of the jobs, so many a commit, and merges all of it; changes per second. */
  timed(
    count: number,
    perCommit: number,
    seqAt: (index: number) => number,
    change: (batch: Batch, seq: number) => void,
  ): number {
    const begun = performance.now();
    for (let index = 0; index < count; index += perCommit) {
      const batch = new Batch();
      for (let i = index; i < Math.min(count, index + perCommit); i++) change(batch, seqAt(i));
      this.#commit(batch);
    }
    while (this.#engine.merging) this.#engine.step();
    return count / ((performance.now() - begun) / 1000);
  }

  async close(): Promise<void> {
    await this.#kv.close();
    rmSync(this.directory, { recursive: true });
  }

  /** As the server does, merging goes on between commits, slice by slice. */
  #commit(batch: Batch): void {
    const { touched: jobs, events, keys, jobKeys, passed } = batch;
    const changes = { at: this.#now, counters: noCounters, jobs, events, keys, jobKeys, passed };
    this.#engine.commit(sealChanges(changes, { position: ++this.#position, logBytes: 0, types: this.#types }));
    this.#types.written(this.#types.size);
    for (const { job } of batch.touched.values()) {
      this.#sets.set(job.spec.seq, job.state.status, this.#types.idOf(job.spec.name));
    }
    this.#changed += batch.touched.size;
    if (this.#changed >= mergeBounds.rows && !this.#engine.merging) {
      this.#changed = 0;
      const sets = this.#sets.takeChanged();
      this.#engine.startMerge({ position: this.#position, watermark: Number.NEGATIVE_INFINITY, sets, now: this.#now });
    }
    if (this.#engine.merging) for (let i = 0; i < slicesPerCommit; i++) this.#engine.step();
  }

  #tell(batch: Batch, { spec }: Job, events: readonly EventBody[]): void {
    for (const body of events) {
      const event: JobEvent = {
        seq: ++this.#lastEvent,
        jobSeq: spec.seq,
        idSeconds: spec.idSeconds,
        jobName: spec.name,
        at: this.#now,
        body,
      };
      batch.addEvent(event);
    }
  }

  #spec(seq: number): JobSpec {
    return {
      seq,
      idSeconds: Math.floor(this.#now / 1000),
      name: 'payment_check',
      payload: '{"order_id":"ORD-2024-001","amount":199.99,"user_id":"U123456"}',
      trigger: { kind: 'once', due: this.#now + ((seq * stride) % this.#jobs) * 10 },
      maxRetries: 3,
      retryDelayMs: 60_000,
      backoff: 'exponential',
      timeoutMs: 300_000,
      misfire: 'run_once',
      createdAt: this.#now,
    };
  }
}

export async function measureStorage({ jobs, completions, perCommit }: StorageLoad): Promise<StorageSpeed> {
  const storage = new StorageAlone(jobs);
  try {
    const created = storage.timed(
      jobs,
      perCommit,
      (index) => index + 1,
      (batch, seq) => storage.create(batch, seq),
    );
    const random = (index: number): number => 1 + ((index * stride) % jobs);
    const completed =
      completions === 0
        ? 0
        : storage.timed(completions, perCommit, random, (batch, seq) => storage.complete(batch, seq));
    return {
      createsPerSecond: created,
      completionsPerSecond: completed,
      fileMiB: statSync(join(storage.directory, 'data.mdb')).size / 2 ** 20,
    };
  } finally {
    await storage.close();
  }
}

if (process.send !== undefined)
  process.send(await measureStorage(JSON.parse(process.argv[2] as string) as StorageLoad));
