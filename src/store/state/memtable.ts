/**
 * The committed state of jobs: what log records changed since the last merge, over the trees. Two generations: the one
 * that gathers changes, and the one being merged, which is dropped when the trees have it.
 */

import type { Job, JobDetail, JobSpec, JobState } from '../../domain/job.js';
import { noDetail } from '../../domain/job.js';
import { type StoredDetail, shownDetail, withMore } from '../format/detail.js';
import { type RowPlace, readRow, rowHasDetail, rowHasMore, rowStatus } from '../format/row.js';
import { RowTable } from '../format/row-table.js';
import { DamagedRecord } from '../port.js';
import type { StoreReader } from '../trees/reader.js';
import { SpecCache } from './spec-cache.js';

interface Generation {
  readonly rows: RowTable;
  readonly details: Map<number, StoredDetail>;
  detailBytes: number;
}

/** @param rows how many jobs will have changed: likely as many as before the last merge */
const emptyGeneration = (rows: number): Generation => ({
  rows: new RowTable(rows),
  details: new Map(),
  detailBytes: 0,
});

/**
 * Specs of jobs due later than this are not kept: at high rates they would be pushed out before they run, and all that
 * lives long and dies at last is what the garbage collector pays most for.
 */
const cachedAheadMs = 60_000;

/** Which jobs there are, by another account than the trees of states and specs. */
export interface KnownJobs {
  has(seq: number): boolean;
}

export interface RecentSpecs {
  spec(seq: number): JobSpec | undefined;
}

export class Memtable {
  readonly #reader: StoreReader;
  readonly #known: KnownJobs;
  #current = emptyGeneration(0);
  #merging: Generation | undefined;
  readonly #recent: RecentSpecs;
  readonly #specs = new SpecCache();

  /**
   * @param known tells a job that is gone from one whose record was lost
   * @param recent specs that the trees do not have yet
   */
  constructor(reader: StoreReader, known: KnownJobs, recent: RecentSpecs) {
    this.#reader = reader;
    this.#known = known;
    this.#recent = recent;
  }

  /** Jobs changed since the last merge began. */
  get changed(): number {
    return this.#current.rows.size;
  }

  /** Bytes of details among them, roughly. */
  get changedDetailBytes(): number {
    return this.#current.detailBytes;
  }

  get merging(): boolean {
    return this.#merging !== undefined;
  }

  /** Takes a row out of a record that is being replayed. */
  replay(seq: number, record: Buffer, at: number): void {
    this.#current.rows.set(seq, record, at);
  }

  /** Takes a job's committed state; undefined: the job is no more. */
  apply(seq: number, state: JobState | undefined, typeId: number, hasDetail: boolean, priority = 0): void {
    this.#current.rows.put(seq, state, typeId, hasDetail, priority);
    if (!state) this.#specs.delete(seq);
  }

  applyDetail(seq: number, detail: StoredDetail): void {
    this.#current.details.set(seq, detail);
    this.#current.detailBytes += 64 + (detail.result?.length ?? 0) + (detail.lastError?.message.length ?? 0);
  }

  /** Keeps a committed spec at hand if the job is due soon enough to find it here still. */
  applySpec(spec: JobSpec, dueInMs: number): void {
    if (dueInMs > cachedAheadMs) this.#specs.delete(spec.seq);
    else this.#specs.set(spec);
  }

  mergeBegins(): void {
    this.#merging = this.#current;
    this.#current = emptyGeneration(this.#current.rows.size);
  }

  mergeEnded(): void {
    this.#merging = undefined;
    this.#reader.refresh();
  }

  /** @throws DamagedRecord also when the state of a job that there is cannot be found; so do the others below. */
  state(seq: number): JobState | undefined {
    const row = this.#row(seq);
    return row && this.#stateIn(seq, row);
  }

  /** Of a job that there is. */
  spec(seq: number): JobSpec {
    const spec = this.#specs.get(seq) ?? this.#recent.spec(seq) ?? this.#reader.spec(seq);
    if (!spec) throw lost('spec', seq);
    return spec;
  }

  /** Of a job that there is. */
  detail(seq: number): JobDetail {
    const row = this.#row(seq);
    return row ? this.#detailIn(seq, row) : noDetail;
  }

  job(seq: number): Job | undefined {
    const row = this.#row(seq);
    const state = row && this.#stateIn(seq, row);
    return state && { spec: this.spec(seq), state, detail: this.#detailIn(seq, row) };
  }

  /** The newest there is; of a job that has been removed it may be one without a status. */
  #row(seq: number): RowPlace | undefined {
    for (const generation of [this.#current, this.#merging]) {
      const at = generation?.rows.find(seq);
      if (generation && at !== undefined) return { bytes: generation.rows.slab, at };
    }
    const row = this.#reader.row(seq);
    if (row && rowStatus(row.bytes, row.at) !== undefined) return row;
    if (this.#known.has(seq)) throw lost('state', seq);
    return undefined;
  }

  #stateIn(seq: number, row: RowPlace): JobState | undefined {
    const state = readRow(row.bytes, row.at);
    return state && rowHasMore(row.bytes, row.at) ? withMore(state, this.#storedDetail(seq), seq) : state;
  }

  #detailIn(seq: number, row: RowPlace): JobDetail {
    return rowHasDetail(row.bytes, row.at) ? shownDetail(this.#storedDetail(seq)) : noDetail;
  }

  #storedDetail(seq: number): StoredDetail {
    const detail = this.#current.details.get(seq) ?? this.#merging?.details.get(seq) ?? this.#reader.detail(seq);
    if (!detail) throw lost('detail', seq);
    return detail;
  }
}

const lost = (what: string, seq: number): DamagedRecord => new DamagedRecord(`the ${what} of job ${seq}`, 'is missing');
