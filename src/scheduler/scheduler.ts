/**
 * The scheduler: the one actor that owns all job state. Its mailbox takes requests; the pool calls it with outcomes, the store
 * with what was written, and due times it takes from the window. It works in turns: decide the requests that wait, start what
 * is due, hand the batch to the store; when that is on disk, answer and publish. While one batch is written the next is
 * gathered.
 */
import type { BulkRecord } from '../domain/control/bulk.js';
import type { Settings } from '../domain/control/settings.js';
import type { Refusal } from '../domain/errors.js';
import type { Job, JobState } from '../domain/job.js';
import type { HandlerInfo, Outcome, ProgressReport } from '../pool/port.js';
import { ClaimedElsewhere, type Counters, type HeldName, type StoreEvents, UnreadableRecord } from '../store/port.js';
import { awaitPending } from '../timer/lanes.js';
import type { ShownWait } from './admission/admission.js';
import { Overtakes } from './admission/overtakes.js';
import type { LimitQueue } from './admission/waiting-line.js';
import { Attempts } from './attempts/attempts.js';
import { HandingOver } from './attempts/handing-over.js';
import { Recovery, wasGiven } from './attempts/recovery.js';
import { Bulks } from './bulk/bulks.js';
import { ClockSetBack } from './clock-set-back.js';
import { Dispatch } from './dispatch.js';
import { Downtime } from './downtime.js';
import { Ledger } from './ledger.js';
import { Mailbox, maxGathered } from './mailbox.js';
import { Merging } from './merging.js';
import type { Answer, Request, Requests } from './messages.js';
import { type Mode, Modes, maxFacts, maybeMade, movedAway, overloaded, storageUnavailable } from './modes.js';
import { asRefusal, type RequestContext } from './requests/context.js';
import { KeysInUse } from './requests/keys-in-use.js';
import { OthersNow } from './requests/other-shards.js';
import { Retention } from './retention.js';
import type { SchedulerPorts, SchedulerStart } from './scheduler-ports.js';
import { SignOfLife } from './sign-of-life.js';

/** Work of one kind in one turn; more waits for the next, so that I/O is not held up. */
const turnBudget = { refill: 1024, removals: 512 } as const;

/** Changed jobs that may wait to be merged before requests are refused. */
const maxUnmerged = 500_000;

/** See the head of this file. */
export class Scheduler implements Requests, StoreEvents {
  readonly #ports: SchedulerPorts;
  readonly #ledger: Ledger;
  readonly #handlers: Map<string, HandlerInfo>;
  readonly #dispatch: Dispatch;
  readonly #overtakes: Overtakes;
  readonly #retention: Retention;
  readonly #bulks: Bulks;
  readonly #downtime: Downtime;
  readonly #clockSetBack: ClockSetBack;
  readonly #signOfLife: SignOfLife;
  readonly #mailbox: Mailbox;
  readonly #attempts: Attempts;
  readonly #modes: Modes;
  readonly merging: Merging;
  readonly handingOver: HandingOver;
  readonly #recovery: Recovery;
  readonly #others: OthersNow;

  constructor(ports: SchedulerPorts, start: SchedulerStart) {
    this.#ports = ports;
    this.#others = new OthersNow(ports.others);
    this.#ledger = new Ledger(ports, start);
    if (ports.settings) this.#ledger.settings.apply(ports.settings);
    this.#mailbox = new Mailbox(ports.requestedJobsPerTurn);
    this.#handlers = new Map(ports.handlers.map((handler) => [handler.name, handler]));
    this.#downtime = new Downtime(
      ports.clock,
      {
        lastSeen: start.lastRecordAt,
        stretches: start.downtime,
        ranBefore: (now) => ports.store.aheadSince(now) ?? start.lastRecordAt,
      },
      ports.takeStop,
    );
    const clean = start.clean || wasGiven(start);
    this.#dispatch = new Dispatch(ports, this.#ledger, { handlers: this.#handlers, clean, downtime: this.#downtime });
    this.#overtakes = new Overtakes(ports, this.#ledger);
    this.#signOfLife = new SignOfLife(ports.clock, this.#dispatch);
    this.#retention = new Retention(ports, this.#ledger);
    this.#bulks = new Bulks(start.bulks, () => ports.clock.monotonic(), ports.requestedJobsPerTurn);
    this.#clockSetBack = new ClockSetBack(ports, this.#ledger);
    this.merging = new Merging(ports, this.#ledger);
    const parts = { ledger: this.#ledger, dispatch: this.#dispatch, clockSetBack: this.#clockSetBack };
    this.#attempts = new Attempts(ports, parts, (now) => this.#contextAt(now));
    this.handingOver = new HandingOver(ports, { ledger: this.#ledger, attempts: this.#attempts }, () => this.turn());
    this.#modes = new Modes({
      isCrowded: () => this.#ledger.filling.facts.length >= maxFacts,
      isRecovering: () => !this.recovered,
      isGiving: () => this.handingOver.isOn,
    });
    for (const setBack of [start.setBack, this.#downtime.setBackBefore(start.lastRecordAt)])
      if (setBack) this.#clockSetBack.begin(setBack);
    this.#ledger.keepDowntime(this.#downtime.takeNews());
    this.#recovery = new Recovery(ports, { ...parts, overtakes: this.#overtakes }, start);
  }

  /**
   * Takes up attempts that were running when the process ended. Call once, before the first turn: a write that is refused
   * has it done again. Clients should be let in when `recovered`, or they would see them running still.
   */
  recover(): void {
    this.#recovery.begin();
  }

  /** What `recover` found is on disk. */
  get recovered(): boolean {
    return this.#recovery.isDone;
  }

  // -- mailbox --

  request(request: Request, bytes: number, reply: (answer: Answer) => void): void {
    const refusal = this.refusing();
    if (refusal) return reply({ ok: false, refusal });
    this.#mailbox.push(request, bytes, reply);
    this.#ports.waker.soon();
  }

  refusing(): Refusal | undefined {
    const isFull = this.#mailbox.isFull || this.#ports.store.changed >= maxUnmerged;
    return this.mode.refusal ?? (isFull ? overloaded : undefined);
  }

  waitingFor(job: Job): ShownWait | undefined {
    return this.#dispatch.waitingFor(job);
  }

  /** Names that are in use here. */
  get keys(): KeysInUse {
    return new KeysInUse(this.#contextAt(this.#ports.clock.now()));
  }

  /** A batch is being written: what comes now waits for the next. */
  get isWriting(): boolean {
    return this.#ledger.writing;
  }

  get bulks(): readonly BulkRecord[] {
    return this.#bulks.list();
  }

  get settings(): Settings {
    return this.#ledger.settings.onDisk;
  }

  /** See `Dispatch`. */
  readonly firstDue = (): Iterable<readonly [name: string, due: number]> => this.#dispatch.firstDue();

  /** See `Dispatch`. */
  readonly queues = (): Iterable<LimitQueue> => this.#dispatch.queues();

  /** From now on these are the handlers. Jobs of a type that has none any more wait; jobs keep the defaults that they were made with. */
  replaceHandlers(handlers: readonly HandlerInfo[]): void {
    this.#handlers.clear();
    for (const handler of handlers) this.#handlers.set(handler.name, handler);
    this.#dispatch.handlersChanged();
    this.turn();
  }

  /** From now on this is set for the whole cluster; a turn is to come. @param over called when what was decided before has begun */
  apply(settings: Settings, over: () => void): void {
    this.#ledger.settings.apply(settings);
    this.#ledger.answerAfterAll(() => over(), { ok: true, jobs: [], replayed: false });
  }

  /** What running attempts say of their progress, as the pool reports it. */
  progress(reports: readonly ProgressReport[]): void {
    this.#attempts.progress(reports);
    this.#sleep();
  }

  progressOf(job: Job): string | undefined {
    return this.#attempts.progressOf(job);
  }

  /** Outcomes of attempts, as the pool reports them. */
  outcomes(outcomes: readonly Outcome[]): void {
    if (this.handingOver.holds) return this.handingOver.hold(outcomes);
    this.#observeClock();
    const now = this.#ports.clock.now();
    this.#attempts.outcomes(outcomes, now);
    this.turn();
  }

  committed(): void {
    const batch = this.#ledger.committedOne();
    this.#others.written();
    if (this.#modes.written()) this.#ports.log.info('changes can be stored again');
    for (const { job, removed } of batch.touched.values()) {
      this.#dispatch.changed(job.spec);
      if (!removed) this.#awaitTime(job);
    }
    batch.written();
    // The next batch goes out before the answers of this one: the disk works while they are written.
    if (!this.handingOver.written()) this.turn();
    batch.giveAnswers();
    if (batch.events.length > 0) this.#ports.publish(batch.events);
  }

  failed({ message: reason, broken }: { readonly message: string; readonly broken: boolean }): void {
    if (broken) return this.#ports.fatal(reason);
    if (this.#modes.writeRefused(this.#ports.clock.monotonic()))
      this.#ports.log.error({ reason }, 'no change can be stored: nothing is accepted or started until it can');
    this.#decideAgain(storageUnavailable);
  }

  claimed(by: readonly HeldName[]): void {
    this.#others.during(by, () => this.#decideAgain(new ClaimedElsewhere(by)));
  }

  /** Neither what was to be written nor what was gathered since is on disk. What has happened is entered anew, what was asked for is refused. */
  #decideAgain(refusal: Refusal): void {
    const { facts, jobs } = this.#ledger.lost(refusal);
    this.#attempts.lost();
    this.#mailbox.startOver();
    if (!this.recovered) this.recover();
    this.#attempts.outcomes(this.handingOver.refused(), this.#ports.clock.now());
    for (const fact of facts) this.#attempts.decideAgain(fact);
    for (const seq of jobs) {
      // What was decided again comes to the window with its commit.
      if (this.#ledger.filling.touched.has(seq)) continue;
      const job = this.#ledger.unlessUnreadable(seq, () => this.#ledger.lookup(seq));
      if (job) this.#awaitTime(job);
    }
    this.turn();
  }

  /** The window has a job that is pending on disk, if time is to do something about it. */
  #awaitTime(job: Job): void {
    if (job.state.status === 'running') this.#overtakes.await(job);
    awaitPending(this.#ports.window, job);
  }

  merged(position: number): void {
    this.#ports.log.debug({ position }, 'the trees were brought up to date');
    this.#ports.window.mergeEnded();
    this.turn();
  }

  /** Stops accepting and starting; what runs goes on. */
  drain(): void {
    this.#modes.drain();
    this.#signOfLife.wantLast();
    this.turn();
  }

  /** The shard is another node's by now: who waits is refused, and the places of its attempts are free. It is not to be called any more. */
  abandon(runs: (seq: number) => boolean = () => true): void {
    this.#modes.drain();
    this.#mailbox.refuse(movedAway);
    this.#ledger.lost(maybeMade);
    this.#dispatch.abandon(runs);
    this.handingOver.refused();
  }

  /** What it does at present, and what that permits. */
  get mode(): Mode {
    return this.#modes.current;
  }

  /** Totals, and the numbers that were given last, as they are on disk. */
  get counters(): Counters {
    return this.#ledger.committed;
  }

  /** A job's state as it was decided last, on disk or not; undefined when there is no such job. @throws DamagedRecord */
  readonly state = (seq: number): JobState | undefined => this.#ledger.state(seq);

  /** Attempts in the pool. */
  get runningAttempts(): number {
    return this.#ledger.active.size;
  }

  /** Whether a job has an attempt in the pool. */
  isRunning(seq: number): boolean {
    return this.#ledger.active.has(seq);
  }

  /** Nothing is left to be decided or written. */
  get settled(): boolean {
    return this.#mailbox.isEmpty && this.#attempts.settled && this.#ledger.settled;
  }

  // -- turns --

  turn(): void {
    this.#observeClock();
    this.#decideRequests();
    if (this.mode.writes === 'at_once' || !this.#attempts.settled) this.#attempts.decide(() => this.#mayMake);
    const { starts, expires, refills } = this.mode;
    if (expires) this.#dispatch.expireDue();
    if (starts) {
      this.#clockSetBack.sweep(this.#ports.clock.now());
      this.#overtakes.overtakeDue();
      this.#dispatch.takeDue();
    }
    this.#dispatch.startWaiting(starts);
    if (starts) this.#retention.sweep(this.#ports.clock.now(), turnBudget.removals);
    if (starts && !this.#hasGathered && !this.#mailbox.isHalfway)
      this.#bulks.step(this.#contextAt(this.#ports.clock.now()));
    this.#ports.pool.flush();
    if (this.#ports.window.wantsRefill && refills) this.#refill();
    this.merging.beginIfDue((priority) => this.#dispatch.earliestOf(priority));
    this.#write();
    this.#sleep();
  }

  #observeClock(): void {
    const setBack = this.#downtime.observe();
    this.#ledger.keepDowntime(this.#downtime.takeNews());
    if (!setBack) return;
    this.#clockSetBack.begin(setBack);
    this.#signOfLife.clockWasSetBack();
  }

  /** No more requests are decided before the commit. */
  get #hasGathered(): boolean {
    return this.#ledger.filling.touched.size >= maxGathered;
  }

  /**
   * Whether jobs that were enqueued are made now: as with those that are asked for, there is a bound to what waits. Nor does one take
   * a key between the check of a list and the making of its jobs.
   */
  get #mayMake(): boolean {
    return !this.#hasGathered && !this.#mailbox.isHalfway && this.#ports.store.changed < maxUnmerged;
  }

  #decideRequests(): void {
    this.#mailbox.decide(
      this.#contextAt(this.#ports.clock.now()),
      () => this.#hasGathered,
      (error) => asRefusal(error, this.#ports.damage),
    );
  }

  #contextAt(now: number): RequestContext {
    const { timezone, store, pool } = this.#ports;
    const others = this.#others.now;
    return {
      ledger: this.#ledger,
      bulks: this.#bulks,
      handlers: this.#handlers,
      jobsOfType: (name) => store.jobsOfType(name) + others.jobsOfType(name),
      others,
      timezone,
      now,
      abort: ({ spec, state }) => pool.abort(spec.seq, state.fence, 'cancelled'),
      lookAtFirst: (seq) => this.#clockSetBack.lookAtFirst(seq, now),
    };
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
    const isTry = this.mode.writes === 'now_and_then';
    if (isTry && this.#ports.clock.monotonic() < this.#modes.nextWriteAt) return;
    if (this.handingOver.isOn && this.handingOver.commitLast(this.#mailbox.isEmpty)) return;
    const isSignDue = !this.#ledger.writing && this.#signOfLife.isDue;
    if (this.#ledger.commit(this.#ports.clock.now(), isTry || isSignDue)) this.#signOfLife.recorded();
  }

  #sleep(): void {
    const { waker, window, clock } = this.#ports;
    if (!this.#mailbox.isEmpty && (this.#mailbox.isHalfway || !this.#hasGathered)) return waker.soon();
    if (!this.#attempts.settled && this.#mayMake) return waker.soon();
    const { starts, writes } = this.mode;
    if (writes === 'now_and_then') {
      return waker.at(clock.now() + Math.max(1, this.#modes.nextWriteAt - clock.monotonic()));
    }
    // A batch is being written then, and its commit is the next turn.
    if (!starts) return waker.at(Number.POSITIVE_INFINITY);
    const hasMore = this.#retention.hasMore || this.#dispatch.hasMore || this.#clockSetBack.hasMore;
    if (window.wantsRefill || hasMore) return waker.soon();
    const signAt = this.#ledger.writing ? Number.POSITIVE_INFINITY : this.#signOfLife.nextAt;
    waker.at(
      Math.min(
        this.#dispatch.nextAt,
        this.#overtakes.nextAt,
        this.#retention.nextAt,
        this.merging.nextAt,
        this.#attempts.nextAt,
        signAt,
      ),
    );
  }
}
