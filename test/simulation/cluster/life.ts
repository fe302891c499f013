/**
 * A life of a cluster: nodes with the real lease, members, taking and moving over the fake database, in an order that the seed chooses.
 * Machines stand still at any step, their clocks drift and are set, processes are killed, leave and come again, answers are lost, and the
 * database is away for a while. In the end the faults stop, and every shard must be open somewhere within a bounded time.
 */
import { ClusterNode } from '../../../src/cluster/leases/node.js';
import { BeginDeadline } from '../../../src/pool/shared/deadline.js';
import type { Database, LogRow, RandomId } from '../../../src/store/postgres/database.js';
import { Random } from '../random.js';
import { FakeDatabase, type Faults, noFaults } from './fake-database.js';
import { LifeChecks } from './life-checks.js';
import { SimulatedHost } from './simulated-host.js';
import { ask, DriftingClock, eachMethod, fromTheAnswer, Process, type Time } from './surroundings.js';

/** A fault that the simulation must find. */
export type Planted =
  | 'timer_flag'
  | 'early_position'
  | 'no_token_check'
  | 'from_the_answer'
  | 'same_timeline'
  | 'never_left';

export interface LifeOptions {
  readonly seed: number;
  readonly steps: number;
  readonly planted?: Planted | undefined;
}

/** What a life came to. */
export interface LifeEnd {
  /** What did not hold, a sentence each; empty when all did. */
  readonly faults: readonly string[];
  readonly begun: number;
  readonly taken: number;
  readonly given: number;
  readonly died: number;
  /** Shards whose loss of records was noticed by a beat. */
  readonly rewound: number;
  /** Shards that their owners have given up. */
  readonly left: number;
  /** From the end of the faults until every shard was open, in milliseconds of true time. */
  readonly restedMs: number;
}

/** A node that hears of nothing else for seconds is no use to anybody: most are carried out. */
const faults: Faults = { plain: 60, slow: 15, refused: 1, lost: 1, gone: 1, late: 1 };
const shardCount = 4;
/** So long a node that leaves waits for others to take its shards. */
const graceMs = 10_000;
/** What is late lingers: its node may be dead by then. */
const lateChance = 0.0003;
/** After the faults: 5 s until a node is found dead, and 30 s until one may be given shards, and loads, with clocks that drift. */
const restWithin = 60_000;

interface Machine {
  readonly process: Process;
  /** What its connections are known by. */
  readonly sessions: RandomId;
  readonly clock: DriftingClock;
  readonly deadline: BeginDeadline;
  readonly host: SimulatedHost;
  readonly node: ClusterNode;
  /** Planted: what a timer has set. */
  flag: boolean;
  /** It has stood still, and so many steps are its own when it goes on. */
  eager: number;
  /** Since when it leaves, by true time. */
  leavingSince: number | undefined;
}

class Life {
  readonly #random: Random;
  readonly #planted: Planted | undefined;
  readonly #time: Time = { now: 0 };
  readonly #fake: FakeDatabase;
  #machines: Machine[] = [];
  readonly #checks: LifeChecks;
  #awayUntil = 0;
  readonly counts = { begun: 0, taken: 0, given: 0, died: 0, rewound: 0, left: 0 };

  constructor({ seed, planted }: LifeOptions) {
    this.#random = new Random(seed);
    this.#planted = planted;
    this.#fake = new FakeDatabase({
      random: this.#random,
      shards: shardCount,
      faults: noFaults,
      now: () => Math.floor(1_700_000_000_000 + this.#time.now),
    });
    if (planted === 'no_token_check') this.#fake.tables.checksTokens = false;
    if (planted === 'same_timeline') this.#fake.tables.beginsTimelines = false;
    this.#checks = new LifeChecks({
      ...{ fake: this.#fake, time: this.#time, shards: shardCount },
      having: ({ shard, token }) =>
        this.#machines.find(({ node, process }) => process.runs && node.rowOf(shard)?.token === token),
    });
    for (let count = this.#random.between(2, 4); count > 0; count--) this.#start(undefined);
  }

  async live({ steps }: LifeOptions): Promise<LifeEnd> {
    this.#fake.faults = faults;
    this.#fake.lateChance = lateChance;
    for (let step = 0; step < steps && this.#checks.faults.length === 0; step++) {
      this.#step();
      await this.#turn();
    }
    const restedMs = this.#checks.faults.length === 0 ? await this.#rest() : 0;
    return { faults: this.#checks.faults, ...this.counts, restedMs };
  }

  #start(formerSelf: RandomId | undefined): void {
    const random = this.#random;
    const process = new Process(this.#time);
    const clock = new DriftingClock(this.#time, random);
    const deadline = new BeginDeadline();
    const early = new Map<number, readonly LogRow[]>();
    const sessions = this.#fake.randomId();
    const heard = process.hears(this.#fake.of(sessions));
    const database = this.#planted === 'early_position' ? this.#readingEarly(heard, early) : heard;
    const randomId = (): RandomId => this.#fake.randomId();
    const host = new SimulatedHost({
      ...{ database, random, randomId },
      opened: (row, log, begunAt) => this.#checks.opened(row, log, begunAt),
      told: (row, record) => this.#checks.tell(row, record),
      now: () => this.#time.now,
      begins: (shard, job, row) => {
        this.counts.begun++;
        this.#checks.begins(machine, shard, job, row);
      },
      mayBegin: () =>
        this.#planted === 'timer_flag' ? machine.flag : !deadline.hasPassed(clock.monotonic(), clock.now()),
      rowOf: (shard) => machine.node.rowOf(shard),
      refused: (shard, isRewound) => (isRewound ? machine.node.rewound(shard) : machine.node.refused(shard)),
      self: () => machine.node.node,
      living: () => new Set((machine.node.view?.nodes ?? []).filter(({ dead }) => !dead).map(({ node }) => node)),
      neverSaysSo: this.#planted === 'never_left',
      ...(this.#planted === 'early_position' && { early: (shard: number) => early.get(shard) }),
    });
    const machine: Machine = {
      ...{ process, sessions, clock, deadline, host, flag: false, eager: 0, leavingSince: undefined },
      node: new ClusterNode({
        ...{ database, clock, host, formerSelf, randomId, sessions, address: 'http://node', format: 1 },
        deadline: this.#planted === 'from_the_answer' ? fromTheAnswer(deadline, clock) : deadline,
        due: () => ({}),
        events: {
          resumed: () => {},
          ended: () => {
            this.counts.died++;
            host.given.clear();
          },
          lost: () => {},
          rewound: () => {
            this.counts.rewound++;
          },
          failed: () => {},
          left: () => {
            this.counts.left++;
          },
          declared: () => {},
        },
      }),
    };
    this.#machines.push(machine);
  }

  /** Planted: a taking reads the log as well, as its snapshot has it. */
  #readingEarly(database: Database, early: Map<number, readonly LogRow[]>): Database {
    return eachMethod((name, args) => {
      const shard = args[0] as number;
      const read = async (): Promise<void> => {
        early.set(shard, await this.#fake.of('none').recordsAfter(shard, 0, Number.POSITIVE_INFINITY));
      };
      if (name === 'take') read().catch(() => {});
      return ask(database, name, args);
    });
  }

  #step(): void {
    const random = this.#random;
    const awake = this.#machines.find(({ process, eager }) => process.runs && eager > 0);
    if (awake) return this.#wakeUp(awake);
    const machine = random.pick(this.#machines);
    const { process, clock, node, host } = machine;
    const what = random.weighted({
      time: 30,
      database: 50,
      tick: 40,
      hear: 20,
      main: 50,
      worker: 30,
      end: 30,
      forward: 6,
      pause: 0.15,
      pause_beating: this.#planted === 'from_the_answer' ? 2 : 0.5,
      kill: 0.1,
      kill_writing: this.#planted === 'early_position' || this.#planted === 'no_token_check' ? 8 : 1,
      leave: 0.1,
      away: 0.02,
      clock: 0.3,
      forget: 0.05,
      break: 0.2,
    });
    switch (what) {
      case 'time':
        return this.#pass(random.between(1, 120));
      case 'database':
        return this.#ask(random.between(1, 6));
      case 'tick':
        return this.#tick(machine);
      case 'hear':
        return process.hear();
      case 'main':
        if (process.runs) host.work();
        return;
      case 'worker':
        if (process.runs) host.begin();
        return;
      case 'end':
        if (process.runs) host.end();
        return;
      case 'forward':
        return this.#forward(machine);
      case 'pause':
        if (random.chance(0.5)) this.#fake.holdUp(machine.sessions);
        this.#checks.gone(machine);
        return process.pause(random.between(200, 12_000));
      case 'pause_beating':
        // The answer to its beat comes while it stands still.
        if (this.#fake.unexecuted(machine.sessions).includes('beat')) this.#standStill(machine);
        return;
      case 'kill':
        return this.#kill(machine);
      case 'kill_writing':
        // What it has sent last is carried out whenever the database likes.
        if (this.#fake.unexecuted(machine.sessions).some((sent) => sent.startsWith('append'))) this.#kill(machine);
        return;
      case 'leave':
        if (!process.runs || machine.leavingSince !== undefined) return;
        machine.leavingSince = this.#time.now;
        return node.leave();
      case 'away':
        this.#awayUntil = this.#time.now + random.between(500, 15_000);
        return;
      case 'forget':
        return this.#checks.forget(random.between(1, random.chance(0.5) ? 3 : 30));
      case 'break':
        return this.#break(machine);
      case 'clock':
        return clock.set(random.between(-3000, 3000));
      default:
        what satisfies never;
    }
  }

  /** A shard cannot be run here any more, or can be again. */
  #break(machine: Machine): void {
    const { host, node, process } = machine;
    if (!process.runs) return;
    const shard = this.#random.between(0, shardCount - 1);
    if (host.broken.delete(shard)) return;
    host.broken.add(shard);
    if (this.#planted === 'never_left') return;
    this.#checks.gone(machine, shard);
    node.giveUp(shard, 'it is broken here');
  }

  #pass(ms: number): void {
    this.#time.now += ms;
    for (const { process } of this.#machines) {
      process.giveUp();
      // Nobody stands between an answer and who waits for it for long, unless it stands still.
      if (this.#random.chance(0.3)) process.hear();
    }
  }

  /** The database carries some of what waits out, and what is written is looked at. */
  #ask(statements: number): void {
    if (this.#time.now < this.#awayUntil) return;
    for (let count = statements; count > 0; count--) {
      const before = this.#fake.tables.shards();
      if (!this.#fake.step()) return;
      const { taken, given } = this.#checks.look(before);
      this.counts.taken += taken;
      this.counts.given += given;
    }
  }

  #standStill(machine: Machine): void {
    this.#checks.gone(machine);
    machine.process.pause(this.#random.between(7000, 15_000));
    machine.eager = 9;
  }

  /** What has come meanwhile is heard first, and what is queued begins before any timer. */
  #wakeUp(machine: Machine): void {
    const { process, host } = machine;
    machine.eager--;
    if (machine.eager >= 6) process.hear();
    else if (machine.eager % 2 === 1) host.work();
    else host.begin();
  }

  #tick(machine: Machine): void {
    const { process, node, clock, deadline } = machine;
    if (!process.runs || process.isGone) return;
    machine.flag = !deadline.hasPassed(clock.monotonic(), clock.now());
    node.tick();
    const { leavingSince } = machine;
    if (leavingSince === undefined) return;
    if (node.isEmpty || this.#time.now - leavingSince > graceMs) this.#leave(machine);
  }

  #leave(machine: Machine): void {
    this.#checks.gone(machine);
    void machine.node.end().catch(() => {});
    // A moment for what it has to say last.
    this.#ask(2);
    machine.process.isGone = true;
    this.#machines = this.#machines.filter((other) => other !== machine);
    this.#start(undefined);
  }

  #kill(machine: Machine): void {
    this.#checks.gone(machine);
    const former = machine.node.node;
    if (this.#random.chance(0.7)) this.#fake.holdUp(machine.sessions);
    machine.process.isGone = true;
    this.#machines = this.#machines.filter((other) => other !== machine);
    this.#start(this.#random.chance(0.5) ? former : undefined);
  }

  /** An attempt that ended on a node that has given its shard away: the owner is told, if it can be reached. */
  #forward({ process, host, node }: Machine): void {
    const [of, jobs] = [...host.given].find(([, { size }]) => size > 0) ?? [];
    if (of === undefined || jobs === undefined || !process.runs || node.node === undefined) return;
    const job = this.#random.pick([...jobs]);
    const owner = this.#fake.tables.shards()[of]?.owner;
    const to = this.#machines.find((machine) => machine.node.node === owner && machine.process.runs);
    if (to?.host.endedElsewhere(of, job, node.node)) jobs.delete(job);
  }

  /** No more faults: all comes to rest. Returns how long that took, by true time. */
  async #rest(): Promise<number> {
    this.#fake.faults = noFaults;
    const from = this.#time.now;
    this.#awayUntil = from;
    for (const { clock } of this.#machines) clock.set(0);
    for (let shard = 0; shard < shardCount; shard++)
      if (this.#machines.every(({ host }) => host.broken.has(shard)))
        for (const { host } of this.#machines) host.broken.delete(shard);
    while (this.#time.now - from < restWithin) {
      this.#pass(25);
      for (const machine of [...this.#machines]) {
        machine.process.hear();
        this.#tick(machine);
        if (!machine.process.runs) continue;
        machine.host.begin();
        machine.host.work();
      }
      for (let count = 0; count < 40; count++) {
        this.#ask(1);
        await this.#turn();
      }
      if (this.#checks.faults.length > 0 || this.#isAtRest()) return this.#time.now - from;
    }
    const open = this.#machines.map(({ node }) => `[${node.open.join(' ')}]`).join(' ');
    const waiting = this.#fake.waiting.join(', ') || 'nothing';
    const rows = this.#fake.tables.shards().map(({ shard, owner }) => `${shard}: ${owner?.slice(0, 4)}`);
    const nodes = this.#machines.map(({ node }) => `${node.node?.slice(0, 4)} [${node.held}]`);
    if (process.env.SIMULATION_TRACE !== undefined)
      console.error(
        this.#fake.tables.nodes(),
        this.#machines.map((m) => [m.node.node, m.node.clockOffset]),
      );
    this.#checks.faults.push(
      `at rest not every shard is open once: ${open}; owners ${rows.join(', ')}; nodes ${nodes.join(', ')}; asked: ${waiting}`,
    );
    return restWithin;
  }

  #isAtRest(): boolean {
    const rows = this.#fake.tables.shards();
    return rows.every(({ shard, owner, token }) => {
      const having = this.#machines.filter(({ node }) => node.rowOf(shard) !== undefined);
      return having.length === 1 && having[0]?.node.node === owner && having[0]?.node.rowOf(shard)?.token === token;
    });
  }

  /** What was promised meanwhile happens. */
  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

export async function live(options: LifeOptions): Promise<LifeEnd> {
  return await new Life(options).live(options);
}
