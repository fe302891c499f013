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
import { Reached } from './reached.js';

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
  /** Is told where and why it waits, each time that the reason is another. */
  readonly waits?: (where: string, reason: string) => void;
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
  /** Whether PostgreSQL takes connections of this node, as of the last that it needed. */
  readonly reached: Pick<Reached, 'problem'>;
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
    const facts = await Promise.race([reach(connections, { ...options, schema, where }), aborted(options.signal)]);
    const reached = new Reached({ where, log: options.log, now: () => performance.now() });
    connections.watch(reached);
    return { database: new PgDatabase(connections), facts, reached, close: () => connections.close() };
  } catch (error) {
    const closed = connections.close();
    // A connection that is being made may take some seconds to fail, and whoever stops does not wait for that.
    if (options.signal?.aborted) closed.catch(() => {});
    else await closed;
    throw error;
  }
}

/** Rejects with what the signal is aborted with; without a signal, never. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
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
          `the store in PostgreSQL at ${options.where} was restored from a dump: subscribers that received later events get a gap event`,
        );
      for (const name of await connections.run('control', riskySettings))
        options.log.warn(`PostgreSQL at ${options.where} has ${name} = off: a power cut may lose or damage all of it`);
      return facts;
    } catch (error) {
      const { cause } = error as Error;
      const reason = waitingReason(error instanceof DatabaseRefusal || cause !== undefined ? (cause ?? error) : error);
      if (reason === undefined || error instanceof DatabaseUnusable) throw unusable(error, options.where);
      if (reason !== said) {
        options.log.warn(`waiting for PostgreSQL at ${options.where}: ${reason}`);
        options.waits?.(options.where, reason);
      }
      said = reason;
      // It rejects with an error of its own; the next turn throws what the signal was aborted with.
      await wait(options.retryMs ?? 1_000, undefined, options.signal && { signal: options.signal }).catch(() => {});
    }
  }
}
