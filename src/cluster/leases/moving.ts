/**
 * Planned moves: a shard goes from one living node to another, because that has joined or this one leaves. It takes two, who tell each
 * other all through their rows:
 *
 *     the new one                                   the old one
 *     should own it: loads it and follows its log
 *     says in its row that it is ready        ───►  finds it should go there: stops starting, writes a last record and
 *                                                   gives the shard away in the same transaction
 *     finds that the shard is its own         ◄───
 *     reads the rest of the log, and begins
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
  readonly host: Pick<ShardHost, 'follow' | 'unfollow' | 'followed'>;
  readonly lease: { readonly node: RandomId | undefined; readonly isLive: boolean; readonly isLeaving: boolean };
  readonly taking: {
    readonly open: readonly number[];
    holds(shard: number): boolean;
    give(shard: number, to: RandomId): Promise<void>;
  };
  readonly mayTake: () => boolean;
  readonly failed: (shard: number, reason: Error) => void;
}

interface Followed {
  isReady: boolean;
}

export class Moving {
  readonly #ports: MovingPorts;
  readonly #followed = new Map<number, Followed>();

  constructor(ports: MovingPorts) {
    this.#ports = ports;
  }

  /** Shards of others that could be given to this node at once. */
  get ready(): readonly number[] {
    return [...this.#followed].filter(([, { isReady }]) => isReady).map(([shard]) => shard);
  }

  /** Shards of others that are loaded here, or have been. */
  get follows(): readonly number[] {
    return [...this.#followed.keys()];
  }

  /** Takes in what a look has shown. To be called after `Taking` has. */
  seen(view: View): void {
    const { lease, mayTake, taking } = this.#ports;
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
      const { ready, follows } = readFacts(node.facts);
      if (follows?.includes(shard)) this.#ports.host.followed(shard);
      if (ready.includes(shard)) void taking.give(shard, node.node);
    }
  }

  #follow(shard: number): void {
    if (this.#followed.has(shard)) return;
    const followed: Followed = { isReady: false };
    this.#followed.set(shard, followed);
    this.#ports.host.follow(shard).then(
      () => {
        followed.isReady = true;
      },
      (error: unknown) => {
        if (this.#followed.get(shard) !== followed) return;
        this.#unfollow(shard);
        this.#ports.failed(shard, error as Error);
      },
    );
  }

  #unfollow(shard: number): void {
    if (this.#followed.delete(shard)) this.#ports.host.unfollow(shard);
  }
}
