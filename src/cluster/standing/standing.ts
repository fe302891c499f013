/** How a node stands in its cluster, for `/health`: what keeps it from its part, as a sentence for users. */
import type { Mode } from '../../scheduler/modes.js';
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
  /** Shards that nodes could not run, and leave to others for a while; absent: none. */
  readonly givenUp?: readonly GivenUpHere[];
}

/** A shard that was given up. */
export interface GivenUpHere {
  readonly shard: number;
  /** Nobody runs it. */
  readonly isIdle: boolean;
  /** This node has given it up. */
  readonly isHere: boolean;
  /** Of a node that has, a URL. */
  readonly address: string;
  /** As of `GivenUpShard`. */
  readonly reason: string;
}

export interface Standing {
  /** Without one it can answer nothing about jobs. */
  readonly hasLease: boolean;
  /** What keeps the node from its part, a sentence for users; undefined: nothing does. */
  readonly problem: string | undefined;
}

/** Undefined: nothing does. */
export function standing(parts: StandingParts): string | undefined {
  const { hasLease, addressProblem, clockOffset = 0, idleShards, givenUp = [] } = parts;
  if (!hasLease)
    return 'this node has no lease: PostgreSQL does not answer it, or has only just done so. Nothing starts here until it has one';
  const off = Math.abs(clockOffset);
  if (off > clockOff.degraded) {
    const way = clockOffset > 0 ? 'behind' : 'ahead of';
    const takes = off > clockOff.takesNone ? ', so it takes no shards' : '';
    return `the clock of this node is ${Math.round(off)} ms ${way} that of PostgreSQL${takes}: keep both in order (NTP)`;
  }
  if (addressProblem !== undefined) return addressProblem;
  const stands = givenUp.find(({ isIdle }) => isIdle) ?? givenUp.find(({ isHere }) => isHere);
  if (stands !== undefined) return sentenceOf(stands);
  if (idleShards === 0) return undefined;
  const shards = idleShards === 1 ? 'one shard has' : `${idleShards} shards have`;
  return `${shards} no owner just now, or are being loaded: their jobs wait`;
}

function sentenceOf({ shard, isIdle, isHere, address, reason }: GivenUpHere): string {
  const who = isHere ? 'this node' : `the node at ${address}`;
  const then = isIdle ? 'Nobody runs it: its jobs wait, and it is tried again' : 'Another node runs it';
  return `${who} could not run shard ${shard}: ${reason}. ${then}`;
}

/**
 * Why PostgreSQL takes no connections of a node, for `/health`.
 *
 * @param problem names where the database is and who its user is; undefined: it takes them
 * @param mayKnow whoever asks has shown a token, or there are none
 */
export function unreached(problem: string | undefined, mayKnow: boolean): string | undefined {
  if (problem === undefined || mayKnow) return problem;
  return 'PostgreSQL takes no connections of this node: its log says why';
}

/** What a node says while PostgreSQL answers it and refuses what it appends. */
const refusesWrites =
  'PostgreSQL takes no writes: its log says why, a full disk is the usual cause. Nothing is accepted or started until it does';

/**
 * The health of a server, as a node of a cluster has it.
 *
 * @param health as of a server by itself
 * @param mode of its shards: where writes are refused, it is PostgreSQL that refuses them, and no disk of this machine
 * @param standing what keeps the node from its part in the cluster; undefined: nothing does
 */
export function withStanding<Said extends { readonly status: 'healthy' | 'degraded' | 'draining' }>(
  health: Said,
  { name }: Pick<Mode, 'name'>,
  standing: string | undefined,
): Said | (Omit<Said, 'status'> & { readonly status: 'degraded'; readonly reason: string }) {
  if (name === 'blocked') return { ...health, status: 'degraded', reason: standing ?? refusesWrites };
  if (health.status !== 'healthy' || standing === undefined) return health;
  return { ...health, status: 'degraded', reason: standing };
}
