/**
 * Ceiling of `ingest-batch` and `throughput`: the storage layout alone, durable, one thread, no server, fed with the
 * changes that the server would feed it: jobs come in one order, start and succeed in another. A process of its own; tells
 * changes per second.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, start, succeed } from '../../src/domain/decisions.js';
import type { JobEvent } from '../../src/domain/events.js';
import { type Job, type JobSpec, noDetail } from '../../src/domain/job.js';
import { Batch } from '../../src/scheduler/batch.js';
import { sealBatch } from '../../src/scheduler/seal.js';
import { StoreEngine } from '../../src/store/engine.js';
import { JobSets } from '../../src/store/job-sets.js';
import { LmdbKv } from '../../src/store/kv-lmdb.js';
import { noCounters } from '../../src/store/log-record.js';
import { TypeDictionary } from '../../src/store/types.js';

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

const mergeRows = 50_000;
/** A prime: `seq * stride % jobs` visits all jobs in an order that has nothing to do with their creation. */
const stride = 7_368_787;
