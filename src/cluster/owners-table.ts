/** Who owns which shard, and where the nodes are, as it was read last. Only nodes whose beat moves are called. */
import type { NodeRow, RandomId, ShardRow } from '../store/postgres/database.js';
import { LeftShards } from './leases/ownership.js';

/** What a look at the database has shown. */
interface Look {
  readonly shards: readonly ShardRow[];
  readonly nodes: readonly NodeRow[];
}

/** A beat comes every second and is looked for every half: one that has not moved for so long is late. Milliseconds. */
const stillMs = 2500;

interface Living {
  readonly address: string;
  readonly beat: number;
  /** When this beat was seen first, in monotonic milliseconds. */
  readonly since: number;
}

/** See the head of this file. */
export class OwnersTable {
  readonly #node: { readonly view: Look | undefined };
  readonly #now: () => number;
  #seen: Look | undefined;
  #owners = new Map<number, RandomId | null>();
  #nodes = new Map<RandomId, Living>();

  /**
   * @param node has the last of its looks
   * @param now monotonic milliseconds
   */
  constructor(node: { readonly view: Look | undefined }, now: () => number) {
    this.#node = node;
    this.#now = now;
  }

  /** Nodes whose beat moves, this one among them. */
  get living(): readonly RandomId[] {
    this.#look();
    return [...this.#nodes.keys()].filter((node) => this.#moves(node));
  }

  /** A node that is not dead, and has not given the shard up, as far as is known. */
  ownerOf(shard: number): RandomId | undefined {
    this.#look();
    const owner = this.#owners.get(shard);
    return owner && this.#nodes.has(owner) ? owner : undefined;
  }

  /** Undefined: its beat does not move. */
  addressOf(node: RandomId): string | undefined {
    this.#look();
    return this.#moves(node) ? this.#nodes.get(node)?.address : undefined;
  }

  /** How long ago a new beat of a node was seen, in milliseconds; undefined: it is dead, or not known. */
  beatAgeOf(node: RandomId): number | undefined {
    this.#look();
    const since = this.#nodes.get(node)?.since;
    return since === undefined ? undefined : Math.max(0, this.#now() - since);
  }

  renew(shards: readonly ShardRow[], nodes: readonly NodeRow[]): void {
    const left = new LeftShards(nodes);
    this.#owners = new Map(shards.map((row) => [row.shard, left.isLeft(row) ? null : row.owner]));
    const now = this.#now();
    const known = this.#nodes;
    this.#nodes = new Map();
    for (const { node, address, beat, dead } of nodes) {
      if (dead) continue;
      const before = known.get(node);
      const since = before?.beat === beat ? before.since : now;
      this.#nodes.set(node, { address, beat, since });
    }
  }

  #moves(node: RandomId): boolean {
    const known = this.#nodes.get(node);
    return known !== undefined && this.#now() - known.since <= stillMs;
  }

  #look(): void {
    const { view } = this.#node;
    if (view === undefined || view === this.#seen) return;
    this.#seen = view;
    this.renew(view.shards, view.nodes);
  }
}
