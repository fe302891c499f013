/** One connection for a program that shows what happens: what it follows, what it only looks at, and that nothing else comes. */
import { EventEmitter, once } from 'node:events';
import t, { type Test } from 'tap';
import { WebSocket as WsWebSocket } from 'ws';
import { Escapement, type Gap, type JobEvent, type Live } from '../../src/client/client.js';
import { eventually } from '../support/client.js';
import { deadNetworkTo } from '../support/dead-network.js';
import { type Server, startServer } from '../support/server.js';

t.setTimeout(120_000);
(globalThis as { WebSocket?: unknown }).WebSocket = WsWebSocket;

interface Watched {
  readonly server: Server;
  readonly client: Escapement;
  readonly live: Live;
  /** Of what came, the numbers. */
  readonly came: number[];
  /** When the figures have come, all that was sent before them has. */
  readonly settled: () => Promise<void>;
}

async function watch(t: Test): Promise<Watched> {
  const server = await startServer();
  const client = new Escapement({ url: `http://127.0.0.1:${server.port}` });
  const came: number[] = [];
  const told = new EventEmitter();
  const live = client.live({
    onEvent: (event: JobEvent | Gap) => came.push(event.type === 'gap' ? -1 : event.seq),
    onState: (state) => told.emit(state),
    onStats: () => told.emit('stats'),
  });
  t.teardown(() => live.close());
  await once(told, 'open');
  const settled = async (): Promise<void> => {
    const answer = once(told, 'stats');
    live.askStats();
    await answer;
  };
  return { server, client, live, came, settled };
}

const later = (count: number, name: string) => Array.from({ length: count }, () => ({ name, delay: '1h' }));

t.test('a look brings some of what happened since, in order, and then nothing', async (t) => {
  const { client, live, came, settled } = await watch(t);
  await client.jobs.createMany(later(100, 'noop'));
  live.look({ filter: {}, since: 60 });
  await settled();
  t.same(
    came,
    Array.from({ length: came.length }, (_, at) => 61 + at),
    'those after the number, without a hole',
  );
  t.ok(came.length > 0);
  const before = came.length;
  await client.jobs.createMany(later(100, 'noop'));
  await settled();
  t.equal(came.length, before, 'it follows nothing');
  live.look({ filter: { job_types: ['fail'] }, since: 0 });
  await settled();
  t.equal(came.length, before, 'the filter holds');
});

t.test('of a subscription that has been replaced nothing comes any more', async (t) => {
  const { client, live, came, settled } = await watch(t);
  await client.jobs.createMany(later(500, 'noop'));
  live.subscribe({ filter: {}, since: 0 });
  live.subscribe({ filter: { job_types: ['fail'] }, since: 0 });
  await settled();
  t.same(came, [], 'whatever of the first was sent');
  await client.jobs.create({ name: 'fail', delay: '1h' });
  await settled();
  t.same(came, [501]);
  live.subscribe(undefined);
  await client.jobs.create({ name: 'fail', delay: '1h' });
  await settled();
  t.same(came, [501]);
});

t.test('a number that the server has not reached is refused, and what follows is not', async (t) => {
  const { client, live, came, settled } = await watch(t);
  live.look({ filter: {}, since: 1000 });
  live.subscribe({ filter: {} });
  await settled();
  await client.jobs.create({ name: 'noop', delay: '1h' });
  await settled();
  t.same(came, [1]);
});

t.test('a try to connect that nobody answers is given up for another', async (t) => {
  const server = await startServer();
  const network = await deadNetworkTo(server.port);
  const live = new Escapement({ url: `http://127.0.0.1:${network.port}` }).live({});
  t.teardown(() => live.close());
  await eventually(() => live.state === 'open', 'it does not connect');
  network.cut();
  const isLost = (): boolean => {
    live.askStats();
    return live.state === 'lost';
  };
  await eventually(isLost, 'that nobody answers is not noticed', 30_000);
  await eventually(() => network.swallowed > 0, 'it does not try again', 30_000);
  network.mend();
  await eventually(() => live.state === 'open', 'the try is not given up', 30_000);
  t.equal(live.state, 'open');
});
