/**
 * The store as the scheduler sees it. What changed about which jobs goes in, and comes back as committed or refused; jobs as
 * they are on disk come out. What becomes bytes, and which, is the store's business.
 */

import type { SetBack, Stretch } from '../clock.js';
import type { BulkRecord } from '../domain/control/bulk.js';
import type { KeyHolder } from '../domain/control/keys.js';
import type { SettingsChange } from '../domain/control/settings.js';
import type { DueLane } from '../domain/due-heap.js';
import { Refusal } from '../domain/errors.js';
import type { JobEvent } from '../domain/events.js';
import type { Job, JobState } from '../domain/job.js';
import type { Status } from '../domain/lifecycle.js';
import type { NumberedRun } from '../domain/runs/run.js';

/** Running totals, as they stand after a commit. */
export interface Counters {
  /** `seq` of the next job. */
  readonly nextSeq: number;
  /** Jobs that exist. */
  readonly jobs: number;
  /** Number of the last event. */
  readonly lastEvent: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Second of the newest id. */
  readonly idSeconds: number;
}

/** Of a store that nothing was ever committed to. */
export const noCounters: Counters = {
  nextSeq: 1,
  jobs: 0,
  lastEvent: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  idSeconds: 0,
};

/** A job as a commit leaves it, and what of it that commit changed beside its state. */
export interface JobChange {
  readonly job: Job;
  readonly specChanged: boolean;
  readonly detailChanged: boolean;
  /** Nothing of it stays. */
  readonly removed: boolean;
}

/** What an idempotency key stands for. */
export interface KeyUse {
  /** The job that it made. */
  readonly seq: number;
  /** Of the body that the key came with. */
  readonly digest: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A job and when it finished, in Unix milliseconds. */
export interface FinishedJob {
  readonly seq: number;
  readonly at: number;
}

/** A stretch of the list of finished jobs, by the merge that wrote it and its place among those of that merge. */
export interface FinishedPlace {
  readonly merge: number;
  readonly from: number;
}

/** Places of jobs that a bulk action is about in one block of jobs, ascending. */
export interface BulkJobs {
  /** Absent: of the only shard, or of the one that is asked. */
  readonly shard?: number;
  readonly block: number;
  readonly places: Uint32Array;
}

/** Jobs in a block. */
export const bulkBlockSize = 0x1_0000;

/** What a commit changes of a bulk action. */
export interface BulkChange {
  readonly id: number;
  /** As it is then; undefined: it is no more. */
  readonly record: BulkRecord | undefined;
  /** Its jobs, when it is new. */
  readonly jobs?: readonly BulkJobs[];
  /** Blocks of its jobs that are not needed any more. */
  readonly dropped?: readonly number[];
}

/** Bulk actions as they are on disk, in order. */
export type KeptBulks = readonly { readonly record: BulkRecord; readonly jobs: readonly BulkJobs[] }[];

/** All that one commit changes: written as a whole, or not at all. */
export interface Changes {
  /** Unix milliseconds. */
  readonly at: number;
  readonly counters: Counters;
  /** By `seq`. */
  readonly jobs: ReadonlyMap<number, JobChange>;
  /** In order of their numbers. */
  readonly events: readonly JobEvent[];
  /** Idempotency keys to remember. */
  readonly keys: ReadonlyMap<string, KeyUse>;
  /** Keys of jobs that have another holder now, by `placeOfJobKey`; undefined: none. */
  readonly jobKeys: ReadonlyMap<string, KeyHolder | undefined>;
  /** Rows of the runs of jobs, by `seq`, in order of their numbers: new ones, and the last of a job once more. Absent: none. */
  readonly runs?: ReadonlyMap<number, readonly NumberedRun[]> | undefined;
  /** Stretches of the list of finished jobs that are not needed any more. */
  readonly passed: readonly FinishedPlace[];
  /** Bulk actions, by number. */
  readonly bulks?: ReadonlyMap<number, BulkChange>;
  /** Absent: none has changed. */
  readonly settings?: SettingsChange | undefined;
  /** When no server ran; absent: as before. Unix milliseconds. */
  readonly downtime?: readonly Stretch[] | undefined;
  /** What the jobs are still being looked at for; `none`: nothing any more; absent: as before. */
  readonly setBack?: SetBack | 'none' | undefined;
  /** With this the shard is another node's; absent: it stays. */
  readonly giving?: Giving | undefined;
}

/**
 * An attempt of a job whose shard has moved: it runs on a node that is not the owner of its shard, or began under an earlier lease of that
 * owner. `fence` names it among those of its job.
 */
export interface RemoteAttempt {
  readonly seq: number;
  readonly fence: number;
  /** The id of the node that runs it. */
  readonly node: string;
  /** Of the shard when it began: after a failover that lost commits, another may have the same fence. */
  readonly epoch: number;
}

/** The shard is given to another node. */
export interface Giving {
  /** The id of that node. */
  readonly to: string;
  /** Those that run on. */
  readonly attempts: readonly RemoteAttempt[];
}

/** What was on record when a shard was last given away. */
export interface Handover {
  /** Of the record that gave it away: the last one, unless others came since. */
  readonly position: number;
  readonly attempts: readonly RemoteAttempt[];
}

/** A key of a job, by `placeOfJobKey`, or an idempotency key that a shard holds. */
export interface HeldName {
  readonly kind: 'key' | 'idempotency';
  readonly name: string;
  readonly shard: number;
  /** Of the body that came with an idempotency key; of a key that is free and whose last attempt has not ended: see `Claim`. */
  readonly digest?: string;
}

/** What the store calls back. */
export interface StoreEvents {
  /** What was handed over last is on disk. */
  committed(): void;
  /** Nothing of it is there. `broken`: for good, and `message` is for the user; the process must stop. */
  failed(failure: { readonly message: string; readonly broken: boolean }): void;
  /** Nothing of it is there: other shards of the cluster have keys that it names. */
  claimed(by: readonly HeldName[]): void;
  /** The index has all that was committed up to a position of the log, and is read from there on. */
  merged(position: number): void;
}

/** Changes go in. */
export interface Commits {
  /** How many commits the log has taken since it was made. */
  readonly position: number;
  /** One at a time: the next only after the answer. @throws Error when the changes are none that can be written */
  commit(changes: Changes): void;
}

/** Of a lane of what is due: nothing that is pending on disk stands in it before this. Unix milliseconds. */
export interface LaneWatermark {
  readonly lane: DueLane;
  readonly watermark: number;
}

/** Bringing what was committed into the index, which the scheduler orders since it knows what is due. */
export interface Merges {
  /** Jobs changed since the last merge began. */
  readonly changed: number;
  /** Bytes of results and errors among them, roughly. */
  readonly changedDetailBytes: number;
  /** One is under way. */
  readonly merging: boolean;
  /**
   * One at a time; commits go on meanwhile.
   *
   * @param order `watermark`: no job without a priority that is pending on disk is due before this; `lanes`: the same of all other
   *   lanes; `now`: what is kept for a time is dropped when that is over. Unix milliseconds
   */
  merge(order: { readonly watermark: number; readonly lanes: readonly LaneWatermark[]; readonly now: number }): void;
}

/** Jobs as they are on disk. */
export interface CommittedJobs {
  /** @throws DamagedRecord also when the state of a job that there is cannot be found */
  state(seq: number): JobState | undefined;
  /** @throws DamagedRecord as above */
  job(seq: number): Job | undefined;
  /** How many jobs of a type there are. */
  jobsOfType(name: string): number;
  /** How many of them are pending. */
  pendingOfType(name: string): number;
  /** The use of an idempotency key that is still remembered at `now`. @throws DamagedRecord */
  keyUse(name: string, now: number): KeyUse | undefined;
  /** The job that has a key, or had it last, by `placeOfJobKey`. @throws DamagedRecord */
  keyHolder(place: string): KeyHolder | undefined;
  /** The last row of a job's runs; undefined when it has none. @throws DamagedRecord */
  lastRun(seq: number): NumberedRun | undefined;
}

/** Jobs in finishing order, as far as merges have listed them. One that was retried since stands there twice. */
export interface FinishedList {
  /** The first stretch behind one; without that, the first of all. */
  nextFinished(behind: FinishedPlace | undefined): FinishedPlace | undefined;
  /** @throws DamagedRecord */
  finished(place: FinishedPlace): FinishedJob[];
}

/** Jobs that have failed, in the order in which they did. Each entry has a number, which grows. */
export interface FailureList {
  /** Jobs that have failed. */
  readonly failing: number;
  /** Number of the first entry, and of the one that comes next. */
  readonly firstFailure: number;
  readonly endOfFailures: number;
  /** Undefined where there is none any more. One whose job was retried since does not stand for it. */
  failure(number: number): FinishedJob | undefined;
  /** Entries before this one are not needed any more. */
  dropFailures(before: number): void;
}

/** What the log knows of the clock. */
export interface RecordedTimes {
  /**
   * By a clock that has been set back since: when it had begun to be ahead of `now`, as far as the log's last records show. Unix
   * milliseconds; undefined when the last record is not ahead.
   */
  aheadSince(now: number): number | undefined;
}

/** Which jobs are in which status. */
export interface JobsByStatus {
  /** Jobs in a status. */
  count(status: Status): number;
  /** Finished jobs. */
  readonly finished: number;
  /** All jobs in a status, ascending. */
  each(status: Status): Iterable<number>;
  /** Numbers of the blocks that have jobs: what `inBlock` takes. */
  blocks(): readonly number[];
  /** The `seq` of each job of a status in one block, ascending; at most 65,536. */
  inBlock(status: Status, block: number): readonly number[];
}

/** All that the scheduler asks of the store, but for sets of jobs. */
export interface JobStore extends Commits, Merges, CommittedJobs, FinishedList, FailureList, RecordedTimes {}

/** One record cannot be read. `what` names it, `how` says why, `state` in a word for a sentence about it. */
export abstract class UnreadableRecord extends Error {
  abstract readonly state: 'damaged' | 'newer';
  constructor(
    readonly what: string,
    readonly how: string,
    message: string,
  ) {
    super(message);
  }
}

/** One record is not what was written, or is not there. */
export class DamagedRecord extends UnreadableRecord {
  override readonly name = 'DamagedRecord';
  readonly state = 'damaged';
  constructor(what: string, how = 'does not match its checksum') {
    super(what, how, `${what} ${how}: the data directory is damaged`);
  }
}

/** One record is whole, and in a format that is newer than those known here. */
export class NewerRecord extends UnreadableRecord {
  override readonly name = 'NewerRecord';
  readonly state = 'newer';
  /** @param formats the record's, and the newest that is known; versions of that kind of record */
  constructor(what: string, formats: { readonly found: number; readonly known: number }) {
    const how = `was written by a newer escapement (its format is ${formats.found}, this one knows up to ${formats.known})`;
    super(what, how, `${what} ${how}: use that version`);
  }
}

/**
 * Another shard was given a key at the same moment. Nothing of the request was done, nor of others that were to be written with it: all
 * of them may be decided again, each where its key is now.
 */
export class ClaimedElsewhere extends Refusal {
  /** @param by names that other shards hold; one of them need not be the request's */
  constructor(readonly by: readonly HeldName[]) {
    super('storage_unavailable', 'Other requests are given the key again and again. Send this one again in a moment.');
  }
}

/** What is answered to a request that needs such a record. */
export function unreadableRefusal({ state }: UnreadableRecord): Refusal {
  return new Refusal('internal_error', `A record that this needs is ${state}; the server log says more.`);
}

/** Where records that cannot be read are reported. */
export interface DamageReports {
  /** @param meaning what becomes of it */
  report(error: UnreadableRecord, meaning: string, fields?: object): void;
}
