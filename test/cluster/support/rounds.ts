/**
 * Rounds of faults: clients ask all nodes for all kinds of things, and one node after the other is killed, ended, stopped or cut off.
 * Which, and for how long, is drawn from a seed. What was promised is for the checker to say afterwards.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../simulation/random.js';
import type { TestPostgres } from '../../support/postgres.js';
import type { Asking } from '../checker/asking.js';
import type { Recorder } from '../checker/recorder.js';
import { Clients } from './clients.js';
import type { ClusterNode } from './nodes.js';
import type { Cut, Direction, TcpProxy } from './proxy.js';

export const roundFaults = [
  'kill',
  'end',
  'stop',
  'cut from clients',
  'cut from database',
  'database crashes',
] as const;
export type RoundFault = (typeof roundFaults)[number];

export interface RoundsOptions {
  readonly nodes: readonly ClusterNode[];
  readonly recorder: Recorder;
  /** What `database crashes` needs. */
  readonly postgres?: TestPostgres;
  readonly rounds: number;
  readonly seed: number;
  /** Longest time that a node is away, in milliseconds. */
  readonly awayMs: number;
  readonly faults: readonly RoundFault[];
  readonly clients?: number;
}

/** @returns what was asked for, to be looked at more closely; and how often each fault came */
export async function liveThrough(
  options: RoundsOptions,
): Promise<{ readonly asking: Asking; readonly counts: ReadonlyMap<RoundFault, number> }> {
  const { nodes, recorder, rounds, seed, faults, clients: count = 4 } = options;
  const random = new Random(seed);
  const counts = new Map<RoundFault, number>();
  const clients = new Clients({ nodes, recorder, count });
  try {
    for (let round = 0; round < rounds; round++) {
      await clients.progress();
      // Each in its turn, so that every one comes; the rest is chance.
      const fault = faults[round % faults.length]!;
      counts.set(fault, (counts.get(fault) ?? 0) + 1);
      await cause(fault, random.pick(nodes), random, options);
    }
    await clients.progress();
  } finally {
    await clients.end();
  }
  return { asking: clients.asking, counts };
}

async function cause(
  fault: RoundFault,
  node: ClusterNode,
  random: Random,
  { awayMs, postgres }: RoundsOptions,
): Promise<void> {
  const away = (): Promise<void> => sleep(random.between(0, awayMs));
  switch (fault) {
    case 'kill':
      await node.kill();
      await away();
      return node.start();
    case 'end':
      await node.end();
      await away();
      return node.start();
    case 'stop':
      node.stop();
      await away();
      return node.continue();
    case 'cut from clients':
      return cut(node.front, random, away);
    case 'cut from database':
      if (node.database === undefined) throw new Error(`node ${node.index} has no database`);
      return cut(node.database, random, away);
    case 'database crashes':
      if (postgres === undefined) throw new Error('there is no database');
      await postgres.stop('immediate');
      await away();
      return postgres.start();
    default:
      return fault satisfies never;
  }
}

async function cut(network: TcpProxy, random: Random, away: () => Promise<void>): Promise<void> {
  const how = random.pick<Cut>(['hold', 'drop', 'break']);
  const direction = random.pick<Direction | undefined>([undefined, undefined, 'requests', 'answers']);
  network.cut(how, direction);
  await away();
  network.mend();
}
