/** Shards that move between nodes which live: attempts end where they run, and are decided where their jobs are by then. */
import t from 'tap';
import { bodies, draftOf, type Host, numberOf, turn, world } from './support/host.js';

type World = ReturnType<typeof world>;

/** The shard goes from one to another, who has followed it. */
async function move({ settled }: Pick<World, 'settled'>, from: Host, to: Host, shard = 0): Promise<void> {
  await settled(to.host.follow(shard));
  const given = await settled(from.host.give(from.row(shard), to.name));
  if (given !== 'given') throw new Error(`it was not given: ${given}`);
  await settled(to.host.open(to.row(shard)));
}

/** A job of the first that runs, and that is on record. */
async function running({ until, first }: World, more = {}): Promise<number> {
  const asked = first.create(more);
  await until('it is made', () => asked.answer !== undefined);
  const number = numberOf(asked);
  await until('its start is on record', () => bodies(first, number).includes('job.started'));
  return number;
}

t.test('an attempt ends where it runs, and its job where the shard is by then', async (t) => {
  const w = world(t);
  const { first, second, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  await move(w, first, second);
  t.same(first.shards.all, []);
  t.same(first.pool.aborted, [], 'it goes on');
  t.same(bodies(second, number), [], 'nothing has happened to it');
  t.equal(second.together.queries.totals().running, 1);
  t.equal(second.pool.attempts.size, 0);
  first.end(number, [draftOf()]);
  await until('it has succeeded', () => bodies(second, number).includes('job.completed'));
  await until('the first has forgotten it', () => first.moves.outgoing.isEmpty);
  await until('what it has enqueued runs', () => second.pool.attempts.size === 1);
  t.equal(second.moves.remote.size, 0);
  t.equal(second.together.scheduler.runningAttempts, 1);
});

t.test('it is cancelled there, and its end still counts as that of an attempt', async (t) => {
  const w = world(t);
  const { first, second, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  await move(w, first, second);
  first.isCutOff = true;
  const { numbers, state } = second.shards.all[0]!;
  const slot = numbers.slotOf(number);
  const id = numbers.format(slot, state.memtable.spec(slot).idSeconds);
  const asked = second.ask({ kind: 'cancel', id });
  await until('it is cancelled', () => asked.answer !== undefined);
  t.match(asked.answer, { ok: true });
  for (let i = 0; i < 20; i++) await turn();
  t.same(first.pool.aborted, []);
  first.isCutOff = false;
  await until('the first is told', () => first.pool.aborted.length > 0);
  t.same(first.pool.aborted, [number]);
  t.equal(second.together.scheduler.runningAttempts, 1, 'it has its place until it has ended');
  first.end(number);
  await until('that has come through', () => second.together.scheduler.runningAttempts === 0);
  t.same(bodies(second, number), ['job.cancelled']);
});

t.test('who owns the shard by then decides, however often it has moved', async (t) => {
  const w = world(t);
  const { first, second, third, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const [early, late] = [await running(w), await running(w)];
  await move(w, first, second);
  first.isCutOff = true;
  first.end(early);
  for (let i = 0; i < 20; i++) await turn();
  await move(w, second, third);
  await move(w, third, first);
  t.equal(first.moves.outgoing.running, 1, 'the other has ended, and nobody could be told');
  await until('the first is heard by itself', () => bodies(first, early).includes('job.completed'));
  await move(w, first, second);
  first.isCutOff = false;
  first.end(late);
  await until('the last owner has decided', () => bodies(second, late).includes('job.completed'));
  t.ok(first.moves.outgoing.isEmpty);
});

t.test('an end counts for the attempt that began under its epoch only', async (t) => {
  const w = world(t);
  const { first, second, until, settled } = w;
  const row = first.take(0);
  await settled(first.host.open(row));
  const number = await running(w);
  const { fence } = first.pool.attempts.get(number)!;
  await move(w, first, second);
  // As of an attempt of a time that the database has forgotten: by its fence it is the same.
  const forgotten = { kind: 'succeeded', jobSeq: number, fence, durationMs: 1, epoch: row.epoch - 1 };
  const taken = settled(second.moves.ended(JSON.stringify({ shard: 0, from: 'first', ends: [forgotten] })));
  t.equal(await taken, true, 'nobody is to hear it again');
  t.equal(second.together.queries.totals().running, 1, 'and it is no end');
  first.end(number);
  await until('it has ended', () => bodies(second, number).includes('job.completed'));
});

t.test('the death of its node counts as an interruption, its end in order as none', async (t) => {
  for (const state of ['dead', 'left'] as const) {
    const w = world(t);
    const { first, second, states, until, settled } = w;
    await settled(first.host.open(first.take(0)));
    const number = await running(w);
    await move(w, first, second);
    second.moves.remote.seen();
    t.same(bodies(second, number), [], 'it lives');
    states.set('first', state);
    second.moves.remote.seen();
    await until('it runs again', () => second.pool.attempts.has(number));
    await until('that is on record', () => bodies(second, number).includes('job.started'));
    t.same(bodies(second, number), ['job.retrying', 'job.started']);
    const { numbers, state: stored } = second.shards.all[0]!;
    t.equal(stored.memtable.state(numbers.slotOf(number))?.interruptions, 1);
    first.end(number);
    await until('the first is heard', () => first.moves.outgoing.isEmpty);
    t.equal(second.together.queries.totals().running, 1, 'what it says counts for nothing');
  }
});

t.test('who takes it after a death goes on with what its nodes still run', async (t) => {
  const w = world(t);
  const { first, second, third, states, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const kept = await running(w);
  await move(w, first, second);
  const asked = second.create();
  await until('one runs on the second', () => asked.answer !== undefined && second.pool.attempts.size === 1);
  await until('that is on record', () => bodies(second, numberOf(asked)).includes('job.started'));
  states.set('second', 'dead');
  await settled(third.host.open(third.take(0)));
  t.match(bodies(third, numberOf(asked))[0], 'job.retrying');
  first.end(kept);
  await until('the first is heard', () => bodies(third, kept).includes('job.completed'));
  t.notOk(bodies(third, kept).includes('job.retrying'));
});

t.test('a shard that cannot be given goes on, with all that was reported meanwhile', async (t) => {
  const w = world(t);
  const { first, fake, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  fake.faults = { ...fake.faults, plain: 0, refused: 1 };
  const giving = first.host.give(first.row(0), 'second');
  first.end(number);
  const refused = first.create();
  t.match(refused.answer, { ok: false, refusal: { code: 'storage_unavailable' } });
  t.equal(await settled(giving), 'kept');
  fake.faults = { ...fake.faults, plain: 1, refused: 0 };
  await until('it has succeeded here', () => bodies(first, number).includes('job.completed'));
  const asked = first.create();
  await until('another runs', () => asked.answer !== undefined && first.pool.attempts.size === 1);
  t.pass();
});

t.test('what was asked for before is written before', async (t) => {
  const w = world(t);
  const { first, second, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  await settled(second.host.follow(0));
  const asked = [first.create(), first.create(), first.create()];
  const giving = settled(first.host.give(first.row(0), 'second'));
  t.equal(await giving, 'given');
  for (const each of asked) t.match(each.answer, { ok: true });
  await settled(second.host.open(second.row(0)));
  t.equal(second.together.queries.totals().pending + second.together.queries.totals().running, 3);
  await until('all run', () => first.pool.attempts.size + second.pool.attempts.size === 3);
});

t.test('a shard that a node has lost and opens again interrupts its attempts by no fault', async (t) => {
  const w = world(t);
  const { first, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  for (let times = 1; times <= 4; times++) {
    const dropped = first.host.drop(0);
    first.end(number);
    await settled(dropped);
    await settled(first.host.open(first.take(0)));
    await until('it runs again', () => first.pool.attempts.has(number));
    await until(
      'that is on record',
      () => bodies(first, number).filter((body) => body === 'job.started').length > times,
    );
  }
  first.end(number);
  await until('it has succeeded', () => bodies(first, number).includes('job.completed'));
  t.equal(first.together.queries.totals().failed, 0);
});

t.test('an index that takes nothing up costs its shard', async (t) => {
  const w = world(t);
  const { first, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const [index] = first.indexes;
  const asked = first.create();
  index!.isOpen = false;
  await until('it is appended', () => asked.answer !== undefined);
  first.host.giveUpStalled();
  t.same(first.lost, [], 'it has some time');
  first.aheadMs = 10_001;
  first.host.giveUpStalled();
  t.same(first.lost, [0]);
  const dropped = first.host.drop(0);
  first.end(numberOf(asked));
  await settled(dropped);
  await settled(first.host.open(first.take(0)));
  await until('what was appended is there', () => first.pool.attempts.has(numberOf(asked)));
});

t.test('an end is told until it is on record: its owner may die before', async (t) => {
  const w = world(t);
  const { first, second, third, fake, states, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const number = await running(w);
  await move(w, first, second);
  fake.writesBlocked = true;
  first.end(number);
  await until('the second has heard it', () => second.together.scheduler.runningAttempts === 0);
  for (let i = 0; i < 50; i++) await turn();
  t.notOk(first.moves.outgoing.isEmpty, 'it is not on record yet');
  states.set('second', 'dead');
  second.isCutOff = true;
  third.take(0);
  fake.writesBlocked = false;
  await settled(third.host.open(third.row(0)));
  await until('the third has it', () => bodies(third, number).includes('job.completed'));
  t.notOk(bodies(third, number).includes('job.retrying'), 'no attempt is repeated');
  await until('the first has forgotten it', () => first.moves.outgoing.isEmpty);
});

t.test('a node that lives and has lost an attempt without a word is asked for it', async (t) => {
  const w = world(t);
  const { first, second, fake, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const [lost, kept] = [await running(w), await running(w)];
  await settled(second.host.follow(0));
  const { faults } = fake;
  fake.faults = { ...faults, plain: 0, slow: 0, refused: 0, gone: 0, late: 0, lost: 1 };
  const giving = first.host.give(first.row(0), 'second');
  await until('the database has the last record', () => first.row(0).owner === 'second');
  fake.faults = faults;
  // It reads that the shard is another's before it hears that its record is there.
  const dropped = first.host.drop(0);
  t.equal(await settled(giving), 'lost');
  await settled(second.host.open(second.row(0)));
  t.equal(second.moves.remote.size, 2, 'both were named');
  const roll = async (): Promise<void> => {
    second.aheadMs += 5001;
    second.moves.remote.seen();
    for (let i = 0; i < 20; i++) {
      fake.step();
      await turn();
    }
  };
  await roll();
  await roll();
  t.equal(second.moves.remote.size, 2, 'it has them until they have ended');
  first.end(lost);
  first.end(kept);
  await settled(dropped);
  first.isCutOff = true;
  await roll();
  t.equal(second.moves.remote.size, 2, 'nobody knows');
  first.isCutOff = false;
  await roll();
  t.equal(second.moves.remote.size, 0);
  await until('they run again', () => second.pool.attempts.has(lost) && second.pool.attempts.has(kept));
  const { numbers, state } = second.shards.all[0]!;
  t.equal(state.memtable.state(numbers.slotOf(lost))?.interruptions, 1);
  await until('that is on record', () => bodies(second, lost).includes('job.started'));
  t.same(bodies(second, lost), ['job.retrying', 'job.started']);
});

t.test('what goes on elsewhere, or has ended and is not told yet, is not taken for gone', async (t) => {
  const w = world(t);
  const { first, second, until, settled } = w;
  await settled(first.host.open(first.take(0)));
  const [runs, ended] = [await running(w), await running(w)];
  await move(w, first, second);
  let asked = 0;
  const { has } = first.moves;
  first.moves.has = (message) => {
    asked++;
    return has.call(first.moves, message);
  };
  let isHeard = false;
  const hear = second.moves.ended.bind(second.moves);
  second.moves.ended = (message) => (isHeard ? hear(message) : Promise.resolve(false));
  first.end(ended);
  second.moves.remote.seen();
  second.aheadMs += 4999;
  second.moves.remote.seen();
  t.equal(asked, 0, 'not so often');
  second.aheadMs += 2;
  second.moves.remote.seen();
  second.moves.remote.seen();
  await until('it was asked', () => asked > 0);
  for (let i = 0; i < 20; i++) await turn();
  t.equal(asked, 1, 'one question for all');
  t.equal(second.moves.remote.size, 2);
  isHeard = true;
  await until('its end is told', () => bodies(second, ended).includes('job.completed'));
  first.end(runs);
  await until('and that of the other', () => bodies(second, runs).includes('job.completed'));
  t.notOk([...bodies(second, ended), ...bodies(second, runs)].includes('job.retrying'));
});
