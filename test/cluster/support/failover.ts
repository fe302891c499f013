/** A primary and a standby, and nodes that reach whichever of them is in charge by one URL. */
import type { Test } from 'tap';
import { eventually } from '../../support/client.js';
import { startPostgres, startStandby, type TestPostgres, type TestStandby } from '../../support/postgres.js';
import { check, report, type Verdict } from '../checker/check.js';
import type { Recorder } from '../checker/recorder.js';
import type { Clients } from './clients.js';
import { asNode } from './cluster.js';
import { clusterOf, isWell } from './looks.js';
import { type ClusterNode, startNodes } from './nodes.js';
import { TcpProxy } from './proxy.js';

export interface FailoverCluster {
  readonly primary: TestPostgres;
  readonly standby: TestStandby;
  readonly nodes: readonly ClusterNode[];
  /** Between the standby and its primary. */
  readonly replication: TcpProxy;
  /** The URL of the nodes. */
  readonly store: string;
  /** Resolves when the standby has all that the primary has committed before. */
  caughtUp(): Promise<void>;
  /** The primary crashes and stays away, the standby takes its place, and the URL leads there. */
  failOver(): Promise<void>;
}

export interface FailoverOptions {
  readonly recorder: Recorder;
  /** Each commit waits for the standby. */
  readonly synchronous: boolean;
}

/** Waits until each of them is well, and runs shards. */
export async function allWork(nodes: readonly ClusterNode[]): Promise<void> {
  for (const node of nodes) {
    const works = async (): Promise<boolean> => {
      const seen = await clusterOf(node);
      return seen.shards.some(({ owner }) => owner === seen.node) && (await isWell(node));
    };
    await eventually(works, `node ${node.index} is well, and has shards`, 60_000);
  }
}

/** Two nodes, which are well and have shards both. All of it ends with the test. */
export async function startFailover(t: Test, { recorder, synchronous }: FailoverOptions): Promise<FailoverCluster> {
  const settings = ['fsync=off'];
  const primary = await startPostgres(t, settings);
  const replication = await TcpProxy.to(() => primary.port);
  const standby = await startStandby(t, primary, { primaryPort: replication.port, settings });
  const streams = async (state: string): Promise<boolean> =>
    (await primary.sql(`SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '${state}'`))
      .length === 1;
  await eventually(() => streams('async'), 'the standby follows', 30_000);
  if (synchronous) {
    await primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await primary.sql('SELECT pg_reload_conf()');
    await eventually(() => streams('sync'), 'commits wait for the standby', 30_000);
  }
  let inCharge: TestPostgres = primary;
  const way = await TcpProxy.to(() => inCharge.port);
  const url = new URL(await primary.fresh());
  url.host = `127.0.0.1:${way.port}`;
  const store = url.href;
  const args = (place: Parameters<typeof asNode>[0]): string[] => [
    ...asNode(place),
    ...['--shards', '8', '--settle', '500ms', '--merge-age', '500ms'],
  ];
  const nodes = await startNodes({ count: 2, recorder, database: store, args });
  await allWork(nodes);
  const caughtUp = async (): Promise<void> => {
    const [{ written }] = (await primary.sql('SELECT pg_current_wal_insert_lsn()::text AS written')) as [
      { written: string },
    ];
    const isThere = async (): Promise<boolean> =>
      (await standby.sql(`SELECT pg_last_wal_replay_lsn() >= '${written}' AS there`))[0]?.there === true;
    await eventually(isThere, 'the standby has it all', 30_000);
  };
  const failOver = async (): Promise<void> => {
    await primary.stop('immediate');
    await standby.promote();
    inCharge = standby;
    // As a load balancer does which sees that its target is none any more.
    way.reset();
  };
  return { primary, standby, nodes, replication, store, caughtUp, failOver };
}

/** Ends the clients, and has the checker look at what they were told. */
export async function nothingIsLost(
  t: Test,
  { nodes, recorder, clients }: { nodes: readonly ClusterNode[]; recorder: Recorder; clients: Clients },
): Promise<Verdict> {
  await clients.end();
  await recorder.lastLook(nodes[0]!.api);
  const verdict = check(recorder.lines());
  t.same(verdict.violations, [], report(verdict));
  t.same(await clients.asking.wrong(nodes[1]!.api), []);
  return verdict;
}
