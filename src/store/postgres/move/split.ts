/**
 * The store of a server by itself, divided over the shards of a cluster: for each shard the records of a new log. Numbers of jobs stay,
 * and so do their ids: job `n` is in slot `n / shards` of shard `n % shards`. Events do not come along; the totals are in the first shard.
 */
import { hasEnded } from '../../../domain/control/bulk.js';
import type { KeyHolder } from '../../../domain/control/keys.js';
import { type JobNumbers, shardOf } from '../../../domain/ids/job-numbers.js';
import { type Job, type JobSpec, noDetail } from '../../../domain/job.js';
import { isFinished, statuses } from '../../../domain/lifecycle.js';
import type { NumberedRun } from '../../../domain/runs/run.js';
import { encodeMeta, metaKey, type Put } from '../../format/layout.js';
import { type SealedBatch, sealChanges } from '../../format/sealing.js';
import { placeOfUnder, readKeyHolder } from '../../format/trees/job-key.js';
import { labelOf } from '../../format/trees/job-label.js';
import { nameOfKey, readKeyUse } from '../../format/trees/key-use.js';
import { TypeDictionary } from '../../format/type-dictionary.js';
import {
  type BulkChange,
  type Changes,
  type Counters,
  DamagedRecord,
  type JobChange,
  type KeyUse,
  noCounters,
} from '../../port.js';
import type { CommittedState } from '../../state/committed-state.js';
import type { Restored } from '../../state/restore.js';
import { isRemembered } from '../../trees/idempotency.js';
import { CreationOrder } from '../../trees/labels/creation-order.js';
import { labelPuts } from '../../trees/labels/job-labels.js';
import { runsIn } from '../../trees/runs.js';
import { claimsOf, type NamesOnDisk } from '../claims.js';
import type { Claim } from '../database.js';
import { movedLines } from './lines.js';

/** What a record has, roughly, at most; more only where a single job has more. A cluster takes 4 MiB and 8,192 jobs. */
const most = { jobs: 2000, bytes: 1024 ** 2 } as const;
/** Of a job beside its texts; of a run, or a key. */
const sizes = { job: 400, entry: 150 } as const;

/** A store that nobody writes to, as a start restores it. */
export interface MovedStore {
  readonly state: CommittedState;
  readonly restored: Restored;
}

/**
 * The records of one shard, in order.
 *
 * @param now Unix milliseconds: idempotency keys that are over by then stay behind
 * @throws DamagedRecord, NewerRecord
 */
export function splitOff(store: MovedStore, numbers: JobNumbers, now: number): Iterable<SplitBatch> {
  return new ShardOfStore(store, numbers).records(now);
}

/** A record of the shard, and the names that it takes over the cluster. */
export interface SplitBatch {
  readonly batch: SealedBatch;
  readonly claims: readonly Claim[];
}

/** What the next record is to have. */
interface Gathered {
  readonly jobs: Map<number, JobChange>;
  readonly runs: Map<number, readonly NumberedRun[]>;
  readonly keys: Map<string, KeyUse>;
  readonly jobKeys: Map<string, KeyHolder>;
  readonly puts: Put[];
  bytes: number;
}

const nothing = (): Gathered => ({
  ...{ jobs: new Map(), runs: new Map(), keys: new Map(), jobKeys: new Map(), puts: [], bytes: 0 },
});

class ShardOfStore {
  readonly #state: CommittedState;
  readonly #restored: Restored;
  readonly #numbers: JobNumbers;
  readonly #types = new TypeDictionary();
  #next = nothing();
  #position = 0;
  #logBytes = 0;
  #jobs = 0;

  constructor({ state, restored }: MovedStore, numbers: JobNumbers) {
    this.#state = state;
    this.#restored = restored;
    this.#numbers = numbers;
  }

  *records(now: number): Iterable<SplitBatch> {
    const { kv } = this.#state;
    const { finished, others, created } = this.#jobsInOrder();
    if (created !== undefined) this.#next.puts.push(created);
    for (const seqs of [others, finished]) {
      for (const seq of seqs) {
        this.#addJob(seq);
        if (this.#isFull) yield this.#seal();
      }
    }
    for (const { key, value } of kv.entries('keys', {})) {
      const use = readKeyUse(value, key);
      if (!this.#has(use.seq) || !isRemembered(use, now)) continue;
      this.#next.keys.set(nameOfKey(key), { ...use, seq: this.#numbers.slotOf(use.seq) });
      this.#next.bytes += sizes.entry;
      if (this.#isFull) yield this.#seal();
    }
    for (const { key, value } of kv.entries('jobKeys', {})) {
      const holder = readKeyHolder(value, key);
      if (!this.#has(holder.seq)) continue;
      this.#next.jobKeys.set(placeOfUnder(key), { ...holder, seq: this.#numbers.slotOf(holder.seq) });
      this.#next.bytes += sizes.entry;
      if (this.#isFull) yield this.#seal();
    }
    for (const { puts, bytes } of movedLines(kv, this.#numbers)) {
      this.#next.puts.push(...puts);
      this.#next.bytes += bytes;
      if (this.#isFull) yield this.#seal();
    }
    // Also where it has no job: what users have set, and the numbers of jobs, go on from there.
    if (this.#position === 0 || this.#next.bytes > 0) yield this.#seal();
  }

  /** Those that are not finished as they were made, and those that are as they finished. */
  #jobsInOrder(): { finished: number[]; others: number[]; created: Put | undefined } {
    const { sets, memtable } = this.#state;
    const own = statuses.flatMap((status) =>
      [...sets.each(status)].filter((seq) => this.#has(seq)).map((seq) => ({ seq, status })),
    );
    const order = new CreationOrder();
    for (const { seq } of own.toSorted((a, b) => a.seq - b.seq))
      order.add(this.#numbers.slotOf(seq), memtable.spec(seq).createdAt);
    const finished = own
      .filter(({ status }) => isFinished(status))
      .map(({ seq }) => ({ seq, at: memtable.state(seq)?.finishedAt ?? 0 }))
      .sort((a, b) => a.at - b.at || a.seq - b.seq);
    return {
      finished: finished.map(({ seq }) => seq),
      others: own.flatMap(({ seq, status }) => (isFinished(status) ? [] : [seq])).sort((a, b) => a - b),
      created:
        order.breaks.length === 0
          ? undefined
          : { tree: 'meta', key: metaKey('created'), value: encodeMeta(order.breaks, 'created') },
    };
  }

  #has(seq: number): boolean {
    return shardOf(seq, this.#numbers.shards) === this.#numbers.shard;
  }

  #addJob(seq: number): void {
    const { memtable, reader } = this.#state;
    const known = memtable.job(seq);
    if (known === undefined) throw new DamagedRecord(`the state of job ${seq}`, 'is missing');
    const slot = this.#numbers.slotOf(seq);
    const job: Job = { ...known, spec: renumbered(known.spec, slot) };
    const runs = runsIn(reader.kv, seq).reverse();
    const next = this.#next;
    next.jobs.set(slot, { job, specChanged: true, detailChanged: known.detail !== noDetail, removed: false });
    if (runs.length > 0) next.runs.set(slot, runs);
    const { payload } = job.spec;
    const { result, lastError } = job.detail;
    next.bytes += sizes.job + payload.length + (result?.length ?? 0) + (lastError?.message.length ?? 0);
    for (const { run } of runs) next.bytes += sizes.entry + ('error' in run ? (run.error?.message.length ?? 0) : 0);
    this.#jobs++;
  }

  get #isFull(): boolean {
    const { jobs, keys, jobKeys, puts, bytes } = this.#next;
    return jobs.size + keys.size + jobKeys.size + puts.length >= most.jobs || bytes >= most.bytes;
  }

  #seal(): SplitBatch {
    const { jobs, runs, keys, jobKeys, puts } = this.#next;
    this.#next = nothing();
    const { settings, downtime, setBack, lastRecordAt = 0 } = this.#restored;
    const isFirst = this.#position === 0;
    const labels = [...jobs].map(([seq, { job }]) => ({ seq, before: undefined, after: labelOf(job) }));
    const changes: Changes = {
      ...{ at: lastRecordAt, counters: this.#counters, jobs, events: [], runs, keys, jobKeys, passed: [] },
      ...(isFirst && { settings, downtime, setBack, ...(this.#numbers.shard === 0 && { bulks: this.#bulks }) }),
    };
    const batch = sealChanges(changes, {
      position: ++this.#position,
      logBytes: this.#logBytes,
      types: this.#types,
      morePuts: [...puts, ...labelPuts(labels.filter(({ after }) => after !== undefined))],
    });
    this.#types.written(this.#types.size);
    this.#logBytes += batch.recordBytes;
    return { batch, claims: claimsOf(this.#numbers.shard, changes, this.#onDisk).claims };
  }

  /** Jobs come before the keys that they have. */
  get #onDisk(): NamesOnDisk {
    const { memtable } = this.#state;
    return {
      keyHolder: () => undefined,
      keyUse: () => undefined,
      isRunning: () => false,
      state: (slot) => memtable.state(this.#numbers.of(slot)),
    };
  }

  /** Those that have ended are remembered; of one that goes on, jobs would be in all shards. */
  get #bulks(): ReadonlyMap<number, BulkChange> {
    const ended = this.#restored.bulks.filter(({ record }) => hasEnded(record));
    return new Map(ended.map(({ record }) => [record.id, { id: record.id, record }]));
  }

  get #counters(): Counters {
    const { nextSeq, idSeconds, completed, failed, cancelled } = this.#restored.counters;
    const { shard, shards } = this.#numbers;
    const totals = shard === 0 ? { completed, failed, cancelled } : {};
    // The first slot whose number nobody has had; a shard begins at 1.
    const nextSlot = Math.max(1, Math.ceil((nextSeq - shard) / shards));
    return { ...noCounters, ...totals, nextSeq: nextSlot, jobs: this.#jobs, idSeconds };
  }
}

/** The parent is named by its number, whichever shard it is in. */
function renumbered({ successor, ...spec }: JobSpec, seq: number): JobSpec {
  return { ...spec, seq, ...(successor && { successor: renumbered(successor, seq) }) };
}
