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
