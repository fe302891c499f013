/**
 * From due to dispatched: what the window gives is looked at, waits in the line for what `admission/admission.ts` names, and
 * starts. Part of the scheduler: it runs only in its turns.
 */
import { isPausedAt, resumeInTime } from '../domain/control/pausing.js';
import * as decisions from '../domain/decisions.js';
import { isHeld, type Job, type JobSpec, wakesAt } from '../domain/job.js';
import type { HandlerInfo, Outcome } from '../pool/port.js';
import type { DueJob } from '../timer/lanes.js';
import { type ShownWait, shownWait, type Wait, whyServerWaits, whySuspectWaits } from './admission/admission.js';
import { AloneNext } from './admission/alone.js';
import { attemptOf, traced } from './admission/attempt.js';
import { CarefulStart } from './admission/careful-start.js';
import { isPending, keptForApart, looksOf, looksPerTurn } from './admission/looks.js';
import { Places, type Rank, type Starter } from './admission/places.js';
import { PreviousRuns } from './admission/previous-runs.js';
import { termsOf } from './admission/type-lane.js';
import { type LimitQueue, type WaitingJob, WaitingLine } from './admission/waiting-line.js';
import { Expiry } from './attempts/expiry.js';
import type { DispatchPorts } from './dispatch-ports.js';
import type { Downtime } from './downtime.js';
import type { Ledger } from './ledger.js';

/** See the head of this file. */
export class Dispatch implements Starter {
  readonly #ports: DispatchPorts;
  readonly #ledger: Ledger;
  readonly #line: WaitingLine;
  /** There are types with places of their own. */
  readonly #apart: boolean;
  readonly #careful: CarefulStart;
  readonly #previous = new PreviousRuns();
  readonly #downtime: Downtime;
  #lastDueSeen = Number.NEGATIVE_INFINITY;
  readonly #alone = new AloneNext();
  /** Shared with other shards of the process. */
  readonly #places: Places;
  /** The scheduler's mode permits starts. */
  #starts = false;
  /** Of this round: suspects that wait are asked of; a user has paused the server. */
  #asksSuspects = false;
  #isPaused = false;
  /** Of the present turn's starts. Entries that have moved on are skipped, and a whole backlog may have been cancelled. */
  #looksLeft = looksPerTurn;
  readonly #expiry: Expiry;
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
    this.#expiry = new Expiry(ports, ledger);
    const questions = {
      placesOf: (name: string) => ports.pool.placesOf(name),
      termsOf: (name: string) => termsOf(start.handlers.get(name), ledger.settings.atStake(name)),
      edition: () => ledger.settings.edition,
      pendingOf: (name: string) => ports.store.pendingOfType(name) - this.#previous.waitingOf(name),
    };
    this.#apart = (ports.pool.apart ?? []).length > 0;
    this.#places = ports.places ?? new Places();
    this.#line = new WaitingLine(questions, () => ports.clock.monotonic(), this.#places, ports.pool.apart);
    this.#careful = new CarefulStart({
      clean: start.clean,
      startedAt: ports.clock.now(),
      firstNewSeq: ledger.committed.nextSeq,
    });
    this.#places.join(this);
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
    return this.#looksLeft <= 0 || this.#expiry.hasMore;
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
      free: this.#line.isApart(spec.name) ? Number.POSITIVE_INFINITY : pool.free - this.#places.beingWritten,
      now: clock.monotonic(),
    });
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
    if (this.#expiry.expire(job, now)) return looksOf(job);
    const { name, group } = job.spec;
    this.#line.push({ due, seq, name, group, priority, suspect: this.#careful.isSuspect(seq, job.state) });
    return looksOf(job);
  }

  /** See `Expiry`. */
  expireDue(): void {
    this.#expiry.expireDue();
  }

  /**
   * Starts what waits and may, suspects first. One suspect that has to wait keeps all others of them waiting.
   *
   * @param starts whether the scheduler's mode permits it
   */
  startWaiting(starts: boolean): void {
    this.#looksLeft = looksPerTurn;
    this.#starts = starts;
    if (!this.#places.isAlone) {
      this.#askAgainAt = this.#places.round(this);
      return;
    }
    this.beginRound();
    while (this.startNext()) {}
    this.#askAgainAt = this.askAgainAt;
  }

  beginRound(): void {
    this.#askAgainAt = Number.POSITIVE_INFINITY;
    this.#asksSuspects = this.#line.suspects > 0;
    this.#isPaused = this.#ledger.settings.isServerPaused;
    this.#line.tick();
  }

  /** Places that are free; undefined when nothing may start. */
  get #free(): number | undefined {
    const free = this.#ports.pool.free - this.#places.beingWritten;
    if (whyServerWaits(this.#starts, this.#isPaused, this.#apart ? Number.POSITIVE_INFINITY : free)) return undefined;
    return this.#looksLeft > 0 ? free : undefined;
  }

  rank(): Rank | undefined {
    const free = this.#free;
    if (free === undefined) return undefined;
    const suspect = this.#asksSuspects ? this.#line.rank(true, free > 0, this.#numberOf) : undefined;
    return suspect ?? this.#line.rank(false, free > 0, this.#numberOf);
  }

  startNext(): boolean {
    const free = this.#free;
    if (free === undefined) return false;
    const next = (this.#asksSuspects ? this.#line.take(true, free > 0) : undefined) ?? this.#line.take(false, free > 0);
    if (!next) return false;
    if (next.priority < this.#ports.window.knownDownTo && !next.suspect) {
      this.#line.push(next, true);
      return false;
    }
    this.#asksSuspects &&= next.suspect;
    const job = this.#stillDue(next);
    if (!job || this.#previous.keep(next, job.spec, this.#ledger.active.has(next.seq))) {
      // Another of its type or group may be due that has its turn: then the next turn looks at that first.
      if (this.#wantsMore()) this.#looksLeft = 0;
      return true;
    }
    const wait = this.#whyJobWaits(next, job);
    if (!wait) {
      this.#start(job, next);
      return true;
    }
    this.#line.push(next, true);
    this.#askAgainAt = wait.askAgainAt;
    this.#asksSuspects = false;
    return true;
  }

  wanted(): ReturnType<Starter['wanted']> {
    return this.#line.wanted(this.#free, this.#numberOf);
  }

  get askAgainAt(): number {
    return Math.min(this.#askAgainAt, this.#line.nextByRate);
  }

  turnSoon(): void {
    this.#ports.waker.soon();
  }

  readonly #numberOf = (seq: number): number => this.#ledger.numbers.of(seq);

  #whyJobWaits({ suspect }: WaitingJob, { state }: Job): Wait | undefined {
    if (!suspect) return undefined;
    return whySuspectWaits(state.interruptions, this.#places.trials.trials(this.#ports.clock.monotonic()));
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
    if (this.#expiry.expire(job, now)) return undefined;
    // An entry that repeats may be for the same instant as a retry since, which makes it a suspect: it waits among those.
    return suspect || !this.#careful.isSuspect(seq, job.state) ? job : undefined;
  }

  /**
   * Starts an attempt. A suspect leaves for its thread only when its record is on disk: a crash must find it counted. Should the
   * disk refuse that, all of it is taken back.
   */
  #start(job: Job, waiting: WaitingJob): void {
    this.#line.occupy(waiting, waiting.suspect);
    this.#previous.began(job.spec);
    if (waiting.suspect) return this.#startOnRecord(job);
    const now = this.#ports.clock.now();
    this.#leave(this.#ledger.startAttempt(job, now), job, now);
  }

  /**
   * An attempt leaves for its thread.
   *
   * @param job as it was when it was due
   */
  #leave(started: Job, job: Job, now: number): void {
    const { pool, traces, telemetry } = this.#ports;
    const attempt = attemptOf(started, this.#alone.has(started.spec.seq), this.#ledger.numbers);
    pool.dispatch(traces === undefined ? attempt : traced(attempt, job, now, traces));
    telemetry.attemptStarted(job.spec.name, now - job.state.due);
  }

  #startOnRecord(job: Job): void {
    const [places, { clock }] = [this.#places, this.#ports];
    const { seq, name } = job.spec;
    const number = this.#numberOf(seq);
    places.trials.began(number, job.state, clock.monotonic());
    places.beingWritten++;
    const written = {
      written: () => {
        places.beingWritten--;
        this.#line.left(name);
        this.#leave(started, job, clock.now());
      },
      lost: () => {
        places.beingWritten--;
        places.trials.withdrew(number);
        this.#line.left(name);
        this.#vacate(job.spec);
      },
    };
    const started = this.#ledger.startAttempt(job, clock.now(), written);
  }

  /** The place of an attempt is free again, and so is its key. */
  #vacate(spec: JobSpec): void {
    this.#line.vacate(spec);
    for (const next of this.#previous.ended(spec)) this.#line.push(next);
  }

  /** An attempt that an owner before has started runs on, and has its place. */
  resumed(spec: JobSpec): void {
    this.#line.resumed(spec);
    this.#previous.began(spec);
  }

  /** Nothing of this shard starts any more, and its attempts have places until they end, if at all. What was being written is lost already. */
  abandon(runs: (seq: number) => boolean): void {
    for (const { spec } of this.#ledger.active.values()) {
      this.#places.trials.withdrew(this.#numberOf(spec.seq));
      this.#line.abandon(spec, runs(spec.seq) ? this.#numberOf(spec.seq) : undefined);
    }
    this.#places.leave(this);
  }

  /** An attempt came to its end: its place is free again. */
  ended(outcome: Outcome, spec: JobSpec): void {
    const { jobSeq: seq, suspect } = outcome;
    if (outcome.kind !== 'interrupted' || outcome.begun) this.#alone.delete(seq);
    if (suspect && this.#ledger.state(seq)?.status === 'pending') this.#alone.add(seq);
    this.#places.trials.ended(this.#numberOf(seq));
    this.#ledger.endAttempt(seq);
    this.#vacate(spec);
  }
}
