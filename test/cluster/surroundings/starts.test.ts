/** A real node on a PostgreSQL that it cannot use: it ends with 1 and one sentence that says what is wrong, and what to do. */
import t, { type Test } from 'tap';
import { startPostgres, type TestPostgres, withoutPostgres } from '../../support/postgres.js';
import { startRelay } from '../../support/relay.js';
import { startCluster } from '../support/cluster.js';
import { StartingNode } from './starting.js';

t.setTimeout(240_000);

const nameOf = (url: string): string => new URL(url).pathname.slice(1);

/** Starts a node and returns what it says as it ends, on its last line. */
async function refusal(t: Test, store: string): Promise<string> {
  const node = new StartingNode({ store });
  t.equal(await node.ended, 1);
  const last = node.text.trim().split('\n').at(-1) as string;
  t.notMatch(node.text, / {4}at |se-cret/, 'no stack, and no password');
  return last;
}

t.test('a URL that is none', async (t) => {
  for (const [store, named] of [
    ['localhost:5432', '"localhost:5432"'],
    ['postgres://user:se-cret@host:99999/db', '"postgres://user:***@host:99999/db"'],
  ] as const)
    t.equal(
      await refusal(t, store),
      `escapement: --store must be a URL such as postgres://user:password@host:5432/database; ${named} is none`,
    );
});

t.test('a PostgreSQL that is not to be used', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const at = (database: string): string => `PostgreSQL at 127.0.0.1:${postgres.port}/${database}`;

  await t.test('a user without privileges', async (t) => {
    const database = nameOf(await postgres.fresh());
    await postgres.sql('CREATE ROLE plain LOGIN');
    t.equal(
      await refusal(t, postgres.url(database, 'plain')),
      `escapement: ${at(database)} cannot be used: permission denied for database ${database}. The user of --store needs its own schema: CREATE SCHEMA escapement AUTHORIZATION that user, or GRANT CREATE ON DATABASE`,
    );
  });

  await t.test('a wrong password', async (t) => {
    const database = nameOf(await postgres.fresh());
    await postgres.sql(`CREATE ROLE guarded LOGIN PASSWORD 'right'`);
    await postgres.allow('host all guarded 127.0.0.1/32 scram-sha-256');
    t.equal(
      await refusal(t, postgres.url(database, 'guarded:se-cret')),
      `escapement: ${at(database)} cannot be used: password authentication failed for user "guarded". Check user and password in --store`,
    );
  });

  await t.test('a schema of others', async (t) => {
    const url = await postgres.fresh();
    await postgres.sql('CREATE SCHEMA escapement; CREATE TABLE escapement.invoice (number integer)', nameOf(url));
    t.equal(
      await refusal(t, url),
      `escapement: the schema "escapement" of ${at(nameOf(url))} has tables that are not Escapement's (invoice): put another database into --store`,
    );
  });

  await t.test('a version that is too old', async (t) => {
    const url = new URL(await postgres.fresh());
    const [row] = await postgres.sql('SHOW server_version');
    const version = String(row!.server_version);
    const old = `13${version.slice(2)}`;
    const relay = await startRelay(t, postgres.port, {
      change: (piece) => Buffer.from(piece.toString('latin1').replaceAll(version, old), 'latin1'),
    });
    url.port = String(relay.port);
    t.equal(
      await refusal(t, url.href),
      `escapement: PostgreSQL at 127.0.0.1:${relay.port}/${nameOf(url.href)} is version ${old}; it must be 14 or later`,
    );
  });

  await t.test('a replica', async (t) => {
    const url = await postgres.fresh();
    await postgres.becomeReplica();
    t.equal(
      await refusal(t, url),
      `escapement: ${at(nameOf(url))} is a replica, which takes no writes: put the primary into --store`,
    );
  });
});

t.test('another format while nodes of it live', { skip: withoutPostgres }, async (t) => {
  const { postgres, nodes } = await startCluster(t, { count: 1, settings: ['fsync=off'] });
  const url = await urlOf(postgres);
  const [{ format }] = (await postgres.sql('SELECT format FROM escapement.about', nameOf(url))) as [{ format: number }];
  await postgres.sql(`UPDATE escapement.about SET format = ${format + 1}`, nameOf(url));
  t.equal(
    await refusal(t, url),
    `escapement: the store in PostgreSQL at 127.0.0.1:${postgres.port}/${nameOf(url)} was written by a later version of Escapement (format ${format + 1}, tables 1; this one has format ${format}, tables 1): start that version`,
  );
  const { status } = await nodes[0]!.api.post('/jobs', { name: 'echo', delay: '1h', payload: {} });
  t.equal(status, 201, 'those that live are not disturbed');
});

/** That of the database of a cluster. */
async function urlOf(postgres: TestPostgres): Promise<string> {
  const [{ name }] = (await postgres.sql(
    `SELECT datname AS name FROM pg_database WHERE datname LIKE 'test%' ORDER BY 1`,
  )) as [{ name: string }];
  return postgres.url(name);
}
