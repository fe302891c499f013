/**
 * What one job costs the main thread, stage by stage, by hand: the product's own code fed in batches, without sockets,
 * disk or threads. `node dist/bench/main-thread.js [jobs] [jobs per batch]`; what BENCHMARKS.md quotes.
 */

import { Faults } from '../src/api/faults.js';
import { renderJob } from '../src/api/render.js';
import { readDraft } from '../src/api/validate.js';
import { systemClock } from '../src/clock.js';
import type { Attempt } from '../src/pool/port.js';
import type { Answer, JobDraft } from '../src/scheduler/messages.js';
import type { Scheduler } from '../src/scheduler/scheduler.js';
import { parseJson } from '../src/server/bodies/json-body.js';
import { makeShard } from '../src/shard.js';
import { DamageLog } from '../src/store/damage-log.js';
import { KvLogSource } from '../src/store/log/kv-log.js';
import type { CommittedStore } from '../src/store/state/committed-store.js';
import type { Storage } from '../src/store/trees/storage.js';
import { noTelemetry } from '../src/telemetry/port.js';
import { MemoryKv } from '../test/support/kv-memory.js';
import { median } from './support/bench.js';
import { orderBody } from './support/job-bodies.js';

const jobs = Number(process.argv[2] ?? 100_000);
const perBatch = Number(process.argv[3] ?? 100);
const rounds = 3;

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const rules = { timezone: 'UTC', isRegistered: () => true };
const noop = {
  name: 'noop',
  description: '',
  concurrency: Number.POSITIVE_INFINITY,
  timeoutMs: 300_000,
  maxRetries: 3,
  retryDelayMs: 60_000,
};

/** A pool that starts everything, and ends nothing by itself. */
class HoldingPool {
  readonly free = Number.MAX_SAFE_INTEGER;
  attempts: Attempt[] = [];
  placesOf(): number {
    return Number.POSITIVE_INFINITY;
  }

  dispatch(attempt: Attempt): void {
    this.attempts.push(attempt);
  }
  flush(): void {}
  abort(): void {}
}

/** A scheduler whose batches are on disk when `commit` says so, and are never merged. */
class Alone {
  readonly pool = new HoldingPool();
  readonly scheduler: Scheduler;
  readonly store: CommittedStore;
  #written = 0;

  constructor() {
    const kv = new MemoryKv();
    const storage: Storage = {
      commit: ({ position }) => {
        this.#written = position;
      },
      merge: () => {},
      writeLogs: () => {},
    };
    const { scheduler, store } = makeShard(
      { kv, log: new KvLogSource(kv), storage, clean: true },
      {
        clock: systemClock,
        telemetry: noTelemetry,
        pool: this.pool,
        waker: { soon: () => {}, at: () => {} },
        handlers: [noop],
        timezone: 'UTC',
        readEnqueued: () => {
          throw new Error('nothing is enqueued here');
        },
        retention: {
          retentionMs: Number.POSITIVE_INFINITY,
          retainJobs: Number.POSITIVE_INFINITY,
          failedRetentionMs: Number.POSITIVE_INFINITY,
          retainFailed: Number.POSITIVE_INFINITY,
        },
        merge: {
          rows: Number.POSITIVE_INFINITY,
          detailBytes: Number.POSITIVE_INFINITY,
          ageMs: Number.POSITIVE_INFINITY,
        },
        log: silent,
        damage: new DamageLog(silent),
        publish: () => {},
        publishTransient: () => {},
        fatal: (reason) => {
          throw new Error(reason);
        },
      },
    );
    this.scheduler = scheduler;
    this.store = store;
  }

  /** Everything that waits is on disk. */
  commit(): void {
    while (this.#written > this.store.position) this.committed(this.#written);
  }

  committed(position: number): void {
    this.store.committed(position);
    this.store.checkpointed(position);
  }
}

const stages = new Map<string, number[]>();

/** Times a stage of the batch at hand; its figure is the median of all batches. */
function timed<T>(stage: string, work: () => T): T {
  const begun = performance.now();
  const result = work();
  const us = ((performance.now() - begun) * 1000) / perBatch;
  const figures = stages.get(stage);
  if (figures) figures.push(us);
  else stages.set(stage, [us]);
  return result;
}

function parse(body: Buffer): JobDraft {
  const faults = new Faults();
  const draft = readDraft(parseJson(body, faults), rules, faults);
  if (!draft) throw new Error('the bodies of the bench are not valid');
  return draft;
}

function makeJobs(alone: Alone, from: number): void {
  const bodies = Array.from({ length: perBatch }, (_, index) => Buffer.from(orderBody(from + index)));
  const drafts = timed('POST /jobs: parse and check', () => bodies.map(parse));
  const answers: Answer[] = [];
  timed('POST /jobs: decide and seal', () => {
    for (const draft of drafts)
      alone.scheduler.request({ kind: 'create', draft }, 200, (answer) => answers.push(answer));
    alone.scheduler.turn();
  });
  timed('POST /jobs: enter what is on disk', () => alone.commit());
  if (answers.length !== perBatch) throw new Error(`${answers.length} answers for ${perBatch} requests`);
  timed('POST /jobs: write the answer', () => answers.map(render));
}

function render(answer: Answer): string {
  if (!answer.ok) throw answer.refusal;
  const [job] = answer.jobs;
  if (!job) throw new Error('an answer without a job');
  return renderJob(job, 'created', job.spec.createdAt, { timezone: 'UTC', waitingFor: () => undefined });
}

function runJobs(alone: Alone): void {
  const draft: JobDraft = { name: 'noop', trigger: { kind: 'delay', delayMs: 0 }, isRepeat: false, payload: '{}' };
  for (let index = 0; index < perBatch; index++) alone.scheduler.request({ kind: 'create', draft }, 100, () => {});
  alone.scheduler.turn();
  timed('a run: start what is due, once it is on disk, and seal', () => alone.committed(alone.store.position + 1));
  const attempts = alone.pool.attempts.splice(0);
  if (attempts.length !== perBatch) throw new Error(`${attempts.length} of ${perBatch} jobs were started`);
  timed('a run: enter the starts', () => alone.commit());
  const outcomes = attempts.map(({ jobSeq, fence }) => ({
    kind: 'succeeded' as const,
    jobSeq,
    fence,
    durationMs: 1,
    begun: true,
  }));
  timed('a run: decide the outcomes and seal', () => alone.scheduler.outcomes(outcomes));
  timed('a run: enter the ends', () => alone.commit());
}

for (let round = 0; round <= rounds; round++) {
  const alone = new Alone();
  // The first round warms up and does not count.
  if (round === 1) stages.clear();
  for (let from = 0; from < jobs; from += perBatch) makeJobs(alone, from);
  for (let done = 0; done < jobs; done += perBatch) runJobs(alone);
}
for (const [stage, figures] of stages) console.log(`${stage}: ${median(figures).toFixed(1)} µs a job`);
