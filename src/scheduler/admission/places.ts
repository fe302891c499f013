/**
 * What the shards of a process share of admission: how many attempts of each type and group have a place, the rates of types, whose turn it
 * is, and the trials of suspects. Each shard has a waiting line of its own; in a *round* the first of all of them starts, again
 * and again, so that priorities, turns and limits hold over all shards of the process. A process with one shard has no rounds.
 */
import type { Rate } from '../../domain/control/rate.js';
import { TrialRuns } from './careful-start.js';
import { Groups } from './groups.js';
import { Pacer } from './pacer.js';

/** One job type as it is used in the whole process. */
export class TypePlaces {
  readonly groups = new Groups();
  running = 0;
  /** Its place among the types: the one that has waited longest for its turn has the lowest. */
  lastTurn = 0;
  pacer: Pacer | undefined;
  #rate: string | undefined;

  /** From now on this rate holds. @param now what counts as the first start of a new one, in monotonic milliseconds */
  pace(rate: Rate | undefined, now: number): void {
    if (rate?.text === this.#rate) return;
    this.#rate = rate?.text;
    if (rate === undefined) this.pacer = undefined;
    else if (this.pacer === undefined) this.pacer = new Pacer(rate, now);
    else this.pacer.change(rate);
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

  /** A job type, which is made if nothing is known of it. */
  type(name: string): TypePlaces {
    let type = this.#types.get(name);
    if (type === undefined) {
      type = new TypePlaces();
      this.#types.set(name, type);
    }
    return type;
  }

  /** A job type as it stands, whether or not anything is known of it. */
  lookAt(name: string): TypePlaces {
    return this.#types.get(name) ?? new TypePlaces();
  }

  join(starter: Starter): void {
    this.#starters.add(starter);
  }

  /** Its shard is dropped. */
  leave(starter: Starter): void {
    this.#starters.delete(starter);
  }

  /** True while there is nobody to have rounds with. */
  get isAlone(): boolean {
    return this.#starters.size < 2;
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
    return Math.min(...[...this.#starters].map(({ askAgainAt }) => askAgainAt));
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
