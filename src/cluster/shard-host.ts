/**
 * The shards of a node, as its leases have it open and drop them: each has a new local index, is loaded from the database under its token,
 * and runs until it is dropped or given away. One that another node is to give to this one is loaded before, and followed.
 */
import type { Clock } from '../clock.js';
import { JobNumbers } from '../domain/ids/job-numbers.js';
import type { Logger } from '../log.js';
import { TypeDictionary } from '../store/format/type-dictionary.js';
import type { KvReader } from '../store/kv/kv.js';
import { KvLogSource } from '../store/log/kv-log.js';
import { claimsOf, type NamesOnDisk } from '../store/postgres/claims.js';
import {
  type ClusterEvents,
  ClusterStorage,
  type Progress,
  type ShardLost,
} from '../store/postgres/cluster-storage.js';
import type { Database, LogEnd, RandomId, ShardRow } from '../store/postgres/database.js';
import { type LoadedIndex, loadShard } from '../store/postgres/load.js';
import type { CommittedStore } from '../store/state/committed-store.js';
import type { IndexFilling, LocalIndex } from '../store/trees/local-index.js';
import { StoreReader } from '../store/trees/reader.js';
import type { Given, LoadedPages, ShardHost } from './leases/host.js';
import { Following } from './moves/following.js';
import type { Outgoing } from './moves/outgoing.js';
import type { RemoteAttempts } from './moves/remote-attempts.js';
import type { Sayings } from './moves/sayings.js';
import type { SeveralShards } from './process-shards.js';
import type { OwnedShard } from './shards.js';

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
  /** What shards leave behind that have moved. */
  readonly moves: ShardMoves;
  /** Resolves when this node goes by all that users had set before the call. */
  readonly settingsApplied: () => Promise<void>;
  /**
   * A shard that is open cannot go on here: another owns it, the database has lost a part of it, or its index failed.
   *
   * @param reason where it is the index: as of `GivenUpShard`
   */
  readonly lost: (shard: number, why: ShardLost['why'], reason: string) => void;
}

/** See `moves/`. */
export interface ShardMoves {
  readonly remote: Pick<RemoteAttempts, 'add' | 'drop'>;
  readonly outgoing: Pick<Outgoing, 'add' | 'keepOnly'>;
  readonly sayings: Pick<Sayings, 'hand'>;
  /** This node's id. */
  readonly self: () => RandomId | undefined;
}

class Hosted {
  isDropped = false;
  /** It was given away: that its lease is over is no news. */
  isGiven = false;
  owned: OwnedShard | undefined;
  storage: ClusterStorage | undefined;
  /** How long it took to load, in milliseconds. */
  loadMs: number | undefined;
  index: HostedIndex | undefined;
  /** Settled when its opening has come to its end. */
  opening: Promise<void> = Promise.resolve();
  /** Something has happened that an opening may wait for. */
  wake: () => void = () => {};
}

/** Whoever follows a shard says so with each of its beats. */
const holdPagesMs = 3000;

/** How long an end waits for the database to take the last lines, and how often it is looked. */
const lastLinesMs = 2000;
const lookMs = 10;

/** An index that has been behind for so long without taking anything up will not. */
const stalledMs = 10_000;

class Dropped extends Error {
  override readonly name = 'Dropped';

  constructor(shard: number) {
    super(`shard ${shard} was dropped while it was opened`);
  }
}

/** See the head of this file. */
export class NodeShards implements ShardHost {
  readonly #ports: ShardHostPorts;
  readonly #hosted = new Map<number, Hosted>();
  readonly #followed = new Map<number, Following<HostedIndex>>();
  /** The epoch under which a shard was open here last. */
  readonly #epochs = new Map<number, number>();
  /** Shards whose following comes to its end. */
  readonly #ending = new Map<number, Promise<void>>();

  constructor(ports: ShardHostPorts) {
    this.#ports = ports;
  }

  async open(row: ShardRow, isLeft = false): Promise<void> {
    const { shard } = row;
    if (this.#hosted.has(shard)) throw new Error(`shard ${shard} is open already`);
    const hosted = new Hosted();
    this.#hosted.set(shard, hosted);
    const opening = this.#open(row, hosted, isLeft);
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
    this.#ports.moves.remote.drop(shard);
    const ended = this.#ports.shards.drop(shard);
    hosted.wake();
    await hosted.opening;
    await ended;
    await hosted.index?.close();
    if (this.#hosted.get(shard) === hosted) this.#hosted.delete(shard);
  }

  /** Drops all of them. */
  async close(): Promise<void> {
    for (const shard of [...this.#followed.keys()]) this.unfollow(shard);
    await Promise.all([...this.#hosted.keys()].map((shard) => this.drop(shard)));
    await Promise.all(this.#ending.values());
  }

  /** Resolves when the database has all lines of handlers that were written, or does not take them in time. */
  async linesMirrored(): Promise<void> {
    const { clock, pause } = this.#ports;
    const end = clock.monotonic() + lastLinesMs;
    for (const { storage } of this.#hosted.values()) storage?.releasePages();
    const isOpen = ([, { isDropped, isGiven, owned }]: readonly [number, Hosted]): boolean =>
      !isDropped && !isGiven && owned?.jobLogs.isMirrored === false;
    while ([...this.#hosted].some(isOpen) && clock.monotonic() < end) await pause(lookMs);
  }

  get ends(): readonly LogEnd[] {
    return [...this.#hosted].flatMap(([shard, { storage, isDropped }]) => {
      const { position, id } = storage?.last ?? { position: 0, id: null };
      return id === null || isDropped ? [] : [{ shard, position, id }];
    });
  }

  /** Gives up what goes on being appended to, and is not taken up by its index: nobody would find it here. */
  giveUpStalled(): void {
    for (const [shard, { storage, isDropped, isGiven }] of this.#hosted) {
      const progress = storage?.progress;
      if (progress === undefined || isDropped || isGiven || progress.stalledMs < stalledMs) continue;
      const { appended, applied } = progress;
      const reason = `its index has not taken up record ${applied + 1} for ${stalledMs / 1000} s`;
      this.#ports.log.error({ shard, appended, applied }, `a shard is given up: ${reason}`);
      this.#ports.lost(shard, 'index', reason);
    }
  }

  /** How far a shard that is open has come. */
  progressOf(shard: number): Progress | undefined {
    return this.#hosted.get(shard)?.storage?.progress;
  }

  /** How long a shard that is open took to load, in milliseconds; undefined where it was loaded before it came. */
  loadMsOf(shard: number): number | undefined {
    return this.#hosted.get(shard)?.loadMs;
  }

  /** When the first job of each shard that is open is due, Unix milliseconds. */
  get due(): Readonly<Record<number, number>> {
    const { shards } = this.#ports.shards;
    const due = shards.all.map(({ numbers, window }) => [numbers.shard, window.nextDue] as const);
    return Object.fromEntries(due.filter(([, at]) => Number.isFinite(at)));
  }

  async follow(shard: number): Promise<void> {
    await this.#ending.get(shard);
    if (this.#hosted.has(shard)) throw new Error(`shard ${shard} is open here`);
    const { database, indexes, shards, pause } = this.#ports;
    const makeIndex = (): HostedIndex => indexes.add(shard, 1 / shards.shards.count);
    const { following, ready } = Following.begin({ database, pause, makeIndex }, shard);
    this.#followed.set(shard, following);
    await ready;
  }

  unfollow(shard: number): void {
    const following = this.#followed.get(shard);
    if (following === undefined) return;
    this.#followed.delete(shard);
    const ending = following.end().finally(() => this.#ending.delete(shard));
    this.#ending.set(shard, ending);
  }

  loaded(shard: number): LoadedPages | undefined {
    return this.#followed.get(shard)?.loaded;
  }

  followed(shard: number): void {
    const until = this.#ports.clock.monotonic() + holdPagesMs;
    const { owned, storage } = this.#hosted.get(shard) ?? {};
    owned?.scheduler.merging.hold(until);
    storage?.holdPages(until);
  }

  lastSlice(shard: number): RandomId | null | undefined {
    return this.#hosted.get(shard)?.storage?.lastSlice;
  }

  async give({ shard, epoch }: ShardRow, to: RandomId): Promise<Given> {
    const hosted = this.#hosted.get(shard);
    const { owned, storage } = hosted ?? {};
    if (hosted === undefined || owned === undefined || storage === undefined) return 'lost';
    const { shards, moves } = this.#ports;
    storage.isGiving = true;
    const handedOver = await owned.scheduler.handingOver.begin(to);
    storage.isGiving = false;
    if (hosted.isDropped) return 'lost';
    if (handedOver.end === 'kept') return 'kept';
    hosted.isGiven = true;
    const { numbers, jobLogs } = owned;
    const named = <Each extends { readonly jobSeq: number }>(each: Each) => ({
      ...each,
      jobSeq: numbers.of(each.jobSeq),
      epoch,
    });
    // The new owner has what is in the pages.
    moves.sayings.hand(
      shard,
      jobLogs.unmirrored.map((lines) => ({ ...lines, jobSeq: numbers.of(lines.jobSeq) })),
    );
    const ended = new Set(handedOver.outcomes.map(({ jobSeq, fence }) => `${jobSeq} ${fence}`));
    const running = shards.release(shard).filter(({ jobSeq, fence }) => !ended.has(`${jobSeq} ${fence}`));
    const counted = running.map(({ jobSeq, fence }) => ({ jobSeq, fence, lines: jobLogs.countOf(jobSeq, fence) }));
    moves.outgoing.add(shard, counted.map(named), handedOver.outcomes.map(named));
    await this.drop(shard);
    return 'given';
  }

  async #open(row: ShardRow, hosted: Hosted, isLeft: boolean): Promise<void> {
    const { database, shards, clock, pause, sessions } = this.#ports;
    const { shard } = row;
    const { count } = shards.shards;
    const { index, loaded } = await this.#load(row, hosted);
    await this.#ports.settingsApplied();
    if (hosted.isDropped) throw new Dropped(shard);
    // It is there before anything is committed.
    let names: NamesOnDisk | undefined;
    const storage = new ClusterStorage(
      {
        database,
        node: sessions,
        index,
        clock,
        pause,
        claimsOf: (changes) => claimsOf(shard, changes, names as NamesOnDisk),
      },
      row,
      loaded,
    );
    hosted.storage = storage;
    const { kv } = index;
    const numbers = new JobNumbers(shard, count);
    // What is overdue may be what ended the owner before.
    const { moves } = this.#ports;
    const source = new KvLogSource(kv);
    const named = new StoreReader(kv, new TypeDictionary()).handover()?.attempts ?? [];
    const here = named.filter(({ node }) => node === moves.self());
    await moves.outgoing.keepOnly(
      shard,
      here.map(({ seq, fence, epoch }) => ({ jobSeq: numbers.of(seq), fence, epoch })),
    );
    if (hosted.isDropped) throw new Dropped(shard);
    // This process has had it last, or who had it lives: what ran then has ended neither.
    const planned = isLeft || row.epoch - (this.#epochs.get(shard) ?? Number.NEGATIVE_INFINITY) <= 1;
    this.#epochs.set(shard, row.epoch);
    const owned = shards.add({ kv, log: source, storage, numbers, clean: planned, planned }, moves.remote.add(row));
    hosted.owned = owned;
    const { store, scheduler } = owned;
    names = {
      keyHolder: (place) => store.keyHolder(place),
      keyUse: (name, now) => store.keyUse(name, now),
      state: (seq) => store.state(seq),
      isRunning: (seq) => scheduler.isRunning(seq),
    };
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

  async #load(row: ShardRow, hosted: Hosted): Promise<{ readonly index: HostedIndex; readonly loaded: LoadedIndex }> {
    const { database, indexes, shards, clock } = this.#ports;
    const { shard } = row;
    const followed = this.#followed.get(shard);
    this.#followed.delete(shard);
    await this.#ending.get(shard);
    if (followed !== undefined) {
      try {
        const since = clock.monotonic();
        const { index, loaded, anewFor: reason } = await followed.finish(row);
        hosted.index = index;
        if (reason !== undefined) {
          hosted.loadMs = clock.monotonic() - since;
          this.#ports.log.info(
            { shard, reason, ms: Math.round(hosted.loadMs) },
            'what was loaded of a shard was of no use when it came: it was loaded anew',
          );
        }
        return { index, loaded };
      } catch (error) {
        await followed.end();
        throw error;
      }
    }
    const index = indexes.add(shard, 1 / shards.shards.count);
    hosted.index = index;
    const filling = fillingUntil(index, () => hosted.isDropped, shard);
    const since = clock.monotonic();
    const loaded = await loadShard(database, row, filling);
    hosted.loadMs = clock.monotonic() - since;
    return { index, loaded };
  }

  #eventsFor(shard: number, hosted: Hosted, store: CommittedStore): ClusterEvents {
    return {
      committed: (position) => {
        store.committed(position);
        hosted.wake();
      },
      failed: (position, failure) => store.failed(position, failure),
      claimed: (_, by) => store.claimed(by),
      checkpointed: (position) => store.checkpointed(position),
      merged: (position) => store.merged(position),
      logsWritten: (bytes) => store.logsWritten(bytes),
      logsRefused: () => store.logsRefused(),
      logsMirrored: (orders) => hosted.owned?.jobLogs.mirrored(orders),
      lost: ({ why, message }) => {
        if (hosted.owned?.scheduler.handingOver.isGiven || hosted.isGiven) return;
        this.#ports.log.warn({ shard, why, reason: message }, 'a shard is given up');
        this.#ports.lost(shard, why, 'its index failed; the log of that node says why');
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
