/** Has a node tick. However late a timer is, nothing that must hold depends on it. */
import type { ClusterNode } from './node.js';

/** Answers move what is next, so it looks more often than anything is due. */
const everyMs = 50;

/** @returns what ends it */
export function tickNode(node: Pick<ClusterNode, 'tick'>): () => void {
  node.tick();
  const timer = setInterval(() => node.tick(), everyMs);
  return () => clearInterval(timer);
}
