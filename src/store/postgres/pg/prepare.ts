/** Makes the tables of a cluster where there are none, and looks at those that are there. One start at a time, by an advisory lock. */
import { randomBytes } from 'node:crypto';
import type { ClientBase } from 'pg';
import { noChange } from '../database.js';
import { DatabaseUnusable } from './errors.js';
import { findOrigin, noticeRestore } from './restored.js';
import { schemaSql, tablesFormat } from './schema.js';

/** What holds for a cluster as a whole; written once. */
export interface ClusterFacts {
  /** Random, in hex. */
  readonly identity: string;
  /** How many shards there are. */
  readonly shards: number;
  /** Number of the formats of pages and records. */
  readonly format: number;
  /** What nodes show each other, and cursors are signed with. */
  readonly secret: string;
  /** Key of the scramble in public ids; see `domain/id`. Empty: that of a directory without one. */
  readonly idKey: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
}

export interface PrepareOptions {
  readonly schema: string;
  readonly where: string;
  /** For a cluster that is made now. */
  readonly shards: number;
  readonly format: number;
}

/** Until the transaction ends nobody else makes tables, nor reads what holds for the cluster. */
export async function lockOpening(client: ClientBase, schema: string): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`escapement ${schema}`]);
}

export interface Prepared {
  readonly facts: ClusterFacts;
  /** The store is in another database than before, as after a dump was restored. */
  readonly isRestored: boolean;
}

/** @throws DatabaseUnusable */
export async function prepareSchema(client: ClientBase, options: PrepareOptions): Promise<Prepared> {
  await client.query('BEGIN');
  await lockOpening(client, options.schema);
  const there = await findTables(client, options);
  if (there === undefined) await client.query(`CREATE SCHEMA "${options.schema}"`);
  if (there === undefined || there.length === 0) await make(client, options);
  else checkOurs(there, options);
  const facts = await readFacts(client, options);
  const isRestored = await noticeRestore(client);
  await client.query('COMMIT');
  return { facts, isRestored };
}

/** What holds for a cluster that is there. @throws DatabaseUnusable also where there is none */
export async function findCluster(client: ClientBase, options: Omit<PrepareOptions, 'shards'>): Promise<ClusterFacts> {
  const there = await findTables(client, options);
  if (there === undefined || there.length === 0)
    throw new DatabaseUnusable(`there is no cluster in PostgreSQL at ${options.where}: no node has ever started on it`);
  checkOurs(there, options);
  return await readFacts(client, options);
}

/** The tables of the schema by name; undefined when there is no such schema. */
async function findTables(
  client: ClientBase,
  { schema, where }: Pick<PrepareOptions, 'schema' | 'where'>,
): Promise<string[] | undefined> {
  const { rows } = await client.query<{ name: string | null; usable: boolean }>(
    `SELECT c.relname AS name, has_schema_privilege(n.oid, 'USAGE') AS usable FROM pg_namespace n
      LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      WHERE n.nspname = $1 ORDER BY c.relname`,
    [schema],
  );
  if (rows.length === 0) return undefined;
  if (!rows[0]!.usable)
    throw new DatabaseUnusable(
      `the user of --store may not use the schema "${schema}" of PostgreSQL at ${where}: put the user that made it into --store`,
    );
  return rows.flatMap(({ name }) => (name === null ? [] : [name]));
}

async function make(client: ClientBase, { shards, format }: PrepareOptions): Promise<void> {
  await client.query(schemaSql);
  const random = (): string => randomBytes(16).toString('hex');
  const { database, system } = await findOrigin(client);
  await client.query(
    `INSERT INTO about (tables_format, format, shards, identity, secret, id_key, created_at, database_oid, system)
      VALUES ($1, $2, $3, $4, $5, $6, now_ms(), $7::text::oid, $8)`,
    [
      ...[tablesFormat, format, shards, random(), randomBytes(32).toString('hex'), randomBytes(12).toString('hex')],
      ...[database, system],
    ],
  );
  await client.query(
    `INSERT INTO shard (shard, token, epoch)
      SELECT ordinality - 1, token, 0 FROM unnest($1::uuid[]) WITH ORDINALITY AS t(token, ordinality)`,
    [Array.from({ length: shards }, random)],
  );
  await client.query('INSERT INTO merged (shard, position) SELECT shard, 0 FROM shard');
  await client.query('INSERT INTO settings (version, id) VALUES (0, $1)', [noChange]);
}

function checkOurs(there: readonly string[], { schema, where }: Pick<PrepareOptions, 'schema' | 'where'>): void {
  if (there.includes('about') && there.includes('shard') && there.includes('log')) return;
  const some = there.slice(0, 3).join(', ');
  throw new DatabaseUnusable(
    `the schema "${schema}" of PostgreSQL at ${where} has tables that are not Escapement's (${some}): put another database into --store`,
  );
}

async function readFacts(
  client: ClientBase,
  { where, format, schema }: Omit<PrepareOptions, 'shards'>,
): Promise<ClusterFacts> {
  const { rows } = await client.query<ClusterFacts & { tablesFormat: number; createdAt: string }>(
    `SELECT tables_format AS "tablesFormat", format, shards, identity, secret, id_key AS "idKey", created_at AS "createdAt"
      FROM about`,
  );
  const [found] = rows;
  if (!found)
    throw new DatabaseUnusable(
      `the schema "${schema}" of PostgreSQL at ${where} is not whole: restore it from a backup`,
    );
  const { tablesFormat: itsTables, ...facts } = found;
  if (itsTables !== tablesFormat || facts.format !== format) {
    const kind = itsTables > tablesFormat || facts.format > format ? 'a later' : 'an earlier';
    throw new DatabaseUnusable(
      `the store in PostgreSQL at ${where} was written by ${kind} version of Escapement ` +
        `(format ${facts.format}, tables ${itsTables}; this one has format ${format}, tables ${tablesFormat}): start that version`,
    );
  }
  return { ...facts, createdAt: Number(facts.createdAt) };
}
