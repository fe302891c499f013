/** A session as this server needs it: set when a connection is made, and looked at, since another server may answer after a failover. */
import type { ClientBase } from 'pg';
import { DatabaseUnusable } from './errors.js';

/** Of PostgreSQL; 14 is the first that notices while it works that its client has gone. */
const oldestVersion = 14;

/** A backend of PostgreSQL, beyond doubt: process numbers come again, with another start. */
export interface Backend {
  readonly pid: number;
  /** Unix seconds with fractions, as text. */
  readonly start: string;
}

/** What other nodes find the sessions of a node by. */
export const sessionName = (node: string): string => `escapement ${node}`;

/** Not on every system; without these a client that has gone is noticed later. */
const noticingTheDead = `DO $$ BEGIN
  PERFORM set_config('client_connection_check_interval', '2s', false), set_config('tcp_user_timeout', '4s', false);
EXCEPTION WHEN OTHERS THEN NULL; END $$`;

interface Facts extends Backend {
  readonly version: string;
  readonly commit: string;
  readonly recovering: boolean;
  readonly readonly: string;
  readonly encoding: string;
}

/**
 * Sets the session up. No time limit ends a statement: an append that is cancelled while it waits for a standby has been committed.
 * @throws DatabaseUnusable when what was set up by others does not do
 */
export async function beginSession(
  client: ClientBase,
  options: { readonly node: string; readonly schema: string; readonly where: string },
): Promise<Backend> {
  const { rows } = await client.query<Facts>({
    text: `SELECT pg_backend_pid() AS pid,
      (SELECT extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS start,
      current_setting('server_version') AS version, current_setting('synchronous_commit') AS commit,
      pg_is_in_recovery() AS recovering, current_setting('default_transaction_read_only') AS readonly,
      current_setting('server_encoding') AS encoding,
      set_config('application_name', $1, false), set_config('search_path', $2, false),
      set_config('default_transaction_isolation', 'read committed', false),
      set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
      set_config('idle_in_transaction_session_timeout', '60s', false), set_config('jit', 'off', false)`,
    values: [sessionName(options.node), `"${options.schema}"`],
  });
  const facts = rows[0]!;
  checkFacts(facts, options.where);
  await client.query(noticingTheDead);
  return { pid: facts.pid, start: facts.start };
}

function checkFacts(facts: Facts, where: string): void {
  const at = `PostgreSQL at ${where}`;
  if (Number.parseInt(facts.version, 10) < oldestVersion)
    throw new DatabaseUnusable(`${at} is version ${facts.version}; it must be ${oldestVersion} or later`);
  if (facts.recovering)
    throw new DatabaseUnusable(`${at} is a replica, which takes no writes: put the primary into --store`);
  if (facts.readonly === 'on')
    throw new DatabaseUnusable(
      `${at} is set read-only for this user or database (default_transaction_read_only): set that off`,
    );
  if (facts.commit === 'off' || facts.commit === 'local')
    throw new DatabaseUnusable(
      `${at} has synchronous_commit = ${facts.commit} for this user or database, which loses what was acknowledged: set it to on`,
    );
  if (facts.encoding !== 'UTF8')
    throw new DatabaseUnusable(
      `${at} keeps texts as ${facts.encoding}: make a database with ENCODING 'UTF8', and put it into --store`,
    );
}
