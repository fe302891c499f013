/**
 * What one commit will write, as it is gathered: the newest state of each job touched, the events, the answers that wait
 * for the disk, and the facts, which must be decided again should the disk refuse it. It is written by its methods only, and
 * comes to one of two ends: `written` or `lost`.
 */

import type { SetBack } from '../clock.js';
import type { KeyHolder } from '../domain/control/keys.js';
import type { ServerSettings, SettingsChange, TypeSettings } from '../domain/control/settings.js';
import type { Decision } from '../domain/decisions.js';
import type { Refusal } from '../domain/errors.js';
import type { JobEvent } from '../domain/events.js';
import { type Job, noDetail, type TraceContext, wakesAt } from '../domain/job.js';
import type { NumberedRun } from '../domain/runs/run.js';
import { deadlineOf } from '../domain/slots/deadline.js';
import type { Outcome } from '../pool/port.js';
import type { BulkChange, FinishedPlace, JobChange, KeyUse } from '../store/port.js';
import { maxLinks } from '../telemetry/traces/port.js';
import type { Answer, JobDraft } from './messages.js';

/** When a pending job is first looked for. */
function firstTime({ spec, state }: Job): number {
  return Math.min(wakesAt(state), deadlineOf(spec, state) ?? Number.POSITIVE_INFINITY);
}

/** Something that has happened whether or not it can be written. Instants are Unix milliseconds. */
export type Fact =
  | { readonly kind: 'started'; readonly seq: number; readonly at: number }
  | {
      readonly kind: 'ended';
      readonly outcome: Outcome;
      readonly at: number;
      /** Jobs that are made with it. */
      readonly drafts: readonly JobDraft[];
      /** Of the attempt, where that is traced. */
      readonly trace: TraceContext | undefined;
      /** What the attempt said last of its progress, JSON text. */
      readonly progress: string | undefined;
    };

/** What follows from the end of a batch, beside answers and events. */
export interface Consequence {
  /** The batch is on disk. */
  readonly written?: () => void;
  /** It is not, and never will be: takes back what was done in expectation of `written`. */
  readonly lost?: () => void;
}

/** A job touched by the batch, as touched so far. */
type Touched = { -readonly [K in keyof JobChange]: JobChange[K] };

/** See the head of this file. */
export class Batch {
  readonly #touched = new Map<number, Touched>();
  readonly #events: JobEvent[] = [];
  readonly #answers: { readonly reply: (answer: Answer) => void; readonly answer: Answer }[] = [];
  readonly #facts: Fact[] = [];
  readonly #consequences: Consequence[] = [];
  readonly #keys = new Map<string, KeyUse>();
  readonly #jobKeys = new Map<string, KeyHolder | undefined>();
  readonly #runs = new Map<number, NumberedRun[]>();
  readonly #bulks = new Map<number, BulkChange>();
  readonly #passed: FinishedPlace[] = [];
  readonly #types = new Map<string, TypeSettings>();
  #server: ServerSettings | undefined;
  #setBack: SetBack | 'none' | undefined;
  readonly #traces: TraceContext[] = [];
  #traced = 0;
  #earliestDue = Number.POSITIVE_INFINITY;

  /** Jobs by `seq`, each as the batch leaves it. */
  get touched(): ReadonlyMap<number, JobChange> {
    return this.#touched;
  }

  /** In order of their numbers. */
  get events(): readonly JobEvent[] {
    return this.#events;
  }

  /** In the order they happened. */
  get facts(): readonly Fact[] {
    return this.#facts;
  }

  /** Idempotency keys to remember. */
  get keys(): ReadonlyMap<string, KeyUse> {
    return this.#keys;
  }

  /** Keys of jobs that have another holder now, by `placeOfJobKey`; undefined: none. */
  get jobKeys(): ReadonlyMap<string, KeyHolder | undefined> {
    return this.#jobKeys;
  }

  /** Rows of the runs of jobs, by `seq`. */
  get runs(): ReadonlyMap<number, readonly NumberedRun[]> {
    return this.#runs;
  }

  /** Stretches of the list of finished jobs that retention needs no more. */
  get passed(): readonly FinishedPlace[] {
    return this.#passed;
  }

  /** What has been set of a job type; undefined when that is nothing. */
  typeOf(name: string): TypeSettings | undefined {
    return this.#types.get(name);
  }

  /** What has been set of the server; undefined when that is nothing. */
  get server(): ServerSettings | undefined {
    return this.#server;
  }

  /** What users have set; undefined when that is nothing. */
  get settings(): SettingsChange | undefined {
    if (this.#server === undefined && this.#types.size === 0) return undefined;
    return { server: this.#server, types: this.#types };
  }

  /**
   * When the earliest job that was pending before the batch was to wake, or had its deadline, in Unix milliseconds; Infinity when none
   * was. The window may have given it out for nothing.
   */
  get earliestDue(): number {
    return this.#earliestDue;
  }

  /** Answers that wait for its end. */
  get unanswered(): number {
    return this.#answers.length;
  }

  /** Of the requests whose answers wait for it, as many as a span takes. */
  get traces(): readonly TraceContext[] {
    return this.#traces;
  }

  /** Requests whose answers wait for it and that are traced. */
  get traced(): number {
    return this.#traced;
  }

  /** There is nothing to write. Facts alone are no reason to: what follows from them is. */
  get isEmpty(): boolean {
    const { size } = this.#touched;
    const isSet = this.settings !== undefined || this.#setBack !== undefined;
    return size === 0 && this.#passed.length === 0 && this.#bulks.size === 0 && !isSet;
  }

  /** Takes what was decided about a job and returns the job as it is now. */
  apply(job: Job | undefined, decision: Decision): Job {
    const spec = decision.spec ?? job?.spec;
    if (!spec) throw new Error('a decision about no job');
    if (job?.state.status === 'pending') this.#earliestDue = Math.min(this.#earliestDue, firstTime(job));
    const after: Job = { spec, state: decision.state, detail: decision.detail ?? job?.detail ?? noDetail };
    const known = this.#touched.get(spec.seq);
    const detailChanged = decision.detail !== undefined && decision.detail !== noDetail;
    if (known) {
      known.job = after;
      known.specChanged ||= decision.spec !== undefined;
      known.detailChanged ||= detailChanged;
    } else {
      this.#touched.set(spec.seq, {
        job: after,
        specChanged: decision.spec !== undefined,
        detailChanged,
        removed: false,
      });
    }
    return after;
  }

  /** Takes a job away: nothing of it stays. */
  remove(job: Job): void {
    this.#touched.set(job.spec.seq, { job, specChanged: false, detailChanged: false, removed: true });
  }

  /** Adds a row of a job's runs, or replaces the last by one with its number. */
  addRun(seq: number, row: NumberedRun): void {
    const rows = this.#runs.get(seq);
    if (!rows) this.#runs.set(seq, [row]);
    else if (rows.at(-1)?.number === row.number) rows[rows.length - 1] = row;
    else rows.push(row);
  }

  /** Adds the next event. */
  addEvent(event: JobEvent): void {
    this.#events.push(event);
  }

  /** Adds what has happened and must not be forgotten should the batch be lost. */
  addFact(fact: Fact): void {
    this.#facts.push(fact);
  }

  /** Gives `answer` once the batch is on disk; a refusal in its place when the batch is lost. */
  answerWhenWritten(reply: (answer: Answer) => void, answer: Answer): void {
    this.#answers.push({ reply, answer });
  }

  /** Has something follow from the end of the batch: one of the two is called, once. */
  onEnd(consequence: Consequence): void {
    this.#consequences.push(consequence);
  }

  /** The answer of a request that is traced waits for the batch. */
  carryTrace(trace: TraceContext): void {
    this.#traced += 1;
    if (this.#traces.length < maxLinks) this.#traces.push(trace);
  }

  /** Remembers what an idempotency key stands for. */
  rememberKey(name: string, use: KeyUse): void {
    this.#keys.set(name, use);
  }

  /** A job's key has another holder now; undefined: none. */
  setKeyHolder(place: string, holder: KeyHolder | undefined): void {
    this.#jobKeys.set(place, holder);
  }

  /** Sets what holds for a job type. */
  setType(name: string, settings: TypeSettings): void {
    this.#types.set(name, settings);
  }

  /** Sets what holds for the server. */
  setServer(settings: ServerSettings): void {
    this.#server = settings;
  }

  /** That the clock was set back, or that all jobs have been looked at since; undefined when neither is news. */
  get setBack(): SetBack | 'none' | undefined {
    return this.#setBack;
  }

  /** The clock was set back; `none`: all jobs have been looked at since. */
  keepSetBack(setBack: SetBack | 'none'): void {
    this.#setBack = setBack;
  }

  /** Bulk actions that it changes. */
  get bulks(): ReadonlyMap<number, BulkChange> {
    return this.#bulks;
  }

  /** Changes a bulk action. Its jobs, given when it is new, go along with later changes. */
  keepBulk(change: BulkChange): void {
    const jobs = change.jobs ?? this.#bulks.get(change.id)?.jobs;
    this.#bulks.set(change.id, { ...change, ...(jobs && !change.dropped?.length && { jobs }) });
  }

  /** Takes a stretch off the list of finished jobs. */
  passFinished(place: FinishedPlace): void {
    this.#passed.push(place);
  }

  /** The batch is on disk: what follows from that happens. Answers are given by `giveAnswers`, which may wait a little. */
  written(): void {
    for (const { written } of this.#consequences) written?.();
  }

  /** Gives the answers that waited for the disk. */
  giveAnswers(): void {
    for (const { reply, answer } of this.#answers) reply(answer);
  }

  /** The batch is lost: what was done in expectation of it is taken back, and what was asked for is refused. */
  lost(refusal: Refusal): void {
    for (const { lost } of this.#consequences) lost?.();
    for (const { reply } of this.#answers) reply({ ok: false, refusal });
  }
}
