/** A PostgreSQL of a test's own, and nodes that keep their jobs there, each by a way of its own. */
import type { Test } from 'tap';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { type ClusterNode, type NodesOptions, type Place, startNodes } from './nodes.js';

export interface Cluster {
  readonly postgres: TestPostgres;
  readonly nodes: readonly ClusterNode[];
}

export interface ClusterOptions extends Omit<NodesOptions, 'database'> {
  /** Lines of postgresql.conf, as NAME=VALUE. */
  readonly settings?: readonly string[];
}

/** What makes a server a node of a cluster. */
export function asNode({ database, advertise }: Place): string[] {
  if (database === undefined) throw new Error('a node needs a database');
  return ['--store', database, '--advertise', advertise];
}

/** All of it ends with the test. */
export async function startCluster(t: Test, { settings, args = asNode, ...options }: ClusterOptions): Promise<Cluster> {
  const postgres = await startPostgres(t, settings);
  const nodes = await startNodes({ ...options, args, database: await postgres.fresh() });
  t.teardown(() => Promise.all(nodes.map((node) => node.kill())));
  return { postgres, nodes };
}
