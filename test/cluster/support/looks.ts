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

/** It has all jobs, wherever they are: each shard's owner answers. A node that died a moment ago is still told as an owner. */
export async function isWhole({ api }: ClusterNode): Promise<boolean> {
  return (await api.get('/jobs')).status === 200;
}
