/** How a node stands in its cluster, for `/health`: what keeps it from its part, as a sentence for users. */
import { clockOff } from '../leases/node.js';

export interface StandingParts {
  /** The database answers, and nobody has declared this node dead. */
  readonly hasLease: boolean;
  /** Why the others do not reach this node. */
  readonly addressProblem: string | undefined;
  /** The database's clock less the own, as far as is certain, in milliseconds. */
  readonly clockOffset: number | undefined;
  /** How many shards nobody runs. */
  readonly idleShards: number;
}

/** Undefined: nothing does. */
export function standing({ hasLease, addressProblem, clockOffset = 0, idleShards }: StandingParts): string | undefined {
  if (!hasLease)
    return 'this node has no lease: PostgreSQL does not answer it, or has only just done so. Nothing starts here until it has one';
  const off = Math.abs(clockOffset);
  if (off > clockOff.degraded) {
    const way = clockOffset > 0 ? 'behind' : 'ahead of';
    const takes = off > clockOff.takesNone ? ', so it takes no shards' : '';
    return `the clock of this node is ${Math.round(off)} ms ${way} that of PostgreSQL${takes}: keep both in order (NTP)`;
  }
  if (addressProblem !== undefined) return addressProblem;
  if (idleShards === 0) return undefined;
  const shards = idleShards === 1 ? 'one shard has' : `${idleShards} shards have`;
  return `${shards} no owner just now, or are being loaded: their jobs wait`;
}
