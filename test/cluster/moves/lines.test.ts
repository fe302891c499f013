/** Lines of attempts whose shard moves: each is kept once, in order, whatever of them was on its way when the shard was given away. */
import t from 'tap';
import { bodies, type Host, numberOf, turn, world } from '../support/host.js';

type World = ReturnType<typeof world>;

/** A job of the first that runs, and that is on record. */
async function running({ until, first }: World): Promise<number> {
  const asked = first.create();
  await until('it is made', () => asked.answer !== undefined);
  const number = numberOf(asked);
  await until('its start is on record', () => bodies(first, number).includes('job.started'));
  return number;
}

/** What waits to be written is handed to the storage. */
function writeLines(host: Host): void {
  for (const step of host.laterSteps.splice(0)) step();
}

const named = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `line ${from + i}`);

t.test('what is in the pages, on the disk of the owner before, being written, and waits', async (t) => {
  const w = world(t);
  const { first, second, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  first.write(number, named(0, 5));
  writeLines(first);
  const owned = first.shards.all[0]!;
  await until('they are in the pages', () => owned.jobLogs.unmirrored.length === 0);

  first.write(number, named(5, 7));
  await settled(second.host.follow(0));
  // The thread of the first has written them, and tells no pages any more.
  const index = first.indexes[0]!;
  index.holdsPages = true;
  const before = owned.jobLogs.bytes;
  writeLines(first);
  await until('they are on its disk', () => owned.jobLogs.bytes > before);
  index.isOpen = false;
  first.write(number, named(7, 9));
  writeLines(first);
  first.write(number, named(9, 10));
  t.same(first.linesOf(number), named(0, 10));
  t.same(
    owned.jobLogs.unmirrored.map(({ lines }) => lines.length),
    [5],
  );

  t.equal(await settled(first.host.give(first.row(0), 'second')), 'given');
  first.write(number, named(10, 12));
  await settled(second.host.open(second.row(0)));
  await until('all are told', () => first.moves.sayings.isEmpty);
  t.same(second.linesOf(number), named(0, 12));
  t.same(first.heard, named(0, 10));
  t.same(second.heard, named(10, 12), 'each is heard once');

  first.write(number, named(12, 13));
  first.end(number);
  await until('it has ended', () => bodies(second, number).includes('job.completed'));
  t.same(second.linesOf(number), named(0, 13), 'whoever hears of the end finds them');
});

t.test('an answer that is lost makes no line come twice, and what cannot be told waits', async (t) => {
  const w = world(t);
  const { first, second, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  first.write(number, named(0, 2));
  await settled(second.host.follow(0));
  second.isCutOff = true;
  t.equal(await settled(first.host.give(first.row(0), 'second')), 'given');
  first.write(number, named(2, 3));
  await settled(second.host.open(second.row(0)));
  for (let i = 0; i < 20; i++) await turn();
  t.same(second.linesOf(number), []);
  second.isCutOff = false;
  second.losesAnswers = true;
  await until('the second has them', () => second.linesOf(number).length === 3);
  t.notOk(first.moves.sayings.isEmpty, 'the first does not know');
  second.losesAnswers = false;
  await until('it knows', () => first.moves.sayings.isEmpty);
  t.same(second.linesOf(number), named(0, 3));
  t.same(second.heard, named(2, 3));
});

t.test('a shard that moves on, and comes back', async (t) => {
  const w = world(t);
  const { first, second, third, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  first.write(number, named(0, 1));
  let from = first;
  for (const [at, to] of [second, third, first].entries()) {
    await settled(to.host.follow(0));
    t.equal(await settled(from.host.give(from.row(0), to.name)), 'given');
    await settled(to.host.open(to.row(0)));
    first.write(number, named(at + 1, at + 2));
    await until('all is told', () => w.hosts.every(({ moves }) => moves.sayings.isEmpty));
    t.same(to.linesOf(number), named(0, at + 2), `at the ${to.name}`);
    from = to;
  }
  first.end(number);
  await until('it has ended', () => bodies(first, number).includes('job.completed'));
});

t.test('a shard that is kept after all has its lines', async (t) => {
  const w = world(t);
  const { first, second, until, settled, fake } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  first.write(number, named(0, 3));
  await settled(second.host.follow(0));
  fake.faults = { ...fake.faults, plain: 0, refused: 1 };
  t.equal(await settled(first.host.give(first.row(0), 'second')), 'kept');
  fake.faults = { ...fake.faults, plain: 1, refused: 0 };
  t.ok(first.moves.sayings.isEmpty);
  first.write(number, named(3, 4));
  writeLines(first);
  await until('they are in the pages', () => first.shards.all[0]!.jobLogs.unmirrored.length === 0);
  t.same(first.linesOf(number), named(0, 4));
});

t.test('a node that ends waits until the database has the last lines, or not for ever', async (t) => {
  const w = world(t);
  const { first, until, settled } = w;
  await settled(first.host.linesMirrored());
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  first.write(number, named(0, 2));
  const owned = first.shards.all[0]!;
  writeLines(first);
  first.write(number, named(2, 3));
  owned.jobLogs.flush();
  await settled(first.host.linesMirrored());
  t.same(owned.jobLogs.unmirrored, []);
  const dropped = first.host.drop(0);
  first.end(number);
  await settled(dropped);

  await settled(first.host.open(first.take(0)));
  t.same(first.linesOf(number), named(0, 3));
  await until('it runs again', () => first.pool.attempts.has(number));
  first.indexes.at(-1)!.holdsPages = true;
  first.write(number, ['more']);
  first.shards.all[0]!.jobLogs.flush();
  const waiting = first.host.linesMirrored();
  first.aheadMs += 2001;
  await settled(waiting);
  t.equal(first.shards.all[0]!.jobLogs.unmirrored.length, 1);
});
