/**
 * The store on the thread that decides: seals what is to be written, and when that is on disk enters it into the committed
 * state that everybody reads. So nobody above ever sees bytes, and nothing is read that is not on disk.
 */
import type { Clock } from '../../clock.js';
import type { KeyHolder } from '../../domain/control/keys.js';
import type { Job, JobState } from '../../domain/job.js';
import type { NumberedRun } from '../../domain/runs/run.js';
import type { Telemetry } from '../../telemetry/port.js';
import { hasStoredDetail, needsMore, storedDetail } from '../format/detail.js';
import { sealChanges } from '../format/sealing.js';
import { aheadSince } from '../log/records.js';
import {
  type Changes,
  type FinishedJob,
  type FinishedPlace,
  type HeldName,
  type JobChange,
  type JobStore,
  type KeyUse,
  type StoreEvents,
  UnreadableRecord,
} from '../port.js';
import { isRemembered } from '../trees/idempotency.js';
import type { CreationOrder } from '../trees/labels/creation-order.js';
import { type LabelChange, labelPuts } from '../trees/labels/job-labels.js';
import type { Storage, StorageEvents } from '../trees/storage.js';
import type { CommittedState } from './committed-state.js';
import type { JobLogs } from './job-logs.js';

export class CommittedStore implements JobStore, StorageEvents {
  readonly #storage: Storage;
  readonly #state: CommittedState;
  readonly #observed: { readonly clock: Clock; readonly telemetry: Telemetry };
  #events: StoreEvents | undefined;
  #lines: Pick<JobLogs, 'written' | 'failed'> | undefined;
  #position: number;
  #logBytes: number;
  /** What is being written, the bytes of its record, how many job types are on disk with it, and since when, in monotonic milliseconds. */
  #inFlight:
    | {
        readonly changes: Changes;
        readonly record: Buffer;
        readonly types: number;
        readonly since: number;
        readonly creations: CreationOrder;
        readonly labelled: readonly LabelChange[];
      }
    | undefined;
  /** When the merge began, in monotonic milliseconds. */
  #mergingSince = 0;

  /**
   * @param state as it was restored: this keeps it up to date
   * @param end where the log ends: its last position, and the bytes of all its records
   */
  constructor(
    storage: Storage,
    state: CommittedState,
    end: { readonly position: number; readonly logBytes: number },
    observed: { readonly clock: Clock; readonly telemetry: Telemetry },
  ) {
    this.#observed = observed;
    this.#storage = storage;
    this.#state = state;
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
    const { types, labels } = this.#state;
    const made = [...changes.jobs.values()].filter((change) => this.#isMade(change)).map(({ job }) => job.spec);
    const creations = this.#state.creations.with(made);
    const labelled = [...changes.jobs.values()]
      .map((change) => labels.changeOf(change, (seq) => this.#before(seq)))
      .filter((change) => change !== undefined);
    const batch = sealChanges(changes, {
      position: this.#position + 1,
      logBytes: this.#logBytes,
      types,
      morePuts: [...labelPuts(labelled), ...(creations.put === undefined ? [] : [creations.put])],
    });
    // A copy: the batch's bytes go to another thread.
    const record = Buffer.from(new Uint8Array(batch.buffer, 0, batch.recordBytes));
    const since = this.#observed.clock.monotonic();
    this.#inFlight = { changes, record, types: types.size, since, creations: creations.next, labelled };
    this.#storage.commit(batch, changes);
  }

  // -- what the storage says --

  committed(position: number): void {
    const { memtable, sets, labels, due, types, recent } = this.#state;
    if (!this.#inFlight) throw new Error(`position ${position} was committed, and nothing was to be written`);
    const { changes, record, types: written, since, creations, labelled } = this.#inFlight;
    const { clock, telemetry } = this.#observed;
    telemetry.committed(changes.jobs.size, record.length, clock.monotonic() - since);
    this.#inFlight = undefined;
    this.#position = position;
    this.#logBytes += record.length;
    types.written(written);
    for (const change of labelled) labels.apply(change);
    this.#state.creations = creations;
    recent.add({ position, record, changes });
    for (const { job, removed, detailChanged, specChanged } of changes.jobs.values()) {
      const { spec, state } = job;
      const typeId = types.idOf(spec.name);
      memtable.apply(spec.seq, removed ? undefined : state, typeId, hasStoredDetail(job), spec.priority);
      sets.set(spec.seq, removed ? undefined : state.status, typeId);
      due.note(spec.seq, removed ? undefined : state.due);
      if (removed) continue;
      if (specChanged) memtable.applySpec(spec, state.due - state.updatedAt);
      if (detailChanged || needsMore(state)) memtable.applyDetail(spec.seq, storedDetail(job));
    }
    this.#events?.committed();
  }

  /** A job that this commit brings. */
  #isMade({ job, specChanged, removed }: JobChange): boolean {
    return specChanged && !removed && !this.#state.sets.has(job.spec.seq);
  }

  /** A job as it is on disk, where that can be read: else it stays found by what it was. */
  #before(seq: number): Job | undefined {
    try {
      return this.#state.memtable.job(seq);
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      return undefined;
    }
  }

  /** From now on `lines` hears of what became of lines of handlers. */
  keepLines(lines: Pick<JobLogs, 'written' | 'failed'>): void {
    this.#lines = lines;
  }

  logsWritten(bytes: number): void {
    this.#lines?.written(bytes);
  }

  logsRefused(): void {
    this.#lines?.failed();
  }

  checkpointed(position: number): void {
    this.#state.reader.sync();
    this.#state.recent.forget(position);
  }

  failed(_position: number, failure: { readonly message: string; readonly broken: boolean }): void {
    this.#inFlight = undefined;
    this.#events?.failed(failure);
  }

  /** As `failed`, where other shards of the cluster have keys that the batch names. */
  claimed(by: readonly HeldName[] = []): void {
    this.#inFlight = undefined;
    this.#events?.claimed(by);
  }

  merged(position: number): void {
    const { clock, telemetry } = this.#observed;
    telemetry.merged(clock.monotonic() - this.#mergingSince);
    this.#state.memtable.mergeEnded();
    this.#events?.merged(position);
  }

  // -- merges --

  get changed(): number {
    return this.#state.memtable.changed;
  }

  get changedDetailBytes(): number {
    return this.#state.memtable.changedDetailBytes;
  }

  get merging(): boolean {
    return this.#state.memtable.merging;
  }

  merge(order: Parameters<JobStore['merge']>[0]): void {
    const { memtable, sets } = this.#state;
    this.#mergingSince = this.#observed.clock.monotonic();
    memtable.mergeBegins();
    this.#storage.merge({ ...order, position: this.#position, sets: sets.takeChanged() });
  }

  // -- what is on disk --

  state(seq: number): JobState | undefined {
    return this.#state.memtable.state(seq);
  }

  job(seq: number): Job | undefined {
    return this.#state.memtable.job(seq);
  }

  jobsOfType(name: string): number {
    const typeId = this.#state.types.find(name);
    return typeId === undefined ? 0 : this.#state.sets.total(undefined, typeId);
  }

  pendingOfType(name: string): number {
    const typeId = this.#state.types.find(name);
    return typeId === undefined ? 0 : this.#state.sets.pendingOf(typeId);
  }

  keyUse(name: string, now: number): KeyUse | undefined {
    const recent = this.#state.recent.keyUse(name);
    return recent && isRemembered(recent, now) ? recent : this.#state.reader.keyUse(name, now);
  }

  keyHolder(place: string): KeyHolder | undefined {
    const recent = this.#state.recent.keyHolder(place);
    return recent ? recent.holder : this.#state.reader.keyHolder(place);
  }

  lastRun(seq: number): NumberedRun | undefined {
    const { recent, reader } = this.#state;
    return recent.runs.last(seq) ?? reader.lastRun(seq);
  }

  nextFinished(behind: FinishedPlace | undefined): FinishedPlace | undefined {
    const { reader, recent } = this.#state;
    let next = reader.nextFinished(behind);
    while (next && recent.hasPassed(next)) next = reader.nextFinished(next);
    return next;
  }

  finished(place: FinishedPlace): FinishedJob[] {
    return this.#state.reader.finished(place);
  }

  get failing(): number {
    return this.#state.labels.failing;
  }

  get firstFailure(): number {
    return this.#state.labels.failed.order.first;
  }

  get endOfFailures(): number {
    return this.#state.labels.failed.order.end;
  }

  failure(number: number): FinishedJob | undefined {
    return this.#state.labels.failed.order.entry(number);
  }

  dropFailures(before: number): void {
    this.#state.labels.failed.order.dropBefore(before);
  }

  aheadSince(now: number): number | undefined {
    return aheadSince(this.#state.log, now);
  }
}
