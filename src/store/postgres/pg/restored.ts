/**
 * A dump that was restored into another database begins another future: what happens in it has the numbers that other events had after the
 * dump. So the store keeps which database it is in. Where a start finds it in another one, each shard gets a new timeline.
 *
 * A standby that was promoted is the same database. What was brought back to an earlier instant in its place looks like one; nodes that have
 * lived through that notice it otherwise.
 */
import type { ClientBase } from 'pg';
import { isFromServer } from './errors.js';

interface Origin {
  readonly database: string;
  /** Of the server, with its standbys; null where the user may not ask for it. */
  readonly system: string | null;
}

/**
 * Takes note of the database that the store is in, in the transaction that is open.
 *
 * @returns whether it is another than before: each shard has a new timeline then, and a new token, so that none goes on as it was
 */
export async function noticeRestore(client: ClientBase): Promise<boolean> {
  const here = await findOrigin(client);
  const { rows } = await client.query<Origin>('SELECT database_oid::text AS database, system FROM about');
  const before = rows[0] as Origin;
  const isOther = before.database !== here.database || differ(before.system, here.system);
  const system = here.system ?? (isOther ? null : before.system);
  if (!isOther && system === before.system) return false;
  await client.query('UPDATE about SET database_oid = $1::text::oid, system = $2', [here.database, system]);
  if (isOther) await client.query('SELECT begin_timelines()');
  return isOther;
}

/** What is not known differs from nothing. */
const differ = (a: string | null, b: string | null): boolean => a !== null && b !== null && a !== b;

/** What `about` is made with. */
export async function findOrigin(client: ClientBase): Promise<Origin> {
  const { rows } = await client.query<{ database: string }>(
    'SELECT oid::text AS database FROM pg_database WHERE datname = current_database()',
  );
  return { database: rows[0]!.database, system: await findSystem(client) };
}

/** Some services do not let their users ask. */
async function findSystem(client: ClientBase): Promise<string | null> {
  await client.query('SAVEPOINT system');
  try {
    const { rows } = await client.query<{ system: string }>(
      'SELECT system_identifier::text AS system FROM pg_control_system()',
    );
    return rows[0]?.system ?? null;
  } catch (error) {
    if (!isFromServer(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT system');
    return null;
  }
}
