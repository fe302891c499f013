/** What every adapter of the port `Database` must do, whatever is below it. */
import type { Test } from 'tap';
import { type Claim, endingDigest, type LogRow, type PageChange } from '../../../src/store/postgres/database.js';
import {
  begin as beginWith,
  bytesOf,
  type DatabaseUnderTest,
  idOf,
  key,
  lastOf,
  loadAll,
  nodeA,
  nodeB,
  textOf,
} from './database-ground.js';

export function testDatabase(t: Test, make: (t: Test) => Promise<DatabaseUnderTest>): void {
  const begin = (t: Test): ReturnType<typeof beginWith> => beginWith(t, make);

  t.test('a record is there once, however often it is sent', async (t) => {
    const { database, run, writer, log } = await begin(t);
    const first = await writer(0);
    const append = first.next();
    t.same(await run(database.append(append)), { end: 'done' });
    t.same(await run(database.append(append)), { end: 'done' }, 'sent again');
    first.moveOn();
    t.same(await run(database.append(first.next())), { end: 'done' });
    t.same(await run(database.append(append)), { end: 'done' }, 'sent again, after another');
    t.same(await log(0), [1, 2]);
    const [row] = (await run(database.recordsAfter(0, 1, 10))) as [LogRow];
    t.same({ ...row, bytes: textOf(row.bytes) }, { position: 2, id: idOf(2), previous: idOf(1), bytes: 'record 2' });
    t.same((await run(database.recordsAfter(0, 0, 1))).length, 1, 'as many as asked for');
  });

  t.test('a record goes behind its predecessor only', async (t) => {
    const { database, run, writer, appended, log } = await begin(t);
    const first = await writer(0);
    const { lease, row } = first.next();
    const cases: [string, LogRow][] = [
      ['it begins at 1', { ...row, position: 2 }],
      ['its predecessor is not there', { ...row, position: 2, previous: idOf(77) }],
    ];
    for (const [what, wrong] of cases)
      t.same(await run(database.append({ lease, row: wrong, claims: [], released: [] })), { end: 'rewound' }, what);
    await appended(first);
    const wrong: [string, Partial<LogRow>][] = [
      ['another at its position', { position: 1, previous: null, id: idOf(77) }],
      ['a second beginning', { position: 2, previous: null }],
      ['another predecessor', { previous: idOf(77) }],
      ['a gap', { position: 3 }],
    ];
    for (const [what, change] of wrong) {
      const next = first.next();
      const result = await run(database.append({ ...next, row: { ...next.row, ...change } }));
      t.same(result, { end: 'rewound' }, what);
    }
    t.same(await log(0), [1]);
  });

  t.test('bytes are kept as they are', async (t) => {
    const { database, run, writer } = await begin(t);
    const first = await writer(0);
    const every = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256);
    const part = new Uint8Array(every.buffer, 5, 69_000);
    const append = first.next();
    await run(database.append({ ...append, row: { ...append.row, bytes: part } }));
    first.moveOn();
    const empty = first.next();
    await run(database.append({ ...empty, row: { ...empty.row, bytes: new Uint8Array() } }));
    const rows = await run(database.recordsAfter(0, 0, 10));
    t.ok(Buffer.from(part).equals(rows[0]!.bytes));
    t.equal(rows[1]!.bytes.length, 0);
  });

  t.test('a taking ends the lease before it, once', async (t) => {
    const { database, run, take, writer, appended, log } = await begin(t);
    const first = await writer(0);
    await appended(first);
    const taken = await take(0, nodeB);
    t.same(taken, { ...first.row, owner: nodeB, token: taken.token, epoch: first.row.epoch + 1 });
    t.not(taken.token, first.row.token);
    t.equal(await run(database.take(0, first.row.token, nodeA)), undefined, 'with the old token');
    t.same((await run(database.shards()))[0], taken);
    t.same(await run(database.append(first.next())), { end: 'fenced' });
    t.equal(await run(database.writePages(first.slice([], 1))), 'fenced');
    t.equal(await run(database.trim(first.next().lease, 1, 10)), 'fenced');
    t.equal((await run(database.shards()))[0]!.merged, 0);
    t.same(await log(0), [1]);
    t.same(await run(database.append({ ...first.next(), lease: taken })), { end: 'done' }, 'the new one goes on');
  });

  t.test('another timeline ends the lease before it, once, and is kept by who takes the shard', async (t) => {
    const { database, run, take, writer, appended } = await begin(t);
    const first = await writer(0);
    await appended(first);
    t.equal(first.row.timeline, 0);
    t.equal(await run(database.beginTimeline(0, first.row.token)), true);
    const [begun] = await run(database.shards());
    const { token, timeline } = begun!;
    t.same(begun, { ...first.row, token, timeline, epoch: first.row.epoch + 1 });
    t.not(token, first.row.token);
    t.ok(timeline > 0 && timeline < 2 ** 31, `timeline ${timeline}`);
    t.equal(await run(database.beginTimeline(0, first.row.token)), false, 'with the old token');
    t.same(await run(database.append(first.next())), { end: 'fenced' });
    t.equal((await take(0, nodeB)).timeline, timeline);
  });

  t.test('a last record gives its shard away, and is done however often it is sent', async (t) => {
    const { database, run, writer, appended, log } = await begin(t);
    const first = await writer(0);
    await appended(first);
    const last = first.next({ giveTo: nodeB });
    const wrong = { ...last, row: { ...last.row, previous: idOf(77) } };
    t.same(await run(database.append(wrong)), { end: 'rewound' });
    t.same((await run(database.shards()))[0], first.row, 'nothing is given away by what is refused');
    t.same(await run(database.append(last)), { end: 'done' });
    const given = (await run(database.shards()))[0]!;
    t.same(given, { ...first.row, owner: nodeB, token: given.token, epoch: first.row.epoch + 1 });
    t.not(given.token, first.row.token);
    t.same(await run(database.append(last)), { end: 'done' }, 'sent again');
    t.same((await run(database.shards()))[0], given, 'it is given away once');
    first.moveOn();
    t.same(await run(database.append(first.next())), { end: 'fenced' });
    t.same(await run(database.append(first.next({ giveTo: nodeB }))), { end: 'fenced' });
    t.same(await log(0), [1, 2]);
  });

  t.test('a name is held once in the whole cluster', async (t) => {
    const { database, run, writer, appended, log } = await begin(t);
    const [first, second] = [await writer(0), await writer(1)];
    const claim = { ...key('mail', 0, 7), digest: 'd' };
    t.same(await appended(first, { claims: [claim] }), { end: 'done' });
    const other = { claims: [key('other', 1, 3), key('mail', 1, 3)], released: [] };
    t.same(await appended(second, other), { end: 'claimed', by: [claim] });
    t.same(await log(1), [], 'nothing was written');
    t.same(
      await appended(second, { claims: [{ ...key('mail', 1, 4), kind: 'idempotency' }] }),
      { end: 'done' },
      'of another kind',
    );
    t.same(
      await appended(first, { claims: [key('other', 0, 8), claim] }),
      { end: 'done' },
      'its holder may take it again',
    );
    t.match(
      await appended(first, { claims: [key('mail', 0, 9)] }),
      { end: 'claimed' },
      'another job of the same shard',
    );
    t.same(await appended(second, { released: [{ kind: 'key', name: 'mail' }] }), { end: 'done' });
    t.match(
      await appended(second, { claims: [key('mail', 1, 5)] }),
      { end: 'claimed' },
      'not released by another shard',
    );
    const moved = { released: [{ kind: 'key', name: 'mail' }], claims: [key('mail', 0, 10)] } as const;
    t.same(await appended(first, moved), { end: 'done' }, 'released and taken in one');
    t.same(await run(database.append({ ...first.next(), row: lastOf(first), claims: [key('x', 1, 1)] })), {
      end: 'done',
    });
    t.same(await appended(first, { released: [{ kind: 'key', name: 'mail' }] }), { end: 'done' });
    t.same(await appended(second, { claims: [key('mail', 1, 6), key('x', 1, 2)] }), { end: 'done' }, 'free again');
  });

  t.test('who holds names', async (t) => {
    const { database, run, writer, appended } = await begin(t);
    const first = await writer(0);
    await appended(first, {
      claims: [key('a', 0, 1), { ...key('b', 0, 2), digest: 'd', expiresAt: 4_000_000_000_000 }],
    });
    await appended(first, { claims: [{ ...key('gone', 0, 3), expiresAt: -1 }] });
    const asked = ['b', 'nobody', 'a', 'gone'].map((name) => ({ kind: 'key' as const, name }));
    t.same(await run(database.holders(asked)), [
      key('a', 0, 1),
      { ...key('b', 0, 2), digest: 'd', expiresAt: 4_000_000_000_000 },
    ]);
    t.same(await run(database.holders([{ kind: 'idempotency', name: 'a' }])), [], 'a name of another kind');
    t.same(await run(database.holders([])), []);
  });

  t.test('what is claimed and released together is not done when a name is held', async (t) => {
    const { writer, appended } = await begin(t);
    const [first, second] = [await writer(0), await writer(1)];
    await appended(first, { claims: [key('a', 0, 1), key('b', 0, 2)] });
    await appended(second, { claims: [key('c', 1, 1)] });
    const both = { released: [{ kind: 'key', name: 'a' }], claims: [key('c', 0, 3)] } as const;
    t.same(await appended(first, both), { end: 'claimed', by: [key('c', 1, 1)] });
    t.match(await appended(second, { claims: [key('a', 1, 2)] }), { end: 'claimed' }, 'it is still held');
  });

  t.test('a key whose last attempt has not ended is found, and anybody may take it', async (t) => {
    const { database, run, writer, appended } = await begin(t);
    const [first, second] = [await writer(0), await writer(1)];
    const ending = { ...key('k', 0, 1), digest: endingDigest, expiresAt: 4_000_000_000_000 };
    await appended(first, { claims: [ending, key('held', 0, 2)] });
    t.same(await run(database.holders([{ kind: 'key', name: 'k' }])), [ending]);
    const both = { claims: [key('k', 1, 1), key('held', 1, 2)] };
    t.same(await appended(second, both), { end: 'claimed', by: [key('held', 0, 2)] });
    t.same(await appended(second, { claims: [key('k', 1, 1)] }), { end: 'done' });
    t.same(await run(database.holders([{ kind: 'key', name: 'k' }])), [key('k', 1, 1)]);
  });

  t.test('a name that has expired is free', async (t) => {
    const { writer, appended } = await begin(t);
    const [first, second] = [await writer(0), await writer(1)];
    const until = (expiresAt: number): Claim => ({ ...key('k', 0, 1), kind: 'idempotency', expiresAt });
    await appended(first, { claims: [until(4_000_000_000_000)] });
    const wanted = { ...key('k', 1, 1), kind: 'idempotency' } as const;
    t.same(await appended(second, { claims: [wanted] }), { end: 'claimed', by: [until(4_000_000_000_000)] });
    await appended(first, { claims: [until(-1)] });
    t.same(await appended(second, { claims: [wanted] }), { end: 'done' });
  });

  t.test('pages are written, changed and removed, and a load shows them in order', async (t) => {
    const { database, run, writer, appended, take } = await begin(t);
    const first = await writer(0);
    await appended(first);
    await appended(first);
    const change = (tree: 'states' | 'due' | 'meta', key: number[], value: string | null) => ({
      tree,
      key: Uint8Array.from(key),
      value: value === null ? null : bytesOf(value),
    });
    const changes = [
      change('states', [0, 255], 'c'),
      change('states', [0, 2], 'b'),
      change('due', [9], 'a'),
      change('meta', [], 'no key'),
      change('states', [0, 255, 0], 'to go'),
    ];
    t.equal(await run(database.writePages(first.slice(changes))), 'done');
    const later = [change('states', [0, 2], 'b2'), change('states', [0, 255, 0], null), change('due', [10], null)];
    t.equal(await run(database.writePages(first.slice(later, 1))), 'done');
    const loaded = await loadAll(database, run, 0);
    t.same(loaded.row, { ...first.row, merged: 1 });
    t.same(loaded.pages, [
      ['due', [9], 'a'],
      ['meta', [], 'no key'],
      ['states', [0, 2], 'b2'],
      ['states', [0, 255], 'c'],
    ]);
    t.same(loaded.log, [1, 2]);
    await take(1);
    t.same((await loadAll(database, run, 1)).pages, [], 'another shard has its own');
    await t.rejects(
      run(database.load(0, async () => Promise.reject(new RangeError('of the reader')))),
      new RangeError('of the reader'),
    );
    await t.rejects(
      run(
        database.load(0, async ({ pages }) => {
          for await (const _ of pages) throw new RangeError('in the middle');
        }),
      ),
      new RangeError('in the middle'),
    );
  });

  t.test('a slice of pages goes behind its predecessor and the records that it is of only, once', async (t) => {
    const { database, run, writer, appended } = await begin(t);
    const first = await writer(0);
    const put = (value: string): PageChange[] => [{ tree: 'states', key: Uint8Array.from([1]), value: bytesOf(value) }];
    const early = first.slice(put('one'));
    t.equal(await run(database.writePages(early)), 'done', 'where there are no records');
    await appended(first);
    const second = first.slice(put('two'), 1);
    t.equal(await run(database.writePages(second)), 'done');
    t.equal(await run(database.writePages(second)), 'done', 'sent again');
    t.equal(await run(database.writePages(early)), 'rewound', 'carried out late');
    const third = first.slice(put('three'));
    t.equal(await run(database.writePages({ ...third, previous: idOf(1) })), 'rewound', 'a slice before it is lost');
    t.equal(
      await run(database.writePages({ ...third, last: { position: 2, id: idOf(2) } })),
      'rewound',
      'a record is lost',
    );
    t.equal(
      await run(database.writePages({ ...third, last: { position: 1, id: idOf(77) } })),
      'rewound',
      'it is another',
    );
    const { pages, lastSlice } = await loadAll(database, run, 0);
    t.same(pages, [['states', [1], 'two']]);
    t.equal(lastSlice, second.id);
    t.equal(await run(database.writePages(third)), 'done');
  });

  t.test('a log is trimmed up to what the pages have, and keeps its last record', async (t) => {
    const { database, run, writer, appended, log } = await begin(t);
    const first = await writer(0);
    for (let records = 0; records < 6; records++) await appended(first);
    const { lease } = first.next();
    t.equal(await run(database.trim(lease, 4, 10)), 0, 'nothing is merged');
    await run(database.writePages(first.slice([], 4)));
    t.equal(await run(database.trim(lease, 4, 2)), 2, 'as many as asked for');
    t.same(await log(0), [3, 4, 5, 6]);
    t.equal(await run(database.trim(lease, 4, 10)), 1);
    t.equal(await run(database.trim(lease, 100, 10)), 1, 'not beyond the pages');
    await run(database.writePages(first.slice([], 6)));
    t.equal(await run(database.trim(lease, 100, 10)), 1);
    t.same(await log(0), [6], 'the last record stays');
    t.same(await appended(first), { end: 'done' }, 'and the next goes behind it');
  });

  t.test('a beat confirms, tells and is told', async (t) => {
    const { database, run, take, writer, appended } = await begin(t);
    const row = { node: nodeA, address: 'http://127.0.0.1:1', format: 6, leaving: false, facts: '{}' };
    await run(database.join(row));
    await t.rejects(run(database.join(row)), 'it joins once');
    t.same(await run(database.nodes()), [{ ...row, beat: 0, dead: false }]);
    const first = await writer(0);
    await appended(first);
    await take(1, nodeB);
    let leaves = 0;
    const beaten = await run(database.beat(nodeA, 0, {}, () => leaves++));
    t.equal(leaves, 1);
    t.match(beaten, { end: 'done', beat: 1, ends: [{ shard: 0, position: 1, id: idOf(1) }] });
    t.equal(beaten.ends.length, 1, 'of its own shards');
    t.same(beaten.shards, await run(database.shards()));
    t.type(beaten.now, 'number');
    t.match(await run(database.beat(nodeA, 0, { leaving: true, facts: '{"types":["a"]}' })), { end: 'done', beat: 2 });
    t.match(await run(database.nodes()), [{ beat: 2, leaving: true, facts: '{"types":["a"]}' }]);
    t.match(await run(database.beat(nodeA, 2, {})), { end: 'done', beat: 3 });
    t.match(await run(database.nodes()), [{ leaving: true, facts: '{"types":["a"]}' }], 'what is not changed stays');
    t.match(await run(database.beat(nodeA, 9, {})), { end: 'dead', beat: 3 }, 'behind what the node knows');
    t.match(await run(database.beat(nodeB, 0, {})), { end: 'dead' }, 'of a node that has not joined');
  });

  t.test('a node is declared dead while its beat stands still, and does not come back', async (t) => {
    const { database, run } = await begin(t);
    const row = { node: nodeB, address: 'http://127.0.0.1:2', format: 6, leaving: false, facts: '{}' };
    await run(database.join(row));
    await run(database.beat(nodeB, 0, {}));
    t.equal(await run(database.declareDead(nodeB, 0)), false, 'its beat has moved');
    t.equal(await run(database.declareDead(nodeB, 1)), true);
    t.equal(await run(database.declareDead(nodeB, 1)), false, 'it was dead');
    t.match(await run(database.beat(nodeB, 1, {})), { end: 'dead' });
    t.match(await run(database.nodes()), [{ node: nodeB, dead: true, beat: 1 }]);
    await run(database.leave(nodeB));
    t.same(await run(database.nodes()), []);
    await run(database.leave(nodeB));
    await run(database.endBackends(nodeB));
  });
}
