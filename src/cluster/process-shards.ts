/** Makes the shards of a process. One stands by itself; several share the pool, a timer, and what `scheduler/admission/places` has. */
import type { Stretch } from '../clock.js';
import type { JobNumbers } from '../domain/ids/job-numbers.js';
import type { PoolEvents } from '../pool/port.js';
import { Places } from '../scheduler/admission/places.js';
import { makeShard, type ShardPorts, type ShardStorage } from '../shard.js';
import type { Traces } from '../telemetry/traces/port.js';
import { TimerWaker } from '../timer/waker.js';
import { outwardEvents, outwardTransient } from './numbered.js';
import { type OwnedShard, Shards } from './shards.js';
import { eventsFor, poolOf } from './sharing/shared-pool.js';
import { SharedWaker } from './sharing/shared-waker.js';
import { othersOf } from './together.js';

/** Who hears of the pool, and gives turns. */
export interface ShardsOwner extends Required<Pick<PoolEvents, 'outcomes' | 'progress' | 'room'>> {
  turn(shard: number): void;
}

/** What several shards are made with: each has a part of what is kept. */
export type CommonPorts = Omit<ShardPorts, 'waker' | 'numbers' | 'places' | 'others'>;

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
    shards.add({ ...shard, numbers: only.numbers });
    const { scheduler } = shard;
    const owner: ShardsOwner = {
      outcomes: (outcomes) => scheduler.outcomes(outcomes),
      progress: (reports) => scheduler.progress(reports),
      room: () => scheduler.turn(),
      turn: () => scheduler.turn(),
    };
    return { shards, owner, waker };
  }
  const waker = new SharedWaker(ports.clock);
  const places = new Places();
  const stops = new SharedStops(ports.takeStop, storages.length);
  for (const storage of storages) {
    const { numbers } = storage;
    const own: ShardPorts = {
      ...part(ports, storages.length),
      numbers,
      places,
      others: othersOf(shards, numbers.shard),
      waker: waker.for(() => turn(numbers.shard)),
      pool: poolOf(ports.pool, numbers),
      publish: (events) => ports.publish(outwardEvents(events, numbers)),
      publishTransient: (event) => ports.publishTransient(outwardTransient(event, numbers)),
      takeStop: () => stops.take(numbers.shard),
      traces: ports.traces && tracesOf(ports.traces, numbers),
    };
    shards.add({ ...makeShard(storage, own), numbers } satisfies OwnedShard);
  }
  return { shards, owner: { ...eventsFor(shards), turn: (shard) => shards.get(shard)?.scheduler.turn() }, waker };
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
