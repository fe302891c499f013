/** Hosts of shards over one database, with all that is real but threads and sockets: what one has begun another goes on with. */
import t from 'tap';
import { bodies, numberOf, shardCount, turn, world } from './support/host.js';

t.test('a job that runs is told as interrupted, and runs where its shard is taken', async (t) => {
  const { first, second, until, settled } = world(t);
  await settled(first.host.open(first.take(1)));
  const asked = first.create();
  await until('it is made and runs', () => asked.answer !== undefined && first.pool.attempts.size === 1);
  const number = numberOf(asked);
  t.equal(number % shardCount, 1, 'its number names its shard');
  await until('its start is on record', () => bodies(first, number).includes('job.started'));

  await settled(second.host.open(second.take(1)));
  const told = second.events.find(({ jobSeq }) => jobSeq === number)?.body;
  t.match(told, { type: 'job.retrying', cause: 'interruption' });
  await until('it runs again', () => second.pool.attempts.has(number));
  t.not(second.pool.attempts.get(number)!.fence, first.pool.attempts.get(number)!.fence);

  const late = first.create();
  await until('the first has noticed', () => first.lost.length > 0);
  t.equal(late.answer, undefined, 'who waits is answered when the shard is dropped');
  let isDropped = false;
  const dropped = first.host.drop(1).then(() => {
    isDropped = true;
  });
  t.match(late.answer, { ok: false, refusal: { code: 'timeout' } });
  t.same(first.pool.aborted, [number]);
  t.same(first.host.ends, []);
  t.match(first.create().answer, { ok: false }, 'there is no shard here');
  for (let i = 0; i < 20; i++) await turn();
  t.notOk(isDropped, 'its attempt is in the pool still');
  const heard = first.events.length;
  first.end(number);
  await settled(dropped);
  t.equal(first.events.length, heard, 'nobody hears how it ended there');

  second.end(number);
  await until('it has succeeded', () => bodies(second, number).includes('job.completed'));
  t.equal(second.together.queries.totals().running, 0);
});

t.test('what is opened while another takes it is not open', async (t) => {
  const { first, second, settled, until } = world(t);
  const row = first.take(0);
  second.take(0);
  await t.rejects(settled(first.host.open(row)), { name: 'NotOwned' });
  t.same(first.shards.all, []);

  const opening = first.host.open(first.take(0));
  const dropped = first.host.drop(0);
  await t.rejects(settled(opening), { name: 'Dropped' });
  await settled(dropped);
  t.same(first.shards.all, []);
  await settled(first.host.open(first.take(0)));
  t.equal(first.shards.all.length, 1, 'it can be opened again');
  const asked = first.create();
  await until('a job is made', () => asked.answer !== undefined);
  t.same(first.host.ends.length, 1);
  numberOf(asked);
});

t.test('places that attempts of a dropped shard had are free for others', async (t) => {
  const { first, second, settled, until } = world(t);
  first.pool.capacity = 2;
  await settled(first.host.open(first.take(0)));
  const asked = [first.create(), first.create()];
  await until('both run', () => first.pool.attempts.size === 2);
  await settled(first.host.open(first.take(1)));
  second.take(0);
  const dropped = first.host.drop(0);
  const waiting = first.create();
  await until('the third is made', () => waiting.answer !== undefined);
  t.notOk(first.pool.attempts.has(numberOf(waiting)), 'the pool is full');
  for (const each of asked) first.end(numberOf(each));
  await settled(dropped);
  await until('the third runs', () => first.pool.attempts.has(numberOf(waiting)));
  t.pass();
});

t.test('a shard is opened by what users have set', async (t) => {
  const { first, settled, until } = world(t);
  let isRead = (): void => {};
  first.settingsApplied = new Promise((resolve) => {
    isRead = resolve;
  });
  const opening = first.host.open(first.take(0));
  await until('its index is filled', () => first.indexes[0]?.isOpen === true);
  for (let i = 0; i < 20; i++) await turn();
  t.same(first.shards.all, [], 'it waits until that is read');
  void first.several.apply({ server: { paused: { since: 1 } }, types: new Map() });
  isRead();
  await settled(opening);
  const asked = first.create();
  await until('a job is made', () => asked.answer !== undefined);
  for (let i = 0; i < 20; i++) await turn();
  t.equal(first.pool.attempts.size, 0, 'the server is paused');

  await settled(first.several.apply({ server: {}, types: new Map([['noop', { paused: { since: 2 } }]]) }));
  for (let i = 0; i < 20; i++) await turn();
  t.equal(first.pool.attempts.size, 0, 'its type is paused');
  const waiting = asked.answer;
  if (!waiting?.ok || 'bulk' in waiting) throw new Error('not made');
  t.equal(first.together.requests.waitingFor(waiting.jobs[0]!), 'type_paused');
  await settled(first.several.apply({ server: {}, types: new Map() }));
  await until('it runs', () => first.pool.attempts.size === 1);
});
