/**
 * The scheduler: the one actor that owns all job state. Its mailbox takes requests, due times and outcomes of attempts.
 * It works in turns: decide what waits, start what is due, hand the batch to the store; when that is on disk, answer and
 * publish. While one batch is written the next is gathered.
 */
import type { Clock } from '../clock.js';
import * as decisions from '../domain/decisions.js';
import { Refusal } from '../domain/errors.js';
import type { JobEvent } from '../domain/events.js';
import { formatId } from '../domain/id.js';
import type { Job } from '../domain/job.js';
import { limits } from '../domain/limits.js';
import type { Logger } from '../log.js';
import type { Attempt, HandlerInfo, Outcome, Pool } from '../pool/messages.js';
import { DamagedRecord } from '../store/damage.js';
import type { StoreEvents } from '../store/store.js';
import type { Due, DueWindow } from '../timer/window.js';
import type { Fact } from './batch.js';
import { CarefulStart } from './careful-start.js';
import { Ledger, type LedgerPorts, type LedgerStart } from './ledger.js';
import type { Answer, Request, Requests } from './messages.js';
import { type MergeBounds, mergeBounds, mergeIsDue } from './merge-policy.js';
import { ReadyQueue } from './ready.js';
import { decideRequest } from './requests.js';
import { Retention, type RetentionLimits } from './retention.js';

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
  readonly window: DueWindow;
  readonly waker: Waker;
  readonly handlers: readonly HandlerInfo[];
  readonly timezone: string;
  readonly retention: RetentionLimits;
  /** When to merge, where not as usual. */
  readonly merge?: MergeBounds;
  readonly log: Logger;
  /** Tells subscribers of events that are on disk. */
  readonly publish: (events: readonly JobEvent[]) => void;
  /** The disk is broken: the process must end. */
  readonly fatal: (reason: string) => void;
}

/** How the directory was left, and where the log stands. */
export interface SchedulerStart extends LedgerStart {
  readonly clean: boolean;
}

/** Work of one kind in one turn; more waits for the next, so that I/O is not held up. */
const turnBudget = { requests: 2048, due: 1024, refill: 1024, removals: 512 } as const;

/** What may wait to be decided before requests are refused. */
const mailboxBounds = { requests: 20_000, bytes: 64 * 1024 * 1024, unmerged: 500_000 } as const;

/** How long after a refused write the next is tried. */
const retryWriteMs = 250;

interface Waiting {
  readonly request: Request;
  readonly bytes: number;
  readonly reply: (answer: Answer) => void;
}

export class Scheduler implements Requests, StoreEvents {
  readonly ledger: Ledger;
  readonly #ports: SchedulerPorts;
  readonly #handlers: ReadonlyMap<string, HandlerInfo>;
  readonly #ready: ReadyQueue;
  /** Jobs under suspicion wait by themselves. */
  readonly #suspects: ReadyQueue;
  readonly #careful: CarefulStart;
  readonly #retention: Retention;
  #mailbox: Waiting[] = [];
  #mailboxBytes = 0;
  #draining = false;
  /** Since when the disk refuses writes, monotonic; undefined while it takes them. */
  #blockedSince: number | undefined;
  #nextWriteAt = 0;
  #lastMergeAt: number;

  constructor(ports: SchedulerPorts, start: SchedulerStart) {
    this.#ports = ports;
    this.ledger = new Ledger(ports, start);
    this.#handlers = new Map(ports.handlers.map((handler) => [handler.name, handler]));
    const limitOf = (typeId: number): number =>
      this.#handlers.get(ports.types.nameOf(typeId))?.concurrency ?? Number.POSITIVE_INFINITY;
    this.#ready = new ReadyQueue(limitOf);
    this.#suspects = new ReadyQueue(() => Number.POSITIVE_INFINITY);
    this.#retention = new Retention(ports, this.ledger);
    this.#lastMergeAt = ports.clock.monotonic();
    const startedAt = ports.clock.now();
    this.#careful = new CarefulStart({ clean: start.clean, startedAt, firstNewSeq: start.counters.nextSeq });
  }

  /** Takes up attempts that were running when the process ended. Call once, before the first turn. */
  recover(): void {
    const now = this.#ports.clock.now();
    for (const seq of this.#ports.sets.each('running')) {
      const job = this.#sound(seq, () => this.ledger.lookup(seq));
      if (job?.state.status === 'running') this.ledger.record(job, decisions.interrupt(job, true, now), now);
    }
  }

  // -- mailbox --

  request(request: Request, bytes: number, reply: (answer: Answer) => void): void {
    const refusal = this.refusing();
    if (refusal) return reply({ ok: false, refusal });
    this.#mailbox.push({ request, bytes, reply });
    this.#mailboxBytes += bytes;
    this.#ports.waker.soon();
  }

  refusing(): Refusal | undefined {
    if (this.#draining) return new Refusal('draining', 'The server is shutting down. Send the request to its successor.');
    if (this.#blockedSince !== undefined) {
      return new Refusal('storage_unavailable', 'The server cannot write to its disk at present. GET /health says why.');
    }
    const full =
      this.#mailbox.length >= mailboxBounds.requests ||
      this.#mailboxBytes >= mailboxBounds.bytes ||
      this.#ports.memtable.changed >= mailboxBounds.unmerged;
    return full ? new Refusal('overloaded', 'More requests wait than the disk takes. Try again in a moment.') : undefined;
  }

  /** Outcomes of attempts, as the pool reports them. */
  outcomes(outcomes: readonly Outcome[]): void {
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
    for (const effect of batch.effects) effect();
    for (const { reply, answer } of batch.answers) reply(answer);
    if (batch.events.length > 0) this.#ports.publish(batch.events);
    this.#mergeIfDue();
    this.turn();
  }

  failed(_position: number, failure: { readonly message: string; readonly broken: boolean }): void {
    if (failure.broken) return this.#ports.fatal(`the disk refuses writes although it has room: ${failure.message}`);
    if (this.#blockedSince === undefined) {
      this.#ports.log.error({ reason: failure.message }, 'the disk is full: nothing is accepted or started until there is room');
    }
    this.#blockedSince ??= this.#ports.clock.monotonic();
    this.#nextWriteAt = this.#ports.clock.monotonic() + retryWriteMs;
    const { facts, jobs } = this.ledger.lost();
    for (const fact of facts) this.#redo(fact);
    for (const seq of jobs) {
      const state = this.#sound(seq, () => this.ledger.state(seq));
      if (state?.status === 'pending') this.#ports.window.add(state.due, seq);
    }
    this.turn();
  }

  merged(): void {
    this.#ports.memtable.mergeEnded();
    this.#ports.window.mergeEnded();
    this.turn();
  }

  /** Stops accepting and starting; what runs goes on. */
  drain(): void {
    this.#draining = true;
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
    return this.#mailbox.length === 0 && this.ledger.settled;
  }

  /** Milliseconds since the disk began to refuse writes; undefined while it takes them. */
  get blockedMs(): number | undefined {
    return this.#blockedSince === undefined ? undefined : this.#ports.clock.monotonic() - this.#blockedSince;
  }

  // -- turns --

  turn(): void {
    this.#decideRequests();
    if (!this.#draining && this.#blockedSince === undefined) {
      this.#takeDue();
      this.#startReady();
      this.#retention.sweep(this.#ports.clock.now(), turnBudget.removals);
    }
    this.#ports.pool.flush();
    if (this.#ports.window.wantsRefill && !this.#draining) this.#refill();
    this.#write();
    this.#sleep();
  }

  #decideRequests(): void {
    if (this.#mailbox.length === 0) return;
    const now = this.#ports.clock.now();
    const waiting = this.#mailbox.splice(0, turnBudget.requests);
    const { ledger } = this;
    const { timezone } = this.#ports;
    const abort = (job: Job): void => this.#ports.pool.abort(job.spec.seq, job.state.lease, 'cancelled');
    const context = { ledger, handlers: this.#handlers, timezone, now, abort };
    for (const { request, bytes, reply } of waiting) {
      this.#mailboxBytes -= bytes;
      try {
        decideRequest(request, context, reply);
      } catch (error) {
        reply({ ok: false, refusal: this.#asRefusal(error) });
      }
    }
  }

  #asRefusal(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    if (!(error instanceof DamagedRecord)) throw error;
    this.#ports.log.error({ reason: error.message }, 'a damaged record was met');
    return new Refusal('internal_error', 'The record of this job is damaged; the server log says more.');
  }

  /** Takes from the window what is due, as far as there are threads for it. */
  #takeDue(): void {
    const now = this.#ports.clock.now();
    for (let taken = 0; taken < turnBudget.due && this.#ready.startable <= this.#ports.pool.free; taken++) {
      const due = this.#ports.window.pop(now);
      if (!due) return;
      this.#sound(due.seq, () => this.#see(due, now));
    }
  }

  /** A due time has come: the job is ready, unless it has moved on, or its occurrence was missed. */
  #see(due: Due, now: number): void {
    const state = this.ledger.state(due.seq);
    if (state?.status !== 'pending' || state.due !== due.due) return;
    const job = now - due.due > limits.misfireAfterMs ? this.ledger.lookup(due.seq) : undefined;
    const missed = job && decisions.miss(job, now);
    if (missed) {
      this.ledger.filling.earliestStart = Math.min(this.ledger.filling.earliestStart, due.due);
      this.ledger.record(job, missed, now);
      return;
    }
    const typeId = this.#ports.memtable.typeOf(due.seq);
    if (typeId === undefined) return;
    const queue = this.#careful.concerns(due.seq, state) ? this.#suspects : this.#ready;
    queue.push({ due: due.due, seq: due.seq, typeId });
  }

  #startReady(): void {
    const { pool, clock } = this.#ports;
    this.#startSuspects();
    while (pool.free > 0) {
      const next = this.#ready.pop();
      if (!next) return;
      const job = this.#stillDue(next);
      if (job) pool.dispatch(this.#start(job, next.typeId, clock.now()));
    }
  }

  /** A suspect leaves for its thread only when its record is on disk: a crash must find it counted. */
  #startSuspects(): void {
    const { pool, clock } = this.#ports;
    for (let free = pool.free; free > 0 && this.#suspects.size > 0; free--) {
      const next = this.#suspects.pop();
      if (!next) return;
      const job = this.#stillDue(next);
      if (!job) continue;
      const admitted = this.#careful.admits(job.state, clock.monotonic()) && this.#ready.hasRoom(next.typeId);
      if (!admitted) return this.#suspects.push(next);
      const { filling } = this.ledger;
      const { seq } = job.spec;
      this.#careful.began(seq, job.state, clock.monotonic());
      const attempt = this.#start(job, next.typeId, clock.now());
      filling.facts.pop();
      filling.effects.push(() => pool.dispatch(attempt));
      filling.undo.push(() => this.#leave(seq, next.typeId));
    }
  }

  /** The job, unless it has moved on since it was due; a clock that was set back makes it wait again. */
  #stillDue({ seq, due }: Due): Job | undefined {
    const job = this.#sound(seq, () => this.ledger.lookup(seq));
    if (job?.state.status !== 'pending' || job.state.due !== due) return undefined;
    if (due <= this.#ports.clock.now()) return job;
    this.#ports.window.add(due, seq);
    return undefined;
  }

  #start(job: Job, typeId: number, now: number): Attempt {
    const { spec } = job;
    const { ledger } = this;
    ledger.filling.earliestStart = Math.min(ledger.filling.earliestStart, job.state.due);
    const { state } = ledger.record(job, decisions.start(job, now), now);
    ledger.filling.facts.push({ kind: 'started', seq: spec.seq, at: now });
    ledger.active.set(spec.seq, { ...job, state });
    this.#ready.began(typeId);
    return {
      jobSeq: spec.seq,
      lease: state.lease,
      jobId: formatId(spec.seq, spec.idSeconds),
      name: spec.name,
      payload: spec.payload,
      attempt: state.attempt,
      scheduledFor: state.occurrence,
      timeoutMs: spec.timeoutMs,
      alone: state.interruptions > 0,
    };
  }

  // -- facts --

  #ended(outcome: Outcome, now: number): void {
    const job = this.ledger.active.get(outcome.jobSeq);
    if (job?.state.lease !== outcome.lease) return;
    this.ledger.filling.facts.push({ kind: 'ended', outcome, at: now });
    this.#decideEnd(outcome, now);
    this.#leave(outcome.jobSeq, this.#ports.types.idOf(job.spec.name));
  }

  /** The attempt's place is free again. */
  #leave(seq: number, typeId: number): void {
    this.ledger.active.delete(seq);
    this.#ready.ended(typeId);
    this.#careful.ended(seq);
  }

  /** After a cancellation the outcome is dropped; else it decides what becomes of the job. */
  #decideEnd(outcome: Outcome, now: number): void {
    const job = this.ledger.lookup(outcome.jobSeq);
    if (job?.state.status !== 'running' || job.state.lease !== outcome.lease) return;
    this.ledger.record(job, outcomeDecision(job, outcome, now), now);
  }

  /** Decides a fact again that was lost with its batch, as of the instant it happened. */
  #redo(fact: Fact): void {
    this.ledger.filling.facts.push(fact);
    if (fact.kind === 'ended') return this.#decideEnd(fact.outcome, fact.at);
    const job = this.ledger.lookup(fact.seq);
    if (job?.state.status === 'pending') this.ledger.record(job, decisions.start(job, fact.at), fact.at);
  }

  // -- store and timer --

  #refill(): void {
    try {
      this.#ports.window.refill(turnBudget.refill);
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      this.#ports.fatal(error.message);
    }
  }

  #write(): void {
    const blocked = this.#blockedSince !== undefined;
    if (blocked && this.#ports.clock.monotonic() < this.#nextWriteAt) return;
    this.ledger.commit(this.#ports.clock.now(), blocked);
  }

  #mergeIfDue(): void {
    const { memtable, clock, window, sets, store, merge: bounds = mergeBounds } = this.#ports;
    if (memtable.merging || !mergeIsDue(memtable, clock.monotonic() - this.#lastMergeAt, bounds)) return;
    this.#lastMergeAt = clock.monotonic();
    const watermark = Math.min(
      window.earliest,
      this.#ready.earliest,
      this.#suspects.earliest,
      this.ledger.earliestStart,
    );
    memtable.mergeBegins();
    window.mergeBegins();
    store.merge({ position: this.ledger.position, watermark, sets: sets.takeChanged(), now: clock.now() });
  }

  #sleep(): void {
    const { waker, window, clock, pool } = this.#ports;
    if (this.#mailbox.length > 0) return waker.soon();
    if (this.#blockedSince !== undefined) {
      return waker.at(clock.now() + Math.max(1, this.#nextWriteAt - clock.monotonic()));
    }
    if (this.#draining) return waker.at(Number.POSITIVE_INFINITY);
    if (window.wantsRefill || this.#retention.hasMore) return waker.soon();
    const roomForDue = this.#ready.startable <= pool.free;
    const due = roomForDue ? window.nextDue : Number.POSITIVE_INFINITY;
    const { trialEnds } = this.#careful;
    const trial = trialEnds === undefined ? due : clock.now() + Math.max(1, trialEnds - clock.monotonic());
    waker.at(Math.min(due, trial, this.#retention.nextAt));
  }

  /** Runs `read`; a damaged record is reported and the job set aside until the next start. */
  #sound<T>(seq: number, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      this.#ports.log.error({ jobSeq: seq, reason: error.message }, 'a job is set aside: its record is damaged');
      return undefined;
    }
  }
}

/** What an attempt's outcome makes of its job: the one place where outcomes become decisions. */
function outcomeDecision(job: Job, outcome: Outcome, now: number): decisions.Decision {
  switch (outcome.kind) {
    case 'succeeded':
      return decisions.succeed(job, outcome, now);
    case 'failed':
      return decisions.fail(job, outcome, now);
    case 'interrupted':
      return decisions.interrupt(job, outcome.begun, now);
    default:
      return outcome satisfies never;
  }
}

