/**
 * A life of nodes whose job types have limits: the real scheduler of each asks for places over the fake database, which refuses, is late
 * and loses answers. Nodes are killed, declared dead and come anew. Each start is looked at: no type, and no group of one, has more
 * attempts than it may, all nodes together, nor more starts in any stretch of its rate's span. In the end everything has run.
 */
import { DatabasePlaces } from '../../../src/cluster/database-places.js';
import { parseRate, type Rate } from '../../../src/domain/control/rate.js';
import type { Attempt, HandlerInfo } from '../../../src/pool/port.js';
import { Places } from '../../../src/scheduler/admission/places.js';
import type { RandomId } from '../../../src/store/postgres/database.js';
import { cancel } from '../../scheduler/worlds.js';
import { FakeClock } from '../../support/fake-clock.js';
import { anyHandler, World } from '../../support/world.js';
import { Random } from '../random.js';
import { FakeDatabase, type Faults, noFaults } from './fake-database.js';

export interface LimitsLifeOptions {
  readonly seed: number;
  readonly steps: number;
  /** A fault that the life must find. */
  readonly planted?: 'late_asks' | 'dead_too_early' | undefined;
}

export interface LimitsLifeEnd {
  readonly faults: readonly string[];
  readonly started: number;
  /** Starts at which a type had all that it may. */
  readonly full: number;
}

const faults: Faults = { plain: 30, slow: 15, refused: 1, lost: 1, gone: 1, late: 2 };
const rateOf = (text: string): Rate => parseRate(text) as Rate;
const handlers: readonly HandlerInfo[] = [
  anyHandler('three', { concurrency: 3 }),
  anyHandler('grouped', { concurrency: 5, groupConcurrency: 2 }),
  anyHandler('groups', { groupConcurrency: 1 }),
  anyHandler('rated', { rate: rateOf('20/2s') }),
  anyHandler('both', { concurrency: 2, rate: rateOf('40/1s') }),
  anyHandler('free'),
];
const groups = [undefined, 'x', 'y', 'z'];
/** Everything is to have run within this, by the clock, once the faults have ended: the rate alone takes most of it. */
const restWithin = 60_000;

interface Node {
  readonly id: RandomId;
  readonly world: World;
  readonly places: Places;
}

class Life {
  readonly #random: Random;
  readonly #clock = new FakeClock();
  readonly #fake: FakeDatabase;
  readonly #planted: LimitsLifeOptions['planted'];
  #nodes: Node[] = [];
  /** Killed, and not declared dead yet. */
  #killed: RandomId[] = [];
  readonly #starts = new Map<string, number[]>();
  readonly #faults: string[] = [];
  started = 0;
  full = 0;

  constructor({ seed, planted }: LimitsLifeOptions) {
    this.#random = new Random(seed);
    this.#planted = planted;
    this.#fake = new FakeDatabase({ random: this.#random, faults, now: () => this.#clock.wall });
    this.#fake.lateChance = 0.02;
    if (planted === 'late_asks') this.#fake.tables.checksAsks = false;
    for (let count = this.#random.between(2, 4); count > 0; count--) this.#start();
  }

  async live({ steps }: LimitsLifeOptions): Promise<LimitsLifeEnd> {
    for (let step = 0; step < steps && this.#faults.length === 0; step++) {
      this.#step();
      await turn();
      this.#settle();
    }
    if (this.#faults.length === 0) await this.#rest();
    const { started, full } = this;
    return { faults: this.#faults, started, full };
  }

  /** A node begins; `former`: on the bytes of one that was. */
  #start(former?: World): void {
    const id = this.#fake.randomId();
    const keeper = new DatabasePlaces({
      database: this.#fake.of(id),
      self: () => id,
      isFree: (to, type) => this.#isFree(to, type),
    });
    const places = new Places({ keeper, clock: () => this.#clock.monotonic() });
    this.#fake.tables.join({ node: id, address: 'http://node', format: 1, leaving: false, facts: '{}' });
    const poolCapacity = this.#random.between(1, 8);
    const options = { places, poolCapacity, handlers, clock: this.#clock };
    const world = former ? former.crash(options) : new World(options);
    const node = { id, world, places };
    this.#nodes.push(node);
    world.pool.onDispatch = (attempt) => this.#begins(attempt);
    // What it began with has started before anybody looked.
    for (const attempt of world.pool.attempts.values()) this.#begins(attempt);
  }

  /** A node tells another, and may not get through. */
  #isFree(to: RandomId, type: string): void {
    if (this.#random.chance(0.3)) return;
    void turn().then(() => this.#nodes.find(({ id }) => id === to)?.places.freed([type]));
  }

  #step(): void {
    const random = this.#random;
    const node = random.pick(this.#nodes);
    const what = random.weighted({
      create: 10,
      end: 30,
      database: 60,
      time: 20,
      long: 1,
      kill: 0.3,
      bury: 2,
      cut: 0.5,
      cancel: 1,
    });
    switch (what) {
      case 'create':
        return this.#create(node);
      case 'end':
        return this.#end(node);
      case 'database':
        this.#fake.step();
        return;
      case 'time':
        return this.#clock.advance(random.between(0, 20));
      case 'long':
        return this.#clock.advance(random.between(100, 1_500));
      case 'kill':
        return this.#kill(node);
      case 'bury':
        return this.#bury();
      case 'cut':
        return this.#fake.holdUp(node.id);
      case 'cancel':
        return this.#cancel(node);
      default:
        what satisfies never;
    }
  }

  #create({ world }: Node): void {
    const random = this.#random;
    const { name } = random.pick(handlers);
    const group = random.pick(groups);
    for (let count = random.between(1, 6); count > 0; count--)
      world.create({ name, priority: random.between(0, 2), ...(group !== undefined && { group }) });
  }

  #end({ world }: Node): void {
    const running = [...world.pool.attempts.keys()];
    if (running.length > 0) world.end(this.#random.pick(running));
  }

  #cancel({ world }: Node): void {
    const seq = this.#random.between(1, Math.max(1, world.scheduler.counters.nextSeq - 1));
    const state = world.memtable.state(seq);
    if (state?.status === 'pending') cancel(world, seq);
  }

  /** What ran there has ended with it. Others learn of that later, and count what it had until then. */
  #kill(node: Node): void {
    this.#nodes = this.#nodes.filter((other) => other !== node);
    if (this.#random.chance(0.5)) this.#fake.holdUp(node.id);
    this.#killed.push(node.id);
    if (this.#planted === 'dead_too_early') this.#declareDead(this.#random.pick(this.#nodes.map(({ id }) => id)));
    this.#start(node.world);
  }

  #bury(): void {
    const id = this.#killed.shift();
    if (id !== undefined) this.#declareDead(id);
  }

  #declareDead(id: RandomId | undefined): void {
    const { tables } = this.#fake;
    const row = tables.nodes().find(({ node }) => node === id);
    if (row) tables.declareDead(row.node, row.beat);
  }

  #settle(): void {
    for (const { world } of this.#nodes) world.settle();
  }

  #begins({ name, jobSeq }: Attempt): void {
    this.started++;
    const {
      concurrency,
      groupConcurrency = Number.POSITIVE_INFINITY,
      rate,
    } = handlers.find((one) => one.name === name)!;
    const running = this.#nodes.flatMap(({ world }) =>
      [...world.pool.attempts.values()]
        .filter((attempt) => attempt.name === name)
        .map((attempt) => ({ world, attempt })),
    );
    if (running.length === concurrency) this.full++;
    if (running.length > concurrency) this.#faults.push(`${running.length} attempts of ${name}`);
    const counts = new Map<string | undefined, number>();
    for (const { world, attempt } of running) {
      const group = world.memtable.spec(attempt.jobSeq)?.group;
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    for (const [group, count] of counts)
      if (count > groupConcurrency) this.#faults.push(`${count} attempts of ${name} in group ${group}`);
    if (rate) this.#checkRate(name, rate, jobSeq);
  }

  #checkRate(name: string, { starts, spanMs }: Rate, seq: number): void {
    const now = this.#clock.monotonic();
    const times = [...(this.#starts.get(name) ?? []), now].filter((at) => at > now - spanMs);
    this.#starts.set(name, times);
    if (times.length > starts) this.#faults.push(`job ${seq} is the ${times.length}th of ${name} in ${spanMs} ms`);
  }

  /** No more faults: everything runs to its end. */
  async #rest(): Promise<void> {
    this.#fake.faults = noFaults;
    this.#fake.lateChance = 1;
    while (this.#killed.length > 0) this.#bury();
    const until = this.#clock.monotonic() + restWithin;
    while (this.#faults.length === 0) {
      for (const node of this.#nodes) this.#end(node);
      while (this.#fake.step()) await turn();
      await turn();
      this.#settle();
      if (this.#nodes.every(({ world }) => world.sets.count('pending') + world.sets.count('running') === 0)) return;
      if (this.#clock.monotonic() > until) break;
      this.#clock.advance(10);
    }
    for (const { world } of this.#nodes) {
      const left = [...world.sets.each('pending')].map((seq) => world.memtable.spec(seq)?.name);
      if (left.length > 0) this.#faults.push(`jobs have not run: ${left.join(', ')}`);
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lives one life. */
export function liveWithLimits(options: LimitsLifeOptions): Promise<LimitsLifeEnd> {
  return new Life(options).live(options);
}
