/** What a process does with the shards that are its own: the port between who decides that and who carries it out. Types only. */
import type { LogEnd, RandomId, ShardRow } from '../../store/postgres/database.js';

/** What is loaded of a shard of another node. */
export interface LoadedPages {
  /** The last slice of its pages; null where there was none. Absent: it cannot keep up with them, and would load the shard anew in any case. */
  readonly slice?: RandomId | null;
}

/** How an attempt to give a shard away ended. `kept`: it goes on here as if nothing had been. `lost`: its lease is over. */
export type Given = 'given' | 'kept' | 'lost';

export interface ShardHost {
  /**
   * Loads a shard up to the end of its log and begins to run it, under this row's token. It is called after the row was read, so all that
   * was written under an earlier token is there to be read, and nothing more can come. Where the shard is followed, only the rest is read.
   *
   * Rejects when it cannot be loaded; it is tried again then, here or by another node.
   *
   * @param isLeft whoever had it before lives and has given it up: that has ended no process
   */
  open(row: ShardRow, isLeft?: boolean): Promise<void>;
  /**
   * The lease of a shard is over, or is about to be: when this returns, nothing of it begins any more, and what had not begun is taken
   * back. Its running attempts are aborted, and stopped after the grace; what was not written is forgotten. Resolves when the shard may
   * be opened again. Also ends an `open` that goes on.
   */
  drop(shard: number): Promise<void>;
  /** The last record of each open shard that the database has confirmed: it must be there from now on. */
  readonly ends: readonly LogEnd[];
  /** Loads a shard of another node and follows its log. Resolves when it is close behind; rejects when it cannot be loaded. */
  follow(shard: number): Promise<void>;
  /** It is not followed any longer. */
  unfollow(shard: number): void;
  /** What is loaded of a shard that is followed; undefined: not all is, or pages were written since, and it is loaded anew. */
  loaded(shard: number): LoadedPages | undefined;
  /** Another node has loaded an open shard, or does so, and is to be given it: its pages are not written for a while. */
  followed(shard: number): void;
  /** The last slice of pages of an open shard; null where there is none; undefined while that is not known. */
  lastSlice(shard: number): RandomId | null | undefined;
  /**
   * Stops starting, and writes a last record that names the attempts still running and gives the shard away in the same transaction.
   * Afterwards, unless it is `kept`, the shard is not open any more, and its running attempts go on.
   */
  give(row: ShardRow, to: RandomId): Promise<Given>;
}
