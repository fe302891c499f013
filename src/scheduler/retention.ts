/**
 * Retention: finished jobs leave in finishing order once they are too old or too many, a few in each turn. Those that have failed have
 * bounds and an order of their own (`failed-retention`): the list of finished jobs has them, too, and they are passed over there.
 */
import type { Job } from '../domain/job.js';
import { isFinished } from '../domain/lifecycle.js';
import {
  type DamageReports,
  type FailureList,
  type FinishedJob,
  type FinishedList,
  type FinishedPlace,
  type JobsByStatus,
  UnreadableRecord,
} from '../store/port.js';
import type { Ledger } from './ledger.js';
import { FailedRetention } from './retention/failed-retention.js';

/** What is kept. */
export interface RetentionLimits {
  /** How long finished jobs are kept. */
  readonly retentionMs: number;
  /** How many finished jobs are kept. Those that have failed have bounds of their own. */
  readonly retainJobs: number;
  readonly failedRetentionMs: number;
  readonly retainFailed: number;
}

interface ListedJob extends FinishedJob {
  /** When it finished at the latest, in Unix milliseconds. */
  readonly noLaterThan: number;
}

/** Payload and result have to be read for a removal: so many characters of them count as another. */
const charactersPerRemoval = 4096;

/** How often the oldest finished job is looked at when nothing was to be removed. */
const lookAgainMs = 1000;

/** See the head of this file. Instants are Unix milliseconds. */
export class Retention {
  readonly #limits: RetentionLimits;
  readonly #sets: JobsByStatus;
  readonly #list: FinishedList & FailureList;
  readonly #ledger: Ledger;
  readonly #damage: DamageReports;
  /** The oldest stretch of the list of finished jobs, and how much of it has been done. */
  #stretch: { readonly place: FinishedPlace; readonly jobs: readonly ListedJob[] } | undefined;
  /** Up to here the list is damaged: the jobs there stay. */
  #damagedUpTo: FinishedPlace | undefined;
  #at = 0;
  readonly #failed: FailedRetention;
  #lookAt = Number.NEGATIVE_INFINITY;
  /** Removals decided and not yet on disk, so that they are not counted twice against `retainJobs`. */
  #underWay = 0;
  #more = false;
  #counted: unknown;

  constructor(
    ports: {
      readonly retention: RetentionLimits;
      readonly sets: JobsByStatus;
      readonly store: FinishedList & FailureList;
      readonly damage: DamageReports;
    },
    ledger: Ledger,
  ) {
    this.#limits = ports.retention;
    this.#sets = ports.sets;
    this.#list = ports.store;
    this.#damage = ports.damage;
    this.#ledger = ledger;
    this.#failed = new FailedRetention(ports.store, ports.retention);
  }

  /** Another sweep has work at once. */
  get hasMore(): boolean {
    return this.#more && this.#underWay === 0;
  }

  /** When a sweep is wanted at the latest, in Unix milliseconds; Infinity while no job is finished. */
  get nextAt(): number {
    return this.#sets.finished > 0 ? this.#lookAt : Number.POSITIVE_INFINITY;
  }

  /** Removes jobs whose time is over: at most `limit`, fewer of those that are large. */
  sweep(now: number, limit: number): void {
    // What lies further ahead was said before the clock was set back.
    const early = now < this.#lookAt && now >= this.#lookAt - lookAgainMs;
    if (this.#underWay > 0 || (!this.#more && early)) return;
    this.#lookAt = now + lookAgainMs;
    this.#more = false;
    if (this.#sets.finished === 0) return;
    const spent = this.#sweepFailed(now, limit);
    let surplus = this.#sets.finished - this.#list.failing - this.#limits.retainJobs;
    for (let cost = spent; cost < limit; ) {
      const entry = this.#entry();
      if (!entry) return;
      if (surplus <= 0 && entry.noLaterThan > now - this.#limits.retentionMs) {
        // By then more may follow it.
        if (entry.noLaterThan > now) this.#stretch = undefined;
        return;
      }
      this.#at++;
      const removed = this.#remove(entry.seq, entry.at, ({ state }) => state.status !== 'failed');
      cost += 1;
      if (!removed) continue;
      cost += costOf(removed);
      surplus--;
    }
    this.#more = true;
  }

  /** Removes jobs that have failed; returns what that cost. */
  #sweepFailed(now: number, limit: number): number {
    let cost = 0;
    for (let entry = this.#failed.next(now); entry && cost < limit; ) {
      cost += 1;
      const removed = this.#remove(entry.seq, entry.at, ({ state }) => state.status === 'failed');
      if (removed) cost += costOf(removed);
      this.#failed.passed(removed !== undefined);
      entry = cost < limit ? this.#failed.next(now) : undefined;
    }
    return cost;
  }

  /** The next entry to look at. A stretch that is done leaves the list with the batch being gathered. */
  #entry(): ListedJob | undefined {
    if (this.#stretch && this.#at >= this.#stretch.jobs.length) {
      this.#ledger.passFinished(this.#stretch.place);
      this.#countUnderWay();
      this.#stretch = undefined;
      this.#more = true;
      return undefined;
    }
    if (!this.#stretch) this.#load();
    return this.#stretch?.jobs[this.#at];
  }

  #load(): void {
    let place: FinishedPlace | undefined;
    try {
      place = this.#list.nextFinished(this.#damagedUpTo);
      if (!place) return;
      this.#stretch = { place, jobs: this.#dated(place, this.#list.finished(place)) };
      this.#at = 0;
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      this.#damagedUpTo = place ?? this.#damagedUpTo;
      this.#damage.report(error, 'some finished jobs will not be removed: the list of them is damaged');
    }
  }

  /**
   * The list is in finishing order, so a job finished no later than any behind it, whatever the clock said then: one that was
   * ahead for a while would otherwise hold up all that follows. Looks one stretch on.
   */
  #dated(place: FinishedPlace, jobs: readonly FinishedJob[]): ListedJob[] {
    let noLaterThan = this.#firstAfter(place);
    return jobs
      .toReversed()
      .map((job) => {
        noLaterThan = Math.min(noLaterThan, job.at);
        return { ...job, noLaterThan };
      })
      .reverse();
  }

  /** When the first job behind a stretch finished; Infinity when that is not known. */
  #firstAfter(place: FinishedPlace): number {
    try {
      const following = this.#list.nextFinished(place);
      return (following && this.#list.finished(following)[0]?.at) ?? Number.POSITIVE_INFINITY;
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      // It is reported when that stretch is read for its own sake.
      return Number.POSITIVE_INFINITY;
    }
  }

  /** A job that was retried since has another entry later on; undefined when this one no longer stands for it. */
  #remove(seq: number, finishedAt: number, isMeant: (job: Job) => boolean): Job | undefined {
    const job = this.#ledger.unlessUnreadable(seq, () => this.#ledger.lookup(seq));
    if (!job || !isFinished(job.state.status) || job.state.finishedAt !== finishedAt || !isMeant(job)) return undefined;
    this.#ledger.remove(job);
    this.#countUnderWay();
    return job;
  }

  #countUnderWay(): void {
    const { filling } = this.#ledger;
    if (this.#counted === filling) return;
    this.#counted = filling;
    this.#underWay++;
    const done = (): void => void this.#underWay--;
    this.#ledger.onEnd({
      written: () => {
        done();
        this.#failed.written();
      },
      lost: () => {
        done();
        // What was removed is there again: begin anew from the list.
        this.#stretch = undefined;
        this.#failed.lost();
      },
    });
  }
}

function costOf({ spec, detail }: Job): number {
  return Math.floor((spec.payload.length + (detail.result?.length ?? 0)) / charactersPerRemoval);
}
