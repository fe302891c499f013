/** Three nodes, of which two own shards: what any of them answers is put together of both. */
import type { Test } from 'tap';
import { eventually } from '../../support/client.js';
import { startCluster } from './cluster.js';
import { isWhole } from './looks.js';
import type { ClusterNode } from './nodes.js';

export interface ClusterBody {
  /** That was asked. */
  readonly node: string;
  readonly nodes: readonly { readonly node: string; readonly state: string }[];
  readonly shards: readonly { readonly owner: string | null }[];
}

/** How many nodes have shards. */
export async function owners({ api }: ClusterNode): Promise<number> {
  const { body } = await api.get<ClusterBody>('/cluster');
  return new Set(body.shards.map(({ owner }) => owner)).size;
}

/** Three nodes, of which two have the shards: the first is killed, and comes again when the others have what it had. */
export async function threeNodes(t: Test): Promise<readonly [ClusterNode, ClusterNode, ClusterNode]> {
  const { nodes } = await startCluster(t, { count: 3, settings: ['fsync=off'] });
  const [first, second, third] = nodes as [ClusterNode, ClusterNode, ClusterNode];
  await eventually(() => isWhole(second), 'all shards are run', 30_000);
  await first.kill();
  for (const node of [second, third]) await eventually(() => isWhole(node), 'all shards are run again', 30_000);
  await first.start();
  await eventually(() => isWhole(first), 'and the first knows', 30_000);
  t.equal(await owners(first), 2, 'two nodes have shards');
  return [first, second, third];
}
