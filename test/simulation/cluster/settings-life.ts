/**
 * A life of a cluster whose users pause and resume the server: nodes with their real leases and shared settings over the fake database.
 * Once a pause was answered nothing starts anywhere, until somebody asks for its end.
 */
import type { ShardHost } from '../../../src/cluster/leases/host.js';
import { ClusterNode } from '../../../src/cluster/leases/node.js';
import { SharedSettings } from '../../../src/cluster/settings/shared-settings.js';
import { BeginDeadline } from '../../../src/pool/shared/deadline.js';
import type { Database, ShardRow } from '../../../src/store/postgres/database.js';
import { Random } from '../random.js';
import { FakeDatabase, type Faults, noFaults } from './fake-database.js';
import { ask, DriftingClock, eachMethod, Process, type Time } from './surroundings.js';

/** A fault that the simulation must find. */
export type PlantedInSettings = 'answered_at_once' | 'opened_unread' | 'told_too_early';

export interface SettingsLifeEnd {
  /** What did not hold, a sentence each. */
  readonly faults: readonly string[];
  readonly started: number;
  /** Pauses that were answered. */
  readonly paused: number;
  readonly refused: number;
}

const faults: Faults = { plain: 60, slow: 15, refused: 1, lost: 1, gone: 1, late: 1 };
const shardCount = 3;
/** A node is declared dead, and a change is made, within this. */
const restWithin = 60_000;

interface Machine {
  readonly process: Process;
  readonly clock: DriftingClock;
  readonly deadline: BeginDeadline;
  readonly node: ClusterNode;
  readonly settings: SharedSettings;
  readonly open: Set<number>;
  /** Starts that were decided and are not on disk. */
  readonly decided: ShardRow[];
  readonly waiting: { readonly at: number; readonly over: () => void }[];
  /** Those who wait until what was decided has begun. */
  readonly begun: (() => void)[];
}

type Wish = 'pauseServer' | 'resumeServer';

class SettingsLife {
  readonly #random: Random;
  readonly #planted: PlantedInSettings | undefined;
  readonly #time: Time = { now: 0 };
  readonly #fake: FakeDatabase;
  #machines: Machine[] = [];
  readonly #faults: string[] = [];
  /** A pause was answered, and nobody has asked for its end since. */
  #isPaused = false;
  /** What is asked for, and where. */
  #asked: { readonly machine: Machine; readonly wish: Wish } | undefined;
  #started = 0;
  #paused = 0;
  #refused = 0;

  constructor(seed: number, planted: PlantedInSettings | undefined) {
    this.#random = new Random(seed);
    this.#planted = planted;
    this.#fake = new FakeDatabase({
      ...{ random: this.#random, shards: shardCount, faults: noFaults },
      now: () => Math.floor(1_700_000_000_000 + this.#time.now),
    });
    for (let count = 0; count < 3; count++) this.#start();
  }

  async live(steps: number): Promise<SettingsLifeEnd> {
    this.#fake.faults = faults;
    this.#fake.lateChance = 0.001;
    for (let step = 0; step < steps && this.#faults.length === 0; step++) {
      this.#step();
      await turn();
    }
    if (this.#faults.length === 0) await this.#rest();
    return { faults: this.#faults, started: this.#started, paused: this.#paused, refused: this.#refused };
  }

  #start(): void {
    const process = new Process(this.#time);
    const clock = new DriftingClock(this.#time, this.#random);
    const deadline = new BeginDeadline();
    const sessions = this.#fake.randomId();
    const database = process.hears(this.#fake.of(sessions));
    const randomId = (): string => this.#fake.randomId();
    const open = new Set<number>();
    const opens = async ({ shard }: ShardRow): Promise<void> => {
      if (this.#planted !== 'opened_unread') await machine.settings.renew();
      open.add(shard);
    };
    const host: ShardHost = {
      open: opens,
      drop: async (shard) => void open.delete(shard),
      ends: [],
      follow: () => Promise.reject(new Error('there are no planned moves here')),
      unfollow: () => {},
      loaded: () => undefined,
      followed: () => {},
      lastSlice: () => null,
      give: async () => 'kept',
    };
    const quiet = (): void => {};
    const node: ClusterNode = new ClusterNode({
      ...{ database, clock, deadline, host, randomId, sessions, address: 'http://node', format: 1, due: () => ({}) },
      told: () => ({ settings: machine.settings.applied }),
      events: {
        resumed: quiet,
        ended: quiet,
        lost: quiet,
        rewound: quiet,
        failed: quiet,
        left: quiet,
        declared: quiet,
      },
    });
    const settings = new SharedSettings({
      database: this.#planted === 'answered_at_once' ? withoutNodes(database) : database,
      ...{ clock, randomId },
      pause: (ms) => new Promise((over) => machine.waiting.push({ at: clock.monotonic() + ms, over })),
      changed: () => {
        if (machine.decided.length === 0 || this.#planted === 'told_too_early') return Promise.resolve();
        return new Promise((over) => machine.begun.push(over));
      },
      tell: () => node.tell(),
    });
    const machine: Machine = {
      ...{ process, clock, deadline, node, settings, open },
      ...{ decided: [], waiting: [], begun: [] },
    };
    this.#machines.push(machine);
  }

  #step(): void {
    const random = this.#random;
    const machine = random.pick(this.#machines);
    const { process } = machine;
    const what = random.weighted({
      time: 30,
      database: 60,
      tick: 50,
      hear: 20,
      decide: 30,
      begin: 15,
      ask: 3,
      pause: 0.3,
      kill: 0.2,
    });
    switch (what) {
      case 'time':
        return this.#pass(random.between(1, 100));
      case 'database':
        for (let count = random.between(1, 6); count > 0; count--) this.#fake.step();
        return;
      case 'tick':
        return this.#tick(machine);
      case 'hear':
        return process.hear();
      case 'decide':
        return this.#decide(machine);
      case 'begin':
        return this.#begin(machine);
      case 'ask':
        return this.#ask(machine);
      case 'pause':
        return process.pause(random.between(100, 9_000));
      case 'kill':
        return this.#kill(machine);
      default:
        what satisfies never;
    }
  }

  #pass(ms: number): void {
    this.#time.now += ms;
    for (const machine of this.#machines) {
      machine.process.giveUp();
      if (this.#random.chance(0.3)) machine.process.hear();
      this.#wake(machine);
    }
  }

  #wake({ process, clock, waiting }: Machine): void {
    if (!process.runs) return;
    for (const each of [...waiting]) {
      if (each.at > clock.monotonic()) continue;
      waiting.splice(waiting.indexOf(each), 1);
      each.over();
    }
  }

  #tick({ process, settings, node }: Machine): void {
    if (!process.runs) return;
    // Otherwise what was read is hardly ever old.
    if (this.#planted !== 'opened_unread' || this.#random.chance(0.02)) settings.tick();
    node.tick();
  }

  /** The scheduler decides to start something, if it may. */
  #decide({ process, open, node, settings, decided }: Machine): void {
    if (!process.runs || open.size === 0 || settings.current.server.paused !== undefined) return;
    const row = node.rowOf(this.#random.pick([...open]));
    if (row !== undefined) decided.push(row);
  }

  /** What was decided is on disk, if the shard has the token still, and begins, if there is time left. */
  #begin({ process, clock, deadline, decided, begun }: Machine): void {
    if (!process.runs) return;
    for (const { shard, token } of decided.splice(0)) {
      if (this.#fake.tables.shards()[shard]?.token !== token) continue;
      if (deadline.hasPassed(clock.monotonic(), clock.now())) continue;
      this.#started++;
      if (this.#isPaused) this.#faults.push(`something of shard ${shard} began at ${this.#time.now} after a pause`);
    }
    for (const over of begun.splice(0)) over();
  }

  #ask(machine: Machine): void {
    if (this.#asked !== undefined || !machine.process.runs) return;
    const wish: Wish = this.#random.chance(0.5) ? 'pauseServer' : 'resumeServer';
    if (wish === 'resumeServer') this.#isPaused = false;
    const asked = { machine, wish };
    this.#asked = asked;
    void machine.settings.change({ kind: wish }).then((answer) => {
      if (this.#asked !== asked) return;
      this.#asked = undefined;
      if (!answer.ok) this.#refused++;
      else if (wish === 'pauseServer') {
        this.#paused++;
        this.#isPaused = true;
      }
    });
  }

  #kill(machine: Machine): void {
    machine.process.isGone = true;
    if (this.#asked?.machine === machine) this.#asked = undefined;
    this.#machines = this.#machines.filter((other) => other !== machine);
    this.#start();
  }

  /** No more faults: a change is answered, and all nodes go by it. */
  async #rest(): Promise<void> {
    this.#fake.faults = noFaults;
    const from = this.#time.now;
    const before = this.#paused;
    while (this.#time.now - from < restWithin) {
      this.#pass(10);
      for (const machine of this.#machines) {
        machine.process.hear();
        this.#tick(machine);
        this.#begin(machine);
      }
      for (let count = 0; count < 20; count++) {
        this.#fake.step();
        await turn();
      }
      this.#ask(this.#machines[0] as Machine);
      const all = this.#machines.every(({ settings }) => settings.current.server.paused !== undefined);
      if (this.#faults.length > 0 || (this.#paused > before && this.#isPaused && all)) return;
    }
    this.#faults.push('at rest no pause was answered');
  }
}

/** Planted: nobody is waited for. */
function withoutNodes(database: Database): Database {
  return eachMethod((name, args) => (name === 'nodes' ? Promise.resolve([]) : ask(database, name, args)));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function liveWithSettings(
  seed: number,
  steps: number,
  planted?: PlantedInSettings,
): Promise<SettingsLifeEnd> {
  return await new SettingsLife(seed, planted).live(steps);
}
