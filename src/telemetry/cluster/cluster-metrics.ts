/** The metrics that a node of a cluster has beside those of every server. `docs/metrics.md` has the same table. */
import { by, type Metric, metric, parts, type Sample } from '../metrics.js';
import { type ClusterCounts, statements } from './cluster-counts.js';

/** What is looked up when somebody asks. */
export interface ClusterFigures {
  readonly counts: ClusterCounts;
  /** For how long attempts may begin here yet, milliseconds; 0: no lease. */
  leaseMs(): number;
  /** The database's clock less the own, milliseconds; undefined: not known yet. */
  clockOffsetMs(): number | undefined;
  nodes(): Readonly<Record<'live' | 'leaving' | 'dead', number>>;
  shards(): Readonly<Record<'own' | 'other' | 'idle', number>>;
  /** Records of own shards that the index here, and the pages in the database, do not have yet. */
  behind(): Readonly<Record<'index' | 'pages', number>>;
}

/** In order of the document. */
export function clusterMetricsOf(figures: ClusterFigures): readonly Metric[] {
  const { counts } = figures;
  const one = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ labels: {}, value }]);
  return [
    metric('gauge', 'cluster_lease_seconds', [], 'For how long this node may begin attempts yet', () =>
      one(figures.leaseMs() / 1000),
    ),
    metric('gauge', 'cluster_clock_offset_seconds', [], 'How far the clock of PostgreSQL is ahead', () => {
      const ms = figures.clockOffsetMs();
      return one(ms === undefined ? undefined : ms / 1000);
    }),
    metric('gauge', 'cluster_nodes', ['state'], 'Nodes of the cluster as this one sees them', () =>
      by('state', figures.nodes(), {}),
    ),
    metric(
      'gauge',
      'cluster_shards',
      ['owner'],
      'Shards that this node runs, that others have, and that nobody runs',
      () => by('owner', figures.shards(), {}),
    ),
    metric(
      'gauge',
      'cluster_records_behind',
      ['what'],
      'Log records of own shards that the index here, or the pages in PostgreSQL, do not have yet',
      () => by('what', figures.behind(), {}),
    ),
    metric(
      'counter',
      'cluster_statements_total',
      ['statement', 'end'],
      'Statements that PostgreSQL was sent, by what became of them',
      () => statements.flatMap((statement) => by('end', counts.ends[statement], { statement })),
    ),
    metric('histogram', 'cluster_statement_duration_seconds', ['statement'], 'From a statement to its answer', () =>
      statements.flatMap((statement) =>
        parts('cluster_statement_duration_seconds', counts.durations[statement], { statement }),
      ),
    ),
    metric(
      'histogram',
      'cluster_shard_handover_seconds',
      ['step'],
      'From the last start of a job here until the shard was given away, and from a shard that came until it was open',
      () =>
        Object.entries(counts.handovers).flatMap(([step, each]) =>
          parts('cluster_shard_handover_seconds', each, { step }),
        ),
    ),
    metric('counter', 'cluster_shards_lost_total', ['reason'], 'Shards that this node had and did not give away', () =>
      by('reason', counts.shardsLost, {}),
    ),
    metric(
      'counter',
      'cluster_declared_dead_total',
      ['node'],
      'How often this node was declared dead, and has declared another dead',
      () => by('node', counts.declaredDead, {}),
    ),
    metric(
      'counter',
      'cluster_peer_requests_total',
      ['outcome'],
      'Requests that other nodes were asked, by what became of them',
      () => by('outcome', counts.peerRequests, {}),
    ),
  ];
}
