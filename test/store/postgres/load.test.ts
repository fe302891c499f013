/** Loading a shard: complete or nothing, and what one who follows its log has to read when it becomes his. */
import t, { type Test } from 'tap';
import { DamagedRecord } from '../../../src/store/port.js';
import type { Database, LoadedShard, LogRow, PageChange, ShardRow } from '../../../src/store/postgres/database.js';
import { loadShard, NotOwned, Outdated, ShardLoading } from '../../../src/store/postgres/load.js';
import { FakeDatabase } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';
import { InlineIndex } from '../../support/inline-index.js';
import { answersOver, expectedAfter, live, type Written } from './lives.js';
import { idOf, Owner, placeOf, rowOf, turn } from './owner.js';

const written = live(5, 60);
const commits = written.filter((one) => 'commit' in one).length;

/** Writes a part of a life, to its end. */
async function write(fake: FakeDatabase, owner: Owner, part: readonly Written[]): Promise<void> {
  for (let at = 0; at < part.length || owner.isBusy; ) {
    at = owner.feed(part, at);
    owner.index.step();
    fake.step();
    await turn();
    if (owner.lost) throw new Error(owner.lost.message);
  }
}

async function begin(t: Test): Promise<{ fake: FakeDatabase; owner: Owner }> {
  const fake = new FakeDatabase({ random: new Random(1) });
  const row = fake.tables.take(0, rowOf(fake).token, idOf(1)) as ShardRow;
  const owner = await Owner.open(fake, idOf(1), row, 1);
  t.teardown(() => owner.dispose());
  return { fake, owner };
}

t.test('one who follows the log reads the rest when the shard becomes his', async (t) => {
  const { fake, owner } = await begin(t);
  const half = placeOf(written, Math.floor(commits / 2));
  await write(fake, owner, written.slice(0, half));
  const other = fake.of(idOf(2));
  const index = new InlineIndex();
  const following = await fake.run(ShardLoading.begin(other, 0, index));
  // Commits without merges, which write pages.
  const rest = written.slice(half).filter((one) => 'commit' in one);
  await write(fake, owner, rest.slice(0, 5));
  t.equal(await fake.run(following.follow()), 5);
  t.equal(await fake.run(following.follow()), 0);
  await write(fake, owner, rest.slice(5, 8));
  const row = fake.tables.take(0, rowOf(fake).token, idOf(2)) as ShardRow;
  const { last } = await fake.run(following.finish(row));
  t.equal(last.position, Math.floor(commits / 2) + 8);
  t.equal(JSON.stringify(answersOver(index.kv)), JSON.stringify(expectedAfter(written, last.position)));
});

t.test('one who follows has to begin anew when pages were written', async (t) => {
  const { fake, owner } = await begin(t);
  const half = placeOf(written, Math.floor(commits / 2));
  await write(fake, owner, written.slice(0, half));
  const other = fake.of(idOf(2));
  const merged = await fake.run(ShardLoading.begin(other, 0, new InlineIndex()));
  await write(fake, owner, written.slice(half));
  t.ok(owner.merged > Math.floor(commits / 2));
  const row = fake.tables.take(0, rowOf(fake).token, idOf(2)) as ShardRow;
  await t.rejects(fake.run(merged.finish(row)), Outdated);
});

t.test('one who follows has to begin anew when records were lost, or are others now', async (t) => {
  const { fake, owner } = await begin(t);
  const all = written.filter((one) => 'commit' in one);
  await write(fake, owner, all.slice(0, 10));
  const other = fake.of(idOf(2));
  const [first, second] = [
    await fake.run(ShardLoading.begin(other, 0, new InlineIndex())),
    await fake.run(ShardLoading.begin(other, 0, new InlineIndex())),
  ];
  fake.tables.forget(2);
  await t.rejects(fake.run(first.finish(rowOf(fake))), Outdated);
  const again = await Owner.open(fake, idOf(1), rowOf(fake), 1);
  t.teardown(() => again.dispose());
  await write(fake, again, all.slice(8, 12));
  await t.rejects(fake.run(second.follow()), Outdated);
});

t.test('a shard that was taken by another is not loaded', async (t) => {
  const { fake, owner } = await begin(t);
  await write(fake, owner, written.slice(0, 10));
  const row = fake.tables.take(0, rowOf(fake).token, idOf(2)) as ShardRow;
  fake.tables.take(0, row.token, idOf(3));
  await t.rejects(fake.run(loadShard(fake.of(idOf(2)), row, new InlineIndex())), NotOwned);
});

t.test('what is missing, damaged or cut off ends a load, wherever it is', async (t) => {
  const { fake, owner } = await begin(t);
  await write(fake, owner, written);
  const row = rowOf(fake);
  const { database } = owner;
  /** Loads what the database has, changed. */
  const load = async (change: {
    pages?: (page: PageChange, at: number) => PageChange | undefined;
    log?: (record: LogRow, at: number) => LogRow | undefined;
    cut?: 'pages' | 'log';
  }): Promise<void> => {
    const changed: Pick<Database, 'load' | 'recordsAfter'> = {
      recordsAfter: (shard, position, limit) => database.recordsAfter(shard, position, limit),
      load: (shard, read) =>
        database.load(shard, (loaded) =>
          read({
            ...loaded,
            pages: changing(loaded.pages, change.pages, change.cut === 'pages'),
            log: changing(loaded.log, change.log, change.cut === 'log'),
          } satisfies LoadedShard),
        ),
    };
    await fake.run(loadShard(changed, row, new InlineIndex()));
  };
  await t.resolves(load({}));
  await t.rejects(load({ cut: 'pages' }), /cut off/);
  await t.rejects(load({ cut: 'log' }), /cut off/);
  await t.rejects(load({ log: (record, at) => (at === 3 ? undefined : record) }), DamagedRecord, 'a record is missing');
  await t.rejects(
    load({ log: (record, at) => (at === 3 ? { ...record, previous: idOf(7) } : record) }),
    DamagedRecord,
    'a record is behind another',
  );
  for (const at of [0, 5, commits - 1]) {
    const flip = (record: LogRow): LogRow => {
      const bytes = Buffer.from(record.bytes);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] as number) ^ 1;
      return { ...record, bytes };
    };
    await t.rejects(
      load({ log: (record, i) => (i === at ? flip(record) : record) }),
      DamagedRecord,
      `record ${at + 1} is damaged`,
    );
  }
  await t.rejects(
    load({ log: (record, at) => (at === 2 ? { ...record, id: idOf(8) } : record) }),
    DamagedRecord,
    'a record is under the id of another',
  );
  const isMark = ({ tree, key }: PageChange): boolean => tree === 'meta' && Buffer.from(key).toString() === 'mark';
  await t.rejects(load({ pages: (page) => (isMark(page) ? undefined : page) }), DamagedRecord, 'no mark');
});

async function* changing<T>(
  parts: AsyncIterable<readonly T[]>,
  change: ((one: T, at: number) => T | undefined) | undefined,
  isCut: boolean,
): AsyncIterable<readonly T[]> {
  let at = 0;
  for await (const part of parts) {
    if (isCut && at > 0) throw new Error('the connection was cut off');
    yield part.map((one) => (change ? change(one, at++) : one)).filter((one) => one !== undefined);
    if (!change) at += part.length;
  }
}
