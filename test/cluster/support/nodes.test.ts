/** The ground that clusters are tested on, with servers that know nothing of each other. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { eventually } from '../../support/client.js';
import { isAlive } from '../../support/faults.js';
import { report } from '../checker/check.js';
import { Recorder } from '../checker/recorder.js';
import { startNodes } from './nodes.js';

t.setTimeout(180_000);

t.test('a node that is killed, stopped and cut off keeps its promises', async (t) => {
  const recorder = new Recorder();
  const [node] = await startNodes({ count: 1, recorder });
  if (node === undefined) throw new Error('there is one');
  const { api, pid } = node;
  const watcher = await recorder.watch(node);

  let asking = true;
  const ask = async (): Promise<void> => {
    for (let i = 0; asking; i++) {
      const job = recorder.job({ children: i % 2, fails: i % 3 === 0 ? 1 : 0 }, { retry_delay: '20ms' });
      const key = i % 4 === 0 ? `key-${i}` : undefined;
      const answer = await recorder.create(api, job, key);
      if (answer === undefined) await new Promise((done) => setTimeout(done, 50));
    }
  };
  const asked = Promise.all([ask(), ask()]);
  const attempts = (): number => recorder.attempts();
  const more = async (what: string): Promise<void> => {
    const before = attempts();
    await eventually(() => attempts() > before + 5, what, 60_000);
  };

  await more('jobs run');
  node.stop();
  const standing = attempts();
  await new Promise((done) => setTimeout(done, 500));
  t.ok(attempts() <= standing + 1, 'nothing begins in a stopped process');
  node.continue();
  await more('jobs run after a stop');

  node.front.cut('hold');
  await new Promise((done) => setTimeout(done, 100));
  node.front.mend();
  await more('jobs run after a cut that held everything');
  node.front.cut('drop', 'answers');
  await new Promise((done) => setTimeout(done, 100));
  node.front.mend();
  watcher.cut();
  await more('jobs run after a cut that lost answers');

  await node.kill();
  t.notOk(isAlive(pid));
  await node.start();
  t.not(node.pid, pid);
  await more('jobs run after a kill');
  asking = false;
  await asked;

  await recorder.lastLook(api);
  const verdict = recorder.verdict();
  t.same(verdict.violations, [], report(verdict));
  t.ok(verdict.counts.unknown > 0, 'answers were lost');
  t.equal(await node.end(), 0);
  t.same(
    recorder.lines().flatMap((line) => (line.line === 'node' ? [line.what] : [])),
    ['started', 'stopped', 'continued', 'killed', 'started', 'ended'],
  );
});

t.test('nodes have places of their own, and reach their database by ways that are cut one by one', async (t) => {
  const database = createServer((socket) => socket.on('error', () => {}).end('here'));
  database.listen(0, '127.0.0.1');
  await once(database, 'listening');
  t.teardown(() => database.close());
  const { port } = database.address() as { port: number };
  const places: (string | undefined)[] = [];
  const nodes = await startNodes({
    count: 2,
    database: `postgres://user:secret@127.0.0.1:${port}/name?sslmode=disable`,
    args: (place) => {
      places.push(place.database, place.advertise);
      return ['--timezone', 'UTC'];
    },
  });
  t.same(
    places,
    nodes.flatMap((node) => [
      `postgres://user:secret@127.0.0.1:${node.database?.port}/name?sslmode=disable`,
      `http://127.0.0.1:${node.port}`,
    ]),
  );
  const ids = await Promise.all(nodes.map(async ({ api }) => (await api.create({ name: 'noop', delay: '1h' })).id));
  t.equal((await nodes[0]!.api.get(`/jobs/${ids[0]}`)).status, 200);
  t.equal((await nodes[1]!.api.get(`/jobs/${ids[0]}`)).status, 404, 'each is a server of its own');
  nodes[0]!.front.cut('break');
  await t.rejects(nodes[0]!.api.stats(), { code: 'ECONNRESET' });
  t.match(await nodes[1]!.api.stats(), { pending: 1 });
});
