/**
 * A life of shards that move between nodes while attempts run, with all that is real but leases, threads and sockets: nodes follow, give and open
 * shards, are cut off from each other, and die; statements come late, or their answers are lost. What a seed draws is what is done; how the
 * event loop mixes it may differ.
 */
import type { Test } from 'tap';
import type { Attempt } from '../../../src/pool/port.js';
import { bodies, Host, turn, world } from '../../cluster/support/host.js';
import { Random } from '../random.js';
import { Listing, type PlantedListing } from './listing.js';

type World = ReturnType<typeof world>;

export interface MovesEnd {
  /** What did not hold, a sentence each. */
  readonly faults: readonly string[];
  readonly counts: { readonly jobs: number; readonly moves: number; readonly deaths: number };
  /** Lists that were read to their end, pages of them, and how often one was refused. */
  readonly lists: { readonly lists: number; readonly pages: number; readonly refused: number };
}

export interface MovesLifeOptions {
  readonly seed: number;
  readonly steps: number;
  /** Clients read lists meanwhile. */
  readonly hasLists?: boolean;
  readonly planted?: PlantedListing;
}

const weights = { create: 6, end: 8, move: 3, take: 4, cut: 1, kill: 0.7, cancel: 0.5 } as const;
const shards = [0, 1] as const;
/** For what was begun to come to its end. */
const mostRounds = 30_000;

interface Begun {
  readonly host: Host;
  readonly fence: number;
}

class Life {
  readonly faults: string[] = [];
  readonly counts = { jobs: 0, moves: 0, deaths: 0 };
  readonly #world: World;
  readonly #random: Random;
  hosts: Host[] = [];
  /** It dies with the next step. */
  #doomed: Host | undefined;
  #isOver = false;
  /** Shards that something is being done with. */
  readonly #busy = new Set<number>();
  readonly #acknowledged = new Set<number>();
  readonly #cancelled = new Set<number>();
  /** By job number. */
  readonly #begun = new Map<number, Begun>();
  /** Jobs of which an attempt may have been lost with a node. */
  readonly #cut = new Set<number>();
  readonly listing: Listing;

  constructor(world: World, random: Random, planted: PlantedListing | undefined) {
    this.#world = world;
    this.#random = random;
    this.listing = new Listing({
      ...{ random, planted, acknowledged: this.#acknowledged },
      live: () => this.#live,
      ownerOf: (shard) => this.#ownerOf(shard),
    });
    for (const host of [world.first, world.second, world.third]) this.#join(host);
  }

  #join(host: Host): void {
    this.hosts.push(host);
    // Few, so that jobs wait for an end.
    host.pool.capacity = 2;
    host.pool.onDispatch = (attempt) => this.#begins(host, attempt);
  }

  #begins(host: Host, { jobSeq: number, fence }: Attempt): void {
    const before = this.#begun.get(number);
    this.#begun.set(number, { host, fence });
    if (before === undefined) return;
    const runs = this.hosts.some((other) => other !== host && other.pool.attempts.has(number));
    if (runs) this.faults.push(`job ${number} runs on two nodes`);
    else if (!this.#cut.has(number)) this.faults.push(`job ${number} runs again, and nothing has cut it off`);
  }

  get #live(): readonly Host[] {
    return this.hosts.filter(({ name }) => !this.#world.states.has(name));
  }

  #ownerOf(shard: number): Host | undefined {
    const { owner } = this.#world.first.row(shard);
    return this.#live.find(({ name }) => name === owner);
  }

  #isOpen(shard: number, host: Host): boolean {
    const owned = host.shards.get(shard);
    return owned?.scheduler.recovered === true && owned.scheduler.mode.name === 'open';
  }

  /** A node dies with the next step. */
  get isToDie(): boolean {
    return this.#doomed !== undefined;
  }

  step(): void {
    const random = this.#random;
    const doomed = this.#doomed;
    this.#doomed = undefined;
    if (doomed !== undefined && this.#live.includes(doomed)) return void this.#kill(doomed);
    const host = random.pick(this.#live);
    switch (random.weighted(weights)) {
      case 'create':
        return this.#create(host);
      case 'end':
        return this.#end(host);
      case 'move':
        return void this.#move(random.pick(shards), host);
      case 'take':
        return void this.#take(random.pick(shards), host);
      case 'cut':
        host.isCutOff = !host.isCutOff;
        return;
      case 'kill':
        return void this.#kill(host);
      case 'cancel':
        return this.#cancel(random.pick(shards));
    }
  }

  #create(host: Host): void {
    const shard = shards.find((each) => this.#isOpen(each, host));
    if (shard === undefined) return;
    // Three deaths in a row are a failure.
    const asked = host.create({ maxRetries: 100, retryDelayMs: 1 });
    const look = async (): Promise<void> => {
      while (asked.answer === undefined && !this.#isOver && !this.#world.states.has(host.name)) await turn();
      const { answer } = asked;
      if (!answer?.ok || 'bulk' in answer) return;
      this.counts.jobs++;
      this.#acknowledged.add(answer.jobs[0]!.spec.seq);
    };
    void look();
  }

  #end(host: Host): void {
    const { attempts, aborted } = host.pool;
    if (attempts.size === 0) return;
    const number = this.#random.pick([...attempts.keys()]);
    const owner = this.#ownerOf(number % shards.length);
    // Between hearing of an end and having it on record is the worst time to die.
    if (owner !== host && this.#random.chance(0.3)) this.#doomed = owner;
    if (!aborted.includes(number)) return host.end(number);
    const { fence } = attempts.get(number)!;
    attempts.delete(number);
    host.several.owner.outcomes([
      { kind: 'interrupted', jobSeq: number, fence, durationMs: 1, begun: true, planned: true },
    ]);
  }

  #cancel(shard: number): void {
    const owner = this.#ownerOf(shard);
    if (owner === undefined || !this.#isOpen(shard, owner)) return;
    const { numbers, scheduler, state } = owner.shards.get(shard)!;
    const running = [...this.#begun.keys()].filter((number) => number % shards.length === shard);
    const number = this.#random.pick(running);
    if (number === undefined || scheduler.state(numbers.slotOf(number))?.status !== 'running') return;
    const slot = numbers.slotOf(number);
    this.#cut.add(number);
    this.#cancelled.add(number);
    owner.ask({ kind: 'cancel', id: numbers.format(slot, state.memtable.spec(slot).idSeconds) });
  }

  async #alone(shard: number, work: () => Promise<unknown>): Promise<void> {
    if (this.#busy.has(shard)) return;
    this.#busy.add(shard);
    try {
      await work();
    } catch {
      // What was tried is tried again: the database may have been away.
    } finally {
      this.#busy.delete(shard);
    }
  }

  #move(shard: number, to: Host): Promise<void> {
    return this.#alone(shard, async () => {
      const from = this.#ownerOf(shard);
      if (from === undefined || from === to || !this.#isOpen(shard, from)) return;
      await to.host.follow(shard);
      const isGiven = (await from.host.give(from.row(shard), to.name)) === 'given';
      if (!isGiven) return to.host.unfollow(shard);
      this.counts.moves++;
      if (!this.#world.states.has(to.name)) await to.host.open(to.row(shard));
    });
  }

  /** What has no living owner is taken, and what could not be opened is tried again. */
  #take(shard: number, by: Host): Promise<void> {
    return this.#alone(shard, async () => {
      const owner = this.#ownerOf(shard);
      if (owner === undefined) await by.host.open(by.take(shard));
      else if (owner.shards.get(shard) === undefined) await owner.host.open(owner.row(shard));
    });
  }

  async #kill(host: Host): Promise<void> {
    if (this.#live.length < 3) return;
    const { states, fake } = this.#world;
    states.set(host.name, 'dead');
    this.counts.deaths++;
    for (const [number, begun] of this.#begun) if (begun.host === host) this.#cut.add(number);
    host.isCutOff = true;
    host.pool.capacity = 0;
    host.pool.attempts.clear();
    host.several.waker.stop();
    host.moves.outgoing.close();
    fake.holdUp(host.name);
    const next = new Host(`node ${this.hosts.length + 1}`, fake);
    next.states = states;
    this.#join(next);
    this.#world.hosts.push(next);
    for (const each of this.hosts) each.others = this.hosts.filter((other) => other !== each);
  }

  /** What waits, which is a fault, waits no longer: nobody looks at nodes any more. */
  end(): void {
    this.#isOver = true;
    for (const { moves } of this.hosts) {
      moves.outgoing.close();
      for (const shard of shards) moves.remote.drop(shard);
    }
  }

  look(): void {
    for (const host of this.#live) host.moves.remote.seen();
  }

  /** Nothing is done to nodes any more. Returns when all has come to its end, or when that takes too long. */
  async settle(): Promise<void> {
    const { fake } = this.#world;
    fake.faults = { plain: 1 };
    for (const host of this.#live) host.isCutOff = false;
    for (let round = 0; round < mostRounds && !this.#isSettled; round++) {
      for (const shard of shards) void this.#take(shard, this.#random.pick(this.#live));
      for (const host of this.#live) this.#end(host);
      this.look();
      await this.work();
    }
    for (const shard of shards) this.#check(shard);
    for (const { name, moves } of this.#live)
      if (!moves.outgoing.isEmpty || moves.remote.size > 0) this.faults.push(`${name} has something left of moves`);
  }

  async work(): Promise<void> {
    const { fake } = this.#world;
    fake.step();
    for (const host of this.hosts) for (const index of host.indexes) index.step();
    await turn();
  }

  get #isSettled(): boolean {
    return (
      this.#busy.size === 0 &&
      this.listing.isIdle &&
      this.#live.every(({ moves }) => moves.outgoing.isEmpty && moves.remote.size === 0) &&
      shards.every((shard) => {
        const scheduler = this.#ownerOf(shard)?.shards.get(shard)?.scheduler;
        if (!scheduler?.recovered || !scheduler.settled || scheduler.runningAttempts > 0) return false;
        const { pending, running } = this.#ownerOf(shard)!.together.queries.totals();
        return pending + running === 0;
      })
    );
  }

  #check(shard: number): void {
    const owned = this.#ownerOf(shard)?.shards.get(shard);
    if (owned === undefined) {
      this.faults.push(`nobody has shard ${shard}`);
      return;
    }
    for (const number of this.#acknowledged) {
      if (number % shards.length !== shard) continue;
      const status = owned.state.memtable.state(owned.numbers.slotOf(number))?.status;
      if (status === 'success' || (status === 'cancelled' && this.#cancelled.has(number))) continue;
      this.faults.push(`job ${number} was acknowledged, and is ${status ?? 'gone'}`);
    }
    const again = [...this.#begun.keys()].filter((number) => {
      const completed = this.hosts.flatMap((host) => bodies(host, number)).filter((body) => body === 'job.completed');
      return number % shards.length === shard && completed.length > 1;
    });
    for (const number of again) this.faults.push(`job ${number} has succeeded twice`);
  }
}

/** Lives through it, and says what did not hold. */
export async function liveMoves(
  t: Test,
  { seed, steps, hasLists = false, planted }: MovesLifeOptions,
): Promise<MovesEnd> {
  const random = new Random(seed);
  const place = world(t, { seed });
  const life = new Life(place, random, planted);
  place.fake.faults = { plain: 20, slow: 10, lost: 1, gone: 1, late: 1, refused: 0.1 };
  for (let step = 0; step < steps; step++) {
    life.step();
    if (random.chance(0.2)) life.look();
    if (hasLists && random.chance(0.2)) life.listing.start();
    for (let i = life.isToDie ? random.between(1, 3) : random.between(0, 12); i > 0; i--) await life.work();
  }
  await life.settle();
  life.end();
  if (hasLists) await place.settled(life.listing.last());
  return { faults: [...life.faults, ...life.listing.faults], counts: life.counts, lists: life.listing.counts };
}
