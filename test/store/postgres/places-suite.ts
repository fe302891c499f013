/** What every adapter of the port `Database` must do about limits over nodes, whatever is below it. */
import type { Test } from 'tap';
import type { GroupCount, Head, NodesPace, PlaceAnswer, PlaceAsk } from '../../../src/domain/control/limited-places.js';
import type { RandomId } from '../../../src/store/postgres/database.js';
import type { DatabaseUnderTest } from './database-ground.js';

const [nodeA, nodeB, nodeC] = ['a', 'b', 'c'].map((digit) => digit.repeat(32)) as [RandomId, RandomId, RandomId];

/** @param more `due`: the earlier comes first, with everything else alike */
const head = (due: number, jobs: number, more: Partial<Head> = {}): Head => ({
  ...{ group: null, suspect: false, priority: 0, due, number: due, jobs },
  ...more,
});

export function testPlaces(t: Test, make: (t: Test) => Promise<DatabaseUnderTest>): void {
  const begin = async (t: Test) => {
    const under = await make(t);
    const database = await under.of(nodeA);
    const run = <T>(promise: Promise<T>): Promise<T> => under.run(promise);
    for (const node of [nodeA, nodeB, nodeC])
      await run(database.join({ node, address: 'http://127.0.0.1:1', format: 6, leaving: false, facts: '{}' }));
    let asked = 0;
    const ask = async (
      node: RandomId,
      uses: readonly GroupCount[],
      heads: readonly Head[],
      limits: Partial<PlaceAsk> = { concurrency: 3 },
      number = ++asked,
    ): Promise<PlaceAnswer | undefined> => {
      const none = { concurrency: null, groupConcurrency: null, pace: null, again: false };
      const one = { type: 'mail', ...none, uses, heads, ...limits };
      return (await run(database.askPlaces(node, number, [one])))?.[0];
    };
    return { database, run, ask };
  };

  t.test('no more places are given than there are', async (t) => {
    const { ask } = await begin(t);
    t.same(await ask(nodeA, [], [head(1, 2)]), {
      ...{ type: 'mail', given: [[null, 2]], used: 2, groups: [[null, 2]], startsIn: null, next: [] },
    });
    t.match(await ask(nodeB, [], [head(2, 2)]), { given: [[null, 1]], used: 3, groups: [[null, 3]] });
    t.match(await ask(nodeB, [[null, 1]], [head(2, 1)]), { given: [], used: 3 }, 'none is left');
    t.match(await ask(nodeA, [[null, 1]], []), { given: [], used: 2 }, 'an attempt has ended');
    t.match(await ask(nodeB, [[null, 1]], [head(2, 1)]), { given: [[null, 1]], used: 3 });
    t.match(await ask(nodeA, [[null, 1]], [head(1, 1)], { concurrency: 5 }), { used: 4 }, 'more by now');
    t.match(await ask(nodeA, [[null, 2]], [head(1, 1)], { concurrency: 1 }), { given: [], used: 4 }, 'fewer by now');
  });

  t.test('who gives places back hears who waits for them', async (t) => {
    const { ask } = await begin(t);
    const group = (name: string) => head(5, 1, { group: name });
    await ask(nodeA, [], [head(1, 3)]);
    t.match(await ask(nodeB, [], [head(2, 1)]), { given: [], next: [] }, 'nothing is free');
    t.match(await ask(nodeC, [], [head(3, 2)]), { given: [], next: [] });
    t.match(
      await ask(nodeA, [[null, 2]], [head(4, 1)]),
      { given: [], used: 2, next: [nodeB] },
      'one place, and B is first',
    );
    t.match(await ask(nodeA, [[null, 1]], [head(4, 1)]), { given: [], used: 1, next: [nodeB, nodeC] });
    t.match(await ask(nodeB, [], [head(2, 1)]), { given: [[null, 1]], used: 2, next: [nodeC] });
    t.match(await ask(nodeB, [[null, 1]], []), { next: [nodeC] }, 'it does not know yet');
    t.match(await ask(nodeC, [], [head(3, 1)]), { given: [[null, 1]], used: 3, next: [] });
    const limits = { type: 'groups', concurrency: null, groupConcurrency: 1 };
    await ask(nodeA, [], [group('x')], limits);
    t.match(await ask(nodeB, [], [group('x')], limits), { given: [], next: [] });
    t.match(await ask(nodeA, [], [group('y')], limits), { given: [['y', 1]], next: [nodeB] });
  });

  t.test('types have places of their own, and are asked for together', async (t) => {
    const { database, run } = await begin(t);
    const one = (type: string): PlaceAsk => ({
      ...{ type, concurrency: 1, groupConcurrency: null, pace: null, uses: [], heads: [head(1, 5)], again: false },
    });
    const answers = await run(database.askPlaces(nodeA, 1, [one('b'), one('a'), one('__proto__')]));
    t.match(answers, [
      { type: '__proto__', given: [[null, 1]] },
      { type: 'a', given: [[null, 1]] },
      { type: 'b', given: [[null, 1]] },
    ]);
  });

  t.test('the best head of all nodes comes first', async (t) => {
    const { ask } = await begin(t);
    const one = { concurrency: 1 };
    await ask(nodeC, [], [head(0, 1)], one);
    for (const [node, waiting] of [
      [nodeA, head(3, 1)],
      [nodeB, head(2, 1)],
      [nodeB, head(9, 1, { priority: 1 })],
    ] as const)
      t.match(await ask(node, [], [waiting], one), { given: [], used: 1 });
    await ask(nodeC, [], [], one);
    t.match(await ask(nodeA, [], [head(3, 1)], one), { given: [] }, 'kept for the higher priority');
    t.match(await ask(nodeB, [], [head(9, 1, { priority: 1 })], one), { given: [[null, 1]] });
    t.match(await ask(nodeA, [], [head(3, 1)], one), { given: [] });
    t.match(await ask(nodeC, [], [head(2, 1)], one), { given: [] });
    await ask(nodeB, [], [], one);
    t.match(await ask(nodeA, [], [head(3, 1)], one), { given: [] }, 'the other is due before it');
    t.match(await ask(nodeC, [], [head(2, 1)], one), { given: [[null, 1]] });
    await ask(nodeC, [], [], one);
    t.match(await ask(nodeA, [], [head(3, 1)], one), { given: [[null, 1]] });
    t.match(await ask(nodeB, [], [head(9, 1, { suspect: true })], one), { given: [] });
    await ask(nodeA, [], [], one);
    t.match(await ask(nodeC, [], [head(1, 1, { priority: 5 })], one), { given: [] }, 'suspects come first');
    t.match(await ask(nodeB, [], [head(9, 1, { suspect: true })], one), { given: [[null, 1]] });
  });

  t.test('what is left over goes to who asks', async (t) => {
    const { ask } = await begin(t);
    const five = { concurrency: 5 };
    await ask(nodeC, [], [head(0, 5)], five);
    t.match(await ask(nodeA, [], [head(1, 1)], five), { given: [] });
    t.match(await ask(nodeB, [], [head(2, 9)], five), { given: [] });
    await ask(nodeC, [[null, 2]], [], five);
    t.match(await ask(nodeB, [], [head(2, 9)], five), { given: [[null, 2]] }, 'one is kept for the other');
    t.match(await ask(nodeA, [], [head(1, 1)], five), { given: [[null, 1]], used: 5 });
    t.match(await ask(nodeA, [[null, 1]], [], five), { given: [], used: 5 });
  });

  t.test('heads of several nodes alternate', async (t) => {
    const { ask } = await begin(t);
    await ask(nodeC, [], [head(0, 4)], { concurrency: 4 });
    await ask(nodeA, [], [head(1, 4)], { concurrency: 4 });
    await ask(nodeB, [], [head(2, 4)], { concurrency: 4 });
    await ask(nodeC, [], [], { concurrency: 4 });
    t.match(await ask(nodeA, [], [head(1, 4)], { concurrency: 4 }), { given: [[null, 2]] });
    t.match(
      await ask(nodeB, [], [head(2, 4)], { concurrency: 4 }),
      { given: [[null, 1]] },
      'two wait on the other yet',
    );
    t.match(await ask(nodeA, [[null, 2]], [head(3, 2)], { concurrency: 4 }), { given: [] });
    t.match(await ask(nodeB, [[null, 1]], [head(2, 3)], { concurrency: 4 }), { given: [[null, 1]], used: 4 });
  });

  t.test('one that says what the last one said has the same answer, and what is free', async (t) => {
    const { ask } = await begin(t);
    const [first, again] = [{ concurrency: 2 }, { concurrency: 2, again: true }];
    const waits = [head(1, 2, { group: 'x' }), head(2, 1)];
    await ask(nodeA, [], [head(0, 2, { group: 'x' })], first);
    const none = {
      given: [],
      used: 2,
      groups: [
        [null, 0],
        ['x', 2],
      ],
      startsIn: null,
      next: [],
      type: 'mail',
    };
    t.same(await ask(nodeB, [], waits, first), none);
    t.same(await ask(nodeB, [], waits, again), none);
    t.same(await ask(nodeB, [], waits, again), none);
    await ask(nodeA, [['x', 1]], [], first);
    t.match(await ask(nodeC, [], [head(3, 1)], first), { given: [] }, 'what it has said holds');
    t.match(await ask(nodeB, [], waits, again), { given: [[null, 1]], used: 2 }, 'x had its turn');
    t.match(await ask(nodeC, [], [head(3, 1)], again), { given: [], used: 2 });
    t.match(
      await ask(nodeC, [], [head(3, 1)], { concurrency: 3, again: true }),
      { given: [], used: 2 },
      'kept for the other',
    );
    t.match(await ask(nodeB, [[null, 1]], [], { concurrency: 3 }), { used: 2 });
    t.match(await ask(nodeC, [], [head(3, 1)], { concurrency: 3, again: true }), { given: [[null, 1]], used: 3 });
  });

  t.test('a group has no more than it may, and groups take turns over nodes', async (t) => {
    const { ask } = await begin(t);
    const limits = { groupConcurrency: 2 };
    const [x, y] = [{ group: 'x' }, { group: 'y' }];
    t.match(await ask(nodeA, [], [head(1, 9, x)], limits), { given: [['x', 2]], groups: [['x', 2]] });
    t.match(await ask(nodeB, [], [head(2, 9, x), head(3, 1, y)], limits), {
      given: [['y', 1]],
      used: 3,
      groups: [
        ['x', 2],
        ['y', 1],
      ],
    });
    t.match(await ask(nodeA, [['x', 1]], [], limits), { used: 2 });
    t.match(await ask(nodeB, [['y', 1]], [head(2, 9, x)], limits), { given: [['x', 1]] });
  });

  t.test('no group starts twice while another one waits', async (t) => {
    const { ask } = await begin(t);
    const one = { concurrency: 1 };
    const order: unknown[] = [];
    const waits: Record<string, Head[]> = {
      [nodeA]: [head(1, 3, { group: 'x' })],
      [nodeB]: [head(2, 3, { group: 'y' })],
      [nodeC]: [head(3, 3, { group: 'z' })],
    };
    await ask(nodeA, [['w', 1]], waits[nodeA]!, one);
    for (const node of [nodeB, nodeC]) await ask(node, [], waits[node]!, one);
    await ask(nodeA, [], waits[nodeA]!, { concurrency: 0 });
    for (let turn = 0; turn < 6; turn++) {
      for (const node of [nodeC, nodeB, nodeA]) {
        const { given = [] } = (await ask(node, [], waits[node]!, one)) ?? {};
        if (given.length === 0) continue;
        order.push(given[0]?.[0]);
        await ask(node, [], waits[node]!, { concurrency: 0 });
      }
    }
    t.same(order.slice(0, 6), ['x', 'y', 'z', 'x', 'y', 'z']);
  });

  t.test('one that is late changes nothing', async (t) => {
    const { ask } = await begin(t);
    t.match(await ask(nodeA, [], [head(1, 3)], { concurrency: 3 }, 50), { used: 3 });
    t.match(await ask(nodeA, [[null, 3]], [], { concurrency: 3 }, 52), { used: 3 });
    t.equal(await ask(nodeA, [], [], { concurrency: 3 }, 51), undefined, 'as it was before');
    t.equal(await ask(nodeA, [], [], { concurrency: 3 }, 52), undefined, 'once more');
    t.match(await ask(nodeB, [], [head(1, 1)], { concurrency: 3 }, 1), { given: [] }, 'each node counts by itself');
    t.match(await ask(nodeA, [], [], { concurrency: 3 }, 53), { used: 0 }, 'it has nothing any more');
    t.equal(await ask(nodeA, [[null, 3]], [], { concurrency: 3 }, 52), undefined, 'not even then');
  });

  t.test('places of a dead node, and of one that leaves, are free; it is given none', async (t) => {
    const { database, run, ask } = await begin(t);
    await ask(nodeA, [], [head(1, 2)]);
    await ask(nodeB, [], [head(1, 2)]);
    t.match(await ask(nodeC, [], [head(2, 3)]), { given: [] });
    t.equal(await run(database.declareDead(nodeA, 0)), true);
    t.match(await ask(nodeC, [], [head(2, 3)]), { given: [[null, 1]] }, 'one is kept for who waits');
    t.match(await ask(nodeB, [[null, 1]], [head(1, 1)]), { given: [[null, 1]], used: 3 });
    t.equal(await ask(nodeA, [], [head(0, 1)]), undefined);
    await run(database.leave(nodeB));
    t.match(await ask(nodeC, [[null, 1]], [head(2, 2)]), { given: [[null, 2]], used: 3 });
    t.equal(await ask(nodeB, [], [head(0, 1)]), undefined, 'one that is not there');
  });

  t.test('starts keep their distance by the clock of the database', async (t) => {
    const { ask } = await begin(t);
    const pace: NodesPace = { rate: '1/1h', gapMs: 3_600_000, toleranceMs: 0, lateMs: 0, extraMs: 0 };
    const first = await ask(nodeA, [], [head(1, 9)], { pace });
    t.match(first, { given: [] }, 'nothing is known of what has started before');
    t.ok(Number(first?.startsIn) > 3_590_000 && Number(first?.startsIn) <= 3_600_000);
    const fast = { ...pace, rate: '1/1ms', gapMs: 1e-9 };
    const eager = await ask(nodeB, [], [head(0, 3)], { pace: fast });
    t.match(eager, { given: [[null, 1]] }, 'from the last one on, another rate');
    const slow = await ask(nodeA, [], [head(0, 9)], { pace: { ...pace, rate: '2/1h' } });
    t.match(slow, { given: [] }, 'the start of the other node counts');
    t.ok(Number(slow?.startsIn) > 3_590_000);
    t.match(await ask(nodeC, [], [head(0, 1)], {}), { given: [[null, 1]], startsIn: null }, 'without a rate');
    const again = await ask(nodeC, [], [head(0, 1)], { pace: fast });
    t.match(again, { given: [] }, 'of the time without one nothing is known');
  });

  t.test('a rate lets several start at once within its tolerance, and keeps what is late apart', async (t) => {
    const { ask } = await begin(t);
    const pace: NodesPace = { rate: 'x', gapMs: 0.0001, toleranceMs: 0, lateMs: 0, extraMs: 0 };
    await ask(nodeA, [], [], { pace });
    const wide = { ...pace, toleranceMs: 1_000_000, gapMs: 400_000, extraMs: 5_000_000 };
    const several = await ask(nodeA, [], [head(1, 9)], { pace: wide });
    t.match(several, { given: [[null, 3]] });
    t.ok(Number(several?.startsIn) > 5_100_000 && Number(several?.startsIn) <= 5_200_000, String(several?.startsIn));
    t.match(await ask(nodeB, [], [head(0, 9)], { pace: wide }), { given: [] });
  });
}
