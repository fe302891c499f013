/** The cluster as one of its nodes sees it at this moment: for `GET /cluster`, and for the metrics. */
import type { Progress } from '../../store/postgres/cluster-storage.js';
import type { RandomId } from '../../store/postgres/database.js';
import type { ClusterCounts } from '../../telemetry/cluster/cluster-counts.js';
import type { ClusterFigures } from '../../telemetry/cluster/cluster-metrics.js';
import { readFacts } from '../leases/facts.js';
import type { ClusterNode } from '../leases/node.js';
import { LeftShards } from '../leases/ownership.js';
import type { OwnersTable } from '../owners-table.js';
import type { NodeShards } from '../shard-host.js';
import type { Shards } from '../shards.js';

/** What is looked at. */
export interface LookedAt {
  readonly node: Pick<ClusterNode, 'node' | 'view' | 'open' | 'leaseMs' | 'clockOffset'>;
  readonly host: Pick<NodeShards, 'progressOf' | 'loadMsOf'>;
  readonly table: Pick<OwnersTable, 'beatAgeOf'>;
}

/** See the head of this file. */
export interface ClusterLook {
  readonly node: RandomId;
  readonly nodes: readonly {
    readonly node: RandomId;
    readonly address: string;
    readonly state: 'live' | 'leaving' | 'dead';
    readonly beatAgeMs: number | undefined;
    readonly clockOffsetMs: number | undefined;
  }[];
  readonly shards: readonly {
    readonly shard: number;
    readonly owner: RandomId | null;
    readonly epoch: number;
    readonly merged: number;
    /** Nodes that could not run it, and leave it to others for a while. */
    readonly givenUp: readonly { readonly node: RandomId; readonly reason: string }[];
  }[];
}

export function lookAt({ node: self, host, table }: LookedAt): ClusterLook {
  const { node, view } = self;
  const left = new LeftShards(view?.nodes ?? []);
  const shards = (view?.shards ?? []).map(({ shard, owner, epoch, merged }) => {
    const { appended, applied } = host.progressOf(shard) ?? {};
    const told = appended !== undefined && { appended, applied };
    return { shard, owner, epoch, ...told, merged, loadMs: host.loadMsOf(shard), givenUp: left.of(shard) };
  });
  const nodes = (view?.nodes ?? []).map(({ node, address, dead, leaving, facts }) => {
    const { clockOffset } = readFacts(facts);
    return {
      ...{ node, address, state: dead ? ('dead' as const) : leaving ? ('leaving' as const) : ('live' as const) },
      beatAgeMs: table.beatAgeOf(node),
      // Said of the node's clock, and not of the database's.
      clockOffsetMs: clockOffset === undefined ? undefined : -clockOffset,
    };
  });
  return { node: node ?? '', nodes, shards };
}

/** @param idle how many shards nobody runs */
export function figuresOf(
  looked: LookedAt,
  shards: Pick<Shards, 'all' | 'count'>,
  idle: () => number,
  counts: ClusterCounts,
): ClusterFigures {
  const { node: self, host } = looked;
  const each = () => shards.all.map(({ numbers }) => host.progressOf(numbers.shard));
  const sumOf = (of: (progress: Progress) => number): number =>
    each().reduce((sum, progress) => sum + (progress ? of(progress) : 0), 0);
  return {
    counts,
    leaseMs: () => self.leaseMs,
    clockOffsetMs: () => self.clockOffset,
    nodes: () => {
      const { nodes } = lookAt(looked);
      const count = (wanted: string): number => nodes.filter(({ state }) => state === wanted).length;
      return { live: count('live'), leaving: count('leaving'), dead: count('dead') };
    },
    shards: () => {
      const own = self.open.length;
      return { own, other: Math.max(0, shards.count - own - idle()), idle: idle() };
    },
    behind: () => ({
      index: sumOf(({ appended, applied }) => appended - applied),
      pages: sumOf(({ appended, merged }) => appended - merged),
    }),
  };
}
