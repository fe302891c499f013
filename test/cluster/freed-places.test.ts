/** Who waits for places is told of those that are free: once for several types, and not more often than it hears. */
import t from 'tap';
import { FreedPlaces } from '../../src/cluster/freed-places.js';
import { PeerGone, peerPaths } from '../../src/cluster/peers.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function begin() {
  const told: string[] = [];
  const waiting: { answer(): void; fail(): void }[] = [];
  const pauses: (() => void)[] = [];
  const freed: (readonly string[])[] = [];
  const places = new FreedPlaces({
    peers: () => ({
      ask: ({ node }, { path, body }) => {
        told.push(`${node} ${path === peerPaths.freed} ${body}`);
        return new Promise((resolve, reject) => {
          const answer = { status: 200, reason: '', headers: {}, body: Buffer.alloc(0) };
          waiting.push({ answer: () => resolve(answer), fail: () => reject(new PeerGone(true, 'gone')) });
        });
      },
    }),
    freed: (types) => freed.push(types),
    pause: () => new Promise((resolve) => pauses.push(resolve)),
  });
  return { places, told, waiting, pauses, freed };
}

t.test('what is found together is told together, and the rest when that has come through', async (t) => {
  const { places, told, waiting, pauses } = begin();
  for (const type of ['one', 'two', 'one']) places.notify('b', type);
  places.notify('c', 'one');
  await turn();
  t.same(told, ['b true {"types":["one","two"]}', 'c true {"types":["one"]}']);
  for (let times = 0; times < 100; times++) places.notify('b', 'three');
  places.notify('b', 'one');
  await turn();
  t.equal(told.length, 2, 'one at a time');
  waiting[0]?.answer();
  await turn();
  t.equal(told.length, 2, 'it rests for a moment');
  pauses[0]?.();
  await turn();
  t.same(told.slice(2), ['b true {"types":["three","one"]}']);
  waiting[2]?.fail();
  await turn();
  pauses[1]?.();
  await turn();
  places.notify('b', 'four');
  await turn();
  t.same(told.slice(3), ['b true {"types":["four"]}'], 'a node that does not answer is told again another time');
});

t.test('what another node tells is asked for here', async (t) => {
  const { places, freed } = begin();
  places.receive('{"types":["one","two"]}');
  t.same(freed, [['one', 'two']]);
});
