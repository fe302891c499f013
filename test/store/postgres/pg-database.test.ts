/** PostgreSQL does what the port says. */
import t, { type Test } from 'tap';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import type { DatabaseUnderTest } from './database-ground.js';
import { testDatabase } from './database-suite.js';
import { openTest } from './opening.js';
import { testPlaces } from './places-suite.js';
import { testShared } from './shared-suite.js';

t.setTimeout(240_000);

t.test('the port over PostgreSQL', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const url = await postgres.fresh();
  let schemas = 0;
  const make = async (t: Test): Promise<DatabaseUnderTest> => {
    const schema = `suite_${++schemas}`;
    return {
      of: async (node) => (await openTest(t, { url, node, schema })).database,
      run: (promise) => promise,
    };
  };
  testDatabase(t, make);
  testPlaces(t, make);
  testShared(t, make);
});

t.test(
  'what is sent again is answered as late as a commit: by a transaction that writes',
  { skip: withoutPostgres },
  async (t) => {
    const postgres = await startPostgres(t, ['fsync=off']);
    const url = await postgres.fresh();
    const { database } = await openTest(t, { url, node: 'a'.repeat(32), schema: 'again' });
    const [node, other] = ['b'.repeat(32), 'c'.repeat(32)] as const;
    for (const each of [node, other])
      await database.join({ node: each, address: '', format: 1, leaving: false, facts: '{}' });
    const lease = (await database.take(0, (await database.shards())[0]!.token, node))!;
    const ids = ['d'.repeat(32), 'e'.repeat(32)] as const;
    const record = { lease, claims: [], released: [] };
    const [first, last] = [
      { ...record, row: { position: 1, id: ids[0], previous: null, bytes: new Uint8Array(1) } },
      { ...record, row: { position: 2, id: ids[1], previous: ids[0], bytes: new Uint8Array(1) }, giveTo: other },
    ];
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    t.teardown(() => client.end());
    await client.query('SET search_path = again');
    for (const append of [first, last]) {
      t.same(await database.append(append), { end: 'done' });
      const { position, id, previous } = append.row;
      const giveTo = 'giveTo' in append ? append.giveTo : null;
      const values = [
        lease.shard,
        lease.token,
        position,
        id,
        previous,
        Buffer.alloc(1),
        giveTo,
        giveTo && 'f'.repeat(32),
      ];
      await client.query('BEGIN');
      const { rows } = await client.query('SELECT append($1, $2, $3, $4, $5, $6, NULL, NULL, $7, $8) AS end', values);
      t.same(rows, [{ end: 'done' }]);
      const { rows: written } = await client.query('SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS writes');
      t.same(written, [{ writes: true }]);
      await client.query('ROLLBACK');
    }
  },
);

t.test('declared types that no node names are dropped after a day', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const url = await postgres.fresh();
  const { database, facts } = await openTest(t, { url, node: 'a'.repeat(32), schema: 'types' });
  t.ok(facts.shards > 0);
  const node = { node: 'b'.repeat(32), address: '', format: 1, leaving: false, facts: '{"types":"named"}' };
  await database.join(node);
  for (const digest of ['named', 'old', 'young']) await database.declareTypes({ digest, text: '[]' });
  const name = new URL(url).pathname.slice(1);
  await postgres.sql("UPDATE types.job_types SET declared_at = now() - interval '25 h' WHERE digest <> 'young'", name);
  await database.declareTypes({ digest: 'new', text: '[]' });
  const left = await database.declaredTypes(['named', 'new', 'old', 'young']);
  t.same(
    left.map(({ digest }) => digest),
    ['named', 'new', 'young'],
  );
});
