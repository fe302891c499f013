/**
 * A whole server without threads, sockets or real time: the real scheduler and store layout, on a fake clock, a store in
 * memory and a pool whose attempts end when the test says so. `crash` forgets all but the bytes written.
 */

import type { Clock } from '../../src/clock.js';
import { Refusal } from '../../src/domain/errors.js';
import type { JobEvent, TransientEvent } from '../../src/domain/events.js';
import type { Logger } from '../../src/log.js';
import type { Attempt, HandlerInfo, Outcome, Pool } from '../../src/pool/port.js';
import type { Places } from '../../src/scheduler/admission/places.js';
import type { Answer, JobDraft, Request } from '../../src/scheduler/messages.js';
import type { Scheduler } from '../../src/scheduler/scheduler.js';
import { makeShard, type ShardPorts } from '../../src/shard.js';
import { DamageLog } from '../../src/store/damage-log.js';
import type { TypeDictionary } from '../../src/store/format/type-dictionary.js';
import { Journal } from '../../src/store/log/journal.js';
import { JournaledLog } from '../../src/store/log/journaled-log.js';
import { KvLog, KvLogSource } from '../../src/store/log/kv-log.js';
import type { CommittedState } from '../../src/store/state/committed-state.js';
import type { CommittedStore } from '../../src/store/state/committed-store.js';
import type { JobLogs } from '../../src/store/state/job-logs.js';
import type { Memtable } from '../../src/store/state/memtable.js';
import type { StoreQueries } from '../../src/store/state/queries.js';
import { StoreEngine } from '../../src/store/trees/engine.js';
import type { JobSets } from '../../src/store/trees/job-sets.js';
import { noTelemetry, type Telemetry } from '../../src/telemetry/port.js';
import type { DueLanes } from '../../src/timer/lanes.js';
import type { Waker } from '../../src/timer/waker.js';
import { DiskBroken, DiskFull, KeyClaimed } from './disk-faults.js';
import { FakeClock } from './fake-clock.js';
import { InlineStore } from './inline-store.js';
import { MemoryKv } from './kv-memory.js';

export { DiskBroken, DiskFull, KeyClaimed };

export class FakePool implements Pool {
  capacity = 8;
  readonly attempts = new Map<number, Attempt>();
  readonly aborted: number[] = [];
  onDispatch: (attempt: Attempt) => void = () => {};

  /** Types with places of their own, and how many each has. */
  readonly ownPlaces: ReadonlyMap<string, number>;

  constructor(ownPlaces: Readonly<Record<string, number>> = {}) {
    this.ownPlaces = new Map(Object.entries(ownPlaces));
  }

  get free(): number {
    const shared = [...this.attempts.values()].filter(({ name }) => !this.ownPlaces.has(name));
    return this.capacity - shared.length;
  }
  get apart(): readonly string[] {
    return [...this.ownPlaces.keys()];
  }
  placesOf(name: string): number {
    return this.ownPlaces.get(name) ?? Number.POSITIVE_INFINITY;
  }

  dispatch(attempt: Attempt): void {
    if (this.attempts.has(attempt.jobSeq)) throw new Error(`job ${attempt.jobSeq} has two attempts running`);
    this.attempts.set(attempt.jobSeq, attempt);
    this.onDispatch(attempt);
  }
  flush(): void {}
  abort(jobSeq: number): void {
    this.aborted.push(jobSeq);
  }
}

const second = 1000;

class FakeWaker implements Waker {
  isSoon = false;
  instant = Number.POSITIVE_INFINITY;
  #armedAt = 0;
  #armedMonotonic = 0;
  constructor(readonly clock: Clock) {}
  soon(): void {
    this.isSoon = true;
  }
  at(instant: number): void {
    this.instant = instant;
    this.#armedAt = this.clock.now();
    this.#armedMonotonic = this.clock.monotonic();
  }
  /** Its instant has come, or the clock was set back; from a long sleep it wakes after a second. */
  get wakes(): boolean {
    const now = this.clock.now();
    if (this.isSoon || this.instant <= now) return true;
    const hasSlept = this.instant - now >= second && this.clock.monotonic() - this.#armedMonotonic >= second;
    return this.instant !== Number.POSITIVE_INFINITY && (now < this.#armedAt || hasSlept);
  }
}

export interface WorldOptions {
  readonly telemetry?: Telemetry;
  readonly handlers?: readonly HandlerInfo[];
  readonly retentionMs?: number;
  readonly retainJobs?: number;
  /** As of the others unless told. */
  readonly failedRetentionMs?: number;
  readonly retainFailed?: number;
  readonly timezone?: string;
  readonly windowCapacity?: number;
  readonly kv?: MemoryKv;
  readonly clock?: FakeClock;
  /** Changed rows that make a merge due. */
  readonly mergeRows?: number;
  /** What lines of handlers may take on disk; absent: none are kept. */
  readonly jobLogBytes?: number;
  /** What the store has done is told later, by a step of its own. */
  readonly lags?: boolean;
  /** Jobs that requests may name in one turn. */
  readonly requestedJobsPerTurn?: number;
  /** Jobs that are looked at in one turn after the clock was set back. */
  readonly looksPerTurn?: number;
  /** Attempts that the pool takes at once, 8 unless told. */
  readonly poolCapacity?: number;
  /** Types for which the pool has places of their own, and how many. */
  readonly ownPlaces?: Readonly<Record<string, number>>;
  /** Where other processes run attempts too. */
  readonly places?: Places;
}

/** An enqueued job that is refused; all others are drafts as JSON. */
export const unmakeable = 'unmakeable';

export const anyHandler = (name: string, more: Partial<HandlerInfo> = {}): HandlerInfo => ({
  name,
  description: '',
  concurrency: Number.POSITIVE_INFINITY,
  timeoutMs: 300_000,
  maxRetries: 3,
  retryDelayMs: 60_000,
  ...more,
});

export class World {
  readonly clock: FakeClock;
  readonly kv: MemoryKv;
  readonly waker: FakeWaker;
  readonly pool: FakePool;
  readonly store: InlineStore;
  readonly jobs: CommittedStore;
  readonly state: CommittedState;
  readonly window: DueLanes;
  readonly scheduler: Scheduler;
  readonly queries: StoreQueries;
  readonly jobLogs: JobLogs;
  /** What is to be called back, by when on the monotonic clock. */
  #timers: { readonly at: number; readonly step: () => void }[] = [];
  readonly events: JobEvent[] = [];
  readonly transient: TransientEvent[] = [];
  readonly fatal: string[] = [];
  /** What was logged, but for debug lines: level and message. */
  readonly logged: string[] = [];
  readonly damage = new DamageLog(this.#log());
  /** Present handlers. */
  handlers: readonly HandlerInfo[];
  /** When a type lost its handler while this server ran, Unix milliseconds. */
  readonly lostAt = new Map<string, number>();
  /** How this server began. */
  readonly born: {
    readonly clean: boolean;
    readonly at: number;
    readonly firstNewSeq: number;
    readonly lastEvent: number;
  };

  constructor(readonly options: WorldOptions = {}) {
    this.clock = options.clock ?? new FakeClock();
    this.waker = new FakeWaker(this.clock);
    this.handlers = options.handlers ?? [anyHandler('noop')];
    this.kv = options.kv ?? new MemoryKv();
    this.pool = new FakePool(options.ownPlaces);
    const log = new JournaledLog(new KvLog(this.kv), new Journal(this.kv.journal));
    const engine = new StoreEngine(this.kv, log);
    const { clean } = engine.open();
    this.store = new InlineStore(engine, options.lags);
    const ports: ShardPorts = {
      clock: this.clock,
      pool: this.pool,
      waker: this.waker,
      handlers: this.handlers,
      timezone: options.timezone ?? 'UTC',
      readEnqueued: (text) => {
        if (text === unmakeable) throw new Refusal('validation_failed', 'It cannot be made.');
        return JSON.parse(text) as JobDraft;
      },
      windowCapacity: options.windowCapacity,
      retention: {
        retentionMs: options.retentionMs ?? 7 * 86_400_000,
        retainJobs: options.retainJobs ?? 1_000_000,
        failedRetentionMs: options.failedRetentionMs ?? options.retentionMs ?? 30 * 86_400_000,
        retainFailed: options.retainFailed ?? options.retainJobs ?? 1_000_000,
      },
      ...(options.mergeRows !== undefined && {
        merge: { rows: options.mergeRows, detailBytes: 1e6, ageMs: Number.POSITIVE_INFINITY },
      }),
      ...(options.requestedJobsPerTurn !== undefined && { requestedJobsPerTurn: options.requestedJobsPerTurn }),
      looksPerTurn: options.looksPerTurn,
      places: options.places,
      ...(options.jobLogBytes !== undefined && {
        jobLogs: {
          maxBytes: options.jobLogBytes,
          later: (ms, step) => this.#timers.push({ at: this.clock.monotonic() + ms, step }),
        },
      }),
      log: this.#log(),
      telemetry: options.telemetry ?? noTelemetry,
      damage: this.damage,
      publish: (events) => this.events.push(...events),
      publishTransient: (event) => this.transient.push(event),
      takeStop: () => {
        const { stop } = this.clock;
        this.clock.stop = undefined;
        return stop;
      },
      fatal: (reason) => this.fatal.push(reason),
    };
    const shard = makeShard({ kv: this.kv, log: new KvLogSource(this.kv), storage: this.store, clean }, ports);
    this.state = shard.state;
    this.jobs = shard.store;
    this.window = shard.window;
    this.scheduler = shard.scheduler;
    this.queries = shard.queries;
    this.jobLogs = shard.jobLogs;
    this.store.events = this.jobs;
    const { nextSeq, lastEvent } = this.scheduler.counters;
    this.born = { clean, at: this.clock.now(), firstNewSeq: nextSeq, lastEvent };
    if (options.poolCapacity !== undefined) this.pool.capacity = options.poolCapacity;
    this.scheduler.recover();
    this.scheduler.turn();
  }

  get memtable(): Memtable {
    return this.state.memtable;
  }

  get sets(): JobSets {
    return this.state.sets;
  }

  get types(): TypeDictionary {
    return this.state.types;
  }

  /** The handlers are read anew. */
  replaceHandlers(handlers: readonly HandlerInfo[]): void {
    const names = new Set(handlers.map(({ name }) => name));
    for (const { name } of this.handlers) if (!names.has(name)) this.lostAt.set(name, this.clock.now());
    this.handlers = handlers;
    this.scheduler.replaceHandlers(handlers);
  }

  #log(): Logger {
    const at = (level: string) => (fields: object | string, message?: string) => {
      this.logged.push(`${level}: ${message ?? String(fields)}`);
    };
    return { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') };
  }

  /** A new server on the same bytes, as after a crash: what was only in memory is gone. */
  crash(options: WorldOptions = {}): World {
    this.state.dispose();
    return new World({ ...this.options, ...options, kv: this.kv, clock: this.clock });
  }

  /** Stops in order, as on SIGTERM with no grace, and starts again. */
  restart(options: WorldOptions = {}): World {
    this.scheduler.drain();
    const running = [...this.pool.attempts.values()];
    this.pool.attempts.clear();
    this.scheduler.outcomes(
      running.map(({ jobSeq, fence }) => ({ kind: 'interrupted', jobSeq, fence, durationMs: 1, begun: true })),
    );
    this.jobLogs.flush();
    this.settle();
    if (!this.scheduler.settled) throw new Error('the last changes could not be written');
    this.store.engine.markClean(true);
    return this.crash(options);
  }

  /** Works until nothing is left to do at the present instant. */
  settle(): void {
    for (let i = 0; i < 100_000; i++) {
      if (this.store.step() || this.callBack()) continue;
      if (!this.waker.wakes) return;
      this.waker.isSoon = false;
      this.waker.instant = Number.POSITIVE_INFINITY;
      this.scheduler.turn();
    }
    throw new Error('the world does not come to rest');
  }

  /** Calls back whom it is time for; false when that is nobody. */
  callBack(): boolean {
    const now = this.clock.monotonic();
    const due = this.#timers.filter(({ at }) => at <= now);
    this.#timers = this.#timers.filter(({ at }) => at > now);
    for (const { step } of due) step();
    return due.length > 0;
  }

  /** Lets time pass, stopping at each instant at which the scheduler wants to wake. */
  pass(ms: number): void {
    // By its own field: what sets the clock after so many readings counts those of the server.
    const until = this.clock.wall + ms;
    this.settle();
    while (this.waker.instant <= until) {
      this.clock.advance(Math.max(0, this.waker.instant - this.clock.wall));
      this.settle();
    }
    this.clock.advance(Math.max(0, until - this.clock.wall));
    this.settle();
  }

  ask(request: Request): Answer | undefined {
    let answer: Answer | undefined;
    this.scheduler.request(request, 100, (given) => {
      answer = given;
    });
    this.settle();
    return answer;
  }

  create(draft: Partial<JobDraft> = {}): Extract<Answer, { ok: true }> {
    const answer = this.ask({
      kind: 'create',
      draft: { name: 'noop', trigger: { kind: 'delay', delayMs: 0 }, isRepeat: false, payload: '{}', ...draft },
    });
    if (!answer?.ok) throw new Error(`not created: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Ends all running attempts with success, in one message; returns how many. */
  endAll(): number {
    const ended = [...this.pool.attempts.values()];
    this.pool.attempts.clear();
    this.scheduler.outcomes(ended.map(({ jobSeq, fence }) => ({ kind: 'succeeded', jobSeq, fence, durationMs: 1 })));
    this.settle();
    return ended.length;
  }

  /** Ends a running attempt. */
  end(jobSeq: number, outcome: Partial<Outcome> & { readonly kind: Outcome['kind'] } = { kind: 'succeeded' }): void {
    const attempt = this.pool.attempts.get(jobSeq);
    if (!attempt) throw new Error(`job ${jobSeq} has no attempt`);
    this.pool.attempts.delete(jobSeq);
    const failed = { name: 'Error', message: 'no', code: 'handler_error', retryable: true };
    const base = { jobSeq, fence: attempt.fence, durationMs: 5, begun: true };
    this.scheduler.outcomes([{ ...(outcome.kind === 'failed' ? failed : {}), ...base, ...outcome } as Outcome]);
    this.settle();
  }
}
