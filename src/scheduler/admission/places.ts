/**
 * What the shards of a process share of admission: how many attempts of each type and group have a place, the rates of types, whose turn it
 * is, and the trials of suspects. Each shard has a waiting line of its own; in a *round* the first of all of them starts, again
 * and again, so that priorities, turns and limits hold over all shards of the process. A process with one shard has no rounds.
 */
import type { PlaceKeeper } from '../../domain/control/limited-places.js';
import type { Rate } from '../../domain/control/rate.js';
import type { TypeLimits } from '../../domain/control/settings.js';
import type { JobSpec } from '../../domain/job.js';
import { GrantedPace } from '../limits/granted-pace.js';
import { type LimitedType, NodeLimits, type Wanted } from '../limits/node-limits.js';
import { TrialRuns } from './careful-start.js';
import { Groups } from './groups.js';
import { Pacer, type StartPace } from './pacer.js';

/** One job type as it is used in the whole process. */
export class TypePlaces implements LimitedType {
  readonly groups = new Groups();
  running = 0;
  elsewhere = 0;
  /** Undefined: nobody has said. */
  limits: TypeLimits | undefined;
  /** Its place among the types: the one that has waited longest for its turn has the lowest. */
  lastTurn = 0;
  pacer: StartPace | undefined;
  #rate: string | undefined;
  readonly #name: string;
  readonly #nodeLimits: NodeLimits | undefined;

  /** @param nodeLimits absent: all attempts run in this process */
  constructor(name: string, nodeLimits?: NodeLimits) {
    this.#name = name;
    this.#nodeLimits = nodeLimits;
  }

  get byGrant(): boolean {
    return this.groups.byGrant;
  }

  get countsUses(): boolean {
    const { concurrency = Number.POSITIVE_INFINITY, groupConcurrency = Number.POSITIVE_INFINITY } = this.limits ?? {};
    return this.byGrant && Math.min(concurrency, groupConcurrency) < Number.POSITIVE_INFINITY;
  }

  /** An attempt has left its place. */
  vacate(group: string | undefined): void {
    this.running--;
    this.groups.vacate(group);
  }

  counted(): ReadonlyMap<string | null, number> {
    return this.countsUses ? this.groups.placed() : new Map<string | null, number>();
  }

  giveBack(): number {
    if (this.pacer instanceof GrantedPace) this.pacer.forget();
    return this.groups.giveBack();
  }

  /** From now on these limits hold. @param now in monotonic milliseconds: of a new rate, what counts as its first start */
  agree(limits: TypeLimits, now: number): void {
    this.limits = limits;
    const byGrant = this.#nodeLimits?.agree(this.#name, this, limits) ?? false;
    if (byGrant !== this.byGrant) {
      this.groups.byGrant = byGrant;
      this.elsewhere = 0;
      this.#rate = undefined;
      this.pacer = undefined;
    }
    this.groups.limit = limits.groupConcurrency;
    this.pace(limits.rate, now);
  }

  /** From now on this rate holds. @param now what counts as the first start of a new one, in monotonic milliseconds */
  pace(rate: Rate | undefined, now: number): void {
    if (rate?.text === this.#rate) return;
    this.#rate = rate?.text;
    if (rate === undefined) this.pacer = undefined;
    else if (this.byGrant) this.pacer ??= new GrantedPace();
    else if (this.pacer instanceof Pacer) this.pacer.change(rate);
    else this.pacer = new Pacer(rate, now);
  }
}

/** Where the first job of a line stands among those of others. */
export interface Rank {
  readonly suspect: boolean;
  readonly priority: number;
  /** When its type, and then its group, had its last turn. */
  readonly turn: number;
  readonly groupTurn: number;
  /** Unix milliseconds. */
  readonly due: number;
  /** Its job number. */
  readonly number: number;
}

/** Who starts jobs of one shard. */
export interface Starter {
  /** A round begins. */
  beginRound(): void;
  /** Where its next job stands; undefined when it may start none. */
  rank(): Rank | undefined;
  /** Looks at that job, and starts it if it may. Returns false when it is to start no other in this round. */
  startNext(): boolean;
  /** When it is worth asking again although nothing happens, in monotonic milliseconds. */
  readonly askAgainAt: number;
  /** What waits and could start, had it a place that was given. */
  wanted(): Iterable<Wanted>;
  /** It wants a turn: what it has started is to be written, and its line is to be filled. */
  turnSoon(): void;
}

/** See the head of this file. */
export class Places {
  /** Of all attempts so far. */
  turns = 0;
  /** Starts that are being written: each has a place in the pool and is not there yet. */
  beingWritten = 0;
  readonly trials = new TrialRuns();
  readonly #types = new Map<string, TypePlaces>();
  readonly #starters = new Set<Starter>();
  readonly #limits: NodeLimits | undefined;
  /** Attempts whose shards are gone, by job number: they have places until they end. */
  readonly #lingering = new Map<number, Pick<JobSpec, 'name' | 'group'>>();

  /** @param over who keeps places of types with limits, where other processes run attempts too, and a monotonic clock */
  constructor(over?: { readonly keeper: PlaceKeeper; readonly clock: () => number }) {
    this.#limits = over && new NodeLimits({ ...over, wake: () => this.#wake() });
  }

  /** A job type, which is made if nothing is known of it. */
  type(name: string): TypePlaces {
    let type = this.#types.get(name);
    if (type === undefined) {
      type = new TypePlaces(name, this.#limits);
      this.#types.set(name, type);
    }
    return type;
  }

  /** A job type as it stands, whether or not anything is known of it. */
  lookAt(name: string): TypePlaces {
    return this.#types.get(name) ?? new TypePlaces(name);
  }

  join(starter: Starter): void {
    this.#starters.add(starter);
  }

  /** Whether places of types with limits are given by somebody else. */
  get areGiven(): boolean {
    return this.#limits !== undefined;
  }

  /** The shard of an attempt that runs is dropped. */
  linger(number: number, spec: Pick<JobSpec, 'name' | 'group'>): void {
    this.#lingering.set(number, spec);
  }

  /** Attempts have come to their ends, of whatever shards. @param outcomes by job number */
  ended(outcomes: readonly { readonly jobSeq: number }[]): void {
    if (this.#lingering.size === 0) return;
    for (const { jobSeq } of outcomes) {
      const spec = this.#lingering.get(jobSeq);
      if (spec === undefined) continue;
      this.#lingering.delete(jobSeq);
      this.type(spec.name).vacate(spec.group);
      this.#wake();
    }
  }

  /** Its shard is dropped, and its attempts have left their places, or linger. */
  leave(starter: Starter): void {
    this.#starters.delete(starter);
    if (this.#limits) this.#wake();
  }

  /** True while there is nobody to have rounds with. */
  get isAlone(): boolean {
    return this.#starters.size < 2 && this.#limits === undefined;
  }

  /** Others take this process for a new one, which has no places. */
  begunAnew(): void {
    this.#limits?.begunAnew();
  }

  /** As of `NodeLimits`. */
  freed(types: readonly string[]): void {
    this.#limits?.freed(types);
  }

  /**
   * Starts what may start, of all shards.
   *
   * @param asking has a turn now
   * @returns when it is worth asking again, in monotonic milliseconds
   */
  round(asking: Starter): number {
    for (const starter of this.#starters) starter.beginRound();
    const open = new Set(this.#starters);
    const looked = new Set<Starter>();
    for (let next = firstOf(open); next !== undefined; next = firstOf(open)) {
      looked.add(next);
      if (!next.startNext()) open.delete(next);
    }
    looked.delete(asking);
    for (const starter of looked) starter.turnSoon();
    const asksAt = this.#look();
    return Math.min(asksAt, ...[...this.#starters].map(({ askAgainAt }) => askAgainAt));
  }

  #look(): number {
    return this.#limits?.look(() => this.#wanted()) ?? Number.POSITIVE_INFINITY;
  }

  *#wanted(): Iterable<Wanted> {
    for (const starter of this.#starters) yield* starter.wanted();
  }

  /** A turn of one has a round of all. */
  #wake(): void {
    const [first] = this.#starters;
    if (first) first.turnSoon();
    else this.#look();
  }
}

/** Whose job comes first. */
function firstOf(starters: Iterable<Starter>): Starter | undefined {
  let [first, best]: [Starter?, Rank?] = [];
  for (const starter of starters) {
    const rank = starter.rank();
    if (rank !== undefined && (best === undefined || comesBefore(rank, best))) [first, best] = [starter, rank];
  }
  return first;
}

function comesBefore(a: Rank, b: Rank): boolean {
  if (a.suspect !== b.suspect) return a.suspect;
  if (a.priority !== b.priority) return a.priority > b.priority;
  return (a.turn - b.turn || a.groupTurn - b.groupTurn || a.due - b.due || a.number - b.number) < 0;
}
