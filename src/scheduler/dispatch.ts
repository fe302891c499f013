/**
 * From due to dispatched: what the window gives is looked at, waits for a place in the pool and a place of its type, and
 * starts. Part of the scheduler: it runs only in its turns.
 */
import type { Clock } from '../clock.js';
import * as decisions from '../domain/decisions.js';
import { formatId } from '../domain/id.js';
import type { Job } from '../domain/job.js';
import type { Attempt, HandlerInfo, Outcome, Pool } from '../pool/messages.js';
import type { DamageReports } from '../store/port.js';
import type { Due } from '../timer/window.js';
import { CarefulStart } from './careful-start.js';
import type { Downtime } from './downtime.js';
import type { DueTimes } from './due-times.js';
import type { Ledger } from './ledger.js';
import { ReadyQueue } from './ready.js';

export interface DispatchPorts {
  readonly clock: Clock;
  readonly pool: Pool;
  readonly window: DueTimes;
  readonly damage: DamageReports;
}

/**
 * What is looked at in one turn, once when it is due and once when it may start; more waits for the next, so that I/O is not
 * held up. A job counts once, and once more for every so many characters of payload, which have to be read.
 */
const looksPerTurn = 1024;
const payloadPerLook = 4096;
const looksOf = (job: Job | undefined): number => 1 + Math.floor((job?.spec.payload.length ?? 0) / payloadPerLook);
/** Suspects that are cancelled before their next attempt stay in memory: at most so many. */
const suspectsKept = 10_000;

export class Dispatch {
  readonly #ports: DispatchPorts;
  readonly #ledger: Ledger;
  readonly #ready: ReadyQueue;
  /** Jobs under suspicion wait by themselves. */
  readonly #suspects: ReadyQueue;
  readonly #careful: CarefulStart;
  readonly #downtime: Downtime;
  #lastDueSeen = Number.NEGATIVE_INFINITY;
  /** Jobs whose last attempt ended its thread, or may have done: the next runs alone. */
  readonly #alone = new Set<number>();
  /** Suspects whose start is being written: each has a place in the pool and is not there yet. */
  #starting = 0;
  /** Of the present turn's starts. Entries that have moved on are skipped, and a whole backlog may have been cancelled. */
  #looksLeft = looksPerTurn;

  /** @param start `clean`: the directory was left in order */
  constructor(
    ports: DispatchPorts,
    ledger: Ledger,
    start: {
      readonly handlers: ReadonlyMap<string, HandlerInfo>;
      readonly clean: boolean;
      readonly downtime: Downtime;
    },
  ) {
    this.#downtime = start.downtime;
    this.#ports = ports;
    this.#ledger = ledger;
    // A job without a handler waits for a server that has it.
    const limitOf = (name: string): number =>
      Math.min(start.handlers.get(name)?.concurrency ?? 0, ports.pool.placesOf(name));
    this.#ready = new ReadyQueue(limitOf);
    this.#suspects = new ReadyQueue(limitOf);
    this.#careful = new CarefulStart({
      clean: start.clean,
      startedAt: ports.clock.now(),
      firstNewSeq: ledger.committed.nextSeq,
    });
  }

  /** Due time of the earliest job that waits here; Infinity when none does. */
  get earliest(): number {
    return Math.min(this.#ready.earliest, this.#suspects.earliest);
  }

  /** Due time of the latest job that is known to have come due while this server ran. Unix milliseconds. */
  latestSeen(now: number): number {
    const { nextDue } = this.#ports.window;
    return !this.#hasRoom && nextDue <= now ? now : this.#lastDueSeen;
  }

  /** When there is something to do that nothing else will tell of, in Unix milliseconds. */
  get nextAt(): number {
    const { window, clock } = this.#ports;
    const due = this.#hasRoom ? window.nextDue : Number.POSITIVE_INFINITY;
    const monotonic = clock.monotonic();
    const acquittal = this.#suspects.size > 0 ? this.#careful.nextAcquittal(monotonic) : undefined;
    return acquittal === undefined ? due : Math.min(due, clock.now() + Math.max(1, acquittal - monotonic));
  }

  /** More may be startable than the last turn has looked at. */
  get hasMore(): boolean {
    return this.#looksLeft <= 0;
  }

  /** Whether it is worth looking at more that is due. */
  get #hasRoom(): boolean {
    return this.#ready.startable <= this.#ports.pool.free;
  }

  /** Takes from the window what is due, as far as there are threads for it. */
  takeDue(): void {
    const now = this.#ports.clock.now();
    this.#ready.refresh();
    this.#suspects.refresh();
    for (let looks = 0; looks < looksPerTurn && this.#hasRoom; ) {
      const due = this.#ports.window.pop(now);
      if (!due) return;
      looks += this.#ledger.unlessUnreadable(due.seq, () => this.#see(due, now)) ?? 1;
    }
  }

  /** A due time has come: the job is ready, unless it has moved on, or its occurrence was missed. Returns what it counts. */
  #see({ due, seq }: Due, now: number): number {
    const job = this.#ledger.lookup(seq);
    if (job?.state.status !== 'pending' || job.state.due !== due) return looksOf(job);
    const resumedAt = this.#downtime.endOf(due);
    const missed = resumedAt === undefined ? undefined : decisions.miss(job, now, resumedAt);
    if (missed) {
      this.#ledger.record(job, missed, now);
      return looksOf(job);
    }
    this.#lastDueSeen = Math.max(this.#lastDueSeen, due);
    const queue = this.#careful.concerns(seq, job.state) ? this.#suspects : this.#ready;
    queue.push({ due, seq, name: job.spec.name });
    return looksOf(job);
  }

  /** Starts what is ready, as far as the pool takes it. */
  startReady(): void {
    const { pool } = this.#ports;
    this.#looksLeft = looksPerTurn;
    this.#startSuspects();
    while (pool.free > this.#starting && this.#looksLeft > 0) {
      const next = this.#ready.pop();
      if (!next) return;
      const job = this.#stillDue(next);
      // An entry that repeats may be for the same instant as a retry since; that one waits among the suspects.
      if (job && !this.#careful.concerns(next.seq, job.state)) this.#start(job, false);
    }
  }

  /** A suspect leaves for its thread only when its record is on disk: a crash must find it counted. */
  #startSuspects(): void {
    const { pool, clock } = this.#ports;
    while (pool.free > this.#starting && this.#looksLeft > 0) {
      const next = this.#suspects.pop();
      if (!next) return;
      const job = this.#stillDue(next);
      if (!job) continue;
      if (!this.#careful.admits(job.state, clock.monotonic())) return this.#suspects.push(next);
      this.#start(job, true);
    }
  }

  /**
   * The job, unless it has moved on since it was due; a clock that was set back makes it wait again. While a change of it is
   * being written it does not start, since the disk may refuse that: after the commit the window has it once more.
   */
  #stillDue({ seq, due }: Due): Job | undefined {
    const job = this.#ledger.unlessUnreadable(seq, () => this.#ledger.lookupWritten(seq));
    this.#looksLeft -= looksOf(job);
    if (job?.state.status !== 'pending' || job.state.due !== due) return undefined;
    if (due <= this.#ports.clock.now()) return job;
    this.#ports.window.add(due, seq);
    return undefined;
  }

  /** Starts an attempt; with its undo, should it leave only when it is on record and the disk refuse that. */
  #start(job: Job, onRecord: boolean): void {
    const { pool, clock } = this.#ports;
    const { seq, name } = job.spec;
    this.#ready.began(name);
    this.#suspects.began(name);
    if (!onRecord) return pool.dispatch(this.#attempt(this.#ledger.startAttempt(job, clock.now())));
    this.#careful.began(seq, job.state, clock.monotonic());
    this.#starting++;
    const started = this.#ledger.startAttempt(job, clock.now(), {
      written: () => {
        this.#starting--;
        pool.dispatch(attempt);
      },
      lost: () => {
        this.#starting--;
        this.#careful.withdrew(seq);
        this.#free(seq, name);
      },
    });
    const attempt = this.#attempt(started);
  }

  #attempt({ spec, state }: Job): Attempt {
    return {
      jobSeq: spec.seq,
      lease: state.lease,
      jobId: formatId(spec.seq, spec.idSeconds),
      name: spec.name,
      payload: spec.payload,
      attempt: decisions.attemptNumber(state),
      scheduledFor: state.occurrence,
      timeoutMs: spec.timeoutMs,
      alone: this.#alone.has(spec.seq),
    };
  }

  /** An attempt came to its end. */
  ended(outcome: Outcome, name: string): void {
    const { jobSeq: seq, suspect } = outcome;
    const wasTested = outcome.kind !== 'interrupted' || outcome.begun;
    if (wasTested) this.#alone.delete(seq);
    if (suspect && this.#ledger.state(seq)?.status === 'pending') this.#alone.add(seq);
    for (const oldest of this.#alone) {
      if (this.#alone.size <= suspectsKept) break;
      this.#alone.delete(oldest);
    }
    this.release(seq, name);
  }

  /** An attempt's place is free again. */
  release(seq: number, name: string): void {
    this.#careful.ended(seq);
    this.#free(seq, name);
  }

  #free(seq: number, name: string): void {
    this.#ledger.active.delete(seq);
    this.#ready.ended(name);
    this.#suspects.ended(name);
  }
}
