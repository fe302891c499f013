/**
 * The shards of a node, as its leases have it open and drop them: each has a new local index, is loaded from the database under its token,
 * and runs until it is dropped. Planned moves are not made yet: whoever asks for one is refused, and goes on without.
 */
import type { Clock } from '../clock.js';
import { JobNumbers } from '../domain/ids/job-numbers.js';
import type { Logger } from '../log.js';
import type { KvReader } from '../store/kv/kv.js';
import { KvLogSource } from '../store/log/kv-log.js';
import { claimsOf } from '../store/postgres/claims.js';
import { type ClusterEvents, ClusterStorage, type Progress } from '../store/postgres/cluster-storage.js';
import type { Database, LogEnd, RandomId, ShardRow } from '../store/postgres/database.js';
import { loadShard } from '../store/postgres/load.js';
import type { CommittedStore } from '../store/state/committed-store.js';
import type { IndexFilling, LocalIndex } from '../store/trees/local-index.js';
import type { Given, ShardHost } from './leases/host.js';
import type { SeveralShards } from './process-shards.js';

/** A local index, and what it is read through once it is open. */
export interface HostedIndex extends LocalIndex {
  readonly kv: KvReader;
}

export interface ShardHostPorts {
  readonly database: Database;
  /** What the sessions of this process in the database are found by. */
  readonly sessions: RandomId;
  readonly indexes: { add(shard: number, logShare: number): HostedIndex };
  readonly shards: SeveralShards;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: Logger;
  /** Resolves when this node goes by all that users had set before the call. */
  readonly settled: () => Promise<void>;
  /** A shard that is open cannot go on here: another owns it, the database has lost a part of it, or its index failed. */
  readonly lost: (shard: number) => void;
}

class Hosted {
  isDropped = false;
  storage: ClusterStorage | undefined;
  index: HostedIndex | undefined;
  /** Settled when its opening has come to its end. */
  opening: Promise<void> = Promise.resolve();
  /** Something has happened that an opening may wait for. */
  wake: () => void = () => {};
}

class Dropped extends Error {
  override readonly name = 'Dropped';

  constructor(shard: number) {
    super(`shard ${shard} was dropped while it was opened`);
  }
}

/** Planned moves are not made yet. */
export class NotFollowed extends Error {
  override readonly name = 'NotFollowed';
}

/** See the head of this file. */
export class NodeShards implements ShardHost {
  readonly #ports: ShardHostPorts;
  readonly #hosted = new Map<number, Hosted>();

  constructor(ports: ShardHostPorts) {
    this.#ports = ports;
  }

  async open(row: ShardRow): Promise<void> {
    const { shard } = row;
    if (this.#hosted.has(shard)) throw new Error(`shard ${shard} is open already`);
    const hosted = new Hosted();
    this.#hosted.set(shard, hosted);
    const opening = this.#open(row, hosted);
    hosted.opening = opening.catch(() => {});
    try {
      await opening;
    } catch (error) {
      // Whoever drops it does the rest.
      if (!hosted.isDropped) await this.drop(shard);
      throw error;
    }
  }

  async drop(shard: number): Promise<void> {
    const hosted = this.#hosted.get(shard);
    if (hosted === undefined) return;
    hosted.isDropped = true;
    hosted.storage?.drop();
    const ended = this.#ports.shards.drop(shard);
    hosted.wake();
    await hosted.opening;
    await ended;
    await hosted.index?.close();
    if (this.#hosted.get(shard) === hosted) this.#hosted.delete(shard);
  }

  /** Drops all of them. */
  async close(): Promise<void> {
    await Promise.all([...this.#hosted.keys()].map((shard) => this.drop(shard)));
  }

  get ends(): readonly LogEnd[] {
    return [...this.#hosted].flatMap(([shard, { storage, isDropped }]) => {
      const { position, id } = storage?.last ?? { position: 0, id: null };
      return id === null || isDropped ? [] : [{ shard, position, id }];
    });
  }

  /** How far a shard that is open has come. */
  progressOf(shard: number): Progress | undefined {
    return this.#hosted.get(shard)?.storage?.progress;
  }

  /** When the first job of each shard that is open is due, Unix milliseconds. */
  get due(): Readonly<Record<number, number>> {
    const { shards } = this.#ports.shards;
    const due = shards.all.map(({ numbers, window }) => [numbers.shard, window.nextDue] as const);
    return Object.fromEntries(due.filter(([, at]) => Number.isFinite(at)));
  }

  follow(shard: number): Promise<void> {
    return Promise.reject(new NotFollowed(`shard ${shard} is not followed: planned moves are not made yet`));
  }

  unfollow(): void {}

  async give(): Promise<Given> {
    return 'kept';
  }

  async #open(row: ShardRow, hosted: Hosted): Promise<void> {
    const { database, indexes, shards, clock, pause, sessions } = this.#ports;
    const { shard } = row;
    const { count } = shards.shards;
    const index = indexes.add(shard, 1 / count);
    hosted.index = index;
    const loaded = await loadShard(
      database,
      row,
      fillingUntil(index, () => hosted.isDropped, shard),
    );
    await this.#ports.settled();
    if (hosted.isDropped) throw new Dropped(shard);
    const storage = new ClusterStorage(
      { database, node: sessions, index, clock, pause, claimsOf: (batch) => claimsOf(shard, batch) },
      row,
      loaded,
    );
    hosted.storage = storage;
    const { kv } = index;
    const numbers = new JobNumbers(shard, count);
    // What is overdue may be what ended the owner before.
    const { store, scheduler } = shards.add({ kv, log: new KvLogSource(kv), storage, numbers, clean: false });
    storage.listen(this.#eventsFor(shard, hosted, store));
    scheduler.recover();
    scheduler.turn();
    // A write that is refused is tried again, and what ran before is not shown as running meanwhile.
    while (!scheduler.recovered && !hosted.isDropped)
      await new Promise<void>((resolve) => {
        hosted.wake = resolve;
      });
    if (hosted.isDropped) throw new Dropped(shard);
  }

  #eventsFor(shard: number, hosted: Hosted, store: CommittedStore): ClusterEvents {
    return {
      committed: (position) => {
        store.committed(position);
        hosted.wake();
      },
      failed: (position, failure) => store.failed(position, failure),
      claimed: () => store.claimed(),
      checkpointed: (position) => store.checkpointed(position),
      merged: (position) => store.merged(position),
      logsWritten: (bytes) => store.logsWritten(bytes),
      logsRefused: () => store.logsRefused(),
      lost: ({ why, message }) => {
        this.#ports.log.warn({ shard, why, reason: message }, 'a shard is given up');
        this.#ports.lost(shard);
      },
    };
  }
}

/** An index that takes no more once its shard is dropped: a load may take minutes. */
function fillingUntil(index: IndexFilling, isOver: () => boolean, shard: number): IndexFilling {
  const unlessOver = async (fill: () => Promise<void>): Promise<void> => {
    if (isOver()) throw new Dropped(shard);
    await fill();
  };
  return {
    loadPages: (puts) => unlessOver(() => index.loadPages(puts)),
    loadRecords: (records, merged) => unlessOver(() => index.loadRecords(records, merged)),
    open: (merged) => unlessOver(() => index.open(merged)),
  };
}
