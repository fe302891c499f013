/**
 * Planned moves: a shard goes from one living node to another, because that has joined or this one leaves. It takes two, who tell each
 * other all through their rows:
 *
 *     the new one                                   the old one
 *     should own it: loads it and follows its log
 *     says in its row that it does so         ───►  writes no pages for a while
 *     says that it is ready, and with which pages ►  finds it should go there, and that these are the last: stops starting, writes a last
 *                                                   record and gives the shard away in the same transaction
 *     finds that the shard is its own         ◄───
 *     reads the rest of the log, and begins
 *
 * Pages that are written behind those that were loaded make that useless: then the shard is loaded anew before it is given. One that
 * cannot be loaded so soon, as a very large one whose pages change all the time, is given all the same, and loaded while nobody runs it.
 *
 * Nobody starts what is due in between; that is from the last start of the old one to the next look of the new one. A node brings
 * one shard after the other to itself, four at a time where their owner leaves.
 */
import type { RandomId } from '../../store/postgres/database.js';
import { readFacts } from './facts.js';
import type { ShardHost } from './host.js';
import type { View } from './members.js';
import { assign, isLive, LeftShards } from './ownership.js';

const mostFollowed = { joining: 1, leaving: 4 } as const;

export interface MovingPorts {
  readonly host: Pick<ShardHost, 'follow' | 'unfollow' | 'loaded' | 'followed' | 'lastSlice'>;
  readonly lease: { readonly node: RandomId | undefined; readonly isLive: boolean; readonly isLeaving: boolean };
  readonly taking: {
    readonly open: readonly number[];
    holds(shard: number): boolean;
    give(shard: number, to: RandomId): Promise<void>;
  };
  readonly mayTake: () => boolean;
  readonly failed: (shard: number, reason: Error) => void;
}

export class Moving {
  readonly #ports: MovingPorts;
  /** Each following is another object. */
  readonly #followed = new Map<number, object>();

  constructor(ports: MovingPorts) {
    this.#ports = ports;
  }

  /** Shards of others that could be given to this node at once. */
  get ready(): readonly number[] {
    return this.follows.filter((shard) => this.#ports.host.loaded(shard) !== undefined);
  }

  /** The last slice of pages of those, as of `NodeFacts`. */
  get slices(): Readonly<Record<number, RandomId | null>> {
    const slices: Record<number, RandomId | null> = {};
    for (const shard of this.follows) {
      const { slice } = this.#ports.host.loaded(shard) ?? {};
      if (slice !== undefined) slices[shard] = slice;
    }
    return slices;
  }

  /** Shards of others that are loaded here, or have been. */
  get follows(): readonly number[] {
    return [...this.#followed.keys()];
  }

  /** Takes in what a look has shown. To be called after `Taking` has. */
  seen(view: View): void {
    const { host, lease, mayTake, taking } = this.#ports;
    const { node: self } = lease;
    if (self === undefined || !lease.isLive) return;
    const nodes = new Map(view.nodes.filter(isLive).map((node) => [node.node, node]));
    const assigned = assign(view.shards, view.nodes);
    const takes = mayTake() && !lease.isLeaving;
    const left = new LeftShards(view.nodes);
    for (const row of view.shards) {
      const { shard, owner } = row;
      const isRun = owner !== null && nodes.has(owner) && !left.isLeft(row);
      // What this node has just lost is dropped first.
      const comes = takes && isRun && assigned.get(shard) === self && !taking.holds(shard);
      // What is its own by now was promoted, or is taken as any other.
      if (owner === self) this.#followed.delete(shard);
      else if (!comes) this.#unfollow(shard);
      else {
        const most = nodes.get(owner)?.leaving ? mostFollowed.leaving : mostFollowed.joining;
        if (this.#followed.size < most) this.#follow(shard);
      }
    }
    for (const shard of taking.open) {
      const to = assigned.get(shard);
      const node = to === undefined || to === self ? undefined : nodes.get(to);
      if (node === undefined) continue;
      const { ready, follows, slices = {} } = readFacts(node.facts);
      // Whoever comes for what is left finds pages that stay as they are.
      if (follows?.includes(shard) || lease.isLeaving) host.followed(shard);
      const slice = slices[shard];
      const isOfUse = slice === undefined || slice === host.lastSlice(shard);
      if (ready.includes(shard) && isOfUse) void taking.give(shard, node.node);
    }
  }

  #follow(shard: number): void {
    if (this.#followed.has(shard)) return;
    const followed = {};
    this.#followed.set(shard, followed);
    this.#ports.host.follow(shard).catch((error: unknown) => {
      if (this.#followed.get(shard) !== followed) return;
      this.#unfollow(shard);
      this.#ports.failed(shard, error as Error);
    });
  }

  #unfollow(shard: number): void {
    if (this.#followed.delete(shard)) this.#ports.host.unfollow(shard);
  }
}
