/**
 * The store on the thread that decides: seals what is to be written, and when that is on disk enters it into the committed
 * state that everybody reads. So nobody above ever sees bytes, and nothing is read that is not on disk.
 */
import type { Job, JobState } from '../../domain/job.js';
import { noDetail } from '../../domain/job.js';
import { sealChanges } from '../format/sealing.js';
import type { Changes, FinishedJob, FinishedPlace, JobStore, KeyUse, StoreEvents } from '../port.js';
import type { JobSets } from './job-sets.js';
import type { Memtable } from './memtable.js';
import type { StoreReader } from './reader.js';
import type { Storage, StorageEvents } from './storage.js';

export interface CommittedStoreParts {
  readonly storage: Storage;
  readonly memtable: Memtable;
  readonly sets: JobSets;
  readonly reader: StoreReader;
}

export class CommittedStore implements JobStore, StorageEvents {
  readonly #parts: CommittedStoreParts;
  #events: StoreEvents | undefined;
  #position: number;
  #logBytes: number;
  /** What is being written, the bytes of its record, and how many job types are on disk with it. */
  #inFlight: { readonly changes: Changes; readonly recordBytes: number; readonly types: number } | undefined;

  /** @param end where the log ends: its last position, and the bytes of all its records */
  constructor(parts: CommittedStoreParts, end: { readonly position: number; readonly logBytes: number }) {
    this.#parts = parts;
    this.#position = end.position;
    this.#logBytes = end.logBytes;
  }

  /** From now on `events` hears of what was committed, refused and merged. */
  listen(events: StoreEvents): void {
    this.#events = events;
  }

  get position(): number {
    return this.#position;
  }

  commit(changes: Changes): void {
    const { storage, reader } = this.#parts;
    const { types } = reader;
    const batch = sealChanges(changes, { position: this.#position + 1, logBytes: this.#logBytes, types });
    this.#inFlight = { changes, recordBytes: batch.recordBytes, types: types.size };
    storage.commit(batch);
  }

  // -- what the storage says --

  committed(position: number): void {
    const { memtable, sets, reader } = this.#parts;
    const { types } = reader;
    if (!this.#inFlight) throw new Error(`position ${position} was committed, and nothing was to be written`);
    const { changes, recordBytes, types: written } = this.#inFlight;
    this.#inFlight = undefined;
    this.#position = position;
    this.#logBytes += recordBytes;
    types.written(written);
    reader.sync();
    for (const { job, removed, detailChanged, specChanged } of changes.jobs.values()) {
      const { spec, state, detail } = job;
      const typeId = types.idOf(spec.name);
      memtable.apply(spec.seq, removed ? undefined : state, typeId, detail !== noDetail);
      sets.set(spec.seq, removed ? undefined : state.status, typeId);
      if (removed) continue;
      if (specChanged) memtable.applySpec(spec, state.due - state.updatedAt);
      if (detailChanged) memtable.applyDetail(spec.seq, detail);
    }
    this.#events?.committed();
  }

  failed(_position: number, failure: { readonly message: string; readonly broken: boolean }): void {
    this.#inFlight = undefined;
    this.#events?.failed(failure);
  }

  merged(position: number): void {
    this.#parts.memtable.mergeEnded();
    this.#events?.merged(position);
  }

  // -- merges --

  get changed(): number {
    return this.#parts.memtable.changed;
  }

  get changedDetailBytes(): number {
    return this.#parts.memtable.changedDetailBytes;
  }

  get merging(): boolean {
    return this.#parts.memtable.merging;
  }

  merge({ watermark, now }: { readonly watermark: number; readonly now: number }): void {
    const { memtable, sets, storage } = this.#parts;
    memtable.mergeBegins();
    storage.merge({ position: this.#position, watermark, sets: sets.takeChanged(), now });
  }

  // -- what is on disk --

  state(seq: number): JobState | undefined {
    return this.#parts.memtable.state(seq);
  }

  job(seq: number): Job | undefined {
    return this.#parts.memtable.job(seq);
  }

  keyUse(name: string, now: number): KeyUse | undefined {
    return this.#parts.reader.keyUse(name, now);
  }

  nextFinished(behind: FinishedPlace | undefined): FinishedPlace | undefined {
    return this.#parts.reader.nextFinished(behind);
  }

  finished(place: FinishedPlace): FinishedJob[] {
    return this.#parts.reader.finished(place);
  }

  aheadSince(now: number): number | undefined {
    return this.#parts.reader.log.aheadSince(now);
  }
}
