/** What a node takes, in which order, and what it makes of rows that are older than what it knows. */
import t from 'tap';
import type { NodeRow } from '../../../src/store/postgres/database.js';
import { begin, node, owning, shard, turn } from './taking-ground.js';

t.test('it takes what has no living owner, two at a time, those with due jobs first', async (t) => {
  const side = begin();
  const dead = node('dead', { dead: true, facts: '{"due":{"2":5,"3":1}}' });
  const shards = [shard(0, 'dead'), shard(1, 'other'), shard(2, 'dead'), shard(3, 'dead'), shard(4, null)];
  const nodes = [node('self'), dead, node('other', { facts: '{"takes":false}' })];
  await side.look(shards, nodes);
  t.same(
    side.takes.map(({ what }) => what),
    ['3 by 3 of 1', '2 by 2 of 1'],
  );
  t.same(side.told, ['ended dead', 'ended dead']);
  await side.takes[0]?.end(shard(3, 'self', 2));
  t.same(
    side.opens.map(({ what }) => what),
    ['3 of 2'],
    'it is opened in later statements, under the new token',
  );
  const after = shards.with(3, shard(3, 'self', 2));
  await side.look(after, nodes);
  t.equal(side.takes.length, 1, 'one is still loading');
  await side.opens[0]?.end();
  t.equal(side.taking.rowOf(3)?.epoch, 2);
  t.same(
    side.takes.map(({ what }) => what),
    ['2 by 2 of 1', '0 by 0 of 1'],
    'the next follows at once',
  );
});

t.test('the sessions of a dead node are ended, unless its process lives under another id', async (t) => {
  const dead = node('dead', { dead: true, facts: '{"sessions":"start"}' });
  const cases: readonly [what: string, nodes: readonly NodeRow[], told: readonly string[]][] = [
    ['found by its start', [dead], ['ended start']],
    ['found by its id', [node('dead', { dead: true })], ['ended dead']],
    ['it has come anew', [dead, node('anew', { facts: '{"takes":false,"sessions":"start"}' })], []],
    ['it has left', [], []],
  ];
  for (const [what, nodes, told] of cases) {
    const side = begin();
    await side.look([shard(0, 'dead')], [node('self'), ...nodes]);
    t.equal(side.takes.length, 1, what);
    t.same(side.told, told, what);
  }
});

t.test('what it can act for is for its lease to say', async (t) => {
  const side = await owning();
  t.ok(side.taking.rowOf(0));
  side.lease.isLive = false;
  t.equal(side.taking.rowOf(0), undefined);
  side.lease.isLive = true;
  t.ok(side.taking.rowOf(0), 'it is still its own');
});

t.test('a taking that failed shows in a later look, as its own or as still to be taken', async (t) => {
  const side = begin();
  const nodes = [node('self')];
  await side.look([shard(0, null)], nodes);
  const before = { shards: [shard(0, null)], nodes, mark: side.mark() };
  await side.takes[0]?.fail();
  side.taking.seen(before);
  t.equal(side.takes.length, 0, 'a look from before its end says nothing');
  await side.look([shard(0, 'self', 2)], nodes);
  t.same(
    side.opens.map(({ what }) => what),
    ['0 of 2'],
  );
});

t.test("what is another's by now is dropped, unless the rows are older than the taking", async (t) => {
  const side = await owning();
  side.taking.compare([shard(0, 'before', 1)], 0);
  t.same(side.told, []);
  side.taking.compare([shard(0, 'other', 3)], side.mark());
  t.same(side.told, ['lost 0', 'dropped 0']);
  t.equal(side.taking.rowOf(0), undefined);
});

t.test('what the database has forgotten a part of is dropped and loaded anew', async (t) => {
  const row = shard(0, 'self', 2);
  const known = { shard: 0, position: 7, id: 'seven' };
  const cases: readonly [what: string, ends: readonly (typeof known)[], told: readonly string[]][] = [
    ['it is there', [known], []],
    ['there is more', [{ shard: 0, position: 8, id: 'eight' }], []],
    ['it is another', [{ ...known, id: 'other' }], ['rewound 0', 'dropped 0']],
    ['it is gone', [{ shard: 0, position: 6, id: 'six' }], ['rewound 0', 'dropped 0']],
    ['all are gone', [], ['rewound 0', 'dropped 0']],
  ];
  for (const [what, ends, told] of cases) {
    const side = await owning();
    const sent = { monotonic: 0, wall: 0, mark: side.mark(), known: [known] };
    side.taking.confirmed({ end: 'done', beat: 1, now: 0, shards: [row], ends }, sent);
    t.same(side.told, told, what);
    await turn();
    await side.look([row], [node('self')]);
    t.equal(side.opens.length, 0);
    t.same(
      side.timelines.map(({ what }) => what),
      told.length > 0 ? ['0 by 0 of 2'] : [],
      `${what}: it gets another timeline, and another token`,
    );
    await side.timelines[0]?.end(true);
    await side.look([told.length > 0 ? shard(0, 'self', 3) : row], [node('self')]);
    t.same(
      side.opens.map(({ what }) => what),
      told.length > 0 ? ['0 of 3'] : [],
    );
  }
});

t.test('nobody takes or opens what has lost something before it has another timeline', async (t) => {
  const side = await owning();
  side.taking.rewind(0);
  await turn();
  await side.look([shard(0, 'self', 3)], [node('self')]);
  await side.look([shard(0, 'gone', 3)], [node('self')]);
  t.same([side.takes.length, side.opens.length, side.timelines.length], [0, 0, 1], 'it is asked for once');
  await side.timelines[0]?.fail();
  await side.look([shard(0, 'gone', 3)], [node('self')]);
  t.same([side.takes.length, side.timelines.length], [0, 1], 'and again');
  await side.timelines[0]?.end(true);
  await side.look([shard(0, 'gone', 4)], [node('self')]);
  t.same([side.takes.length, side.timelines.length], [1, 0]);
});

t.test('a write that finds records gone, and a taking that the database has forgotten', async (t) => {
  const refused = await owning();
  refused.taking.rewind(0);
  refused.taking.rewind(0);
  t.same(refused.told, ['rewound 0', 'dropped 0']);
  const forgotten = await owning();
  forgotten.taking.compare([shard(0, 'other', 1)], forgotten.mark());
  t.same(forgotten.told, ['rewound 0', 'dropped 0']);
});

t.test('a row that falls back shows a loss, whoever owns the shard and whoever owned it', async (t) => {
  const fenced = await owning();
  fenced.taking.lose(0);
  await turn();
  await fenced.look([shard(0, 'gone', 1)], [node('self')]);
  t.same(fenced.told, ['lost 0', 'dropped 0', 'rewound 0'], 'its write was refused first');
  t.same([fenced.timelines.length, fenced.takes.length], [1, 0]);

  for (const [what, row] of [
    ['an earlier epoch', shard(0, 'other', 4)],
    ['the same epoch, of another token', { ...shard(0, 'other', 5), token: 'another' }],
  ] as const) {
    const side = begin();
    const nodes = [node('self', { facts: '{"takes":false}' }), node('other')];
    await side.look([shard(0, 'other', 5)], nodes);
    await side.look([row], nodes);
    t.same([side.told, side.timelines.length], [['rewound 0'], 1], what);
    await side.timelines[0]?.end(false);
    await side.look([{ ...shard(0, 'other', 6), timeline: 9 }], nodes);
    await side.look([{ ...shard(0, 'other', 6), timeline: 9 }], nodes);
    t.same([side.told, side.timelines.length], [['rewound 0'], 0], 'another node has begun one');
    await side.look([{ ...shard(0, 'other', 5), timeline: 9 }], nodes);
    t.same([side.told.length, side.timelines.length], [2, 1], 'the database has lost something once more');
  }
});

t.test('a look that is older than what is known shows no loss', async (t) => {
  const side = begin();
  const older = side.mark();
  await side.look([shard(0, 'self', 5)], [node('self')]);
  side.taking.compare([shard(0, 'other', 4)], older);
  t.same(side.told, []);
});

t.test('what is found lost while it is taken is not opened before it has another timeline', async (t) => {
  const side = begin();
  await side.look([shard(0, null, 5)], [node('self')]);
  const late = side.mark();
  side.taking.compare([shard(0, null, 4)], late);
  await side.takes[0]?.end(shard(0, 'self', 5));
  t.same([side.told, side.opens.length], [['rewound 0'], 0]);
  await side.look([{ ...shard(0, 'self', 5), token: 'another' }], [node('self')]);
  t.equal(side.timelines.length, 1);
});

t.test('a node whose own beats are forgotten tells which shards have lost something', async (t) => {
  const side = begin();
  const rows = [shard(0, 'self', 2), shard(1, 'self', 2)];
  await side.look(rows, [node('self')]);
  for (const opening of [...side.opens]) await opening.end();
  const known = [
    { shard: 0, position: 7, id: 'seven' },
    { shard: 1, position: 3, id: 'three' },
  ];
  const ends = [{ shard: 0, position: 6, id: 'six' }, known[1]!];
  const sent = { monotonic: 0, wall: 0, mark: side.mark(), known };
  side.lease.node = undefined;
  side.taking.ended({ end: 'dead', beat: 1, now: 0, shards: rows, ends }, sent);
  t.same(side.told, ['rewound 0', 'dropped 0', 'lost 1', 'dropped 1']);
});

t.test('a node that is gone for the others is over once all of it has ended here', async (t) => {
  const side = await owning();
  side.later.drops = true;
  side.lease.node = undefined;
  let isOver = false;
  const sent = { monotonic: 0, wall: 0, mark: side.mark(), known: [] };
  const over = side.taking.ended({ end: 'dead', beat: 1, now: 0, shards: [shard(0, 'self', 2)], ends: [] }, sent);
  void over.then(() => {
    isOver = true;
  });
  await turn();
  t.notOk(isOver);
  await side.drops[0]?.end();
  t.ok(isOver);
});

t.test('a restart takes what it owned before, whoever else could', async (t) => {
  const side = begin('former');
  const others = ['a', 'b', 'c', 'd'].map((name) => node(name));
  const shards = [0, 1].map((number) => shard(number, 'former'));
  await side.look(shards, [node('self', { beat: 1 }), node('former', { dead: true }), ...others]);
  t.equal(side.takes.length, 2);
});

t.test('a shard that is given away is not opened again by a look from before', async (t) => {
  const side = await owning();
  const before = { shards: [shard(0, 'self', 2)], nodes: [node('self')], mark: side.mark() };
  const given = side.taking.give(0, 'other');
  t.equal(side.taking.rowOf(0), undefined, 'nothing is started meanwhile');
  t.same(
    side.gives.map(({ what }) => what),
    ['0 to other'],
  );
  await side.gives[0]?.end('given');
  await given;
  side.taking.seen(before);
  t.same([side.opens.length, side.told], [0, []], 'neither opened nor dropped');
});

t.test('one that could not be given away goes on; one whose lease is over is dropped', async (t) => {
  const side = await owning();
  const kept = side.taking.give(0, 'other');
  await side.gives[0]?.end('kept');
  await kept;
  t.ok(side.taking.rowOf(0));
  const lost = side.taking.give(0, 'other');
  await side.gives[0]?.end('lost');
  await lost;
  t.same(side.told, ['lost 0', 'dropped 0']);
});

t.test('the end of all leases drops what is open, on its way, or being given away', async (t) => {
  const side = begin();
  const nodes = [node('self')];
  const rows = [shard(0, 'self', 2), shard(1, 'self', 2), shard(2, null)];
  await side.look(rows, nodes);
  await side.opens[0]?.end();
  void side.taking.give(0, 'other');
  const [taken] = side.takes;
  side.lease.node = undefined;
  side.taking.loseAll();
  t.same(side.told.filter((line) => line.startsWith('dropped')).sort(), ['dropped 0', 'dropped 1']);
  await taken?.end(shard(2, 'self', 2));
  t.equal(side.opens.length, 1, 'what was taken for the one before is not opened');
  await turn();
  t.ok(side.taking.isEmpty);
});

t.test('where the node ends, all is dropped, and nothing is lost by that', async (t) => {
  const side = begin();
  await side.look([shard(0, 'self', 2), shard(1, null)], [node('self')]);
  await side.opens[0]?.end();
  side.taking.letGoOfAll();
  await turn();
  t.same(side.told, ['dropped 0']);
});
