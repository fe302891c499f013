/** A PostgreSQL that is not there yet, or is not what this server needs: it waits and says so, or says what to do. */
import t, { type Test } from 'tap';
import { DatabaseUnusable } from '../../../src/store/postgres/pg/errors.js';
import { startPostgres, type TestPostgres, withoutPostgres } from '../../support/postgres.js';
import { startRelay } from '../../support/relay.js';
import { keepLog, openTest, testNode } from './opening.js';

// Servers that start and stop.
t.setTimeout(240_000);

t.test('a URL that is none', async (t) => {
  const cases: [url: string, message: string][] = [
    ['', '""'],
    ['localhost:5432', '"localhost:5432"'],
    ['http://db/jobs', '"http://db/jobs"'],
    ['postgres://user:se:cr@t@ho st/db', '"postgres://user:***@ho st/db"'],
    ['postgres://user:secret@host:99999/db', '"postgres://user:***@host:99999/db"'],
  ];
  for (const [url, named] of cases)
    await t.rejects(
      openTest(t, { url }),
      new DatabaseUnusable(
        `--store must be a URL such as postgres://user:password@host:5432/database; ${named} is none`,
      ),
      url,
    );
  await t.rejects(openTest(t, { url: 'postgres://host:0/db' }), { name: 'DatabaseUnusable', message: /port 0/ });
});

t.test('surroundings', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);

  t.test('tables are made once, by whoever comes first', async (t) => {
    const url = await postgres.fresh();
    const both = await Promise.all([
      openTest(t, { url, shards: 8 }),
      openTest(t, { url, shards: 8, node: 'b'.repeat(32) }),
    ]);
    t.same(both[0].facts, both[1].facts);
    t.match(both[0].facts, {
      shards: 8,
      format: 6,
      identity: /^[0-9a-f]{32}$/,
      secret: /^[0-9a-f]{64}$/,
      idKey: /^[0-9a-f]{24}$/,
    });
    const rows = await both[1].database.shards();
    t.equal(new Set(rows.map(({ token }) => token)).size, 8);
    t.match(rows[7], { shard: 7, owner: null, epoch: 0, merged: 0 });
    const later = await openTest(t, { url, shards: 2 });
    t.same(later.facts, both[0].facts, 'how many shards there are does not change');
  });

  t.test('a server that is not there is waited for', async (t) => {
    const url = await postgres.fresh();
    await postgres.stop();
    const log = keepLog();
    const opening = openTest(t, { url, log });
    await log.said(/waiting/);
    t.match(log.messages, [
      `waiting for PostgreSQL at ${at(postgres, url)}: connect ECONNREFUSED 127.0.0.1:${postgres.port}`,
    ]);
    await postgres.start();
    await opening;
    t.match(log.messages.slice(-2), [
      `PostgreSQL at ${at(postgres, url)} is there`,
      `PostgreSQL at ${at(postgres, url)} has fsync = off: a power cut may lose or damage all of it`,
    ]);
  });

  t.test('the waiting can be given up', async (t) => {
    const controller = new AbortController();
    const log = keepLog();
    const opening = openTest(t, { url: postgres.url('nothing'), log, signal: controller.signal });
    const rejected = t.rejects(opening, { name: 'AbortError' });
    await log.said(/waiting/);
    controller.abort();
    await rejected;
  });

  t.test('a database that is not there is waited for', async (t) => {
    const log = keepLog();
    const opening = openTest(t, { url: postgres.url('later'), log });
    await log.said(/the database does not exist: create it/);
    await postgres.sql('CREATE DATABASE later');
    t.equal((await opening).facts.shards, 4);
    t.equal(log.messages.filter((message) => message.startsWith('waiting')).length, 1, 'it is said once');
  });

  t.test('a server without connections left is waited for', async (t) => {
    const url = await postgres.fresh();
    await postgres.sql(
      `CREATE ROLE crowded LOGIN CONNECTION LIMIT 0; GRANT CREATE ON DATABASE ${nameOf(url)} TO crowded`,
    );
    const log = keepLog();
    const opening = openTest(t, { url: postgres.url(nameOf(url), 'crowded'), log });
    await log.said(/no connection left/);
    await postgres.sql('ALTER ROLE crowded CONNECTION LIMIT 20');
    await opening;
    t.match(log.messages[0], /no connection left: raise max_connections/);
  });

  t.test('a server that answers late is used', async (t) => {
    const url = await postgres.fresh();
    const relay = await startRelay(t, postgres.port, { delayMs: 250 });
    const { database } = await openTest(t, { url: through(url, relay.port) });
    const [shard] = await database.shards();
    const taken = await database.take(0, shard!.token, 'a'.repeat(32));
    const row = { position: 1, id: '1'.repeat(32), previous: null, bytes: Buffer.from('late') };
    t.same(await database.append({ lease: taken!, row, claims: [], released: [] }), { end: 'done' });
  });

  const refused = async (t: Test, url: string, message: RegExp | string): Promise<void> => {
    await t.rejects(openTest(t, { url }), { name: 'DatabaseUnusable', message });
  };

  t.test('users who may not', async (t) => {
    const url = await postgres.fresh();
    const database = nameOf(url);
    await refused(t, postgres.url(database, 'nobody'), /role "nobody" does not exist\. Check the user in --store/);
    await postgres.sql('CREATE ROLE plain LOGIN');
    await refused(
      t,
      postgres.url(database, 'plain'),
      /permission denied for database .*CREATE SCHEMA escapement AUTHORIZATION/,
    );
    await postgres.sql('CREATE SCHEMA escapement AUTHORIZATION plain', database);
    t.equal((await openTest(t, { url: postgres.url(database, 'plain') })).facts.shards, 4, 'one schema is enough');
    await postgres.sql('CREATE ROLE other LOGIN');
    await refused(t, postgres.url(database, 'other'), /may not use the schema "escapement" of PostgreSQL/);
  });

  t.test('passwords and encryption', async (t) => {
    const url = await postgres.fresh();
    const database = nameOf(url);
    await postgres.sql(`CREATE ROLE guarded LOGIN PASSWORD 'right'; GRANT CREATE ON DATABASE ${database} TO guarded`);
    await postgres.allow('host all guarded 127.0.0.1/32 scram-sha-256');
    const guarded = (password: string): string => postgres.url(database, `guarded${password}`);
    await refused(t, guarded(''), /asks for a password: put it into --store/);
    await refused(t, guarded(':wrong'), /password authentication failed for user "guarded"\. Check user and password/);
    t.equal((await openTest(t, { url: guarded(':right') })).facts.shards, 4);
    await refused(t, `${url}?sslmode=verify-full`, /does not support SSL connections\. Turn ssl on in PostgreSQL/);
  });

  t.test('settings that lose what was acknowledged, or take no writes', async (t) => {
    const url = await postgres.fresh();
    const database = nameOf(url);
    for (const value of ['off', 'local']) {
      await postgres.sql(`ALTER DATABASE ${database} SET synchronous_commit = ${value}`);
      await refused(t, url, new RegExp(`synchronous_commit = ${value} for this user or database, which loses`));
    }
    await postgres.sql(`ALTER DATABASE ${database} SET synchronous_commit = remote_write`);
    await postgres.sql(`ALTER DATABASE ${database} SET default_transaction_read_only = on`);
    await refused(t, url, /is set read-only for this user or database \(default_transaction_read_only\)/);
    await postgres.sql(`CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0`);
    await refused(t, postgres.url('ascii'), /keeps texts as SQL_ASCII: make a database with ENCODING 'UTF8'/);
  });

  t.test('a time limit that was set for the user does not end statements', async (t) => {
    const url = await postgres.fresh();
    await postgres.sql(`ALTER DATABASE ${nameOf(url)} SET statement_timeout = '2s'`);
    const { database } = await openTest(t, { url });
    const [shard] = await database.shards();
    const slow = postgres.sql(
      `SET statement_timeout = 0; BEGIN; UPDATE escapement.shard SET epoch = 0; SELECT pg_sleep(2.5); ROLLBACK`,
      nameOf(url),
    );
    const slice = { lease: shard!, id: testNode, previous: null, last: null, changes: [], merged: 0 };
    t.equal(await database.writePages(slice), 'done');
    await slow;
  });

  t.test('an old version', async (t) => {
    const url = await postgres.fresh();
    const [row] = await postgres.sql('SHOW server_version');
    const version = String(row!.server_version);
    const old = `9${version.slice(1)}`.replace(/^9\d/, '13');
    const swap = (piece: Buffer): Buffer => Buffer.from(piece.toString('latin1').replaceAll(version, old), 'latin1');
    const relay = await startRelay(t, postgres.port, { change: swap });
    await refused(t, through(url, relay.port), `is version ${old}; it must be 14 or later`);
  });

  t.test('a schema of others', async (t) => {
    const url = await postgres.fresh();
    await postgres.sql('CREATE SCHEMA escapement; CREATE TABLE escapement.invoice (number integer)', nameOf(url));
    await refused(
      t,
      url,
      /the schema "escapement" of PostgreSQL at .* has tables that are not Escapement's \(invoice\): put/,
    );
    t.same(await postgres.sql('SELECT * FROM escapement.invoice', nameOf(url)), [], 'it is left alone');
  });

  t.test('a store of another version', async (t) => {
    const url = await postgres.fresh();
    await openTest(t, { url, format: 6 });
    const message =
      /was written by an earlier version of Escapement \(format 6, tables 1; this one has format 7, tables 1\)/;
    await t.rejects(openTest(t, { url, format: 7 }), { name: 'DatabaseUnusable', message });
    await t.rejects(openTest(t, { url, format: 5 }), { name: 'DatabaseUnusable', message: /by a later version/ });
    await postgres.sql('UPDATE escapement.about SET tables_format = 2', nameOf(url));
    await t.rejects(openTest(t, { url, format: 6 }), { name: 'DatabaseUnusable', message: /by a later version/ });
    await postgres.sql('DELETE FROM escapement.about', nameOf(url));
    await refused(t, url, /is not whole: restore it from a backup/);
  });

  t.test('a replica', async (t) => {
    const url = await postgres.fresh();
    await postgres.becomeReplica();
    await refused(t, url, /is a replica, which takes no writes: put the primary into --store/);
  });
});

const nameOf = (url: string): string => new URL(url).pathname.slice(1);
const at = (postgres: TestPostgres, url: string): string => `127.0.0.1:${postgres.port}/${nameOf(url)}`;

function through(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
