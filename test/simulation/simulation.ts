/**
 * One simulated life of the server: clients, time, the disk and the pool do what the seed says, in any order, and after
 * every step the invariants must hold.
 */
import { formatId } from '../../src/domain/id.js';
import { isRepeating, type Job } from '../../src/domain/job.js';
import type { Outcome } from '../../src/pool/messages.js';
import type { Answer, JobDraft, Request, TriggerDraft } from '../../src/scheduler/messages.js';
import { anyHandler, DiskFull, FakeClock, World } from '../support/world.js';
import { Attendant, Crash } from './attendant.js';
import { Invariants } from './invariants.js';
import { Promised, type PromisedKey } from './promised.js';
import { Random } from './random.js';
import { must } from './story.js';

const names = ['noop', 'limited', 'other', 'killer'] as const;
/** More types than one slice of a merge saves sets of: some lives have jobs of each. */
const manyNames = Array.from({ length: 36 }, (_, i) => `type-${i}`);

const weights = {
  create: 12,
  createMany: 1,
  update: 3,
  cancel: 3,
  retry: 2,
  turn: 8,
  store: 20,
  settle: 2,
  end: 16,
  stale: 1,
  pass: 10,
  crash: 1,
  crashInWrite: 1,
  crashAfterCommit: 0.5,
  stop: 0.5,
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
  readonly #attendant: Attendant;
  #world: World;
  #invariants!: Invariants;
  #full = false;
  /** Writes until the process ends; Infinity: it does not. */
  #writesLeft = Number.POSITIVE_INFINITY;
  #lastPayload = 0;
  /** Some lives have jobs that end the process each time they run. */
  readonly #kills: boolean;
  readonly #manyTypes: boolean;

  constructor(readonly life: Life) {
    this.#random = new Random(life.seed);
    const random = this.#random;
    const retains = random.chance(0.3);
    this.#kills = random.chance(0.15);
    this.#manyTypes = random.chance(0.05);
    this.#promised = new Promised(names, retains);
    this.#attendant = new Attendant(this.#promised, (what) => this.#note(what));
    this.#world = new World({
      clock: this.#clock,
      handlers: [
        anyHandler('noop', { retryDelayMs: 200 }),
        anyHandler('limited', { concurrency: 1 }),
        anyHandler('other'),
      ],
      windowCapacity: random.pick([4, 16, 1000]),
      mergeRows: random.pick([1, 5, 20]),
      poolCapacity: random.pick([1, 3, 8]),
      ...(retains && { retainJobs: 3, retentionMs: 3000 }),
    });
    this.#attend();
  }

  /** Lives the whole life. Throws at the first step after which something does not hold. */
  run(): void {
    for (let i = 0; i < this.life.steps; i++) {
      const what = this.#random.weighted(weights);
      this.#note(what);
      this.#survive(() => this.#act(what));
      this.#invariants.check();
    }
    this.#rest();
    this.#world.sets.dispose();
  }

  /** Runs `act`; when the process ends in it, another takes its place. */
  #survive(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#note(error.message);
      this.#crash();
    }
  }

  #act(what: keyof typeof weights): void {
    const random = this.#random;
    switch (what) {
      case 'create':
        return this.#create();
      case 'createMany':
        return this.#createMany();
      case 'update':
      case 'cancel':
      case 'retry':
        return this.#command(what);
      case 'turn':
        return this.#world.scheduler.turn();
      case 'store':
        for (let i = random.between(1, 4); i > 0; i--) if (!this.#world.store.step()) return;
        return;
      case 'settle':
        this.#world.settle();
        return this.#invariants.checkNothingWaits();
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
      case 'crashAfterCommit':
        this.#world.store.afterCommit = () => {
          throw new Crash('crashed after a commit');
        };
        return;
      case 'stop':
        return this.#stop();
      case 'diskFills':
        this.#full = true;
        return;
      case 'diskEmpties':
        this.#full = false;
        return;
      case 'clockJumps':
        this.#clock.wall += random.pick([-3_600_000, 3_600_000, -1500, 1500]);
        this.#attendant.forgiven++;
        return;
      default:
        what satisfies never;
    }
  }

  // -- clients --

  #draft(): JobDraft {
    const random = this.#random;
    const payload = `{"n":${++this.#lastPayload}}`;
    if (this.#kills && random.chance(0.1)) {
      const trigger: TriggerDraft = { kind: 'delay', delayMs: random.pick([0, 500, 3000]) };
      return { name: 'killer', trigger, isRepeat: false, payload, maxRetries: 1, retryDelayMs: 500 };
    }
    const trigger: TriggerDraft = random.pick<() => TriggerDraft>([
      () => ({ kind: 'delay', delayMs: random.pick([0, 1, 50, 500, 3000, 20_000, 3_000_000]) }),
      () => ({ kind: 'at', at: this.#clock.now() + random.between(-5000, 5000) }),
      () => ({ kind: 'cron', expression: random.pick(['* * * * * *', '*/3 * * * * *', '0 * * * * *']) }),
    ])();
    const isRepeat = trigger.kind !== 'at' && random.chance(0.3);
    return {
      name: random.pick(names.slice(0, 3)),
      trigger:
        isRepeat && trigger.kind === 'delay' ? { kind: 'delay', delayMs: Math.max(10, trigger.delayMs) } : trigger,
      isRepeat,
      payload,
      maxRetries: random.between(0, 3),
      retryDelayMs: random.pick([0, 10, 1000]),
      misfire: random.pick(['run_once', 'skip']),
    };
  }

  #create(): void {
    const random = this.#random;
    const draft = this.#draft();
    const keyed = draft.name !== 'killer' && random.chance(0.15);
    const idempotency = { key: `key-${random.between(0, 5)}`, digest: random.pick(['a', 'a', 'a', 'b']) };
    if (!keyed) return this.#ask({ kind: 'create', draft }, (jobs) => this.#madeAll([draft], jobs), [draft.payload]);
    const { key, digest } = idempotency;
    const before = (): PromisedKey | undefined => this.#promised.keys.get(key);
    this.#ask(
      { kind: 'create', draft, idempotency },
      ([job], replayed) => {
        if (!job) throw new Error('no job in an answer');
        const known = before();
        const { seq } = job.spec;
        if (!this.#promised.retains && known) must(known.seq === seq, `key ${key} made jobs ${known.seq} and ${seq}`);
        if (known?.seq === seq) must(known.digest === digest, `key ${key} took another body for that of job ${seq}`);
        if (replayed) this.#promised.refused.add(draft.payload);
        else must(job.spec.payload === draft.payload, `key ${key} made a job of another body`);
        this.#promised.keys.set(key, { seq, digest });
        this.#promised.made(job);
      },
      [draft.payload],
      () => must(before()?.digest !== digest, `key ${key} was refused the body it was used with`),
    );
  }

  #createMany(): void {
    const drafts = this.#manyTypes
      ? manyNames.map((name): JobDraft => ({ ...this.#draft(), name }))
      : Array.from({ length: this.#random.between(0, 5) }, () => this.#draft());
    const payloads = drafts.map(({ payload }) => payload);
    this.#ask({ kind: 'createMany', drafts }, (jobs) => this.#madeAll(drafts, jobs), payloads);
  }

  #madeAll(drafts: readonly JobDraft[], jobs: readonly Job[]): void {
    const [asked, made] = [drafts.map(({ payload }) => payload).join(), jobs.map(({ spec }) => spec.payload).join()];
    must(asked === made, `asked for ${asked}, answered with ${made}`);
    for (const job of jobs) this.#promised.made(job);
  }

  #command(kind: 'update' | 'cancel' | 'retry'): void {
    const random = this.#random;
    const [seq, known] = random.pick([...this.#promised.jobs]) ?? [];
    if (seq === undefined || !known) return;
    const { id } = known;
    if (kind === 'cancel') {
      return this.#ask({ kind, id }, () => {
        known.cancelled = true;
        const { attempts, aborted } = this.#world.pool;
        must(!attempts.has(seq) || aborted.includes(seq), `job ${seq} was cancelled and its attempt not told`);
      });
    }
    if (this.#world.memtable.spec(seq)?.name === 'killer') return;
    if (kind === 'retry') return this.#ask({ kind, id }, () => {});
    const payload = `{"n":${++this.#lastPayload}}`;
    const trigger: TriggerDraft = { kind: 'delay', delayMs: 10 + random.pick([0, 100, 5000, 2_000_000]) };
    known.unanswered.add(payload);
    this.#ask(
      { kind, id, patch: { ...(random.chance(0.6) && { trigger }), payload } },
      () => {
        known.payload = payload;
        known.unanswered.clear();
      },
      [payload],
      () => known.unanswered.delete(payload),
    );
  }

  /** Sends a request. What is answered by a process that has ended since is not heard. */
  #ask(
    request: Request,
    done: (jobs: readonly Job[], replayed: boolean) => void,
    payloads: readonly string[] = [],
    conflict: () => void = () => {},
  ): void {
    const world = this.#world;
    let answers = 0;
    world.scheduler.request(request, 100, (answer: Answer) => {
      must(++answers === 1, `a ${request.kind} was answered twice`);
      if (world !== this.#world) return;
      if (answer.ok) return done(answer.jobs, answer.replayed);
      for (const payload of payloads) this.#promised.refused.add(payload);
      if (answer.refusal.code === 'conflict') conflict();
    });
  }

  // -- the pool --

  #end(): void {
    const attempt = this.#random.pick([...this.#world.pool.attempts.values()]);
    if (!attempt) return;
    this.#report(this.#outcome(attempt.jobSeq, attempt.lease));
  }

  #report(outcome: Outcome): void {
    this.#world.pool.attempts.delete(outcome.jobSeq);
    this.#promised.ended(outcome);
    this.#world.scheduler.outcomes([outcome]);
  }

  #outcome(jobSeq: number, lease: number): Outcome {
    const random = this.#random;
    const base = { jobSeq, lease, durationMs: random.between(0, 100) };
    const failed = {
      ...base,
      kind: 'failed',
      name: 'Error',
      message: `no ${jobSeq}/${lease}`,
      code: 'handler_error',
    } as const;
    switch (random.weighted({ succeeded: 5, withResult: 2, failed: 3, final: 0.5, interrupted: 1, notBegun: 0.5 })) {
      case 'succeeded':
        return { ...base, kind: 'succeeded' };
      case 'withResult':
        return { ...base, kind: 'succeeded', result: `{"r":${++this.#lastPayload}}` };
      case 'failed':
        return { ...failed, retryable: true };
      case 'final':
        return { ...failed, retryable: false };
      case 'interrupted':
        return { ...base, kind: 'interrupted', begun: true };
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
    this.#world.scheduler.outcomes([
      { jobSeq, lease: (current ?? 1) - 1, durationMs: 1, kind: 'succeeded', result: '"stale"' },
    ]);
  }

  // -- the process and its disk --

  #mend(): void {
    this.#writesLeft = Number.POSITIVE_INFINITY;
    this.#full = false;
    this.#world.kv.beforeWrite = () => {};
    this.#world.store.afterCommit = () => {};
  }

  #crash(): void {
    this.#mend();
    this.#invariants.checkDisk();
    this.#world = this.#world.crash();
    this.#attend();
  }

  /** Stops in order and starts again. */
  #stop(): void {
    this.#mend();
    this.#attendant.forgiven++;
    this.#world.pass(300);
    this.#world = this.#world.restart();
    this.#attend();
    must(this.#world.born.clean, 'a stop in order was not remembered as one');
  }

  /** Watches the pool and the disk of a new world. */
  #attend(): void {
    const world = this.#world;
    this.#invariants = new Invariants(world, this.#promised);
    this.#attendant.attend(world);
    world.kv.beforeWrite = () => {
      if (this.#full) throw new DiskFull();
      if (--this.#writesLeft < 0) throw new Crash('crashed in a write');
    };
  }

  // -- the end --

  /** Faults end, attempts succeed, time passes: everything that is due runs. */
  #rest(): void {
    const how = this.#random.pick(['crash', 'stop', 'stay'] as const);
    this.#note(`rest: ${how}`);
    if (how === 'crash') this.#crash();
    else if (how === 'stop') this.#survive(() => this.#stop());
    else this.#mend();
    if (how === 'stay') this.#survive(() => this.#world.pass(300));
    for (let round = 0; round < 600 && !this.#isQuiet(round); round++) this.#survive(() => this.#restRound());
    this.#world.settle();
    this.#invariants.check();
    this.#invariants.checkNothingLeft();
  }

  #isQuiet(round: number): boolean {
    return (
      round > 0 &&
      this.#world.pool.attempts.size === 0 &&
      this.#world.queries.totals().pending === 0 &&
      this.#world.scheduler.settled
    );
  }

  #restRound(): void {
    const world = this.#world;
    world.settle();
    this.#cancelRepeating();
    for (const [jobSeq, { lease }] of [...world.pool.attempts]) {
      this.#report({ jobSeq, lease, durationMs: 1, kind: 'succeeded' });
    }
    world.settle();
    if (world.pool.attempts.size > 0) return;
    const soonest = world.queries
      .list({ status: 'pending', limit: 10_000, offset: 0 })
      .jobs.map((job) => job.state.due);
    if (soonest.length > 0) world.pass(Math.max(1, Math.min(...soonest) - this.#clock.now()));
  }

  #cancelRepeating(): void {
    for (const { spec, state } of this.#world.queries.list({ limit: 10_000, offset: 0 }).jobs) {
      if (!isRepeating(spec) || state.status === 'cancelled') continue;
      this.#ask({ kind: 'cancel', id: formatId(spec.seq, spec.idSeconds) }, () => {});
    }
  }

  #note(what: string): void {
    this.trace.push(`${this.trace.length} @${this.#clock.wall % 1e8} ${what}`);
  }
}
