/** What a node does with shards that it cannot run: it tries again, or leaves them to others. */
import t from 'tap';
import { DamagedRecord } from '../../../src/store/port.js';
import type { NodeRow } from '../../../src/store/postgres/database.js';
import { begin, node, owning, shard, turn } from './taking-ground.js';

t.test('a shard that cannot be loaded is tried again after a while', async (t) => {
  const side = begin();
  await side.look([shard(0, 'self', 2)], [node('self')]);
  await side.opens[0]?.fail();
  t.same(side.told, ['failed 0']);
  let looks = 0;
  while (side.opens.length === 0 && looks < 100) {
    looks++;
    await side.look([shard(0, 'self', 2)], [node('self')]);
  }
  t.equal(looks, 10);
});

t.test(
  'a shard with a record that cannot be applied is left to others, and tried again where nobody takes it',
  async (t) => {
    const side = begin();
    const row = shard(0, 'self', 2);
    await side.look([row], [node('self')]);
    await side.opens[0]?.fail(new DamagedRecord('log record 7'));
    t.same(side.told, ['failed 0', 'dropped 0', 'left 0: log record 7 does not match its checksum']);
    t.ok(side.taking.isEmpty);
    t.ok(side.givenUp.has(0));
    await side.look([row], [node('self')]);
    await side.look([{ ...row, owner: null }], [node('self')]);
    t.equal(side.takes.length, 0, 'not at once');
    side.pass(5000);
    await side.look([row], [node('self')]);
    t.same(
      side.takes.map(({ what }) => what),
      ['0 by 0 of 2'],
      'it is taken anew, under another token',
    );
    await side.takes[0]?.end(shard(0, 'self', 3));
    await side.opens[0]?.end();
    t.equal(side.taking.rowOf(0)?.epoch, 3);
  },
);

t.test('what cannot be loaded again and again is left to others', async (t) => {
  const side = begin();
  await side.look([shard(0, 'self', 2)], [node('self')]);
  for (let tries = 1; tries <= 3; tries++) {
    t.equal(side.givenUp.has(0), false);
    await side.opens[0]?.fail(new Error('the disk is full'));
    for (let looks = 0; looks < 10; looks++) await side.look([shard(0, 'self', 2)], [node('self')]);
  }
  t.equal(side.opens.length, 0);
  t.equal(side.told.at(-1), 'left 0: it could not be loaded; the log of that node says why');
});

t.test('a shard that cannot go on is left once all of it has ended here', async (t) => {
  const side = await owning();
  side.later.drops = true;
  side.taking.giveUp(0, 'its index failed');
  await turn();
  t.same(side.told, ['dropped 0']);
  t.notOk(side.givenUp.has(0), 'its attempts have not ended');
  side.taking.giveUp(0, 'its index failed');
  await side.drops[0]?.end();
  t.same(side.told, ['dropped 0', 'left 0: its index failed']);
  t.same(side.givenUp.all, { 0: { epoch: 2, reason: 'its index failed' } });
});

t.test('another node takes what its living owner has left, and what it has taken anew not', async (t) => {
  const side = begin();
  const leftUnder = (epoch: number): NodeRow[] => {
    const facts = JSON.stringify({ givenUp: { 0: { epoch, reason: 'why' } } });
    return [node('self'), node('other', { facts })];
  };
  await side.look([shard(0, 'other', 3)], leftUnder(2));
  t.equal(side.takes.length, 0, 'it has it under a later lease');
  await side.look([shard(0, 'other', 3)], leftUnder(3));
  t.same(
    side.takes.map(({ what }) => what),
    ['0 by 0 of 3'],
  );
  t.same(side.told, [], 'the sessions of its owner are not ended');
  await side.takes[0]?.end(shard(0, 'self', 4));
  t.same(
    side.opens.map(({ what }) => what),
    ['0 of 4, left'],
    'what ran there has ended no process',
  );
});
