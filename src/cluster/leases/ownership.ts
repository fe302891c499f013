/**
 * Which node should own which shard. Pure: all nodes that see the same rows come to the same end. The owner of a shard keeps it as long
 * as it has no more than its share; what goes elsewhere goes by rendezvous hashing (Thaler and Ravishankar, *Using Name-Based Mappings
 * to Increase Hit Rates*, 1998). So a node that joins or leaves moves what it must and nothing else. A node that has given a shard up, since
 * it could not run it, is not to have that as long as it says so.
 */
import { createHash } from 'node:crypto';
import type { NodeRow, RandomId, ShardRow } from '../../store/postgres/database.js';
import { type NodeFacts, readFacts } from './facts.js';

/** A node takes part in planned moves once it has beaten so often: some 30 s, by everybody's count. */
export const settledBeats = 30;

/** It lives, as far as the database knows. */
export function isLive(node: NodeRow | undefined): node is NodeRow {
  return node !== undefined && !node.dead;
}

/** What nodes that live say of shards that they could not run. */
export class LeftShards {
  readonly #nodes = new Map<RandomId, NonNullable<NodeFacts['givenUp']>>();

  constructor(nodes: readonly NodeRow[]) {
    for (const { node, facts } of nodes.filter(isLive)) {
      const { givenUp = {} } = readFacts(facts);
      if (Object.keys(givenUp).length > 0) this.#nodes.set(node, givenUp);
    }
  }

  /** Whether a node is not to have a shard. */
  by(node: RandomId, shard: number): boolean {
    return this.#nodes.get(node)?.[shard] !== undefined;
  }

  /** Whether its owner lives and does not run it, nor will under this lease. What it said of an earlier lease says nothing. */
  isLeft({ owner, shard, epoch }: ShardRow): boolean {
    const said = owner === null ? undefined : this.#nodes.get(owner)?.[shard];
    return said !== undefined && said.epoch >= epoch;
  }

  /** Who says so of a shard, and why. */
  of(shard: number): readonly { readonly node: RandomId; readonly reason: string }[] {
    return [...this.#nodes].flatMap(([node, said]) => {
      const { reason } = said[shard] ?? {};
      return reason === undefined ? [] : [{ node, reason }];
    });
  }
}

/** Whether it may be given shards that others own. */
function isSettled({ beat, facts }: NodeRow): boolean {
  return readFacts(facts).settled ?? beat >= settledBeats;
}

/**
 * The owner that each shard should have.
 *
 * @returns by number of the shard; a shard is absent when there is nobody to own it
 */
export function assign(shards: readonly ShardRow[], nodes: readonly NodeRow[]): ReadonlyMap<number, RandomId> {
  const living = new Map(nodes.filter(isLive).map((node) => [node.node, node]));
  const staying = [...living.values()].filter(({ leaving, facts }) => !leaving && readFacts(facts).takes);
  // One that has only just come takes what has no owner, where nobody has been there for longer. From others it takes nothing yet.
  const settled = staying.filter(isSettled);
  const able = settled.length > 0 ? settled : staying;
  const share = Math.ceil(shards.length / Math.max(1, able.length));
  const assigned = new Map<number, RandomId>();
  const counts = new Map<RandomId, number>();
  const give = (shard: number, node: RandomId): void => {
    assigned.set(shard, node);
    counts.set(node, (counts.get(node) ?? 0) + 1);
  };
  const free: ShardRow[] = [];
  const left = new LeftShards(nodes);
  for (const row of byRank(shards)) {
    const owner = row.owner === null ? undefined : living.get(row.owner);
    const runs = owner !== undefined && !owner.leaving && !left.isLeft(row);
    const keeps = runs && (counts.get(owner.node) ?? 0) < share;
    if (keeps) give(row.shard, owner.node);
    else free.push(row);
  }
  for (const row of free) {
    const { shard, owner } = row;
    const others = (nodes: readonly NodeRow[]) => nodes.filter(({ node }) => !left.by(node, shard));
    const might = others(able).length > 0 ? others(able) : others(staying);
    const open = might.filter(({ node }) => (counts.get(node) ?? 0) < share);
    const isRun = owner !== null && living.has(owner) && !left.isLeft(row);
    // Better beyond its share than with nobody.
    const [node] = ranked(open.length > 0 || isRun ? open : might, ({ node }) => rank(shard, node)).map(
      ({ node }) => node,
    );
    if (node !== undefined) give(shard, node);
    // Nobody to give it to: it stays where it is.
    else if (owner !== null && living.has(owner)) give(shard, owner);
  }
  return assigned;
}

/** Those that their owners rank highest come first: these are what an owner keeps when it has too many. */
function byRank(shards: readonly ShardRow[]): readonly ShardRow[] {
  return ranked(shards, ({ shard, owner }) => rank(shard, owner ?? ''));
}

/** The largest rank first. */
function ranked<T>(all: readonly T[], rankOf: (one: T) => string): readonly T[] {
  return all
    .map((one) => ({ one, rank: rankOf(one) }))
    .sort((a, b) => compare(b.rank, a.rank))
    .map(({ one }) => one);
}

function rank(shard: number, node: string): string {
  return createHash('sha256').update(`${shard} ${node}`).digest('hex');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
