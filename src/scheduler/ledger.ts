/**
 * The books: the newest state of every job, committed or not, and the two batches that may be under way, one being
 * written while the next is gathered. What is refused by the disk leaves nothing behind but its facts.
 */

import type { SetBack, Stretch } from '../clock.js';
import { asHolder, type KeyHolder, placeOf } from '../domain/control/keys.js';
import type { Settings } from '../domain/control/settings.js';
import { type Decision, start } from '../domain/decisions.js';
import type { Refusal } from '../domain/errors.js';
import type { JobEvent } from '../domain/events.js';
import { type JobNumbers, singleShard } from '../domain/ids/job-numbers.js';
import type { Job, JobSpec, JobState, TraceContext } from '../domain/job.js';
import { mayLeaveRows, runsAfter } from '../domain/runs/rows.js';
import { behind, type NumberedRun } from '../domain/runs/run.js';
import {
  type BulkChange,
  type Commits,
  type CommittedJobs,
  type Counters,
  type DamageReports,
  type FinishedPlace,
  type Giving,
  type JobChange,
  type KeyUse,
  UnreadableRecord,
} from '../store/port.js';
import type { Telemetry } from '../telemetry/port.js';
import type { CommitSpan, Traces } from '../telemetry/traces/port.js';
import { Batch, type Consequence, type Fact } from './batch.js';
import { Counted } from './books/counted.js';
import { Progress } from './books/progress.js';
import { ReadJobs } from './books/read-jobs.js';
import { SettingsBook } from './books/settings-book.js';
import type { Answer } from './messages.js';

/** What the ledger needs of others. */
export interface LedgerPorts {
  readonly store: Commits & CommittedJobs;
  readonly damage: DamageReports;
  /** Of the shard; absent: there is one only. */
  readonly numbers?: JobNumbers;
  readonly telemetry: Telemetry;
  /** Absent: nothing is traced. */
  readonly traces?: Traces | undefined;
}

type MutableCounters = { -readonly [K in keyof Counters]: Counters[K] };

/** See the head of this file. Instants are Unix milliseconds. */
export class Ledger {
  /** What users have set. */
  readonly settings: SettingsBook;
  /** What attempts have said that is not on disk yet. */
  readonly progress = new Progress();
  /** Of jobs as others know them. */
  readonly numbers: JobNumbers;
  /** What telemetry is told of decisions. */
  readonly counted: Counted;
  readonly #ports: LedgerPorts;
  readonly #active = new Map<number, Job>();
  readonly #read: ReadJobs;
  #filling = new Batch();
  #inFlight: Batch | undefined;
  /** Of the batch in flight. */
  #span: CommitSpan | undefined;
  #counters: MutableCounters;
  /** As they stand after the batch in flight. */
  #countersInFlight: Counters;
  #committed: Counters;
  /** When no server ran, if the next record is to say it, and what the batch in flight says of it. Unix milliseconds. */
  #downtime: readonly Stretch[] | undefined;
  #downtimeInFlight: readonly Stretch[] | undefined;

  /** @param start as it is on disk */
  constructor(ports: LedgerPorts, start: { readonly counters: Counters; readonly settings: Settings }) {
    const { counters, settings } = start;
    this.#ports = ports;
    this.numbers = ports.numbers ?? singleShard;
    this.#read = new ReadJobs(ports.store);
    this.counted = new Counted(ports.telemetry, (written) => this.#filling.onEnd({ written }));
    this.settings = new SettingsBook(settings, () => ({ filling: this.#filling, inFlight: this.#inFlight }));
    this.#counters = { ...counters };
    this.#countersInFlight = counters;
    this.#committed = counters;
  }

  /** Jobs with an attempt that has a place in the pool, as decided last. */
  get active(): ReadonlyMap<number, Job> {
    return this.#active;
  }

  /** The batch being gathered, to look at. */
  get filling(): Pick<Batch, 'touched' | 'facts' | 'isEmpty' | 'unanswered'> {
    return this.#filling;
  }

  /** The number that the next new job is given. */
  get nextSeq(): number {
    return this.#counters.nextSeq;
  }

  /** As they are on disk. */
  get committed(): Counters {
    return this.#committed;
  }

  /** The next record says when no server ran, whatever else it says; undefined: nothing is new. It is no reason to write one. */
  keepDowntime(stretches: readonly Stretch[] | undefined): void {
    this.#downtime = stretches ?? this.#downtime;
  }

  /** The clock was set back, and the jobs are being looked at; `none`: all have been. To be told again should the batch be lost. */
  keepSetBack(setBack: SetBack | 'none'): void {
    this.#filling.keepSetBack(setBack);
  }

  get writing(): boolean {
    return this.#inFlight !== undefined;
  }

  /** Nothing waits to be written. */
  get settled(): boolean {
    return !this.#inFlight && this.#filling.isEmpty;
  }

  /** When the earliest pending job wakes, or has its deadline, that a batch not on disk yet changes: it must be found again if that is lost. */
  get earliestDue(): number {
    return Math.min(this.#filling.earliestDue, this.#inFlight?.earliestDue ?? Number.POSITIVE_INFINITY);
  }

  /** A job as it is now. @throws DamagedRecord */
  lookup(seq: number): Job | undefined {
    const atHand = this.#running(seq) ?? this.#read.get(seq);
    if (atHand) return atHand;
    const touched = this.#touched(seq);
    if (touched) return touched.removed ? undefined : touched.job;
    return this.#read.read(seq);
  }

  /** A job of which all that was decided is on disk; undefined while something is not. @throws DamagedRecord */
  lookupWritten(seq: number): Job | undefined {
    return this.#read.get(seq) ?? (this.#touched(seq) ? undefined : this.#read.read(seq));
  }

  /** A job's state as it is now, without its spec. @throws DamagedRecord */
  state(seq: number): JobState | undefined {
    const atHand = this.#running(seq) ?? this.#read.get(seq);
    if (atHand) return atHand.state;
    const touched = this.#touched(seq);
    if (touched) return touched.removed ? undefined : touched.job.state;
    return this.#ports.store.state(seq);
  }

  /**
   * Runs `read`. When a record of the job cannot be read, be it damaged or newer, that is reported and the job set aside until the
   * next start: the value is undefined then.
   */
  unlessUnreadable<T>(seq: number, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      this.#ports.damage.report(error, `a job is set aside: its record is ${error.state}`, { jobSeq: seq });
      return undefined;
    }
  }

  #touched(seq: number): JobChange | undefined {
    return this.#filling.touched.get(seq) ?? this.#inFlight?.touched.get(seq);
  }

  /** A cancelled job may leave while its attempt is in the pool: only of one that is running is it sure that it is there. */
  #running(seq: number): Job | undefined {
    const job = this.#active.get(seq);
    return job?.state.status === 'running' ? job : undefined;
  }

  /** Takes the next `seq` for a new job, and the second of its id, which never goes back. */
  takeSeq(now: number): { readonly seq: number; readonly idSeconds: number } {
    this.#counters.idSeconds = Math.max(this.#counters.idSeconds, Math.floor(now / 1000));
    return { seq: this.#counters.nextSeq++, idSeconds: this.#counters.idSeconds };
  }

  /** Enters what was decided and returns the job as it is now. */
  record(job: Job | undefined, decision: Decision, now: number): Job {
    if (job) this.#read.delete(job.spec.seq);
    else this.#counters.jobs++;
    const after = this.#filling.apply(job, decision);
    if (job && mayLeaveRows(job, decision)) this.#addRuns(job, decision, now);
    const { seq, idSeconds, name } = after.spec;
    for (const body of decision.events) {
      const event: JobEvent = { seq: ++this.#counters.lastEvent, jobSeq: seq, idSeconds, jobName: name, at: now, body };
      this.#filling.addEvent(event);
    }
    if (decision.counts) this.#counters[decision.counts]++;
    if (decision.passed !== undefined || decision.counts === 'failed') this.counted.runs(name, decision);
    if (decision.spec?.group !== undefined) this.settings.noteGroups(name);
    if (this.#active.has(seq)) this.#active.set(seq, after);
    return after;
  }

  /** What the job's attempt came to, and what it passes over, are rows of its runs. */
  #addRuns(job: Job, decision: Decision, now: number): void {
    const { seq } = job.spec;
    const last = (): NumberedRun | undefined =>
      this.#filling.runs.get(seq)?.at(-1) ?? this.#inFlight?.runs.get(seq)?.at(-1) ?? this.#ports.store.lastRun(seq);
    for (const run of runsAfter(job, decision, now, () => last()?.run)) {
      this.#filling.addRun(seq, behind(last(), run));
    }
  }

  /**
   * Enters the start of an attempt, which occupies its place from now on, and returns the job as it is then. There are two ways,
   * and the undo of each is part of it: an attempt that leaves at once has started whatever the disk says, and is decided again
   * when the batch is lost; one that leaves only when it is on record, by `onRecord.written`, has never started then.
   *
   * @param onRecord absent: the attempt leaves at once
   */
  startAttempt(job: Job, now: number, onRecord?: Required<Consequence>): Job {
    const { seq } = job.spec;
    const started = this.record(job, start(job, now), now);
    this.#active.set(seq, started);
    if (onRecord) this.#leaveOnRecord(seq, onRecord);
    else this.#filling.addFact({ kind: 'started', seq, at: now });
    return started;
  }

  /** By itself, since a function that makes a closure costs more at each call, and nearly all attempts leave at once. */
  #leaveOnRecord(seq: number, { written, lost }: Required<Consequence>): void {
    const takeBack = (): void => {
      this.endAttempt(seq);
      lost();
    };
    this.#filling.onEnd({ written, lost: takeBack });
  }

  /** The job has an attempt that was started under an owner before: it keeps its place. */
  resumeAttempt(job: Job): void {
    this.#active.set(job.spec.seq, job);
  }

  /** The attempt of a job has left its place, whatever is decided about its outcome. */
  endAttempt(seq: number): void {
    this.#active.delete(seq);
  }

  /** Enters again a start that was lost with its batch, as of the instant it happened: the attempt is in the pool. */
  startAgain(job: Job, at: number): void {
    this.record(job, start(job, at), at);
  }

  /** Enters what has happened and must be decided again should the disk refuse the batch. */
  addFact(fact: Fact): void {
    this.#filling.addFact(fact);
  }

  /** Has something follow from the end of the batch being gathered. */
  onEnd(consequence: Consequence): void {
    this.#filling.onEnd(consequence);
  }

  /** Gives an answer that shows a job's present state once that state is on disk, at once when it is. */
  answer(seq: number, reply: (answer: Answer) => void, answer: Answer): void {
    answerWith(
      [this.#filling, this.#inFlight].find((one) => one?.touched.has(seq)),
      reply,
      answer,
    );
  }

  /** Gives an answer once all that has been decided is on disk. */
  answerAfterAll(reply: (answer: Answer) => void, answer: Answer): void {
    answerWith(this.#filling.isEmpty ? this.#inFlight : this.#filling, reply, answer);
  }

  /** Gives an answer that shows the present states of many jobs once all of these are on disk. */
  answerMany(seqs: readonly number[], reply: (answer: Answer) => void, answer: Answer): void {
    // The batch being gathered is written after the one in flight.
    const batch = [this.#filling, this.#inFlight].find((one) => seqs.some((seq) => one?.touched.has(seq)));
    answerWith(batch, reply, answer);
  }

  /** What an idempotency key stands for, written or not. */
  keyUse(name: string, now: number): KeyUse | undefined {
    return this.#filling.keys.get(name) ?? this.#inFlight?.keys.get(name) ?? this.#ports.store.keyUse(name, now);
  }

  /** The job that has a key, or had it last, written or not; by `placeOfJobKey`. */
  keyHolder(place: string): KeyHolder | undefined {
    for (const batch of [this.#filling, this.#inFlight]) if (batch?.jobKeys.has(place)) return batch.jobKeys.get(place);
    return this.#ports.store.keyHolder(place);
  }

  /** The key of a job is its own from now on. */
  giveKey(place: string, spec: JobSpec): void {
    this.#filling.setKeyHolder(place, asHolder(spec));
  }

  /** The answer of a request that is traced waits for the batch being gathered. */
  carryTrace(trace: TraceContext): void {
    this.#filling.carryTrace(trace);
  }

  /** Remembers what an idempotency key stands for. */
  rememberKey(name: string, use: KeyUse): void {
    this.#filling.rememberKey(name, use);
  }

  /** Changes a bulk action. */
  keepBulk(change: BulkChange): void {
    this.#filling.keepBulk(change);
  }

  /** Takes a stretch off the list of finished jobs. */
  passFinished(place: FinishedPlace): void {
    this.#filling.passFinished(place);
  }

  /** Takes a job away: nothing of it stays, and its key is free. */
  remove(job: Job): void {
    const place = placeOf(job.spec);
    if (place !== undefined && this.keyHolder(place)?.seq === job.spec.seq)
      this.#filling.setKeyHolder(place, undefined);
    this.#counters.jobs--;
    this.#read.delete(job.spec.seq);
    this.#filling.remove(job);
  }

  /**
   * Hands what has been gathered to the store, unless it is still writing. `probe`: also when it is nothing. Returns whether
   * it did.
   *
   * @param giving with this the shard is another node's
   */
  commit(at: number, probe = false, giving?: Giving): boolean {
    if (this.#inFlight || (this.#filling.isEmpty && !probe)) return false;
    const batch = this.#filling;
    const counters = { ...this.#counters };
    this.#countersInFlight = counters;
    this.#inFlight = batch;
    this.#filling = new Batch();
    const { touched: jobs, events, keys, jobKeys, runs, passed, bulks, settings, setBack, traced, traces } = batch;
    this.#span = this.#ports.traces?.commit({
      jobs: jobs.size,
      events: events.length,
      requested: traced,
      requests: traces,
    });
    const downtime = this.#downtime;
    this.#downtime = undefined;
    this.#downtimeInFlight = downtime;
    const all = { at, counters, jobs, events, keys, jobKeys, runs, passed, bulks, settings, downtime, setBack, giving };
    this.#ports.store.commit(all);
    return true;
  }

  /** The batch in flight is on disk, and its jobs are the committed state. */
  committedOne(): Batch {
    const batch = this.#inFlight as Batch;
    this.#inFlight = undefined;
    this.#committed = this.#countersInFlight;
    this.settings.written(batch);
    this.#span?.written();
    return batch;
  }

  /**
   * The batch in flight was refused, and what was decided on top of it falls with it. Returns the facts of both, to be
   * decided again, and the jobs touched, whose committed state is theirs again. `refusal`: what its requests are answered.
   */
  lost(refusal: Refusal): { readonly facts: readonly Fact[]; readonly jobs: ReadonlySet<number> } {
    const batches = [this.#inFlight, this.#filling].filter((batch) => batch !== undefined);
    this.#inFlight = undefined;
    this.#filling = new Batch();
    this.settings.lost();
    this.#counters = { ...this.#committed };
    this.#downtime ??= this.#downtimeInFlight;
    this.#span?.refused();
    for (const batch of batches) batch.lost(refusal);
    for (const seq of this.#active.keys()) {
      const job = this.unlessUnreadable(seq, () => this.#ports.store.job(seq));
      if (job) this.#active.set(seq, job);
    }
    return {
      facts: batches.flatMap((batch) => batch.facts),
      jobs: new Set(batches.flatMap((batch) => [...batch.touched.keys()])),
    };
  }
}

function answerWith(batch: Batch | undefined, reply: (answer: Answer) => void, answer: Answer): void {
  if (batch) batch.answerWhenWritten(reply, answer);
  else reply(answer);
}
