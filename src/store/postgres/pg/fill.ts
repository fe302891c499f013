/** Fills a cluster that is new, or empty, in one transaction: all of it or nothing. */
import type { PoolClient } from 'pg';
import type { SettingRow } from '../database.js';
import { newRandomId } from '../shard-log.js';
import { checkAddress, nameOfAddress } from './address.js';
import { Connections } from './connections.js';
import { DatabaseUnusable, unusable } from './errors.js';
import { type ClusterFacts, lockOpening, prepareSchema } from './prepare.js';
import { sessionName } from './session.js';

/** A record of a shard's log, in bytes under its id, and the names that it takes. */
export interface FilledRecord {
  readonly shard: number;
  readonly position: number;
  readonly bytes: (id: string) => Uint8Array;
  readonly claims: readonly object[];
}

/** What fills it. */
export interface Filling {
  /** Key of the scramble in public ids; '' where there is none. */
  readonly idKey: string;
  /** What users have set for the whole cluster. */
  readonly settings: readonly SettingRow[];
  /** The last number of a bulk action; 0: none. */
  readonly lastBulk: number;
  /** In order of their positions, for each shard. */
  readonly records: (facts: ClusterFacts) => Iterable<FilledRecord>;
}

export interface FillOptions {
  readonly url: string;
  readonly shards: number;
  readonly format: number;
  readonly schema?: string;
}

/** How long one statement may take, in milliseconds. */
const answerMs = 60_000;

/**
 * @returns where it is, for messages
 * @throws DatabaseUnusable also when the cluster is not empty; UnknownEnd when the end of the transaction is not known
 */
export async function fillCluster(
  { url, schema = 'escapement', ...options }: FillOptions,
  filling: Filling,
): Promise<string> {
  checkAddress(url);
  const where = nameOfAddress(url);
  const node = newRandomId();
  const connections = await Connections.prepare({ url, node, schema, where, answerMs });
  try {
    await connections.run(
      'control',
      async (client, alive) => {
        const { facts } = await prepareSchema(client, { ...options, schema, where });
        alive();
        await client.query('BEGIN');
        await lockOpening(client, schema);
        await fill(client, { facts, filling, where, own: sessionName(node), alive });
        await client.query('COMMIT');
      },
      answerMs,
    );
    return where;
  } catch (error) {
    if ((error as Error).name === 'UnknownEnd') throw error;
    throw unusable(error, where);
  } finally {
    await connections.close();
  }
}

interface FillContext {
  readonly facts: ClusterFacts;
  readonly filling: Filling;
  readonly where: string;
  /** The name of the own sessions. */
  readonly own: string;
  readonly alive: () => void;
}

async function fill(client: PoolClient, { facts, filling, where, own, alive }: FillContext): Promise<void> {
  await client.query('LOCK TABLE shard, node IN EXCLUSIVE MODE');
  await checkEmpty(client, where, own);
  await client.query('UPDATE about SET id_key = $1', [filling.idKey]);
  const { rows } = await client.query<{ token: string }>('SELECT token FROM shard ORDER BY shard');
  const previous = new Map<number, string>();
  for (const { shard, position, bytes, claims } of filling.records(facts)) {
    const id = newRandomId();
    const answer = await client.query<{ answer: string }>({
      name: 'append',
      text: 'SELECT append($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL) AS answer',
      values: [
        ...[shard, rows[shard]?.token, position, id, previous.get(shard) ?? null, Buffer.from(bytes(id))],
        ...(claims.length === 0 ? [null, null] : [JSON.stringify(claims), '[]']),
      ],
    });
    alive();
    if (answer.rows[0]?.answer !== 'done')
      throw new Error(`record ${position} of shard ${shard} was not taken: ${answer.rows[0]?.answer}`);
    previous.set(shard, id);
  }
  if (filling.settings.length > 0)
    await client.query('SELECT change_settings($1, (SELECT id FROM settings), $2)', [
      newRandomId(),
      JSON.stringify(filling.settings),
    ]);
  if (filling.lastBulk > 0) await client.query("SELECT setval('bulk', $1)", [filling.lastBulk]);
}

/** @throws DatabaseUnusable */
async function checkEmpty(client: PoolClient, where: string, own: string): Promise<void> {
  const { rows } = await client.query<{ filled: boolean; nodes: number; sessions: number }>(
    `SELECT EXISTS (SELECT FROM log) OR EXISTS (SELECT FROM page) OR EXISTS (SELECT FROM claim) AS filled,
      (SELECT count(*)::integer FROM node WHERE NOT dead) AS nodes,
      (SELECT count(*)::integer FROM pg_stat_activity WHERE application_name LIKE 'escapement %'
        AND application_name <> $1 AND datname = current_database()) AS sessions`,
    [own],
  );
  const { filled, nodes, sessions } = rows[0]!;
  if (nodes > 0 || sessions > 0)
    throw new DatabaseUnusable(`nodes of the cluster in PostgreSQL at ${where} are running: stop them all first`);
  if (filled)
    throw new DatabaseUnusable(
      `the cluster in PostgreSQL at ${where} is not empty: move into one that never had a job, such as another database`,
    );
}
