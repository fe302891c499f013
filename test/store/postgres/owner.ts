/** A node that owns a shard, with a local index in memory; what it is to write was written in some life before. */
import { ClusterStorage, type Progress, type ShardLost } from '../../../src/store/postgres/cluster-storage.js';
import type { Database, RandomId, ShardRow } from '../../../src/store/postgres/database.js';
import { type LoadedIndex, loadShard } from '../../../src/store/postgres/load.js';
import type { CommittedState } from '../../../src/store/state/committed-state.js';
import type { CommittedStore } from '../../../src/store/state/committed-store.js';
import type { FakeDatabase } from '../../simulation/cluster/fake-database.js';
import { FakeClock } from '../../support/fake-clock.js';
import { InlineIndex } from '../../support/inline-index.js';
import { storeOver, type Written } from './lives.js';

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface OwnerPorts {
  /** A load is asked for through this. */
  run<T>(promise: Promise<T>): Promise<T>;
  readonly randomId?: () => RandomId;
  pause(ms: number): Promise<void>;
}

/** One node that owns the shard, as far as it knows. */
export class Owner {
  readonly index: InlineIndex;
  readonly clock = new FakeClock();
  lost: ShardLost | undefined;
  #storage!: ClusterStorage;
  #store!: CommittedStore;
  #state!: CommittedState;
  loaded!: LoadedIndex;
  #busy = false;
  /** The last commit was. */
  #refused = false;

  private constructor(
    readonly node: RandomId,
    readonly database: Database,
    logShare: number,
  ) {
    this.index = new InlineIndex(logShare);
  }

  /** Loads the shard as often as it takes. */
  static open(fake: FakeDatabase, node: RandomId, row: ShardRow, logShare: number): Promise<Owner> {
    const ports = { run: <T>(promise: Promise<T>) => fake.run(promise), randomId: () => fake.randomId(), pause: turn };
    return Owner.openOver(fake.of(node), ports, { node, row, logShare });
  }

  static async openOver(
    database: Database,
    ports: OwnerPorts,
    { node, row, logShare }: { readonly node: RandomId; readonly row: ShardRow; readonly logShare: number },
  ): Promise<Owner> {
    for (;;) {
      const owner = new Owner(node, database, logShare);
      try {
        owner.loaded = await ports.run(loadShard(owner.database, row, owner.index));
      } catch (error) {
        if (!['UnknownEnd', 'Refused', 'DatabaseRefusal'].includes((error as Error).name)) throw error;
        await ports.pause(1);
        continue;
      }
      owner.#begin(ports, row);
      return owner;
    }
  }

  #begin({ randomId, pause }: OwnerPorts, { shard, token }: ShardRow): void {
    const { database, node, index } = this;
    this.#storage = new ClusterStorage(
      { database, node, index, pause, clock: this.clock, ...(randomId && { randomId }) },
      { shard, token },
      this.loaded,
    );
    const { store, state } = storeOver(index.kv, this.#storage);
    this.#store = store;
    this.#state = state;
    this.#storage.listen({
      committed: (position) => {
        this.#busy = false;
        store.committed(position);
      },
      failed: (position, failure) => {
        this.#busy = false;
        this.#refused = true;
        store.failed(position, failure);
      },
      checkpointed: (position) => store.checkpointed(position),
      merged: (position) => store.merged(position),
      logsWritten: () => {},
      logsRefused: () => {},
      logsMirrored: () => {},
      claimed: () => {},
      lost: (how) => {
        this.lost = how;
      },
    });
  }

  /** The last commit that it has acknowledged. */
  get acknowledged(): number {
    return this.#store.position;
  }

  get merged(): number {
    return this.progress.merged;
  }

  get progress(): Progress {
    return this.#storage.progress;
  }

  get isBusy(): boolean {
    return this.#busy || this.#refused || this.#store.merging || !this.index.isIdle;
  }

  /** Does the next that was written in the life, when it can; returns how far it has come. */
  feed(written: readonly Written[], from: number): number {
    const at = this.#refused ? from - 1 : from;
    const next = written[at];
    if (this.lost || !next || this.#busy) return from;
    this.#refused = false;
    if ('commit' in next) {
      this.#busy = true;
      this.#store.commit(next.commit);
      return at + 1;
    }
    if (this.#store.merging) return from;
    this.#store.merge(next.merge);
    return at + 1;
  }

  dispose(): void {
    this.#storage?.drop();
    this.#state?.dispose();
  }
}

/** Where a life goes on after so many commits. */
export function placeOf(written: readonly Written[], commits: number): number {
  let left = commits;
  let at = 0;
  for (; left > 0; at++) if ('commit' in (written[at] as Written)) left--;
  return at;
}

export function rowOf(fake: FakeDatabase): ShardRow {
  return fake.tables.shards()[0] as ShardRow;
}

export const idOf = (owner: number): RandomId => owner.toString(16).padStart(32, '0');
