/**
 * The books: the newest state of every job, committed or not, and the two batches that may be under way, one being
 * written while the next is gathered. What is refused by the disk leaves nothing behind but its facts.
 */
import { type Decision, start } from '../domain/decisions.js';
import { Refusal } from '../domain/errors.js';
import type { JobEvent } from '../domain/events.js';
import { type Job, type JobState, noDetail } from '../domain/job.js';
import type { Commits, CommittedJobs, Counters, DamageReports, JobChange, KeyUse } from '../store/port.js';
import { Batch, type Fact } from './batch.js';
import type { Answer } from './messages.js';
import { setAsideIfDamaged } from './set-aside.js';

export interface LedgerPorts {
  readonly store: Commits & CommittedJobs;
  readonly damage: DamageReports;
}

const storageUnavailable = new Refusal(
  'storage_unavailable',
  'The change could not be written to disk and was not made. Try again later; GET /health tells when writing works again.',
);

/** Jobs kept at hand after they were read, and characters of payload that one may have for it: 8 million in all. */
const maxRead = 2048;
const maxReadPayload = 4096;

type MutableCounters = { -readonly [K in keyof Counters]: Counters[K] };

export class Ledger {
  readonly #ports: LedgerPorts;
  /** Jobs with an attempt in the pool, as decided last. */
  readonly active = new Map<number, Job>();
  /**
   * Jobs that were read and have not been touched since: what is due is looked at when its time has come and again when it
   * starts. With `cachedPages` it takes a sixth off what a run costs the main thread.
   */
  readonly #read = new Map<number, Job>();
  #filling = new Batch();
  #inFlight: Batch | undefined;
  #counters: MutableCounters;
  #committed: Counters;

  /** @param counters as they are on disk */
  constructor(ports: LedgerPorts, counters: Counters) {
    this.#ports = ports;
    this.#counters = { ...counters };
    this.#committed = counters;
  }

  /** The batch being gathered. */
  get filling(): Batch {
    return this.#filling;
  }

  /** As they are on disk. */
  get committed(): Counters {
    return this.#committed;
  }

  get writing(): boolean {
    return this.#inFlight !== undefined;
  }

  /** Nothing waits to be written. */
  get settled(): boolean {
    return !this.#inFlight && this.#filling.isEmpty;
  }

  /** Due time of the earliest pending job that is changed by a batch not on disk yet: it must be found again if that is lost. */
  get earliestDue(): number {
    return Math.min(this.#filling.earliestDue, this.#inFlight?.earliestDue ?? Number.POSITIVE_INFINITY);
  }

  /** A job as it is now. @throws DamagedRecord */
  lookup(seq: number): Job | undefined {
    const atHand = this.#running(seq) ?? this.#read.get(seq);
    if (atHand) return atHand;
    const touched = this.#touched(seq);
    if (touched) return touched.removed ? undefined : touched.job;
    return this.#readNow(seq);
  }

  /** A job of which all that was decided is on disk; undefined while something is not. @throws DamagedRecord */
  lookupWritten(seq: number): Job | undefined {
    return this.#read.get(seq) ?? (this.#touched(seq) ? undefined : this.#readNow(seq));
  }

  /** A job's state as it is now, without its spec. @throws DamagedRecord */
  state(seq: number): JobState | undefined {
    const atHand = this.#running(seq) ?? this.#read.get(seq);
    if (atHand) return atHand.state;
    const touched = this.#touched(seq);
    if (touched) return touched.removed ? undefined : touched.job.state;
    return this.#ports.store.state(seq);
  }

  #touched(seq: number): JobChange | undefined {
    return this.#filling.touched.get(seq) ?? this.#inFlight?.touched.get(seq);
  }

  #readNow(seq: number): Job | undefined {
    const job = this.#ports.store.job(seq);
    if (!job || job.detail !== noDetail || job.spec.payload.length > maxReadPayload) return job;
    if (this.#read.size === maxRead) this.#read.clear();
    this.#read.set(seq, job);
    return job;
  }

  /** A cancelled job may leave while its attempt is in the pool: only of one that is running is it sure that it is there. */
  #running(seq: number): Job | undefined {
    const job = this.active.get(seq);
    return job?.state.status === 'running' ? job : undefined;
  }

  /** Takes a key for a new job, and the second of its id, which never goes back. */
  takeKey(now: number): { readonly seq: number; readonly idSeconds: number } {
    this.#counters.idSeconds = Math.max(this.#counters.idSeconds, Math.floor(now / 1000));
    return { seq: this.#counters.nextSeq++, idSeconds: this.#counters.idSeconds };
  }

  /** Enters what was decided and returns the job as it is now. */
  record(job: Job | undefined, decision: Decision, now: number): Job {
    if (job) this.#read.delete(job.spec.seq);
    else this.#counters.jobs++;
    if (job?.state.status === 'pending') this.#filling.earliestDue = Math.min(this.#filling.earliestDue, job.state.due);
    const after = this.#filling.apply(job, decision);
    const { seq, idSeconds, name } = after.spec;
    for (const body of decision.events) {
      const event: JobEvent = { seq: ++this.#counters.lastEvent, jobSeq: seq, idSeconds, jobName: name, at: now, body };
      this.#filling.events.push(event);
    }
    if (decision.counts) this.#counters[decision.counts]++;
    if (this.active.has(seq)) this.active.set(seq, after);
    return after;
  }

  /** Enters the start of an attempt. */
  start(job: Job, now: number): Job {
    return this.record(job, start(job, now), now);
  }

  /** Gives an answer that tells of a job's present state once that state is on disk, at once when it is. */
  answer(seq: number, reply: (answer: Answer) => void, answer: Answer): void {
    const batch = [this.#filling, this.#inFlight].find((one) => one?.touched.has(seq));
    if (batch) batch.answers.push({ reply, answer });
    else reply(answer);
  }

  /** What an idempotency key stands for, written or not. */
  keyUse(name: string, now: number): KeyUse | undefined {
    return this.#filling.keys.get(name) ?? this.#inFlight?.keys.get(name) ?? this.#ports.store.keyUse(name, now);
  }

  /** Takes a job away: nothing of it stays. */
  remove(job: Job): void {
    this.#counters.jobs--;
    this.#read.delete(job.spec.seq);
    this.#filling.remove(job);
  }

  /**
   * Hands what has been gathered to the store, unless it is still writing. `probe`: also when it is nothing. Returns whether
   * it did.
   */
  commit(now: number, probe = false): boolean {
    if (this.#inFlight || (this.#filling.isEmpty && !probe)) return false;
    const batch = this.#filling;
    batch.counters = { ...this.#counters };
    this.#inFlight = batch;
    this.#filling = new Batch();
    const { counters, touched: jobs, events, keys, passed } = batch;
    this.#ports.store.commit({ at: now, counters, jobs, events, keys, passed });
    return true;
  }

  /** The batch in flight is on disk, and its jobs are the committed state. */
  committedOne(): Batch {
    const batch = this.#inFlight as Batch;
    this.#inFlight = undefined;
    this.#committed = batch.counters as Counters;
    return batch;
  }

  /**
   * The batch in flight was refused, and what was decided on top of it falls with it. Returns the facts of both, to be
   * decided again, and the jobs touched, whose committed state is theirs again.
   */
  lost(): { readonly facts: readonly Fact[]; readonly jobs: ReadonlySet<number> } {
    const batches = [this.#inFlight, this.#filling].filter((batch) => batch !== undefined);
    this.#inFlight = undefined;
    this.#filling = new Batch();
    this.#counters = { ...this.#committed };
    for (const batch of batches) {
      for (const undo of batch.undo) undo();
      for (const { reply } of batch.answers) reply({ ok: false, refusal: storageUnavailable });
    }
    for (const seq of this.active.keys()) {
      const job = setAsideIfDamaged(this.#ports.damage, seq, () => this.#ports.store.job(seq));
      if (job) this.active.set(seq, job);
    }
    return {
      facts: batches.flatMap((batch) => batch.facts),
      jobs: new Set(batches.flatMap((batch) => [...batch.touched.keys()])),
    };
  }
}
