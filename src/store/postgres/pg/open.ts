/** Opens the store of a cluster: waits for PostgreSQL as long as that helps, says so, and refuses what it cannot use. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import type { Logger } from '../../../log.js';
import type { Database, RandomId } from '../database.js';
import { checkAddress, nameOfAddress } from './address.js';
import { Connections } from './connections.js';
import { DatabaseRefusal, DatabaseUnusable, unusable, waitingReason } from './errors.js';
import { PgDatabase } from './pg-database.js';
import { type ClusterFacts, prepareSchema } from './prepare.js';

export interface OpenOptions {
  /** postgres://… */
  readonly url: string;
  /** Of this start; its sessions are found by it. */
  readonly node: RandomId;
  /** How many shards a cluster has that is made now. */
  readonly shards: number;
  /** Number of the formats of pages and records that this program writes. */
  readonly format: number;
  readonly log: Logger;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  readonly schema?: string;
  /** How long a statement may be without answer, in milliseconds. */
  readonly answerMs?: number;
  /** Between two tries to reach it, in milliseconds. */
  readonly retryMs?: number;
}

export interface OpenedDatabase {
  readonly database: Database;
  readonly facts: ClusterFacts;
  close(): Promise<void>;
}

/** How many shards a cluster is made with. */
export const newShards = 16;

/** How long the making of tables may take, in milliseconds; another node may be at it. */
const prepareMs = 60_000;

/** @throws DatabaseUnusable, or what the signal was aborted with */
export async function openPostgres(options: OpenOptions): Promise<OpenedDatabase> {
  checkAddress(options.url);
  const { schema = 'escapement', answerMs = 5_000, url, node } = options;
  const where = nameOfAddress(url);
  const connections = await Connections.prepare({ url, node, schema, where, answerMs });
  try {
    const facts = await reach(connections, { ...options, schema, where });
    return { database: new PgDatabase(connections), facts, close: () => connections.close() };
  } catch (error) {
    await connections.close();
    throw error;
  }
}

/** What a server should never have off, unless it is for tests. */
async function riskySettings(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name`,
  );
  return rows.map(({ name }) => name);
}

type Reaching = OpenOptions & { readonly schema: string; readonly where: string };

async function reach(connections: Connections, options: Reaching): Promise<ClusterFacts> {
  let said: string | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const prepare = (client: ClientBase): ReturnType<typeof prepareSchema> => prepareSchema(client, options);
      const { facts, isRestored } = await connections.run('control', prepare, prepareMs);
      if (said !== undefined) options.log.info(`PostgreSQL at ${options.where} is there`);
      if (isRestored)
        options.log.warn(
          `the store in PostgreSQL at ${options.where} was restored from a dump: who has heard events of the time after that is told of a gap`,
        );
      for (const name of await connections.run('control', riskySettings))
        options.log.warn(`PostgreSQL at ${options.where} has ${name} = off: a power cut may lose or damage all of it`);
      return facts;
    } catch (error) {
      const { cause } = error as Error;
      const reason = waitingReason(error instanceof DatabaseRefusal || cause !== undefined ? (cause ?? error) : error);
      if (reason === undefined || error instanceof DatabaseUnusable) throw unusable(error, options.where);
      if (reason !== said) options.log.warn(`waiting for PostgreSQL at ${options.where}: ${reason}`);
      said = reason;
      await wait(options.retryMs ?? 1_000, undefined, options.signal && { signal: options.signal });
    }
  }
}
