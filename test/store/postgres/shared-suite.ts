/** What every adapter of the port `Database` must do with what all nodes share beside shards. */
import type { Test } from 'tap';
import { noChange } from '../../../src/store/postgres/database.js';
import type { DatabaseUnderTest } from './database-ground.js';

const nodeA = 'a'.repeat(32);
const nodeB = 'b'.repeat(32);
const idOf = (number: number): string => number.toString(16).padStart(32, '0');

export function testShared(t: Test, make: (t: Test) => Promise<DatabaseUnderTest>): void {
  const begin = async (t: Test) => {
    const under = await make(t);
    const run = <T>(promise: Promise<T>): Promise<T> => under.run(promise);
    return { under, run, database: await under.of(nodeA) };
  };

  t.test('settings are changed behind the change that they were decided on, once', async (t) => {
    const { database, run } = await begin(t);
    const empty = (await run(database.settings(undefined)))!;
    t.same(empty, { version: 0, id: noChange, rows: [] });
    t.equal(await run(database.settings(noChange)), undefined, 'known');
    const first = { id: idOf(1), before: noChange, rows: [{ name: 'type:mail', value: '{"concurrency":1}' }] };
    t.equal(await run(database.changeSettings(first)), 'done');
    t.equal(await run(database.changeSettings(first)), 'done', 'sent again');
    const set = await run(database.settings(noChange));
    t.same(set, { version: 1, id: idOf(1), rows: first.rows });
    t.equal(await run(database.settings(idOf(1))), undefined);

    const late = { id: idOf(2), before: noChange, rows: [{ name: 'server', value: '{}' }] };
    t.equal(await run(database.changeSettings(late)), 'overtaken');
    const both = [
      { name: 'server', value: '{"paused":{"since":1}}' },
      { name: 'type:mail', value: null },
      { name: 'type:none', value: null },
    ];
    t.equal(await run(database.changeSettings({ id: idOf(3), before: idOf(1), rows: both })), 'done');
    t.same(await run(database.settings(idOf(1))), { version: 2, id: idOf(3), rows: both.slice(0, 1) });
    t.equal(await run(database.changeSettings(first)), 'overtaken', 'and changes nothing');
    t.same(await run(database.settings(undefined)), { version: 2, id: idOf(3), rows: both.slice(0, 1) });
  });

  t.test('what nodes declare is found by its digest', async (t) => {
    const { database, run } = await begin(t);
    t.same(await run(database.declaredTypes(['a', 'b'])), []);
    await run(database.declareTypes({ digest: 'b', text: '[1]' }));
    await run(database.declareTypes({ digest: 'b', text: '[1]' }));
    await run(database.declareTypes({ digest: 'a', text: '["ä"]' }));
    t.same(await run(database.declaredTypes(['c', 'b', 'a'])), [
      { digest: 'a', text: '["ä"]' },
      { digest: 'b', text: '[1]' },
    ]);
    t.same(await run(database.declaredTypes([])), []);
  });

  t.test('numbers of bulk actions grow', async (t) => {
    const { under, database, run } = await begin(t);
    const other = await under.of(nodeB);
    const first = await run(database.nextBulk());
    t.ok(first > 0);
    t.ok((await run(other.nextBulk())) > first);
  });
}
