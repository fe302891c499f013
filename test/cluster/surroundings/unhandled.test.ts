/** What a node tells of jobs without a handler: once, when it is known who has which handlers. */
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { logUnhandled } from '../../../src/node/unhandled.js';

function begin(isElsewhere: (type: string) => boolean) {
  const told: { jobs: object; message: string }[] = [];
  let isSettled = false;
  let looks = 0;
  const end = logUnhandled({
    jobs: () => [
      { name: 'rare', pending: 1 },
      { name: 'rarer', pending: 2 },
    ],
    isElsewhere,
    isSettled: () => {
      looks++;
      return isSettled;
    },
    log: {
      warn: (fields: object | string, message?: string) =>
        told.push({ ...(fields as { jobs: object }), message: message as string }),
    },
    lookMs: 0,
    afterMs: 0,
  });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await turn();
  };
  return { told, end, until, looks: () => looks, settle: () => (isSettled = true) };
}

t.test('it waits until shards have owners, and tells once', async (t) => {
  const side = begin(() => false);
  await side.until(() => side.looks() > 3);
  t.same(side.told, []);
  side.settle();
  await side.until(() => side.told.length > 0);
  const looks = side.looks();
  for (let turns = 0; turns < 50; turns++) await turn();
  t.equal(side.looks(), looks, 'nobody looks any more');
  t.match(side.told, [{ jobs: { rare: 1, rarer: 2 }, message: /^jobs of this node have no handler on any node/ }]);
  t.equal(side.told.length, 1);
});

t.test('types that other nodes have are told apart', async (t) => {
  const side = begin((type) => type === 'rare');
  side.settle();
  await side.until(() => side.told.length === 2);
  t.match(side.told, [
    { jobs: { rarer: 2 }, message: /no handler on any node/ },
    { jobs: { rare: 1 }, message: /wait for a handler that only other nodes have: give all nodes the same handlers/ },
  ]);
});

t.test('a node that ends before tells nothing', async (t) => {
  const side = begin(() => false);
  side.settle();
  side.end();
  for (let turns = 0; turns < 50; turns++) await turn();
  t.same(side.told, []);
});
