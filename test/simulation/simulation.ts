/**
 * One simulated life of the server: clients, time, the disk and the pool do what the seed says, in any order, and after
 * every step the invariants must hold.
 */
import { formatId } from '../../src/domain/id.js';
import type { Outcome } from '../../src/pool/messages.js';
import type { JobDraft, Request, TriggerDraft } from '../../src/scheduler/messages.js';
import { anyHandler, DiskFull, FakeClock, World } from '../support/world.js';
import { checkInvariants, checkNothingLeft } from './invariants.js';
import { Promised } from './promised.js';
import { Random } from './random.js';

/** The process ends here, in the middle of a write. */
class Crash extends Error {}

const names = ['noop', 'limited', 'other'] as const;

const weights = {
  create: 12,
  update: 3,
  cancel: 3,
  retry: 2,
  turn: 8,
  store: 20,
  end: 16,
  stale: 1,
  pass: 10,
  crash: 1,
  crashInWrite: 1,
  diskFills: 0.5,
  diskEmpties: 3,
  clockJumps: 0.3,
};

export interface Life {
  readonly seed: number;
  readonly steps: number;
}

export class Simulation {
  readonly trace: string[] = [];
  readonly #random: Random;
  readonly #promised: Promised;
  readonly #clock = new FakeClock();
  #world: World;
  #full = false;
  /** Writes until the process ends; Infinity: it does not. */
  #writesLeft = Number.POSITIVE_INFINITY;

  constructor(readonly life: Life) {
    this.#random = new Random(life.seed);
    const retains = this.#random.chance(0.3);
    this.#promised = new Promised(names, { retains });
    this.#world = new World({
      clock: this.#clock,
      handlers: [
        anyHandler('noop', { retryDelayMs: 200 }),
        anyHandler('limited', { concurrency: 1 }),
        anyHandler('other'),
      ],
      windowCapacity: this.#random.pick([4, 16, 1000]),
      mergeRows: this.#random.pick([1, 5, 20]),
      ...(retains && { retainJobs: 3, retentionMs: 3000 }),
    });
    this.#attend();
  }

  /** Lives the whole life. Throws at the first step after which something does not hold. */
  run(): void {
    for (let i = 0; i < this.life.steps; i++) this.#step();
    this.#rest();
  }

  #step(): void {
    const what = this.#random.weighted(weights);
    this.#note(what);
    try {
      this.#act(what);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#note('crashed in a write');
      this.#crash();
    }
    checkInvariants(this.#world, this.#promised);
  }

  #act(what: keyof typeof weights): void {
    const random = this.#random;
    switch (what) {
      case 'create':
        return this.#create();
      case 'update':
      case 'cancel':
      case 'retry':
        return this.#command(what);
      case 'turn':
        return this.#world.scheduler.turn();
      case 'store':
        for (let i = random.between(1, 4); i > 0; i--) if (!this.#world.store.step()) return;
        return;
      case 'end':
        return this.#end();
      case 'stale':
        return this.#stale();
      case 'pass':
        this.#clock.advance(random.pick([1, 10, 100, 1000, 4000]));
        return this.#world.scheduler.turn();
      case 'crash':
        return this.#crash();
      case 'crashInWrite':
        this.#writesLeft = random.between(0, 12);
        return;
      case 'diskFills':
        this.#full = true;
        return;
      case 'diskEmpties':
        this.#full = false;
        return;
      case 'clockJumps':
        this.#clock.wall += random.pick([-3_600_000, 3_600_000, -1500, 1500]);
        return;
      default:
        what satisfies never;
    }
  }

  #create(): void {
    const random = this.#random;
    const trigger: TriggerDraft = random.pick<() => TriggerDraft>([
      () => ({ kind: 'delay', delayMs: random.pick([0, 1, 50, 500, 3000, 20_000, 3_000_000]) }),
      () => ({ kind: 'at', at: this.#clock.now() + random.between(-5000, 5000) }),
      () => ({ kind: 'cron', expression: random.pick(['* * * * * *', '*/3 * * * * *', '0 * * * * *']) }),
    ])();
    const isRepeat = trigger.kind !== 'at' && random.chance(0.3);
    const draft: JobDraft = {
      name: random.pick(names),
      trigger:
        isRepeat && trigger.kind === 'delay' ? { kind: 'delay', delayMs: Math.max(10, trigger.delayMs) } : trigger,
      isRepeat,
      payload: `{"n":${random.between(0, 1e6)}}`,
      maxRetries: random.between(0, 3),
      retryDelayMs: random.pick([0, 10, 1000]),
      misfire: random.pick(['run_once', 'skip']),
    };
    const key = random.chance(0.15) ? `key-${random.between(0, 5)}` : undefined;
    this.#ask({ kind: 'create', draft, ...(key && { idempotency: { key, digest: 'same' } }) }, key);
  }

  #ask(request: Request, key?: string): void {
    const world = this.#world;
    world.scheduler.request(request, 100, (answer) => {
      if (world !== this.#world || !answer.ok) return;
      const [job] = answer.jobs;
      if (!job) return;
      const { seq, idSeconds } = job.spec;
      const known = this.#promised.jobs.get(seq);
      if (request.kind === 'create') {
        const made = key === undefined ? undefined : this.#promised.keys.get(key);
        if (made !== undefined && made !== seq && !this.#promised.retains)
          throw new Error(`key ${key} made jobs ${made} and ${seq}`);
        if (key) this.#promised.keys.set(key, seq);
        if (!known) this.#promised.made(job, formatId(seq, idSeconds));
      }
      if (known && request.kind === 'update') known.payload = job.spec.payload;
      if (known && request.kind === 'cancel') known.cancelled = true;
    });
  }

  #command(kind: 'update' | 'cancel' | 'retry'): void {
    const random = this.#random;
    const known = [...this.#promised.jobs.values()];
    if (known.length === 0) return;
    const { id } = random.pick(known);
    if (kind !== 'update') return this.#ask({ kind, id });
    const trigger: TriggerDraft = { kind: 'delay', delayMs: random.pick([0, 100, 5000, 2_000_000]) };
    this.#ask({
      kind,
      id,
      patch: {
        ...(random.chance(0.6) && { trigger: { ...trigger, delayMs: trigger.delayMs + 10 } }),
        payload: `{"u":${random.between(0, 1e6)}}`,
      },
    });
  }

  #end(): void {
    const attempt = this.#random.pick([...this.#world.pool.attempts.values()]);
    if (!attempt) return;
    this.#world.pool.attempts.delete(attempt.jobSeq);
    this.#world.scheduler.outcomes([this.#outcome(attempt.jobSeq, attempt.lease)]);
  }

  #outcome(jobSeq: number, lease: number): Outcome {
    const random = this.#random;
    const base = { jobSeq, lease, durationMs: random.between(0, 100) };
    switch (random.weighted({ succeeded: 6, withResult: 1, failed: 3, final: 0.5, interrupted: 1, notBegun: 0.5 })) {
      case 'succeeded':
        return { ...base, kind: 'succeeded' };
      case 'withResult':
        return { ...base, kind: 'succeeded', result: '{"r":1}' };
      case 'failed':
        return { ...base, kind: 'failed', name: 'Error', message: 'no', code: 'handler_error', retryable: true };
      case 'final':
        return { ...base, kind: 'failed', name: 'Error', message: 'no', code: 'handler_error', retryable: false };
      case 'interrupted':
        return { ...base, kind: 'interrupted', begun: true, suspect: random.chance(0.3) };
      default:
        return { ...base, kind: 'interrupted', begun: false };
    }
  }

  /** An outcome of an attempt that is not, or no longer, the job's. */
  #stale(): void {
    const known = [...this.#promised.jobs.keys()];
    if (known.length === 0) return;
    const jobSeq = this.#random.pick(known);
    const current = this.#world.pool.attempts.get(jobSeq)?.lease;
    this.#world.scheduler.outcomes([{ jobSeq, lease: (current ?? 1) - 1, durationMs: 1, kind: 'succeeded' }]);
  }

  #crash(): void {
    this.#writesLeft = Number.POSITIVE_INFINITY;
    this.#full = false;
    this.#world.kv.beforeWrite = () => {};
    this.#world = this.#world.crash();
    this.#attend();
  }

  /** Watches the pool and the disk of a new world. */
  #attend(): void {
    const world = this.#world;
    world.pool.onDispatch = (attempt) => {
      this.#note(`dispatch ${attempt.jobSeq} lease ${attempt.lease}`);
      const known = this.#promised.jobs.get(attempt.jobSeq);
      if (known?.cancelled) throw new Error(`job ${attempt.jobSeq} was cancelled and runs`);
      if (!known && !world.memtable.job(attempt.jobSeq))
        throw new Error(`job ${attempt.jobSeq} runs and is not on disk`);
      const state = world.scheduler.ledger.state(attempt.jobSeq);
      // By the clock of the decision: it may have been set between that and the commit.
      const early = state ? state.due - state.startedAt : 0;
      if (early > 0) throw new Error(`job ${attempt.jobSeq} runs ${early} ms early`);
    };
    world.kv.beforeWrite = () => {
      if (this.#full) throw new DiskFull();
      if (--this.#writesLeft < 0) throw new Crash();
    };
  }

  /** Faults end, attempts succeed, time passes: everything that is due runs. */
  #rest(): void {
    this.#note('rest');
    this.#crash();
    for (let round = 0; round < 400; round++) {
      const world = this.#world;
      world.settle();
      for (const [seq, { lease }] of [...world.pool.attempts]) {
        world.pool.attempts.delete(seq);
        world.scheduler.outcomes([{ jobSeq: seq, lease, durationMs: 1, kind: 'succeeded' }]);
      }
      if (round === 0) for (const { id } of this.#promised.jobs.values()) this.#cancelRepeating(id);
      world.settle();
      if (world.pool.attempts.size > 0) continue;
      const soonest = world.queries
        .list({ status: 'pending', limit: 1000, offset: 0 })
        .jobs.map((job) => job.state.due);
      if (soonest.length === 0) break;
      this.#clock.advance(Math.max(1, Math.min(...soonest) - this.#clock.now()));
    }
    this.#world.settle();
    checkInvariants(this.#world, this.#promised);
    checkNothingLeft(this.#world);
  }

  #cancelRepeating(id: string): void {
    const job = this.#world.queries.get(id);
    if (job && job.spec.trigger.kind !== 'once') this.#ask({ kind: 'cancel', id });
  }

  #note(what: string): void {
    this.trace.push(`${this.trace.length} @${this.#clock.wall % 1e8} ${what}`);
  }
}
