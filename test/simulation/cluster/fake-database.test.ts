/** The faults of the fake database: each does what its name says, and nothing else. */
import t from 'tap';
import { type Append, type Database, type RandomId, UnknownEnd } from '../../../src/store/postgres/database.js';
import { Random } from '../random.js';
import { FakeDatabase, type Faults, Refused } from './fake-database.js';

const node = 'a'.repeat(32) as RandomId;

function begin(faults: Faults): { fake: FakeDatabase; database: Database; append: Append } {
  const fake = new FakeDatabase({ random: new Random(1) });
  const [row] = fake.tables.shards();
  if (!row) throw new Error('there is no shard');
  fake.faults = faults;
  return {
    fake,
    database: fake.of(node),
    append: {
      lease: { shard: 0, token: row.token },
      row: { position: 1, id: fake.randomId(), previous: null, bytes: Buffer.from('a record') },
      claims: [],
      released: [],
    },
  };
}

t.test('what is carried out and what the caller hears, by fate', async (t) => {
  const cases = [
    ['plain', 'done', 1],
    ['slow', 'done', 1],
    ['refused', Refused, 0],
    ['lost', UnknownEnd, 1],
    ['gone', UnknownEnd, 0],
    ['late', UnknownEnd, 0],
  ] as const;
  for (const [fate, heard, records] of cases) {
    const { fake, database, append } = begin({ [fate]: 1 });
    const ended = fake.run(database.append(append));
    if (heard === 'done') t.same(await ended, { end: 'done' }, fate);
    else await t.rejects(ended, heard, fate);
    t.equal(fake.tables.recordsAfter(0, 0, 10).length, records, fate);
  }
});

t.test('what is late is carried out by a later step, or not after its backend has ended', async (t) => {
  const { fake, database, append } = begin({ late: 1 });
  await t.rejects(fake.run(database.append(append)), UnknownEnd);
  while (fake.step());
  t.equal(fake.tables.recordsAfter(0, 0, 10).length, 1);
  await t.rejects(fake.run(database.append({ ...append, row: { ...append.row, position: 2 } })), UnknownEnd);
  fake.faults = { plain: 1 };
  await fake.run(database.endBackends(node));
  t.same(fake.waiting, []);
});

t.test('blocked writes wait, and reads do not', async (t) => {
  const { fake, database, append } = begin({ plain: 1 });
  fake.writesBlocked = true;
  const appended = database.append(append);
  t.equal((await fake.run(database.shards())).length, 1);
  t.same(fake.waiting, ['append 1']);
  fake.writesBlocked = false;
  t.same(await fake.run(appended), { end: 'done' });
});

t.test('what is forgotten was never there', async (t) => {
  const { fake, database, append } = begin({ plain: 1 });
  await fake.run(database.append(append));
  await fake.run(
    database.append({ ...append, row: { ...append.row, position: 2, id: fake.randomId(), previous: append.row.id } }),
  );
  fake.tables.forget(1);
  t.same(
    fake.tables.recordsAfter(0, 0, 10).map(({ position }) => position),
    [1],
  );
});
