/** What goes wrong on the way to PostgreSQL and in it: each statement ends as done, refused or unknown, and is in no doubt afterwards. */
import { once } from 'node:events';
import t, { type Test } from 'tap';
import {
  type Append,
  type Database,
  type PageChange,
  type PageSlice,
  type ShardRow,
  UnknownEnd,
} from '../../../src/store/postgres/database.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { startRelay } from '../../support/relay.js';
import { openTest, testNode } from './opening.js';

t.setTimeout(240_000);

const other = 'b'.repeat(32);

t.test('faults', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off', 'deadlock_timeout=100ms']);

  const begin = async (t: Test, options: { answerMs?: number; through?: number } = {}) => {
    const url = await postgres.fresh();
    const name = new URL(url).pathname.slice(1);
    const { database } = await openTest(t, {
      url: throughPort(url, options.through),
      answerMs: options.answerMs ?? 60_000,
    });
    const first = await taken(database, 0);
    const records = async () => (await database.recordsAfter(0, 0, 100)).map(({ position }) => position);
    /** Waits until that many sessions of nodes wait for something: they have got what was sent to them. */
    const waiting = async (count: number, event = 'Lock'): Promise<void> => {
      const query = `SELECT count(*)::integer AS n FROM pg_stat_activity WHERE application_name LIKE 'escapement %'
        AND datname = current_database() AND wait_event_type = '${event}'`;
      while (Number((await postgres.sql(query, name))[0]!.n) < count);
    };
    return { url, name, database, first, records, waiting };
  };

  t.test('an append without answer has an unknown end, and is sent again', async (t) => {
    const { database, first, records, name, waiting } = await begin(t, { answerMs: 1_000 });
    const lock = await holdShard(t, postgres.url(name));
    const append = record(first, 1);
    const rejected = t.rejects(database.append(append), UnknownEnd);
    await waiting(1);
    await rejected;
    await database.endBackends(testNode);
    t.same(await postgres.sql(waitsInLock, name), [], 'its backend has gone, though the lock has not');
    await lock.release();
    t.same(await records(), []);
    t.same(await database.append(append), { end: 'done' });
    t.same(await records(), [1]);
  });

  t.test('an append whose answer is lost was done', async (t) => {
    const relay = await startRelay(t, postgres.port);
    const { database, first } = await begin(t, { through: relay.port });
    await database.append(record(first, 1));
    relay.holdsAnswers = true;
    const append = record(first, 2);
    const rejected = t.rejects(database.append(append), UnknownEnd);
    await relay.held();
    relay.cut();
    await rejected;
    relay.holdsAnswers = false;
    await database.endBackends(testNode);
    t.same(await database.append(append), { end: 'done' });
    t.equal((await database.recordsAfter(0, 0, 10)).length, 2);
  });

  t.test('a network that swallows answers ends in an unknown end, and goes on when it is well', async (t) => {
    const relay = await startRelay(t, postgres.port);
    const { database, first } = await begin(t, { through: relay.port, answerMs: 1_000 });
    await database.append(record(first, 1));
    await database.join({ node: testNode, address: 'http://a', format: 6, leaving: false, facts: '{}' });
    relay.holdsAnswers = true;
    const append = record(first, 2);
    await Promise.all([
      t.rejects(database.append(append), UnknownEnd),
      t.rejects(database.beat(testNode, 0, {}), 'a beat is not waited for either'),
    ]);
    relay.holdsAnswers = false;
    await database.endBackends(testNode);
    t.same(await database.append(append), { end: 'done' });
    t.match(await database.beat(testNode, 0, {}), { end: 'done' });
  });

  t.test('an append that waits for a taking is refused, one that a taking waits for is there', async (t) => {
    const { database, first, name, records, waiting } = await begin(t);
    const taking = await holdLock(t, postgres.url(name), takeSql);
    const late = database.append(record(first, 1));
    await waiting(1);
    await taking.commit();
    t.same(await late, { end: 'fenced' });
    t.same(await records(), []);
    const now = (await database.shards())[0]!;
    const { lease, row } = record(now, 1);
    const call = `append(0, '${lease.token}', 1, '${row.id}', null, 'bytes', null, null, null, null)`;
    const appending = await holdLock(t, postgres.url(name), `SET search_path = escapement; SELECT ${call}`);
    const taken = database.take(0, now.token, testNode);
    await waiting(1);
    await appending.commit();
    t.equal((await taken)?.epoch, now.epoch + 1);
    t.same(await records(), [1], 'read in a later statement');
  });

  t.test('of two that take a shard at once, one has it', async (t) => {
    const { url, database, first } = await begin(t);
    const another = await openTest(t, { url, node: other });
    for (let { token } = first, round = 0; round < 20; round++) {
      const rows = await Promise.all([database.take(0, token, testNode), another.database.take(0, token, other)]);
      const [row, ...more] = rows.filter((one) => one !== undefined);
      t.equal(more.length, 0);
      t.match((await database.shards())[0], row!);
      token = row!.token;
    }
  });

  t.test('a session that is ended, and a server that crashes, leave an unknown end', async (t) => {
    const { database, first, records, name, waiting } = await begin(t);
    let lock = await holdShard(t, postgres.url(name));
    const append = record(first, 1);
    const ended = t.rejects(database.append(append), UnknownEnd, 'ended');
    await waiting(1);
    await postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`, name);
    await ended;
    await lock.release();
    await database.endBackends(testNode);
    t.same(await records(), []);
    lock = await holdShard(t, postgres.url(name));
    const crashed = t.rejects(database.append(append), UnknownEnd, 'crashed');
    await waiting(1);
    await postgres.stop('immediate');
    await crashed;
    await t.rejects(database.append(append), { name: 'DatabaseRefusal', code: 'ECONNREFUSED' }, 'not there');
    await postgres.start();
    await database.endBackends(testNode);
    t.same(await database.append(append), { end: 'done' });
    t.same(await records(), [1]);
  });

  t.test('a wait for a standby that is cancelled is a commit, of which nothing is known', async (t) => {
    const { database, first, name, waiting } = await begin(t);
    const setStandbys = async (names: string): Promise<void> => {
      await postgres.sql(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await postgres.sql('SELECT pg_reload_conf()');
      while ((await postgres.sql('SHOW synchronous_standby_names'))[0]!.synchronous_standby_names !== names);
    };
    await setStandbys('nobody');
    const append = record(first, 1);
    const rejected = t.rejects(database.append(append), { name: 'UnknownEnd', message: /PostgreSQL warned: cancel/ });
    await waiting(1, 'IPC');
    await postgres.sql(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`, name);
    await rejected;
    await setStandbys('');
    await database.endBackends(testNode);
    t.same(await database.append(append), { end: 'done' });
    t.equal((await database.recordsAfter(0, 0, 10)).length, 1);
  });

  t.test(
    'a taking waits half a second for the lock of the old owner, and not after its sessions have ended',
    async (t) => {
      const { url, database, first, records } = await begin(t);
      await openTest(t, { url, node: other });
      const old = await standBeforeSync(t, url, record(first, 1));
      await t.rejects(database.take(0, first.token, testNode), { name: 'DatabaseRefusal', code: '55P03' });
      const gone = new Promise((resolve) => old.once('end', resolve));
      await database.endBackends(other);
      await gone;
      const now = await database.take(0, first.token, testNode);
      t.equal(now?.epoch, first.epoch + 1);
      t.same(await records(), [], 'what was not committed is not there');
      t.same(await database.append(record(now!, 1)), { end: 'done' });
    },
  );

  t.test('ending the sessions of another node leaves the own ones', async (t) => {
    const { url, database } = await begin(t);
    const another = await openTest(t, { url, node: other });
    await another.database.shards();
    await database.endBackends(other);
    t.equal((await database.shards()).length, 4);
    t.equal((await another.database.shards()).length, 4, 'a node that lives connects again');
  });

  t.test('appends of several shards that want one name: one has it', async (t) => {
    const { database } = await begin(t);
    const shards = await Promise.all([1, 2, 3].map((shard) => taken(database, shard)));
    const claim = (shard: number, name: string) => ({ kind: 'key', name, shard, slot: 1, digest: '' }) as const;
    const ends = await Promise.all(
      shards.map(async (row) => {
        const names = ['a', 'b', 'c'].map((name) => claim(row.shard, name));
        return await database.append({ ...record(row, 1), claims: row.shard === 2 ? names.reverse() : names });
      }),
    );
    t.same(ends.map(({ end }) => end).sort(), ['claimed', 'claimed', 'done']);
  });

  t.test('appends that wait for each other are tried again by themselves', async (t) => {
    const { database, name, waiting } = await begin(t);
    const [one, two] = [await taken(database, 1), await taken(database, 2)];
    const key = (name: string) => ({ kind: 'key', name }) as const;
    const claim = ({ shard }: ShardRow, slot: number, name: string) => ({ ...key(name), shard, slot, digest: '' });
    await database.append({ ...record(one, 1), claims: [claim(one, 1, 'x')] });
    await database.append({ ...record(two, 1), claims: [claim(two, 1, 'y')] });
    // Both have given up their name and wait for another; the one that gets it then wants what the other has given up.
    const lock = await holdLock(t, postgres.url(name), `INSERT INTO escapement.claim VALUES ('key', 'a', 3, 1, '')`);
    const ends = Promise.all([
      database.append({ ...record(one, 2), released: [key('x')], claims: [claim(one, 2, 'a'), claim(one, 3, 'y')] }),
      database.append({ ...record(two, 2), released: [key('y')], claims: [claim(two, 2, 'a'), claim(two, 3, 'x')] }),
    ]);
    await waiting(2);
    await lock.release();
    t.match(await ends, [{ end: 'claimed' }, { end: 'claimed' }]);
    t.same(await database.append({ ...record(one, 2), claims: [claim(one, 2, 'a')] }), { end: 'done' });
  });

  t.test('a load is of one instant, whole, and in pieces', async (t) => {
    const { database, first } = await begin(t);
    const big = Buffer.alloc(3_000_000, 'record');
    const append = record(first, 1);
    await database.append({ ...append, row: { ...append.row, bytes: big } });
    await database.append(record(first, 2));
    const page = (number: number): PageChange => ({
      tree: 'states',
      key: Buffer.from(String(number).padStart(8, '0')),
      value: Buffer.alloc(400, String(number)),
    });
    const pages = Array.from({ length: 5_000 }, (_, number) => page(number));
    await database.writePages(slice(first, 1, pages, 1));
    let pieces = 0;
    const found = await database.load(0, async ({ row, pages, log }) => {
      t.equal(row.merged, 1);
      await database.append(record(first, 3));
      const later = slice(first, 2, [{ ...page(4_999), value: null }, page(9_000)], 3);
      t.equal(await database.writePages(later), 'done');
      const read: PageChange[] = [];
      for await (const part of pages) {
        read.push(...part);
        pieces++;
      }
      const records: { position: number; length: number }[] = [];
      for await (const part of log)
        records.push(...part.map(({ position, bytes }) => ({ position, length: bytes.length })));
      return { read, records };
    });
    t.same(found.records, [
      { position: 1, length: big.length },
      { position: 2, length: 8 },
    ]);
    t.ok(pieces > 10, 'it comes in pieces');
    t.equal(found.read.length, pages.length);
    const differing = found.read.filter(({ key, value }, index) => {
      const { key: ownKey, value: ownValue } = pages[index]!;
      return !Buffer.from(key).equals(ownKey) || !Buffer.from(value!).equals(ownValue!);
    });
    t.same(differing, []);
  });

  t.test('a load whose session ends in the middle fails', async (t) => {
    const { database, first, name } = await begin(t);
    const pages = Array.from({ length: 20_000 }, (_, number) => ({
      tree: 'states' as const,
      key: Buffer.from(String(number)),
      value: Buffer.alloc(1_000),
    }));
    await database.writePages(slice(first, 1, pages, 0));
    let isWhole = false;
    const loading = database.load(0, async ({ pages }) => {
      let isFirst = true;
      for await (const _ of pages) {
        if (isFirst)
          await postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'`, name);
        isFirst = false;
      }
      isWhole = true;
    });
    await t.rejects(loading);
    t.notOk(isWhole);
    t.equal((await database.shards()).length, 4, 'the next statement finds another session');
  });
});

const takeSql = `UPDATE escapement.shard SET owner = '${other}', token = gen_random_uuid(), epoch = epoch + 1 WHERE shard = 0`;

const waitsInLock = `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'escapement %'
  AND datname = current_database() AND wait_event_type = 'Lock'`;

async function taken(database: Database, shard: number): Promise<ShardRow> {
  const row = (await database.shards())[shard]!;
  return (await database.take(shard, row.token, testNode))!;
}

/** The slice of this number of a shard's first merge, numbered from 1. */
function slice({ shard, token }: ShardRow, number: number, changes: readonly PageChange[], merged: number): PageSlice {
  const id = (of: number): string => (900_000 + of).toString(16).padStart(32, '0');
  const previous = number === 1 ? null : id(number - 1);
  return { lease: { shard, token }, id: id(number), previous, last: null, changes, merged };
}

function record({ shard, token }: ShardRow, position: number): Append {
  const id = (number: number): string => (shard * 1_000 + number).toString(16).padStart(32, '0');
  const previous = position === 1 ? null : id(position - 1);
  const row = { position, id: id(position), previous, bytes: Buffer.from(`record ${position}`) };
  return { lease: { shard, token }, row, claims: [], released: [] };
}

/** Holds the row of shard 0 as a taking does that is not committed. */
const holdShard = (t: Test, url: string) =>
  holdLock(t, url, 'SELECT 1 FROM escapement.shard WHERE shard = 0 FOR UPDATE');

/** Holds what a statement locks. */
async function holdLock(t: Test, url: string, statement: string) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  t.teardown(() => client.end().catch(() => {}));
  await client.query(`BEGIN; ${statement}`);
  return {
    release: async () => void (await client.query('ROLLBACK')),
    commit: async () => void (await client.query('COMMIT')),
  };
}

/** A session of the other node that has executed an append and has not been told to commit: its process stands still. */
async function standBeforeSync(t: Test, url: string, { lease, row }: Append) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, application_name: `escapement ${other}` });
  client.on('error', () => {});
  await client.connect();
  t.teardown(() => client.end().catch(() => {}));
  await client.query('SET search_path = escapement');
  const { connection } = client as unknown as { connection: import('pg').Connection };
  const text = `SELECT append(${lease.shard}, '${lease.token}', 1, '${row.id}', null, 'bytes', null, null, null, null)`;
  const executed = once(connection, 'dataRow');
  connection.parse({ name: '', text, types: [] }, true);
  connection.bind({}, true);
  connection.execute({}, true);
  connection.flush();
  await executed;
  return client;
}

function throughPort(url: string, port: number | undefined): string {
  const changed = new URL(url);
  if (port !== undefined) changed.port = String(port);
  return changed.href;
}
