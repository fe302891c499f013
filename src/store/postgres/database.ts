/**
 * What a node asks of PostgreSQL, one method each: the log of a shard, its pages, and who owns it. `pg/` is the adapter; the
 * simulation has one that refuses, delays, executes late and forgets. Types only.
 *
 * A method resolves with what the database has said. It rejects with `UnknownEnd` where nothing is known: the statement may have been
 * carried out, or may be yet. Any other rejection is a refusal: it was not.
 */
import type { PlaceAnswer, PlaceAsk } from '../../domain/control/limited-places.js';
import type { Tree } from '../format/layout.js';

/** 16 random bytes, in hex. */
export type RandomId = string;

/** Under which a shard is written: a taking gives it a new one, and the old one is worth nothing. */
export interface ShardLease {
  readonly shard: number;
  readonly token: RandomId;
}

/** One record of a shard's log, with all else that its commit writes: a whole sealed batch in bytes. */
export interface LogRow {
  /** Grows by one. */
  readonly position: number;
  readonly id: RandomId;
  /** Of the record before; null for the first. */
  readonly previous: RandomId | null;
  readonly bytes: Uint8Array;
}

/**
 * In place of a digest: the key is free, but an attempt of its last job has not ended. Whoever asks finds that shard, and whoever takes
 * the key has it.
 */
export const endingDigest = 'ending';

/** A name that one job holds in the whole cluster: a job's key, or an idempotency key. */
export interface Claim {
  readonly kind: 'key' | 'idempotency';
  readonly name: string;
  readonly shard: number;
  readonly slot: number;
  /** Of the body that came with it; for a job's key empty, or `endingDigest`. */
  readonly digest: string;
  /** Until when it is held, in Unix milliseconds; undefined: until it is released. */
  readonly expiresAt?: number | undefined;
}

export interface Append {
  readonly lease: ShardLease;
  readonly row: LogRow;
  /** Taken in the same transaction; one that another job holds refuses all of it. */
  readonly claims: readonly Claim[];
  /** Given up in the same transaction, as far as jobs of this shard hold them; before the claims are taken. */
  readonly released: readonly Pick<Claim, 'kind' | 'name'>[];
  /**
   * The node that the shard is given to in the same transaction, as by `take`: this record is the last of its lease. Sent again when it
   * is there already, it is `done`, though the token is another by now.
   */
  readonly giveTo?: RandomId | undefined;
}

/**
 * `done`: it is there, be it from an earlier try. `fenced`: the lease is over. `rewound`: the log is not what this node knows, so the
 * database has lost commits. `claimed`: names that others hold; nothing was written.
 */
export type Appended =
  | { readonly end: 'done' | 'fenced' | 'rewound' }
  | { readonly end: 'claimed'; readonly by: readonly Claim[] };

/** A change of one page. Without a value it is removed. */
export interface PageChange {
  readonly tree: Tree;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/**
 * A slice of a merge: all of it or nothing. Slices are chained as records are, and each names the last record: a failover may have lost
 * records or slices while the token is what it was, and what comes next is nothing for pages that are behind.
 */
export interface PageSlice {
  readonly lease: ShardLease;
  readonly id: RandomId;
  /** The slice before, of whichever owner; null for the first of a shard. */
  readonly previous: RandomId | null;
  /** The last record that its owner knows to be there; null where there is none. Nothing in the slice is of one behind it. */
  readonly last: Pick<LogRow, 'position' | 'id'> | null;
  /** Each key of a tree once. */
  readonly changes: readonly PageChange[];
  /** The pages stand for the log up to here from now on; only in the last slice. */
  readonly merged?: number;
}

export interface ShardRow {
  readonly shard: number;
  readonly owner: RandomId | null;
  readonly token: RandomId;
  /** Grows by one with each taking. */
  readonly epoch: number;
  /** A random number below 2^31, another after each loss of commits that was noticed, and in a restored dump; 0 at first. */
  readonly timeline: number;
  /** The last record that the pages have. */
  readonly merged: number;
}

export interface NodeRow {
  readonly node: RandomId;
  /** Grows by one with each beat. */
  readonly beat: number;
  /** Where the others reach it: a URL. */
  readonly address: string;
  /** Number of the formats that it writes. */
  readonly format: number;
  readonly dead: boolean;
  /** It is leaving: it is given no shards. */
  readonly leaving: boolean;
  /** What it tells the others, such as its job types; JSON text. */
  readonly facts: string;
}

/** A shard as it was at one instant. */
export interface LoadedShard {
  readonly row: ShardRow;
  /** Of the pages; null when none was written. */
  readonly lastSlice: RandomId | null;
  /** In order of tree and key. */
  readonly pages: AsyncIterable<readonly PageChange[]>;
  /** The log that is kept, in order. Read it after the pages, each once. */
  readonly log: AsyncIterable<readonly LogRow[]>;
}

/** The last record of a shard's log. */
export interface LogEnd {
  readonly shard: number;
  readonly position: number;
  readonly id: RandomId;
}

/** Every beat confirms what its node may do, and shows what it has to know. */
export interface Beaten {
  /** `dead`: it was declared dead, or its beat is behind what was confirmed to it: all of its leases are over. */
  readonly end: 'done' | 'dead';
  /** What it is now; larger by more than one where an earlier beat was carried out and its answer was lost. */
  readonly beat: number;
  /** Of the shards that it owns, as far as they have records: one of another id than the node knows shows that commits are lost. */
  readonly ends: readonly LogEnd[];
  readonly shards: readonly ShardRow[];
  /** The database's clock, Unix milliseconds. */
  readonly now: number;
}

/** Something that users have set for the whole cluster. */
export interface SettingRow {
  /** Of what: the server, or a job type. */
  readonly name: string;
  /** JSON text; null: nothing is set any more. */
  readonly value: string | null;
}

/** All that users have set, as of one change of it. */
export interface StoredSettings {
  /** Grows by one with each change. */
  readonly version: number;
  /** Of the last change: random, so that no change of a lost timeline passes for it. */
  readonly id: RandomId;
  /** In order of their names; those that have a value. */
  readonly rows: readonly SettingRow[];
}

/** What the settings of a new cluster have in place of the last change. */
export const noChange: RandomId = '0'.repeat(32);

export interface SettingsStep {
  readonly id: RandomId;
  /** The change that it was decided on: it is made behind that, or not at all. */
  readonly before: RandomId;
  readonly rows: readonly SettingRow[];
}

/** Job types as a node declares them, named by the digest of their text: nodes with the same handlers have the same. */
export interface DeclaredTypes {
  readonly digest: string;
  readonly text: string;
}

export interface Database {
  append(append: Append): Promise<Appended>;
  /** As of `append`; a slice that is there already is `done`. */
  writePages(slice: PageSlice): Promise<'done' | 'fenced' | 'rewound'>;
  /** Drops the first records of a log, at most `limit`; never its last, and none that the pages do not have. Returns how many. */
  trim(lease: ShardLease, before: number, limit: number): Promise<number | 'fenced'>;
  /** Who holds these names, of those that somebody holds. */
  holders(names: readonly Pick<Claim, 'kind' | 'name'>[]): Promise<readonly Claim[]>;
  /** The records behind a position, for one who follows the log of another. */
  recordsAfter(shard: number, position: number, limit: number): Promise<readonly LogRow[]>;
  /** Runs `read` in one snapshot. What `read` was given is not to be used afterwards. */
  load<T>(shard: number, read: (loaded: LoadedShard) => Promise<T>): Promise<T>;

  /** Refused where the node is there already: one whose joining had an unknown end comes anew under another id. */
  join(node: Omit<NodeRow, 'dead' | 'beat'>): Promise<void>;
  /**
   * Raises the beat by one, unless it is less than `seen`: then commits were lost. Each call changes it, or others would see none.
   *
   * @param seen the last beat that was confirmed to this node; 0 after `join`
   * @param leaves called right before it is on its way: it may have to wait for a connection first
   */
  beat(
    node: RandomId,
    seen: number,
    changed: Partial<Pick<NodeRow, 'leaving' | 'facts'>>,
    leaves?: () => void,
  ): Promise<Beaten>;
  nodes(): Promise<readonly NodeRow[]>;
  /** Returns false when its beat has moved since it was seen, or it was dead. */
  declareDead(node: RandomId, seen: number): Promise<boolean>;
  /** Removes its row, and with it the places that it has. */
  leave(node: RandomId): Promise<void>;
  /**
   * Takes note of what a node uses of types with limits, and gives it what is free, as of `PlaceKeeper`. Undefined: the node is dead, or has
   * not joined.
   *
   * @param asked grows with each ask of a node: one that is carried out behind a later one of a type is not answered for that
   * @param asks each type once
   */
  askPlaces(node: RandomId, asked: number, asks: readonly PlaceAsk[]): Promise<readonly PlaceAnswer[] | undefined>;

  shards(): Promise<readonly ShardRow[]>;
  /**
   * Takes a shard that has no live owner, or gives one's own to another. Returns undefined when its token is another by now. What was
   * sent under the old token is refused from then on, or was carried out before: the log's end is to be read afterwards.
   */
  take(shard: number, oldToken: RandomId, owner: RandomId): Promise<ShardRow | undefined>;
  /**
   * Gives a shard that has lost commits a new timeline, and with it a new token: under one token there is one timeline. It stays its
   * owner's, who opens it anew. Returns false when its token is another by now.
   */
  beginTimeline(shard: number, oldToken: RandomId): Promise<boolean>;
  /** Ends the connections of a node, whatever they do: what they have sent is carried out or refused when this resolves. */
  endBackends(node: RandomId): Promise<void>;

  /** What users have set. @returns undefined when the last change is the one that is known */
  settings(known: RandomId | undefined): Promise<StoredSettings | undefined>;
  /** All of it or nothing. Sent again when it is there already, and is the last change, it is `done`. `overtaken`: another came first. */
  changeSettings(step: SettingsStep): Promise<'done' | 'overtaken'>;
  /** Keeps what a node declares. What no node has named for a day is dropped. */
  declareTypes(types: DeclaredTypes): Promise<void>;
  /** Those of these digests that are there. */
  declaredTypes(digests: readonly string[]): Promise<readonly DeclaredTypes[]>;
  /** A number for a bulk action, greater than those before. Numbers may be left out. */
  nextBulk(): Promise<number>;
}

/** The connection broke, or there was no answer in time. */
export class UnknownEnd extends Error {
  override readonly name = 'UnknownEnd';
}
