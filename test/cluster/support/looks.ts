/** What nodes of a test say of themselves and of their cluster. */
import type { ClusterNode } from './nodes.js';

export interface ClusterBody {
  /** That was asked. */
  readonly node: string;
  readonly shards: readonly { readonly owner: string | null }[];
}

export async function clusterOf({ api }: ClusterNode): Promise<ClusterBody> {
  return (await api.get<ClusterBody>('/cluster')).body;
}

export async function isWell({ api }: ClusterNode): Promise<boolean> {
  const { body } = await api.get<{ status: string }>('/health');
  return body.status === 'healthy';
}
