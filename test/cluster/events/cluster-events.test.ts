/** Events of all shards at one node, over peers that are made up: each once and in order, whoever owns a shard, and what is lost is told. */
import t, { type Test } from 'tap';
import { ClusterEvents } from '../../../src/cluster/events/cluster-events.js';
import { type StreamMessage, writeBlock } from '../../../src/cluster/events/wire.js';
import { type PeerAnswer, PeerGone, type Peers } from '../../../src/cluster/peers.js';
import type { JobEvent } from '../../../src/domain/events.js';
import { eventually } from '../../support/client.js';

const eventOf = (shard: number, seq: number): JobEvent => ({
  ...{ shard, seq, jobSeq: 1, idSeconds: 1, jobName: 'noop', at: 0 },
  body: { type: 'job.started', attempt: 1 },
});
const eventsOf = (shard: number, from: number, to: number): JobEvent[] =>
  Array.from({ length: to - from + 1 }, (_, at) => eventOf(shard, from + at));

/** A stream that was asked for: what it brings is said by the test. */
class FakeStream implements AsyncIterable<Buffer> {
  readonly query: URLSearchParams;
  #chunks: Buffer[] = [];
  #wake: () => void = () => {};
  #failure: Error | undefined;

  constructor(
    readonly node: string,
    path: string,
    signal: AbortSignal,
  ) {
    this.query = new URL(path, 'http://peer').searchParams;
    signal.addEventListener('abort', () => this.break());
  }

  say(message: StreamMessage): void {
    // As the network may cut it.
    const block = writeBlock(message);
    this.#chunks.push(block.subarray(0, 9), block.subarray(9));
    this.#wake();
  }

  break(): void {
    this.#failure ??= new PeerGone(true, 'the connection broke');
    this.#wake();
  }

  get isBroken(): boolean {
    return this.#failure !== undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      while (this.#chunks.length > 0) yield this.#chunks.shift()!;
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Two shards: by default the first is here, the second at a peer. */
function world(t: Test) {
  const leases: (string | undefined)[] = ['lease', undefined];
  const owners: (string | undefined)[] = [undefined, 'peer'];
  const logs: JobEvent[][] = [[], []];
  const oldest = [1, 1];
  const openedBehind = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const streams: FakeStream[] = [];
  const told: string[] = [];
  const answers: PeerAnswer[] = [];
  const asked: string[] = [];
  const state = { wantsTransient: false, later: 0 };
  const timelines = [0, 0];
  const peers: Peers = {
    holderOf: async () => undefined,
    shards: 2,
    living: [{ node: 'peer' }],
    leaseOf: (shard) => leases[shard],
    timelineOf: (shard) => timelines[shard]!,
    openedBehind: (shard) => openedBehind[shard]!,
    ownerOfShard: (shard) => {
      const node = owners[shard];
      return leases[shard] !== undefined ? 'here' : node === undefined ? undefined : { node };
    },
    ownerOf: () => 'here',
    reach: () => undefined,
    senderOf: () => 'client',
    renew: async () => {},
    ask: async (_, { path }) => {
      asked.push(path);
      const answer = answers.shift();
      if (answer === undefined) throw new PeerGone(true, 'gone');
      return answer;
    },
  };
  const events = new ClusterEvents({
    peers,
    stream: async ({ node }, { path, signal }) => {
      const stream = new FakeStream(node, path, signal);
      streams.push(stream);
      return stream;
    },
    queries: {
      shards: 2,
      lastEventOf: (shard) => logs[shard]!.at(-1)?.seq ?? 0,
      eventsAfter: (seq, limit, _, shard = 0) => ({
        events: logs[shard]!.filter((event) => event.seq > seq && event.seq >= oldest[shard]!).slice(0, limit),
        oldest: oldest[shard]!,
      }),
    },
    target: {
      events: (heard) => told.push(...heard.map(({ shard, seq }) => `${shard}:${seq}`)),
      transient: ({ body }) => told.push(body.type),
      begin: (shard, seq) => told.push(`${shard} begins behind ${seq}`),
      gap: (shard, { from, to, latest }) => told.push(`${shard} lacks ${from} to ${to}, goes on behind ${latest}`),
      isThere: () => true,
      wantsTransient: () => state.wantsTransient,
    },
    dropped: (shard) => told.push(`${shard} was dropped`),
    now: () => performance.now() + state.later,
    pause: (ms) => new Promise((done) => setTimeout(done, ms / 10)),
  });
  t.teardown(() => events.close());
  const streamOf = async (shard: number, count = 1): Promise<FakeStream> => {
    const found = () => streams.filter(({ query }) => query.get('shard') === String(shard));
    await eventually(() => found().length >= count, `stream ${count} of shard ${shard}`);
    return found()[count - 1]!;
  };
  const hears = (...lines: string[]): Promise<void> =>
    eventually(
      () => lines.every((line) => told.includes(line)),
      () => `${lines.join(', ')} in: ${told.join(', ')}`,
    );
  /** Somebody listens, and both places are known. */
  const begin = async (seq: number): Promise<FakeStream> => {
    const known = events.whenKnown();
    const stream = await streamOf(1);
    stream.say({ at: seq });
    t.equal(await known, true);
    return stream;
  };
  return {
    timelines,
    openedBehind,
    events,
    leases,
    owners,
    logs,
    oldest,
    told,
    answers,
    asked,
    state,
    streamOf,
    hears,
    begin,
  };
}

t.test('while nobody listens no peer is asked, and it is kept where the own shards are', async (t) => {
  const { events, told, logs } = world(t);
  logs[0] = eventsOf(0, 1, 3);
  events.own(eventsOf(0, 2, 3));
  t.same(told, ['0 begins behind 3']);
});

t.test('who comes first waits until it is known of all shards where they are', async (t) => {
  const { events, told, logs, begin } = world(t);
  logs[0] = eventsOf(0, 1, 3);
  const stream = await begin(7);
  t.equal(stream.query.get('since'), 'now');
  t.same(told, ['0 begins behind 3', '1 begins behind 7']);
  t.equal(events.whenKnown(), undefined, 'the next need not wait');
});

t.test(
  'a stream that breaks is asked for again behind what was heard, and what comes twice is told once',
  async (t) => {
    const { told, begin, streamOf, hears } = world(t);
    const first = await begin(7);
    first.say({ events: eventsOf(1, 8, 9) });
    await hears('1:9');
    first.break();
    const second = await streamOf(1, 2);
    t.equal(second.query.get('since'), '9');
    second.say({ at: 9 });
    second.say({ events: eventsOf(1, 9, 11) });
    await hears('1:11');
    t.same(
      told.filter((line) => line.includes(':')),
      ['1:8', '1:9', '1:10', '1:11'],
    );
  },
);

t.test('a shard that goes to another peer, and then comes here, goes on where it was', async (t) => {
  const { events, told, leases, owners, logs, begin, streamOf, hears } = world(t);
  const first = await begin(2);
  first.say({ events: eventsOf(1, 3, 3) });
  await hears('1:3');
  owners[1] = 'third';
  const second = await streamOf(1, 2);
  t.equal(first.isBroken, true, 'the one before is left');
  t.match(second, { node: 'third' });
  t.equal(second.query.get('since'), '3');
  second.say({ at: 3 });
  second.say({ events: eventsOf(1, 4, 4) });
  await hears('1:4');
  logs[1] = eventsOf(1, 1, 600);
  leases[1] = 'taken';
  await hears('1:600');
  logs[1].push(eventOf(1, 601));
  events.own([eventOf(1, 601)]);
  t.same(
    told.filter((line) => line.startsWith('1:')),
    eventsOf(1, 3, 601).map(({ seq }) => `1:${seq}`),
  );
  leases[1] = undefined;
  await hears('1 was dropped');
  t.equal((await streamOf(1, 3)).query.get('since'), '601', 'it is followed again');
});

t.test('what is lost is told of, and what comes under its numbers is heard', async (t) => {
  const { told, leases, logs, oldest, begin, streamOf, hears } = world(t);
  const first = await begin(10);
  first.break();
  const second = await streamOf(1, 2);
  second.say({ at: 6 });
  await hears('1 lacks 7 to 10, goes on behind 6');
  second.say({ events: eventsOf(1, 7, 8) });
  second.say({ gap: [9, 20] });
  second.say({ events: eventsOf(1, 21, 21) });
  await hears('1:21');
  t.same(told.slice(2), [
    '1 lacks 7 to 10, goes on behind 6',
    '1:7',
    '1:8',
    '1 lacks 9 to 20, goes on behind 20',
    '1:21',
  ]);
  logs[1] = eventsOf(1, 30, 31);
  oldest[1] = 30;
  leases[1] = 'taken';
  await hears('1 lacks 22 to 29, goes on behind 29', '1:31');
  leases[1] = undefined;
  logs[1] = eventsOf(1, 1, 25);
  oldest[1] = 1;
  await hears('1 was dropped');
  leases[1] = 'taken again';
  await hears('1 lacks 26 to 31, goes on behind 25');
});

t.test('what is lost is told of also when as much has happened anew', async (t) => {
  const { told, leases, logs, openedBehind, begin, streamOf, hears } = world(t);
  const first = await begin(10);
  t.equal(first.query.get('lease'), null);
  first.break();
  const second = await streamOf(1, 2);
  second.say({ at: 10, lease: 'a' });
  second.break();
  const third = await streamOf(1, 3);
  t.equal(third.query.get('lease'), 'a', 'the owner is told under which lease it was heard');
  logs[1] = eventsOf(1, 1, 12);
  openedBehind[1] = 8;
  leases[1] = 'taken';
  await hears('1 lacks 9 to 10, goes on behind 8', '1:12');
  t.same(told.slice(2), ['1 lacks 9 to 10, goes on behind 8', '1:9', '1:10', '1:11', '1:12']);
  leases[1] = undefined;
  await hears('1 was dropped');
  leases[1] = 'taken';
  logs[1].push(eventOf(1, 13));
  await hears('1:13');
  t.equal(told.filter((line) => line.includes('lacks')).length, 1, 'under the same lease nothing is lost');
});

t.test('of another timeline, what was heard is lost, however much has happened since', async (t) => {
  const { told, leases, logs, timelines, begin, streamOf, hears, events } = world(t);
  const first = await begin(10);
  first.break();
  const second = await streamOf(1, 2);
  second.say({ at: 10, lease: 'a', timeline: 5 });
  await hears('1 lacks 10 to 10, goes on behind 10');
  second.say({ events: [eventOf(1, 11)] });
  await hears('1:11');
  logs[1] = eventsOf(1, 1, 12);
  timelines[1] = 5;
  leases[1] = 'taken';
  await hears('1:12');
  t.equal(told.filter((line) => line.includes('lacks')).length, 1, 'another owner of the same timeline loses nothing');
  t.equal(events.elsewhere(1, 3), undefined, 'the log is here');
  leases[1] = undefined;
  await hears('1 was dropped');
  timelines[1] = 6;
  leases[1] = 'lost and taken';
  await hears('1 lacks 12 to 12, goes on behind 12');
});

t.test('events that are not kept are asked for once somebody wants them', async (t) => {
  const { state, told, begin, streamOf, hears } = world(t);
  const first = await begin(0);
  t.equal(first.query.has('transient'), false);
  state.wantsTransient = true;
  const second = await streamOf(1, 2);
  t.equal(second.query.get('transient'), '1');
  const { seq: _, body: __, ...rest } = eventOf(1, 1);
  second.say({ transient: { ...rest, body: { type: 'job.progress', progress: '5' } } });
  await hears('job.progress');
  t.equal(told.at(-1), 'job.progress');
});

t.test(
  'the past of a shard elsewhere is asked of its owner until there is one, once for all who want the same',
  async (t) => {
    const { events, answers, asked, leases, logs } = world(t);
    t.equal(events.elsewhere(0, 0), undefined, 'that of a shard of here is in its log');
    const both = Promise.all([events.elsewhere(1, 4), events.elsewhere(1, 4)]);
    await eventually(() => asked.length > 1, 'it is asked for again');
    const past = { events: eventsOf(1, 5, 6), oldest: 1, last: 6 };
    answers.push({ status: 200, reason: 'OK', headers: {}, body: Buffer.from(JSON.stringify(past)) });
    t.same(await both, [past, past]);
    const next = events.elsewhere(1, 6);
    leases[1] = 'taken';
    logs[1] = eventsOf(1, 1, 8);
    t.match(await next, { last: 8, events: [{ seq: 7 }, { seq: 8 }] }, 'the owner may be this node by then');
  },
);

t.test('a request for past events of a shard without an owner ends after some seconds', async (t) => {
  const { events, owners, asked, state } = world(t);
  owners[1] = undefined;
  const past = events.elsewhere(1, 4);
  state.later = 5000;
  t.equal(await past, undefined);
  t.same(asked, []);
});
