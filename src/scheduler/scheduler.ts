/**
 * The scheduler: the one actor that owns all job state. Its mailbox takes requests, due times and outcomes of attempts.
 * It works in turns: decide what waits, start what is due, hand the batch to the store; when that is on disk, answer and
 * publish. While one batch is written the next is gathered.
 */
import type { Clock } from '../clock.js';
import * as decisions from '../domain/decisions.js';
import { Refusal } from '../domain/errors.js';
import type { JobEvent } from '../domain/events.js';
import type { Job } from '../domain/job.js';
import type { Logger } from '../log.js';
import type { HandlerInfo, Outcome, Pool } from '../pool/messages.js';
import {
  type Counters,
  type JobStore,
  type JobsByStatus,
  type StoreEvents,
  UnreadableRecord,
  unreadableRefusal,
} from '../store/port.js';
import type { Fact } from './batch.js';
import { ClockSetBack } from './clock-set-back.js';
import { Dispatch } from './dispatch.js';
import { Downtime, type Stretch, setBackMs } from './downtime.js';
import type { DueTimes } from './due-times.js';
import { Ledger, type LedgerPorts } from './ledger.js';
import { Mailbox } from './mailbox.js';
import { type MergeBounds, mergeBounds, mergeIsDue } from './merge-policy.js';
import type { Answer, Request, Requests } from './messages.js';
import { logFailure, outcomeDecision } from './outcomes.js';
import { Retention, type RetentionLimits } from './retention.js';
import { SignOfLife } from './sign-of-life.js';

/** Calls the scheduler's `turn`. */
export interface Waker {
  /** As soon as what is at hand has been taken in. */
  soon(): void;
  /** At a wall-clock instant in Unix milliseconds, replacing an earlier one; Infinity: not at all. */
  at(instant: number): void;
}

export interface SchedulerPorts extends LedgerPorts {
  readonly clock: Clock;
  readonly pool: Pool;
  readonly store: JobStore;
  readonly sets: JobsByStatus;
  readonly window: DueTimes;
  readonly waker: Waker;
  readonly handlers: readonly HandlerInfo[];
  readonly timezone: string;
  readonly retention: RetentionLimits;
  /** Jobs that requests may name in one turn, where not as usual. */
  readonly requestedJobsPerTurn?: number;
  /** When to merge, where not as usual. */
  readonly merge?: MergeBounds;
  readonly log: Logger;
  /** Tells subscribers of events that are on disk. */
  readonly publish: (events: readonly JobEvent[]) => void;
  /** The latest time that the process was stopped, in monotonic milliseconds, told once. Absent: it never is. */
  readonly takeStop?: () => Stretch | undefined;
  /** The disk is broken: the process must end. */
  readonly fatal: (reason: string) => void;
}

/** How the directory was left. */
export interface SchedulerStart {
  readonly counters: Counters;
  readonly clean: boolean;
  /** When the last commit was made, in Unix milliseconds; undefined when there was none. */
  readonly lastRecordAt: number | undefined;
}

/** Work of one kind in one turn; more waits for the next, so that I/O is not held up. */
const turnBudget = { refill: 1024, removals: 512 } as const;

/**
 * Jobs that a batch gathers by requests: more wait for the next one. Without a bound sixteen requests with ten thousand jobs
 * each were one batch, which took the main thread more than a second.
 */
const maxGathered = 8192;

/** Changed jobs that may wait to be merged before requests are refused. */
const maxUnmerged = 500_000;

/** Starts and ends of attempts that may wait for the disk; past it nothing more is started. */
const maxFacts = 20_000;

/** How long after a refused write the next is tried. */
const retryWriteMs = 250;

export class Scheduler implements Requests, StoreEvents {
  readonly ledger: Ledger;
  readonly #ports: SchedulerPorts;
  readonly #handlers: ReadonlyMap<string, HandlerInfo>;
  readonly #dispatch: Dispatch;
  readonly #retention: Retention;
  readonly #downtime: Downtime;
  readonly #clockSetBack: ClockSetBack;
  readonly #signOfLife: SignOfLife;
  readonly #mailbox: Mailbox;
  #draining = false;
  /** Since when the disk refuses writes, monotonic; undefined while it takes them. */
  #blockedSince: number | undefined;
  #nextWriteAt = 0;
  #lastMergeAt: number;
  /** The position of the commit that holds what `recover` found. */
  #recoveredAt = 0;

  constructor(ports: SchedulerPorts, start: SchedulerStart) {
    this.#ports = ports;
    this.ledger = new Ledger(ports, start.counters);
    this.#mailbox = new Mailbox(ports.requestedJobsPerTurn);
    this.#handlers = new Map(ports.handlers.map((handler) => [handler.name, handler]));
    this.#downtime = new Downtime(ports.clock, { lastSeen: start.lastRecordAt }, ports.takeStop);
    const { clean } = start;
    this.#dispatch = new Dispatch(ports, this.ledger, { handlers: this.#handlers, clean, downtime: this.#downtime });
    this.#signOfLife = new SignOfLife(ports.clock, this.#dispatch);
    this.#retention = new Retention(ports, this.ledger);
    this.#clockSetBack = new ClockSetBack(ports, this.ledger);
    this.#lastMergeAt = ports.clock.monotonic();
    this.#noticeClockOfLastRun(start.lastRecordAt);
  }

  /** The clock was ahead when the server ran last, and has been set back while it did not. */
  #noticeClockOfLastRun(lastRecordAt: number | undefined): void {
    const now = this.#ports.clock.now();
    if (lastRecordAt === undefined || lastRecordAt - now < setBackMs) return;
    const aheadSince = this.#ports.store.aheadSince(now) ?? lastRecordAt;
    this.#clockSetBack.begin({ now, aheadSince, shownBefore: now });
  }

  /**
   * Takes up attempts that were running when the process ended. Call once, before the first turn: a write that is refused
   * has it done again. Clients should be let in when `recovered`, or they would see them running still.
   */
  recover(): void {
    const now = this.#ports.clock.now();
    // Of this process no start is on disk before that.
    for (const seq of this.#ports.sets.each('running')) {
      const job = this.ledger.unlessUnreadable(seq, () => this.ledger.lookup(seq));
      if (job?.state.status === 'running') this.ledger.record(job, decisions.interrupt(job, true, now), now);
    }
    this.#recoveredAt = this.#ports.store.position + (this.ledger.filling.isEmpty ? 0 : 1);
  }

  /** What `recover` found is on disk. */
  get recovered(): boolean {
    return this.#ports.store.position >= this.#recoveredAt;
  }

  // -- mailbox --

  request(request: Request, bytes: number, reply: (answer: Answer) => void): void {
    const refusal = this.refusing();
    if (refusal) return reply({ ok: false, refusal });
    this.#mailbox.push(request, bytes, reply);
    this.#ports.waker.soon();
  }

  refusing(): Refusal | undefined {
    if (this.#draining)
      return new Refusal('draining', 'The server is shutting down. Send the request to its successor.');
    if (this.#blockedSince !== undefined) {
      return new Refusal(
        'storage_unavailable',
        'The server cannot write to its disk at present. GET /health says why.',
      );
    }
    const full = this.#mailbox.isFull || this.#ports.store.changed >= maxUnmerged;
    return full
      ? new Refusal('overloaded', 'More requests wait than the disk takes. Try again in a moment.')
      : undefined;
  }

  /** Outcomes of attempts, as the pool reports them. */
  outcomes(outcomes: readonly Outcome[]): void {
    this.#observeClock();
    const now = this.#ports.clock.now();
    for (const outcome of outcomes) this.#ended(outcome, now);
    this.turn();
  }

  committed(): void {
    const batch = this.ledger.committedOne();
    if (this.#blockedSince !== undefined) {
      this.#blockedSince = undefined;
      this.#ports.log.info('writing to disk works again');
    }
    for (const { job, removed } of batch.touched.values()) {
      if (!removed && job.state.status === 'pending') this.#ports.window.add(job.state.due, job.spec.seq);
    }
    batch.written();
    // The next batch goes out before the answers of this one: the disk works while they are written.
    this.turn();
    batch.giveAnswers();
    if (batch.events.length > 0) this.#ports.publish(batch.events);
  }

  failed(failure: { readonly message: string; readonly broken: boolean }): void {
    if (failure.broken) return this.#ports.fatal(failure.message);
    if (this.#blockedSince === undefined) {
      this.#ports.log.error(
        { reason: failure.message },
        'the disk is full: nothing is accepted or started until there is room',
      );
    }
    this.#blockedSince ??= this.#ports.clock.monotonic();
    this.#nextWriteAt = this.#ports.clock.monotonic() + retryWriteMs;
    const { facts, jobs } = this.ledger.lost();
    this.#mailbox.startOver();
    if (!this.recovered) this.recover();
    for (const fact of facts) this.#redo(fact);
    for (const seq of jobs) {
      // What was decided again comes to the window with its commit.
      if (this.ledger.filling.touched.has(seq)) continue;
      const state = this.ledger.unlessUnreadable(seq, () => this.ledger.state(seq));
      if (state?.status === 'pending') this.#ports.window.add(state.due, seq);
    }
    this.turn();
  }

  merged(position: number): void {
    this.#ports.log.debug({ position }, 'the trees were brought up to date');
    this.#ports.window.mergeEnded();
    this.turn();
  }

  /** Stops accepting and starting; what runs goes on. */
  drain(): void {
    this.#draining = true;
    this.#signOfLife.wantLast();
    this.turn();
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Attempts in the pool. */
  get runningAttempts(): number {
    return this.ledger.active.size;
  }

  /** Nothing is left to be decided or written. */
  get settled(): boolean {
    return this.#mailbox.isEmpty && this.ledger.settled;
  }

  /** Milliseconds since the disk began to refuse writes; undefined while it takes them. */
  get blockedMs(): number | undefined {
    return this.#blockedSince === undefined ? undefined : this.#ports.clock.monotonic() - this.#blockedSince;
  }

  /** The disk is so far behind that jobs wait for it rather than run: what they do would only fill the memory. */
  get #isCrowded(): boolean {
    return this.ledger.filling.facts.length >= maxFacts;
  }

  // -- turns --

  turn(): void {
    this.#observeClock();
    this.#decideRequests();
    if (!this.#draining && this.#blockedSince === undefined && !this.#isCrowded) {
      this.#clockSetBack.sweep(this.#ports.clock.now());
      this.#dispatch.takeDue();
      this.#dispatch.startReady();
      this.#retention.sweep(this.#ports.clock.now(), turnBudget.removals);
    }
    this.#ports.pool.flush();
    if (this.#ports.window.wantsRefill && !this.#draining) this.#refill();
    this.#mergeIfDue();
    this.#write();
    this.#sleep();
  }

  #observeClock(): void {
    const setBack = this.#downtime.observe();
    if (!setBack) return;
    this.#clockSetBack.begin(setBack);
    this.#signOfLife.clockWasSetBack();
  }

  /** No more requests are decided before the commit. */
  get #hasGathered(): boolean {
    return this.ledger.filling.touched.size >= maxGathered;
  }

  #decideRequests(): void {
    const now = this.#ports.clock.now();
    const { ledger } = this;
    const { timezone } = this.#ports;
    const abort = (job: Job): void => this.#ports.pool.abort(job.spec.seq, job.state.lease, 'cancelled');
    const lookAtFirst = (seq: number): void => this.#clockSetBack.lookAtFirst(seq, now);
    const context = { ledger, handlers: this.#handlers, timezone, now, abort, lookAtFirst };
    this.#mailbox.decide(
      context,
      () => this.#hasGathered,
      (error) => this.#asRefusal(error),
    );
  }

  #asRefusal(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    if (!(error instanceof UnreadableRecord)) throw error;
    this.#ports.damage.tell(error, `a ${error.state} record was asked for`);
    return unreadableRefusal(error);
  }

  // -- facts --

  #ended(outcome: Outcome, now: number): void {
    const job = this.ledger.active.get(outcome.jobSeq);
    if (job?.state.lease !== outcome.lease) return;
    this.ledger.addFact({ kind: 'ended', outcome, at: now });
    this.#decideEnd(outcome, now);
    this.#dispatch.ended(outcome, job.spec.name);
  }

  /** After a cancellation the outcome is dropped; else it decides what becomes of the job. */
  #decideEnd(outcome: Outcome, now: number): void {
    this.#clockSetBack.lookAtFirst(outcome.jobSeq, now);
    const job = this.ledger.lookup(outcome.jobSeq);
    if (job?.state.status !== 'running' || job.state.lease !== outcome.lease) return;
    const decision = outcomeDecision(job, outcome, now);
    this.ledger.record(job, decision, now);
    if (outcome.kind === 'failed') logFailure(this.#ports.log, job, outcome.code, decision);
  }

  /** Decides a fact again that was lost with its batch, as of the instant it happened. */
  #redo(fact: Fact): void {
    this.ledger.addFact(fact);
    if (fact.kind === 'ended') return this.#decideEnd(fact.outcome, fact.at);
    const job = this.ledger.lookup(fact.seq);
    if (job?.state.status === 'pending') this.ledger.startAgain(job, fact.at);
  }

  // -- store and timer --

  #refill(): void {
    try {
      this.#ports.window.refill(turnBudget.refill);
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      this.#ports.fatal(error.message);
    }
  }

  #write(): void {
    if (this.#mailbox.isHalfway) return;
    const blocked = this.#blockedSince !== undefined;
    if (blocked && this.#ports.clock.monotonic() < this.#nextWriteAt) return;
    const isSignDue = !this.ledger.writing && this.#signOfLife.isDue;
    if (this.ledger.commit(this.#ports.clock.now(), blocked || isSignDue)) this.#signOfLife.recorded();
  }

  #mergeIfDue(): void {
    const { clock, window, store, merge: bounds = mergeBounds } = this.#ports;
    if (this.ledger.writing || store.merging || !mergeIsDue(store, clock.monotonic() - this.#lastMergeAt, bounds))
      return;
    this.#lastMergeAt = clock.monotonic();
    const watermark = Math.min(window.earliest, this.#dispatch.earliest, this.ledger.earliestDue);
    window.mergeBegins();
    store.merge({ watermark, now: clock.now() });
  }

  /** When changes that wait to be merged have waited long enough, though nothing else happens. */
  #nextMergeAt(): number {
    const { store, clock, merge: bounds = mergeBounds } = this.#ports;
    if (store.changed === 0 || store.merging || this.ledger.writing) return Number.POSITIVE_INFINITY;
    return clock.now() + Math.max(1, Math.ceil(bounds.ageMs - (clock.monotonic() - this.#lastMergeAt)));
  }

  #sleep(): void {
    const { waker, window, clock } = this.#ports;
    if (!this.#mailbox.isEmpty && (this.#mailbox.isHalfway || !this.#hasGathered)) return waker.soon();
    if (this.#blockedSince !== undefined) {
      return waker.at(clock.now() + Math.max(1, this.#nextWriteAt - clock.monotonic()));
    }
    // A batch is being written then, and its commit is the next turn.
    if (this.#draining || this.#isCrowded) return waker.at(Number.POSITIVE_INFINITY);
    const hasMore = this.#retention.hasMore || this.#dispatch.hasMore || this.#clockSetBack.hasMore;
    if (window.wantsRefill || hasMore) return waker.soon();
    const signAt = this.ledger.writing ? Number.POSITIVE_INFINITY : this.#signOfLife.nextAt;
    waker.at(Math.min(this.#dispatch.nextAt, this.#retention.nextAt, this.#nextMergeAt(), signAt));
  }
}
