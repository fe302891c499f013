/** Makes the shards of a process. One stands by itself; several share the pool, a timer, and what `scheduler/admission/places` has. */
import type { Stretch } from '../clock.js';
import type { PlaceKeeper } from '../domain/control/limited-places.js';
import type { Settings } from '../domain/control/settings.js';
import type { JobNumbers } from '../domain/ids/job-numbers.js';
import type { PoolEvents } from '../pool/port.js';
import { Places } from '../scheduler/admission/places.js';
import type { Whereabouts } from '../scheduler/attempts/handing-over.js';
import type { OtherShards } from '../scheduler/requests/other-shards.js';
import { makeShard, type ShardPorts, type ShardStorage } from '../shard.js';
import type { Traces } from '../telemetry/traces/port.js';
import { TimerWaker } from '../timer/waker.js';
import type { RemoteAttempts } from './moves/remote-attempts.js';
import { outwardEvents, outwardTransient } from './numbered.js';
import { type OwnedShard, Shards } from './shards.js';
import { eventsFor, type MovedAttempts, poolOf, type ShardPool } from './sharing/shared-pool.js';
import { SharedWaker } from './sharing/shared-waker.js';
import { othersOf } from './together.js';

/** Who hears of the pool, and gives turns. */
export interface ShardsOwner extends Required<Pick<PoolEvents, 'outcomes' | 'progress' | 'room'>> {
  turn(shard: number): void;
}

/** What several shards are made with: each has a part of what is kept. */
export interface CommonPorts
  extends Omit<ShardPorts, 'waker' | 'numbers' | 'places' | 'others' | 'whereabouts' | 'settings'> {
  /** See `OtherShards`; absent: there are no other nodes. */
  readonly typeElsewhere?: OtherShards['typeElsewhere'];
}

/** What shards that move between nodes leave behind on them. */
export interface Moves {
  readonly outgoing: MovedAttempts;
  readonly remote: Pick<RemoteAttempts, 'abort'>;
}

/** What a process has to do with others that run attempts. */
export interface AmongNodes {
  /** Absent: shards stay. */
  readonly moves?: Moves;
  /** Who keeps places of types with limits. */
  readonly keeper?: PlaceKeeper;
}

export interface ProcessShards {
  readonly shards: Shards;
  readonly owner: ShardsOwner;
  readonly waker: { stop(): void };
}

/**
 * Makes a shard of each storage. Nothing runs yet.
 *
 * @param turn gives a shard a turn, as long as there is to be one
 * @throws DamagedRecord
 */
export function makeShards(
  storages: readonly (ShardStorage & { readonly numbers: JobNumbers })[],
  ports: CommonPorts,
  turn: (shard: number) => void,
): ProcessShards {
  const [only] = storages;
  const shards = new Shards(storages.length);
  if (storages.length === 1 && only !== undefined) {
    const waker = new TimerWaker(ports.clock, () => turn(0));
    const shard = makeShard(only, { ...ports, waker });
    shards.add({ ...shard, numbers: only.numbers, openedBehind: shard.queries.lastEvent() });
    const { scheduler } = shard;
    const owner: ShardsOwner = {
      outcomes: (outcomes) => scheduler.outcomes(outcomes),
      progress: (reports) => scheduler.progress(reports),
      room: () => scheduler.turn(),
      turn: () => scheduler.turn(),
    };
    return { shards, owner, waker };
  }
  const several = new SeveralShards(shards, ports, turn);
  for (const storage of storages) several.add(storage);
  return several;
}

/** Shards that come and go while the process runs. They share the pool, a timer, places, and what is known of stops. */
export class SeveralShards implements ProcessShards {
  readonly shards: Shards;
  readonly owner: ShardsOwner;
  readonly waker: SharedWaker;
  readonly #ports: CommonPorts;
  readonly #turn: (shard: number) => void;
  readonly #places: Places;
  readonly #stops: SharedStops;
  readonly #pools = new Map<number, ShardPool>();
  readonly #wakers = new Map<number, { end(): void }>();
  readonly #moves: Moves | undefined;
  /** What is set for all shards of the cluster; undefined: there is none. */
  #settings: Settings | undefined;

  /**
   * @param shards where they are entered
   * @param ports are read anew for each shard that is added, so that what has changed meanwhile holds for it
   * @param turn as of `makeShards`
   * @param nodes where other processes run attempts, too
   */
  constructor(shards: Shards, ports: CommonPorts, turn: (shard: number) => void, nodes: AmongNodes = {}) {
    const { moves, keeper } = nodes;
    this.shards = shards;
    this.#moves = moves;
    this.#ports = ports;
    this.#turn = turn;
    this.#places = new Places(keeper && { keeper, clock: () => ports.clock.monotonic() });
    this.waker = new SharedWaker(ports.clock);
    this.#stops = new SharedStops(ports.takeStop, shards.count);
    const events = eventsFor(shards, this.#pools, moves?.outgoing);
    this.owner = {
      ...events,
      outcomes: (outcomes) => {
        this.#places.ended(outcomes);
        events.outcomes(outcomes);
      },
      turn: (shard) => shards.get(shard)?.scheduler.turn(),
    };
  }

  /**
   * Makes a shard of a storage. Nothing of it runs before it has recovered and had its first turn.
   *
   * @param whereabouts absent: all attempts run here
   * @throws DamagedRecord
   */
  add(storage: ShardStorage & { readonly numbers: JobNumbers }, whereabouts?: Whereabouts): OwnedShard {
    const { numbers } = storage;
    const { shard } = numbers;
    const ports = this.#ports;
    const waker = this.waker.for(() => this.#turn(shard));
    const { remote } = this.#moves ?? {};
    const pool = poolOf(ports.pool, numbers, remote && ((...attempt) => remote.abort(shard, ...attempt)));
    const shared = part(ports, this.shards.count);
    const { jobLogs } = shared;
    // Its index may be closed by the time a step comes.
    const later = (ms: number, step: () => void): void =>
      jobLogs?.later(ms, () => {
        if (this.#wakers.get(shard) === waker) step();
      });
    const own: ShardPorts = {
      ...shared,
      jobLogs: jobLogs && { ...jobLogs, later },
      numbers,
      whereabouts,
      waker,
      pool,
      places: this.#places,
      settings: this.#settings,
      others: othersOf(this.shards, shard, {
        typeElsewhere: ports.typeElsewhere,
        // Only shards of a cluster move.
        hasClaims: this.#moves !== undefined,
      }),
      publish: (events) => ports.publish(outwardEvents(events, numbers)),
      publishTransient: (event) => ports.publishTransient(outwardTransient(event, numbers)),
      takeStop: () => this.#stops.take(shard),
      traces: ports.traces && tracesOf(ports.traces, numbers),
    };
    this.#wakers.set(shard, waker);
    const made = makeShard(storage, own);
    const owned: OwnedShard = { ...made, numbers, openedBehind: made.queries.lastEvent() };
    this.#pools.set(shard, pool);
    this.shards.add(owned);
    return owned;
  }

  /** Another process has seen that places of these types are free. */
  freed(types: readonly string[]): void {
    this.#places.freed(types);
  }

  /** Others take this process for a new one: it has no places any more. */
  begunAnew(): void {
    this.#places.begunAnew();
  }

  /**
   * From now on this is set for all of them, and for those that come. Resolves when what was decided before has begun, or is decided anew.
   */
  async apply(settings: Settings): Promise<void> {
    this.#settings = settings;
    const { all } = this.shards;
    // A turn of one starts jobs of all.
    const over = all.map(({ scheduler }) => new Promise<void>((resolve) => scheduler.apply(settings, resolve)));
    for (const { scheduler } of all) scheduler.turn();
    await Promise.all(over);
  }

  /**
   * A shard is another's by now. When this returns nothing of it begins any more, who waited for it has been refused, and its attempts are
   * aborted. Resolves when these have come to their ends, which nobody hears of: before that it must not be added again, or an end could
   * be taken for that of a later attempt.
   */
  async drop(shard: number): Promise<void> {
    const owned = this.#remove(shard);
    if (owned === undefined) return;
    const pool = this.#pools.get(shard);
    await pool?.abandon();
    this.#pools.delete(shard);
    owned.state.dispose();
  }

  /** A shard was given to another node: nothing of it is decided here any more. Returns its attempts that run on, by slot. */
  release(shard: number): ReturnType<ShardPool['release']> {
    const owned = this.#remove(shard);
    const attempts = this.#pools.get(shard)?.release() ?? [];
    this.#pools.delete(shard);
    owned?.state.dispose();
    return attempts;
  }

  /** Whether a shard is here, or attempts of it that were aborted have not come to their ends. */
  holds(shard: number): boolean {
    return this.#pools.has(shard);
  }

  #remove(shard: number): OwnedShard | undefined {
    const owned = this.shards.get(shard);
    if (owned === undefined) return undefined;
    this.shards.drop(shard);
    this.#wakers.get(shard)?.end();
    this.#wakers.delete(shard);
    const running = new Set(this.#pools.get(shard)?.running);
    owned.scheduler.abandon((slot) => running.has(slot));
    return owned;
  }
}

/** What is kept is divided by the shards. */
function part(ports: CommonPorts, shards: number): CommonPorts {
  const { retention, jobLogs } = ports;
  const share = (count: number): number => Math.ceil(count / shards);
  return {
    ...ports,
    retention: { ...retention, retainJobs: share(retention.retainJobs), retainFailed: share(retention.retainFailed) },
    jobLogs: jobLogs && { ...jobLogs, maxBytes: share(jobLogs.maxBytes) },
  };
}

/** In traces a job has its number. */
function tracesOf(traces: Traces, numbers: JobNumbers): Traces {
  return {
    request: (request) => traces.request(request),
    commit: (commit) => traces.commit(commit),
    attemptStarted: (attempt) => traces.attemptStarted({ ...attempt, jobSeq: numbers.of(attempt.jobSeq) }),
    attemptEnded: (outcome) => traces.attemptEnded({ ...outcome, jobSeq: numbers.of(outcome.jobSeq) }),
    flush: () => traces.flush(),
  };
}

/** A stop of the process is told once, and each shard is to hear of it. */
class SharedStops {
  readonly #take: () => Stretch | undefined;
  readonly #untold: (Stretch | undefined)[];

  constructor(take: (() => Stretch | undefined) | undefined, shards: number) {
    this.#take = take ?? (() => undefined);
    this.#untold = new Array<Stretch | undefined>(shards).fill(undefined);
  }

  take(shard: number): Stretch | undefined {
    const stop = this.#take();
    if (stop !== undefined) this.#untold.fill(stop);
    const own = this.#untold[shard];
    this.#untold[shard] = undefined;
    return own;
  }
}
