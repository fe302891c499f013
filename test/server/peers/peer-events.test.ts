/** What a node tells its peers of the events of its shards, and whom it does not. */
import t from 'tap';
import { BlockReader, leaseMark, type StreamMessage } from '../../../src/cluster/events/wire.js';
import { HttpPeers } from '../../../src/cluster/http-peers.js';
import { peerHeaders } from '../../../src/cluster/peers.js';
import type { JobEvent } from '../../../src/domain/events.js';
import { eventually } from '../../support/client.js';
import { Subscriber } from '../../support/ws.js';
import { exampleNow, FakeQueries, serve } from '../fixture.js';

const secret = 'known to all nodes';
const asPeer = { [peerHeaders.node]: 'here', [peerHeaders.secret]: secret };

const eventOf = (seq: number): JobEvent => ({
  ...{ shard: 0, seq, jobSeq: 1, idSeconds: 1, jobName: 'payment_check', at: exampleNow },
  body: { type: 'job.started', attempt: 1 },
});

/** A node that has had five events, two of them under the lease that it has. */
async function node() {
  const state: { lease: string | undefined } = { lease: 'lease' };
  const events = [1, 2, 3, 4, 5].map(eventOf);
  const queries = new FakeQueries();
  queries.lastEventOf = () => events.length;
  queries.eventsAfter = (seq, limit) => ({ events: events.slice(seq, seq + limit), oldest: 1 });
  const peers = new HttpPeers({
    ...{ node: 'here', secret, shards: 1, living: () => [] },
    leaseOf: () => state.lease,
    openedBehind: () => 3,
    ownerOf: () => (state.lease === undefined ? undefined : 'here'),
    addressOf: () => undefined,
    renew: async () => {},
  });
  const { port, server } = await serve({}, { peers, queries });
  const happen = (seq: number): void => {
    events.push(eventOf(seq));
    server.publish([eventOf(seq)]);
  };
  const ask = (query: string, headers: Record<string, string> = asPeer): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/api/v1/events?${query}`, { headers });
  /** What a stream says, as it comes. */
  const listen = async (query: string) => {
    const over = new AbortController();
    t.teardown(() => over.abort());
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/events?${query}`, {
      headers: asPeer,
      signal: over.signal,
    });
    t.equal(answer.status, 200);
    const said: StreamMessage[] = [];
    const state = { isOver: false };
    const read = async (): Promise<void> => {
      const blocks = new BlockReader();
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>)
        said.push(...blocks.read(Buffer.from(chunk)));
      state.isOver = true;
    };
    read().catch(() => {});
    const seqs = (): number[] => said.flatMap(({ events: some = [] }) => some.map(({ seq }) => seq));
    return { said, seqs, state };
  };
  return { state, events, port, server, happen, ask, listen };
}

t.test('a stream begins behind what the peer has heard, and goes on as things happen', async (t) => {
  const { happen, listen } = await node();
  const stream = await listen('shard=0&since=2');
  await eventually(() => stream.seqs().length === 3, 'those before');
  t.same(stream.said[0], { at: 2, lease: leaseMark('lease'), timeline: 0 });
  happen(6);
  await eventually(() => stream.seqs().length === 4, 'the one that happened');
  t.same(stream.seqs(), [3, 4, 5, 6]);
  const now = await listen('shard=0&since=now');
  happen(7);
  await eventually(() => now.seqs().length === 1, 'the one that happened');
  t.match(now.said, [{ at: 6 }, { events: [{ seq: 7 }] }]);
});

t.test('what was heard under another lease, and had not happened when this one began, is lost', async (t) => {
  const { listen } = await node();
  for (const [query, at] of [
    [`since=5&lease=${leaseMark('lease')}`, 5],
    [`since=5&lease=${leaseMark('another')}`, 3],
    [`since=3&lease=${leaseMark('another')}`, 3],
    ['since=900', 5],
  ] as const) {
    const stream = await listen(`shard=0&${query}`);
    await eventually(() => stream.said.length > 0, 'the beginning');
    t.equal(stream.said[0]?.at, at, query);
  }
});

t.test('events that are not kept go to those who want them', async (t) => {
  const { server, happen, listen } = await node();
  const [all, kept] = [await listen('shard=0&since=now&transient=1'), await listen('shard=0&since=now')];
  await eventually(() => all.said.length > 0 && kept.said.length > 0, 'the beginnings');
  const { seq: _, body: __, ...rest } = eventOf(1);
  server.publishTransient({ ...rest, body: { type: 'job.progress', progress: '5' } });
  happen(6);
  for (const each of [all, kept]) await eventually(() => each.seqs().length === 1, 'the event behind it');
  t.match(all.said[1], { transient: { body: { progress: '5' } } });
  t.equal(kept.said.length, 2);
});

t.test('past events are answered at once, with how far the shard has come', async (t) => {
  const { ask, events } = await node();
  t.same(await (await ask('past=1&shard=0&since=3')).json(), {
    events: events.slice(3),
    oldest: 1,
    last: 5,
    timeline: 0,
  });
});

t.test('only the owner answers, and only peers; a stream ends with its lease', async (t) => {
  const { state, ask, happen, listen } = await node();
  const stream = await listen('shard=0&since=now');
  await eventually(() => stream.said.length > 0, 'the beginning');
  state.lease = 'another';
  happen(6);
  await eventually(() => stream.state.isOver, 'it ends');
  t.same(stream.seqs(), [], 'what happens under another lease is not of this stream');
  t.equal((await ask('past=1&shard=0&since=3', { ...asPeer, [peerHeaders.secret]: 'guessed' })).status, 400);
  state.lease = undefined;
  t.equal((await ask('past=1&shard=0&since=3')).status, 421);
  t.equal((await ask('shard=0&since=3')).status, 421);
});

t.test(
  'one who has heard more than the shard has is told of a gap, and one whose events are on their way waits',
  async (t) => {
    const { port, events, server, happen } = await node();
    const lost = await Subscriber.connect({ port });
    await lost.ask({ action: 'subscribe', since: 8 }, 'subscribed');
    const gap = await lost.waitFor(({ type }) => type === 'gap');
    t.match(gap, { from: 6, to: 8 });
    happen(6);
    await lost.waitFor(({ seq }) => seq === 6);
    // It is on disk, and about to be told of.
    events.push(eventOf(7));
    const ahead = await Subscriber.connect({ port });
    await ahead.ask({ action: 'subscribe', since: 7 }, 'subscribed');
    server.publish([eventOf(7)]);
    happen(8);
    await ahead.waitFor(({ seq }) => seq === 8);
    t.same(
      ahead.events().map(({ seq }) => seq),
      [8],
    );
    t.notOk(ahead.messages.some(({ type }) => type === 'gap'));
  },
);
