/** PostgreSQL does what the port says. */
import t, { type Test } from 'tap';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { type DatabaseUnderTest, testDatabase } from './database-suite.js';
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
