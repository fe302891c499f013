/**
 * One simulated life of the server: clients, time, the disk and the pool do what the seed says, in any order, and after
 * every step the invariants must hold. Each step draws from a random source of its own, so that a life can be told with
 * some of its steps left out.
 */
import type { Attempt, HandlerInfo, Outcome } from '../../src/pool/port.js';
import { FakeClock } from '../support/fake-clock.js';
import { anyHandler, World } from '../support/world.js';
import { Attendant, Crash } from './attendant.js';
import { SimulatedBulks } from './bulks.js';
import { Clients } from './clients.js';
import { manyNames, names } from './drafts.js';
import { must } from './event-replay.js';
import { FaultyDisk } from './faulty-disk.js';
import { everything, Invariants } from './invariants.js';
import { anyLimits, noLimits } from './limits.js';
import { SimulatedLines } from './lines.js';
import { anyOutcome } from './outcomes.js';
import { Promised } from './promised.js';
import { Random } from './random.js';
import { weights } from './weights.js';

/** In each step. */
const reloadChance = 0.02;
const limitChance = 0.06;

/** Some starts lack one, and some readings anew: its jobs must wait then. */
const sometimesMissing = 'other';
const allHandlers = [
  anyHandler('noop', { retryDelayMs: 200 }),
  anyHandler('limited', { concurrency: 1 }),
  ...[sometimesMissing, 'killer', ...manyNames].map((name) => anyHandler(name)),
];

export interface Life {
  readonly seed: number;
  readonly steps: number;
  /** Only these of the steps, in order; absent: all. */
  readonly only?: readonly number[];
}

export class Simulation {
  /** What happened, a line each. */
  readonly trace: string[] = [];
  /** The step that was begun last; `steps` once the world is brought to rest. */
  step = 0;
  #random: Random;
  readonly #promised: Promised;
  readonly #clock = new FakeClock();
  readonly #attendant: Attendant;
  readonly #clients: Clients;
  #world: World;
  readonly #bulks: SimulatedBulks;
  readonly #lines: SimulatedLines;
  #invariants!: Invariants;
  readonly #disk = new FaultyDisk();
  #lastResult = 0;
  /** Jobs have groups, and types are given limits. */
  readonly #limits: boolean;
  #resting = false;
  /** Whether, in the rest at the end, there may still be jobs that go on for ever. */
  #repeats = true;
  /** Whether there may still be pauses then. */
  #pauses = true;

  constructor(readonly life: Life) {
    const random = new Random(life.seed);
    this.#random = random;
    const retains = random.chance(0.3);
    const fields = Random.ofStep(life.seed, 3_000_000).chance(0.4);
    const keys = Random.ofStep(life.seed, 3_000_001).chance(0.4);
    this.#limits = Random.ofStep(life.seed, 6_000_000).chance(0.4);
    const habits = {
      kills: random.chance(0.15),
      manyTypes: random.chance(0.08),
      fields,
      keys,
      limits: this.#limits,
      seed: life.seed,
    };
    this.#promised = new Promised(names, retains, fields);
    const windowCapacity = random.pick([4, 16, 1000]);
    this.#bulks = new SimulatedBulks(() => this.#world);
    const note = (what: string): void => this.#note(what);
    this.#attendant = new Attendant(this.#promised, this.#bulks, note, windowCapacity === 1000);
    this.#lines = new SimulatedLines(life.seed);
    this.#clients = new Clients(this.#promised, habits, () => this.#world);
    this.#world = new World({
      clock: this.#clock,
      handlers: allHandlers,
      windowCapacity,
      mergeRows: random.pick([1, 5, 20]),
      poolCapacity: random.pick([1, 3, 8]),
      // By the seed, so that all else in a life is as it was without.
      ...(life.seed % 10 === 7 && { ownPlaces: { noop: 2 } }),
      lags: random.chance(0.5),
      requestedJobsPerTurn: random.pick([1, 3, 1000]),
      looksPerTurn: Random.ofStep(life.seed, 3_000_002).pick([1, 5, 512]),
      ...(retains && { retainJobs: 3, retentionMs: 3000 }),
      ...this.#lines.options,
    });
    this.#attend();
  }

  /** Lives the whole life. Throws at the first step after which something does not hold. */
  run(): void {
    const { seed, steps, only = Array.from({ length: steps }, (_, i) => i) } = this.life;
    for (this.step of only) {
      this.#random = Random.ofStep(seed, this.step);
      const what = this.#random.weighted(weights);
      this.#note(what);
      this.#survive(() => this.#perhapsReload());
      this.#survive(() => this.#bulks.perhapsAsk(Random.ofStep(seed, 5_000_000 + this.step)));
      this.#survive(() => this.#perhapsLimit());
      this.#survive(() => this.#act(what));
      this.#invariants.check();
      this.#lines.check(this.#world);
      this.#attendant.readClock(this.#world);
    }
    this.step = steps;
    this.#random = Random.ofStep(seed, -1);
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

  /** Now and then the handlers are read anew. Drawn from a source of its own, so that all else in a life stays as it was without. */
  #perhapsReload(): void {
    const random = Random.ofStep(this.life.seed, -2 - this.step);
    if (!random.chance(reloadChance)) return;
    this.#note('reload');
    this.#world.replaceHandlers(this.#handlers(random));
  }

  /** Now and then a type is given limits, which are drawn in the same way. */
  #perhapsLimit(): void {
    if (!this.#limits) return;
    const random = Random.ofStep(this.life.seed, -2_000_000 - this.step);
    if (!random.chance(limitChance)) return;
    this.#note('limit');
    this.#clients.limit(random.pick(['noop', sometimesMissing]), random.chance(0.3) ? noLimits : anyLimits(random));
  }

  #act(what: keyof typeof weights): void {
    const random = this.#random;
    switch (what) {
      case 'create':
      case 'createMany':
        return this.#clients[what](random);
      case 'update':
      case 'cancel':
      case 'retry':
      case 'pause':
      case 'resume':
      case 'run':
      case 'remove':
        return this.#clients.command(what, random);
      case 'pauseType':
      case 'resumeType':
      case 'pauseServer':
      case 'resumeServer':
        return this.#clients.hold(what, random);
      case 'turn':
        return this.#world.scheduler.turn();
      case 'store':
        for (let i = random.between(1, 4); i > 0; i--) {
          const { store } = this.#world;
          if (!(random.chance(0.2) ? store.ahead() : store.step())) return;
        }
        return;
      case 'settle':
        this.#world.settle();
        return this.#invariants.checkNothingWaits();
      case 'end':
        return this.#end();
      case 'stale':
        return this.#stale();
      case 'pass':
        this.#clock.advance(random.pick([1, 10, 100, 1000, 4000, 30_000]));
        this.#world.callBack();
        return this.#world.scheduler.turn();
      case 'crash':
        return this.#crash();
      case 'crashInWrite':
        return this.#disk.crashAfter(random.between(0, random.pick([3, 12, 60])));
      case 'crashAfterCommit':
        return this.#disk.crashAfterCommit(this.#world);
      case 'stop':
        return this.#stop();
      case 'diskFills':
        return this.#disk.fill();
      case 'diskEmpties':
        return this.#disk.empty();
      case 'diskRefusesOne':
        return this.#disk.refuseOne();
      case 'clockJumps':
        this.#promised.clockIsSet(this.#clock.wall);
        this.#clock.wall += random.pick([-3_600_000, 3_600_000, -70_000, 70_000, -1500, 1500]);
        this.#attendant.forgiven++;
        this.#promised.mayMiss = true;
        return;
      case 'processStands':
        this.#clock.stand(random.pick([1200, 5000, 60_000]));
        this.#promised.mayMiss = true;
        return this.#world.scheduler.turn();
      case 'clockErrs':
        return this.#clockErrs(random.pick([61_000, 70_000, 3_600_000]));
      default:
        what satisfies never;
    }
  }

  /** The clock is ahead for a moment, in which what runs ends, and is set right; soon the time comes that it had shown. */
  #clockErrs(byMs: number): void {
    // The server looks at the clock at least once a second: a jump before this one has been seen.
    this.#world.scheduler.turn();
    this.#promised.mayMiss = true;
    this.#attendant.forgiven++;
    this.#clock.wall += byMs;
    for (let round = 0; round < 3; round++) {
      this.#world.settle();
      for (const { jobSeq, fence } of [...this.#world.pool.attempts.values()]) {
        this.#report({ jobSeq, fence, durationMs: 1, kind: 'succeeded' });
      }
      this.#world.settle();
      this.#clock.advance(1000);
      this.#attendant.readClock(this.#world);
    }
    this.#promised.clockIsSet(this.#clock.wall);
    this.#clock.wall -= byMs;
    this.#world.settle();
    this.#clock.advance(byMs - 5000);
    this.#world.scheduler.turn();
  }

  // -- the pool --

  #end(): void {
    const attempt = this.#random.pick([...this.#world.pool.attempts.values()]);
    if (attempt) this.#lines.perhapsWrite(this.#world, attempt, this.step);
    if (attempt) this.#say(attempt);
    if (attempt) this.#report(anyOutcome(this.#random, attempt.jobSeq, attempt.fence, ++this.#lastResult));
  }

  /** Now and then an attempt says something of its progress. Drawn from a source of its own. */
  #say({ jobSeq, fence }: Attempt): void {
    const random = Random.ofStep(this.life.seed, 4_000_000 + this.step);
    if (!random.chance(0.4)) return;
    const progress = String(++this.#lastResult);
    const isRunning = this.#world.scheduler.state(jobSeq)?.status === 'running';
    this.#promised.says(jobSeq, fence, progress, isRunning);
    this.#world.scheduler.progress([{ jobSeq, fence, progress }]);
    if (random.chance(0.5)) this.#clock.advance(500);
    if (random.chance(0.5)) this.#world.settle();
  }

  #report(outcome: Outcome): void {
    this.#world.pool.attempts.delete(outcome.jobSeq);
    this.#promised.ended(outcome);
    this.#world.scheduler.outcomes([outcome]);
  }

  /** An outcome of an attempt that is not, or no longer, the job's. */
  #stale(): void {
    const known = [...this.#promised.jobs.keys()];
    if (known.length === 0) return;
    const jobSeq = this.#random.pick(known);
    const current = this.#world.pool.attempts.get(jobSeq)?.fence;
    this.#world.scheduler.outcomes([
      {
        jobSeq,
        fence: (current ?? 1) - 1,
        durationMs: 1,
        kind: 'succeeded',
        result: '"stale"',
        enqueued: [this.#staleChild()],
      },
    ]);
  }

  /** A job that must never be. */
  #staleChild(): string {
    const payload = `{"stale":${this.step}}`;
    this.#promised.refused.add(payload);
    return JSON.stringify({ name: 'noop', trigger: { kind: 'delay', delayMs: 0 }, isRepeat: false, payload });
  }

  // -- the process and its disk --

  #crash(): void {
    this.#disk.mend(this.#world);
    this.#invariants.checkDisk();
    this.#promised.crashed();
    // No record may say how long it ran.
    this.#promised.mayMiss = true;
    this.#world = this.#world.crash({ handlers: this.#handlers() });
    must(!this.#world.born.clean || this.#world.born.lastEvent === 0, 'a crash was taken for a stop in order');
    this.#attend();
    this.#lines.startedAnew(this.#world, false);
  }

  /** Stops in order and starts again. */
  #stop(): void {
    this.#disk.mend(this.#world);
    this.#attendant.forgiven++;
    this.#world.pass(300);
    this.#world = this.#world.restart({ handlers: this.#handlers() });
    this.#attend();
    this.#lines.startedAnew(this.#world, true);
    must(this.#world.born.clean, 'a stop in order was not remembered as one');
  }

  /** Of the next server, or of this one once they were read anew. */
  #handlers(random = this.#random): readonly HandlerInfo[] {
    const lacks = !this.#resting && random.chance(0.25);
    return allHandlers.filter(({ name }) => !(lacks && name === sometimesMissing));
  }

  /** Watches the pool and the disk of a new world. */
  #attend(): void {
    const world = this.#world;
    this.#invariants = new Invariants(world, this.#promised, this.#bulks);
    this.#disk.attend(world);
    this.#lines.attend(world);
    this.#attendant.attend(world);
  }

  // -- the end --

  /** Faults end, attempts succeed, time passes: everything that is due runs. */
  #rest(): void {
    this.#resting = true;
    const lacks = this.#world.handlers.length !== allHandlers.length;
    const how = this.#random.pick(lacks ? (['crash', 'stop'] as const) : (['crash', 'stop', 'stay'] as const));
    this.#note(`rest: ${how}`);
    if (how === 'crash') this.#crash();
    else if (how === 'stop') this.#survive(() => this.#stop());
    else this.#disk.mend(this.#world);
    if (how === 'stay') this.#survive(() => this.#world.pass(300));
    // A round of one thread may be one attempt.
    const rounds = 600 + 2 * this.#world.scheduler.counters.nextSeq;
    for (let round = 0; round < rounds && !this.#isQuiet(round); round++) this.#survive(() => this.#restRound());
    this.#world.settle();
    this.#bringLinesToDisk();
    this.#invariants.check();
    this.#invariants.checkNothingLeft();
    this.#bulks.checkEnded();
  }

  /** They are written after half a second, and once more a second after they were refused. */
  #bringLinesToDisk(): void {
    for (let round = 0; round < 3; round++) {
      this.#clock.advance(1000);
      this.#survive(() => this.#world.settle());
    }
    this.#lines.checkRest(this.#world);
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
    this.#pauses &&= this.#clients.resumeAll();
    this.#repeats &&= this.#clients.cancelRepeating();
    for (const [jobSeq, { fence }] of [...world.pool.attempts]) {
      this.#report({ jobSeq, fence, durationMs: 1, kind: 'succeeded' });
    }
    world.settle();
    this.#invariants.checkNothingWaits();
    if (world.pool.attempts.size > 0) return;
    const soonest = world.queries
      .list({ ...everything, filter: { statuses: ['pending'] } })
      .jobs.map((job) => job.state.due);
    if (soonest.length > 0) world.pass(Math.max(1, Math.min(...soonest) - this.#clock.now()));
  }

  #note(what: string): void {
    this.trace.push(`step ${this.step} @${this.#clock.wall % 1e8} ${what}`);
  }
}
