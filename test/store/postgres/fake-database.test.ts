/** The database of the simulation does what PostgreSQL does, as long as nothing goes wrong. */
import t from 'tap';
import { FakeDatabase } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';
import type { DatabaseUnderTest } from './database-ground.js';
import { testDatabase } from './database-suite.js';
import { testPlaces } from './places-suite.js';
import { testShared } from './shared-suite.js';

const make = async (): Promise<DatabaseUnderTest> => {
  const fake = new FakeDatabase({ random: new Random(7), shards: 4, now: () => Date.now() });
  return { of: async (node) => fake.of(node), run: (promise) => fake.run(promise) };
};

testDatabase(t, make);
testShared(t, make);
testPlaces(t, make);
