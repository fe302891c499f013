/**
 * From due to dispatched: what the window gives is looked at, waits in the line for what `admission/admission.ts` names, and
 * starts. Part of the scheduler: it runs only in its turns.
 */
import { isPausedAt, resumeInTime } from '../domain/control/pausing.js';
import { narrowest } from '../domain/control/settings.js';
import * as decisions from '../domain/decisions.js';
import { isHeld, type Job, type JobSpec, wakesAt } from '../domain/job.js';
import { hasExpired } from '../domain/slots/deadline.js';
import type { Attempt, HandlerInfo, Outcome } from '../pool/port.js';
import type { DueJob } from '../timer/lanes.js';
import { type ShownWait, shownWait, type Wait, whyServerWaits, whySuspectWaits } from './admission/admission.js';
import { attemptOf, traced } from './admission/attempt.js';
import { CarefulStart } from './admission/careful-start.js';
import { looksOf, looksPerTurn } from './admission/looks.js';
import { PreviousRuns } from './admission/previous-runs.js';
import type { TypeTerms } from './admission/type-lane.js';
import { type LimitQueue, type WaitingJob, WaitingLine } from './admission/waiting-line.js';
import type { DispatchPorts } from './dispatch-ports.js';
import type { Downtime } from './downtime.js';
import type { Ledger } from './ledger.js';

/** So many jobs are kept in the line that wait for a thread, to find those behind them that need none. */
const keptForApart = 65_536;
/** Jobs to run alone that are cancelled before their next attempt stay in memory: at most so many. */
const aloneKept = 10_000;

/** See the head of this file. */
export class Dispatch {
  readonly #ports: DispatchPorts;
  readonly #ledger: Ledger;
  readonly #line: WaitingLine;
  /** There are types with places of their own. */
  readonly #apart: boolean;
  readonly #handlers: ReadonlyMap<string, HandlerInfo>;
  readonly #careful: CarefulStart;
  readonly #previous = new PreviousRuns();
  readonly #downtime: Downtime;
  #lastDueSeen = Number.NEGATIVE_INFINITY;
  /** Jobs whose last attempt ended its thread, or may have done: the next runs alone. */
  readonly #alone = new Set<number>();
  /** Starts that are being written: each has a place in the pool and is not there yet. */
  #beingWritten = 0;
  /** Of the present turn's starts. Entries that have moved on are skipped, and a whole backlog may have been cancelled. */
  #looksLeft = looksPerTurn;
  /** Deadlines have passed that the last turn has not looked at. */
  #hasMoreExpired = false;
  /** When a job that had to wait in the last turn is worth asking about again, in monotonic milliseconds. */
  #askAgainAt = Number.POSITIVE_INFINITY;
  /** Whether, in this turn, all of a priority that could have its turn before others is in the line; undefined: nobody has asked. */
  #fair: { readonly priority: number; readonly holds: boolean } | undefined;

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
    this.#handlers = start.handlers;
    const questions = {
      placesOf: (name: string) => ports.pool.placesOf(name),
      termsOf: (name: string) => this.#termsOf(name),
      edition: () => ledger.settings.edition,
      pendingOf: (name: string) => ports.store.pendingOfType(name) - this.#previous.waitingOf(name),
    };
    this.#apart = (ports.pool.apart ?? []).length > 0;
    this.#line = new WaitingLine(questions, () => ports.clock.monotonic(), ports.pool.apart);
    this.#careful = new CarefulStart({
      clean: start.clean,
      startedAt: ports.clock.now(),
      firstNewSeq: ledger.committed.nextSeq,
    });
  }

  /** No job that waits in the line is due before this, in Unix milliseconds; Infinity when none does. */
  get earliest(): number {
    return Math.min(this.#line.notBefore, this.#previous.earliest());
  }

  /** Due times of the first of each type that waits in the line, in Unix milliseconds. It may have moved on since. */
  firstDue(): Iterable<readonly [name: string, due: number]> {
    return this.#line.firstDue();
  }

  /** Due time of the latest job that is known to have come due while this server ran. Unix milliseconds. */
  latestSeen(now: number): number {
    const { nextDue } = this.#ports.window;
    return nextDue <= now && this.#nextWanted > now ? now : this.#lastDueSeen;
  }

  /** How many jobs wait for what. */
  readonly queues = (): Iterable<LimitQueue> => this.#line.queues();

  /** When there is something to do that no event gives a turn for, in Unix milliseconds. */
  get nextAt(): number {
    const { window, clock } = this.#ports;
    return Math.min(
      this.#nextWanted,
      window.nextDeadline + 1,
      clock.now() + Math.max(1, Math.ceil(this.#askAgainAt - clock.monotonic())),
    );
  }

  /** More may be startable, or have expired, than the last turn has looked at. */
  get hasMore(): boolean {
    return this.#looksLeft <= 0 || this.#hasMoreExpired;
  }

  /** Due time of the earliest job with this priority that waits in the line, in Unix milliseconds; Infinity when none does. */
  earliestOf(priority: number): number {
    return Math.min(this.#line.earliestOf(priority), this.#previous.earliest(priority));
  }

  /** What a due job waits for, as answers show it. */
  waitingFor({ spec, state }: Job): ShownWait | undefined {
    // Where it runs by now, what is shown is older.
    const runs = this.#ledger.active.has(spec.seq);
    if (runs && this.#ledger.state(spec.seq)?.status !== 'pending') return undefined;
    const { clock, pool } = this.#ports;
    const { type, group } = this.#line.placeOf(spec.name, spec.group);
    return shownWait({
      ...{ type, group, paused: isPausedAt(state, clock.now()) },
      serverPaused: this.#ledger.settings.isServerPaused,
      runsBefore: runs || this.#previous.keepsWaiting(spec),
      free: this.#line.isApart(spec.name) ? Number.POSITIVE_INFINITY : pool.free - this.#beingWritten,
      now: clock.monotonic(),
    });
  }

  /** What holds of a type: a limit that a user has set in place of its handler's. */
  #termsOf(name: string): TypeTerms {
    const handler = this.#handlers.get(name);
    const atStake = this.#ledger.settings.atStake(name);
    return {
      paused: atStake.some(({ paused }) => paused !== undefined),
      hasGroups: atStake.some(({ hasGroups }) => hasGroups === true),
      limits: handler && narrowest(handler, atStake),
    };
  }

  /** Types may have other limits now, or no handler. */
  handlersChanged(): void {
    this.#line.handlersChanged();
  }

  /** A change of a job is on disk: where it waits, it does so by what it was. */
  changed({ seq, name }: JobSpec): void {
    this.#line.changed(seq, name);
    this.#previous.changed(seq);
  }

  /** When more comes due that is worth looking at, in Unix milliseconds. */
  get #nextWanted(): number {
    return this.#ports.window.nextWanted(this.#hasRoomFor);
  }

  /**
   * Whether it is worth looking at more that is due, of this priority: what waits with a higher one goes first, and where there is
   * enough, there may be other types, or groups, that are to have their turn.
   */
  readonly #hasRoomFor = (priority: number): boolean => {
    const { pool, sets } = this.#ports;
    const { free } = pool;
    if (this.#line.startable(priority) <= free || (this.#apart && this.#hasRoomApart(priority))) return true;
    if (this.#fair?.priority !== priority) {
      const pending = sets.count('pending') - this.#previous.waiting;
      this.#fair = { priority, holds: this.#line.isFair(priority, free, pending) };
    }
    return !this.#fair.holds && this.#line.startable(priority + 1) <= free;
  };

  /** Whether, with what is in the line by now, there is more due that is worth looking at. */
  #wantsMore(): boolean {
    this.#fair = undefined;
    return this.#nextWanted <= this.#ports.clock.now();
  }

  /** Where all threads are taken, what has places of its own may still be due behind what waits for a thread. */
  #hasRoomApart(priority: number): boolean {
    return this.#line.hasRoomApart(priority) && this.#line.size < keptForApart;
  }

  /** Takes from the window what is due, as far as there are threads for it. */
  takeDue(): void {
    const now = this.#ports.clock.now();
    this.#line.refresh();
    this.#fair = undefined;
    for (let looks = 0; looks < looksPerTurn; ) {
      const due = this.#ports.window.pop(now, this.#hasRoomFor);
      if (!due) return;
      looks += this.#ledger.unlessUnreadable(due.seq, () => this.#see(due, now)) ?? 1;
    }
  }

  /**
   * A time has come. The pause of the job ends, or it waits, unless it has moved on or its occurrence was missed. Returns what it
   * counts.
   */
  #see({ due, seq, priority }: DueJob, now: number): number {
    const job = this.#ledger.lookup(seq);
    if (!job || !isPending(job, priority) || wakesAt(job.state) !== due) return looksOf(job);
    if (isHeld(job.state)) {
      const resumed = resumeInTime(job, now);
      if (resumed) this.#ledger.record(job, resumed, now);
      return looksOf(job);
    }
    const resumedAt = this.#downtime.endOf(due);
    const missed = resumedAt === undefined ? undefined : decisions.miss(job, now, resumedAt);
    if (missed) {
      this.#ledger.record(job, missed, now);
      return looksOf(job);
    }
    this.#lastDueSeen = Math.max(this.#lastDueSeen, due);
    if (this.#expire(job, now)) return looksOf(job);
    const { name, group } = job.spec;
    this.#line.push({ due, seq, name, group, priority, suspect: this.#careful.isSuspect(seq, job.state) });
    return looksOf(job);
  }

  /** What must not start any more, since its deadline has passed, comes to its end, wherever it waits. */
  expireDue(): void {
    const { window, clock } = this.#ports;
    const now = clock.now();
    this.#hasMoreExpired = false;
    for (let looks = 0; looks < looksPerTurn; ) {
      const passed = window.popDeadline(now);
      if (!passed) return;
      looks += this.#ledger.unlessUnreadable(passed.seq, () => this.#seeExpired(passed.seq, now)) ?? 1;
    }
    this.#hasMoreExpired = true;
  }

  #seeExpired(seq: number, now: number): number {
    const job = this.#ledger.lookup(seq);
    if (job?.state.status === 'pending') this.#expire(job, now);
    return looksOf(job);
  }

  /** Ends a pending job, or its present occurrence, if it is too late to start it. Returns whether it was. */
  #expire(job: Job, now: number): boolean {
    if (!hasExpired(job.spec, job.state, now)) return false;
    this.#ledger.record(job, decisions.expire(job, now), now);
    this.#ports.telemetry.expired(job.spec.name);
    return true;
  }

  /**
   * Starts what waits and may, suspects first. One suspect that has to wait keeps all others of them waiting.
   *
   * @param starts whether the scheduler's mode permits it
   */
  startWaiting(starts: boolean): void {
    this.#looksLeft = looksPerTurn;
    this.#askAgainAt = Number.POSITIVE_INFINITY;
    const { knownDownTo } = this.#ports.window;
    let asksSuspects = this.#line.suspects > 0;
    const isPaused = this.#ledger.settings.isServerPaused;
    while (this.#looksLeft > 0) {
      const free = this.#ports.pool.free - this.#beingWritten;
      if (whyServerWaits(starts, isPaused, this.#apart ? Number.POSITIVE_INFINITY : free)) break;
      const next = (asksSuspects ? this.#line.take(true, free > 0) : undefined) ?? this.#line.take(false, free > 0);
      if (!next) break;
      if (next.priority < knownDownTo && !next.suspect) {
        this.#line.push(next, true);
        break;
      }
      asksSuspects &&= next.suspect;
      const job = this.#stillDue(next);
      if (!job || this.#previous.keep(next, job.spec, this.#ledger.active.has(next.seq))) {
        // Another of its type or group may be due that has its turn: then the next turn looks at that first.
        if (this.#wantsMore()) this.#looksLeft = 0;
        continue;
      }
      const wait = this.#whyJobWaits(next, job);
      if (!wait) {
        this.#start(job, next);
        continue;
      }
      this.#line.push(next, true);
      this.#askAgainAt = wait.askAgainAt;
      asksSuspects = false;
    }
    this.#askAgainAt = Math.min(this.#askAgainAt, this.#line.nextByRate);
  }

  #whyJobWaits({ suspect }: WaitingJob, { state }: Job): Wait | undefined {
    if (!suspect) return undefined;
    return whySuspectWaits(state.interruptions, this.#careful.trials(this.#ports.clock.monotonic()));
  }

  /**
   * The job, unless it has moved on or was paused since it was due; a clock that was set back makes it wait again. While a change of it is
   * being written it does not start, since the disk may refuse that: after the commit the window has it once more.
   */
  #stillDue({ seq, due, priority, group, suspect }: WaitingJob): Job | undefined {
    const job = this.#ledger.unlessUnreadable(seq, () => this.#ledger.lookupWritten(seq));
    this.#looksLeft -= looksOf(job);
    if (!job || !isPending(job, priority) || job.state.due !== due || isHeld(job.state)) return undefined;
    if (job.spec.group !== group) return undefined;
    const now = this.#ports.clock.now();
    if (due > now) {
      this.#ports.window.add(due, seq, priority);
      return undefined;
    }
    if (this.#expire(job, now)) return undefined;
    // An entry that repeats may be for the same instant as a retry since, which makes it a suspect: it waits among those.
    return suspect || !this.#careful.isSuspect(seq, job.state) ? job : undefined;
  }

  /**
   * Starts an attempt. A suspect leaves for its thread only when its record is on disk: a crash must find it counted. Should the
   * disk refuse that, all of it is taken back.
   */
  #start(job: Job, waiting: WaitingJob): void {
    const { clock } = this.#ports;
    const { suspect } = waiting;
    this.#line.occupy(waiting, suspect);
    this.#previous.began(job.spec);
    if (suspect) return this.#startOnRecord(job);
    const now = clock.now();
    this.#leave(this.#attempt(this.#ledger.startAttempt(job, now)), job, now);
  }

  /**
   * An attempt leaves for its thread.
   *
   * @param job as it was when it was due
   */
  #leave(attempt: Attempt, job: Job, now: number): void {
    const { pool, traces, telemetry } = this.#ports;
    pool.dispatch(traces === undefined ? attempt : traced(attempt, job, now, traces));
    telemetry.attemptStarted(job.spec.name, now - job.state.due);
  }

  #startOnRecord(job: Job): void {
    const { clock } = this.#ports;
    const { seq, name } = job.spec;
    this.#careful.began(seq, job.state, clock.monotonic());
    this.#beingWritten++;
    const started = this.#ledger.startAttempt(job, clock.now(), {
      written: () => {
        this.#beingWritten--;
        this.#line.left(name);
        this.#leave(attempt, job, clock.now());
      },
      lost: () => {
        this.#beingWritten--;
        this.#careful.withdrew(seq);
        this.#line.left(name);
        this.#vacate(job.spec);
      },
    });
    const attempt = this.#attempt(started);
  }

  #attempt(started: Job): Attempt {
    return attemptOf(started, this.#alone.has(started.spec.seq), this.#ledger.numbers);
  }

  /** The place of an attempt is free again, and so is its key. */
  #vacate(spec: JobSpec): void {
    this.#line.vacate(spec.name, spec.group);
    for (const next of this.#previous.ended(spec)) this.#line.push(next);
  }

  /** An attempt came to its end: its place is free again. */
  ended(outcome: Outcome, spec: JobSpec): void {
    const { jobSeq: seq, suspect } = outcome;
    const wasTested = outcome.kind !== 'interrupted' || outcome.begun;
    if (wasTested) this.#alone.delete(seq);
    if (suspect && this.#ledger.state(seq)?.status === 'pending') this.#alone.add(seq);
    for (const oldest of this.#alone) {
      if (this.#alone.size <= aloneKept) break;
      this.#alone.delete(oldest);
    }
    this.#careful.ended(seq);
    this.#ledger.endAttempt(seq);
    this.#vacate(spec);
  }
}

/** It is pending with this priority: what was known of another one is out of date. */
function isPending({ spec, state }: Job, priority: number): boolean {
  return state.status === 'pending' && (spec.priority ?? 0) === priority;
}
