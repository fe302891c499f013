/** Bulk actions over two servers whose schedulers are made up: what is sent, sent again, and stopped where not all take it. */
import t from 'tap';
import { HttpPeers } from '../../../src/cluster/http-peers.js';
import { peerHeaders } from '../../../src/cluster/peers.js';
import type { BulkRecord } from '../../../src/domain/control/bulk.js';
import { Refusal } from '../../../src/domain/errors.js';
import type { Answer, Request } from '../../../src/scheduler/messages.js';
import type { OwnShards } from '../../../src/server/peers/gathering.js';
import { noJobs } from '../../../src/server/ports.js';
import { FakeQueries, type Fixture, serve } from '../fixture.js';

const secret = 'known to all nodes';

function record(id: number, more: Partial<BulkRecord> = {}): BulkRecord {
  return {
    ...{ id, action: 'pause', filter: {}, askedFilter: '{"group":"g"}', status: 'running', matched: 3, done: 1 },
    ...{ skipped: 0, failed: 0, errors: [], createdAt: 1_700_000_000_000, finishedAt: 0, next: 0, ...more },
  } as BulkRecord;
}

/** A node with one of two shards, whose scheduler does what the test says. */
async function node(name: string, shard: number, others: Record<string, () => Fixture>) {
  const peers = new HttpPeers({
    ...{ node: name, secret, shards: 2 },
    ownerOf: (of) => (of === shard ? 'here' : Object.keys(others)[0]),
    leaseOf: (of) => (of === shard ? 'a lease' : undefined),
    living: () => Object.keys(others),
    addressOf: (of) => `http://127.0.0.1:${others[of]?.().port}`,
    renew: async () => {},
  });
  t.teardown(() => peers.close());
  const own = Object.assign(new FakeQueries(), {
    *matching() {
      yield;
      return [{ shard, block: 0, places: Uint32Array.of(1, 2, 3) }];
    },
  }) as unknown as OwnShards;
  const asked: Request[] = [];
  const made = {
    asked,
    bulks: [] as BulkRecord[],
    next: async (): Promise<number> => 7,
    decide: (request: Request): Answer => {
      const { id } = request as { readonly id: number };
      return {
        ok: true,
        jobs: [],
        replayed: false,
        bulk: record(id, request.kind === 'cancelBulk' ? { status: 'cancelled' } : {}),
      };
    },
  };
  const request = (each: Request, _: number, reply: (answer: Answer) => void): void => {
    asked.push(each);
    setImmediate(() => reply(made.decide(each)));
  };
  const bulks = {
    of: () => ({ request, bulks: made.bulks }),
    next: () => made.next(),
  };
  const fixture = await serve({}, { peers, own: { own: () => own, jobsOfTypes: () => noJobs, bulks } });
  return { ...made, made, fixture };
}

async function twoNodes() {
  const first: Awaited<ReturnType<typeof node>> = await node('a', 0, { b: () => second.fixture });
  const second: Awaited<ReturnType<typeof node>> = await node('b', 1, { a: () => first.fixture });
  return { first, second, api: first.fixture.api };
}

const body = { action: 'pause', filter: { group: 'g' } };
const kinds = (asked: readonly Request[]): string[] =>
  asked.map((each) => `${each.kind} ${(each as { id: number }).id}`);

t.test('each node takes its part under the same number', async (t) => {
  const { first, second, api } = await twoNodes();
  const answer = await api.post('/bulk', body);
  t.match(answer, { status: 202, body: { id: 'bulk_7', matched: 6, done: 2, status: 'running' } });
  t.same([kinds(first.asked), kinds(second.asked)], [['bulk 7'], ['bulk 7']]);
  t.match(second.asked, [{ action: 'pause', askedFilter: '{"group":"g"}', jobs: [{ shard: 1 }] }]);
  t.match((await api.post('/bulk', { ...body, dry_run: true })).body, { matched: 6 });
  t.equal(second.asked.length, 1, 'nothing more was asked for');
});

t.test('what one node does not take is asked for again', async (t) => {
  const { first, second, api } = await twoNodes();
  const { decide } = second.made;
  second.made.decide = (request) =>
    second.asked.length === 1 ? { ok: false, refusal: new Refusal('overloaded', 'not now') } : decide(request);
  t.match((await api.post('/bulk', body)).body, { id: 'bulk_7', matched: 6 });
  t.same([kinds(first.asked), kinds(second.asked)], [['bulk 7'], ['bulk 7', 'bulk 7']]);
});

t.test('what one node never takes is stopped on all', async (t) => {
  const { first, second, api } = await twoNodes();
  second.made.decide = ({ kind }) => ({
    ok: false,
    refusal: new Refusal(kind === 'bulk' ? 'overloaded' : 'not_found', 'not now'),
  });
  t.match(await api.post('/bulk', body), { status: 503, body: { code: 'storage_unavailable' } });
  t.same(kinds(first.asked), ['bulk 7', 'cancelBulk 7']);
});

t.test('what cannot be stopped either has an unknown end', async (t) => {
  const { second, api } = await twoNodes();
  second.made.decide = () => ({ ok: false, refusal: new Refusal('overloaded', 'not now') });
  t.match(await api.post('/bulk', body), { status: 504, body: { code: 'timeout', detail: /bulk_7/ } });
});

t.test('without a number nothing is done', async (t) => {
  const { first, second, api } = await twoNodes();
  first.made.next = () => Promise.reject(new Error('the database is away'));
  t.match(await api.post('/bulk', body), { status: 503, body: { code: 'storage_unavailable' } });
  t.same([first.asked, second.asked], [[], []]);
});

t.test('they are listed, shown and ended as one', async (t) => {
  const { first, second, api } = await twoNodes();
  first.made.bulks.push(record(9), record(8, { status: 'success', finishedAt: 1_700_000_001_000 }));
  second.made.bulks.push(
    record(9, { status: 'success' }),
    record(8, { status: 'cancelled', finishedAt: 1_700_000_002_000 }),
  );
  const { body: list } = await api.get('/bulk');
  t.match(list, {
    total: 2,
    items: [
      { id: 'bulk_9', status: 'running', matched: 6 },
      { id: 'bulk_8', status: 'cancelled' },
    ],
  });
  t.match((await second.fixture.api.get('/bulk/bulk_9')).body, { id: 'bulk_9', done: 2 });
  t.equal((await api.get('/bulk/bulk_5')).status, 404);
  t.match(await api.delete('/bulk/bulk_9'), { status: 200, body: { status: 'cancelled' } });
  const none = { ok: false, refusal: new Refusal('not_found', 'none') } as const;
  first.made.decide = () => none;
  t.match(await api.delete('/bulk/bulk_9'), { status: 200 }, 'one of them has it');
  second.made.decide = () => none;
  t.equal((await api.delete('/bulk/bulk_9')).status, 404);
});

t.test('a client cannot pass for a node', async (t) => {
  const { second, api } = await twoNodes();
  const part = { id: 3, asked: body };
  t.equal((await api.post('/bulk', part, { [peerHeaders.shards]: '0' })).status, 400);
  const head = { [peerHeaders.node]: 'b', [peerHeaders.secret]: secret, [peerHeaders.shards]: '1' };
  const post = (sent: unknown): Promise<Response> =>
    fetch(`http://127.0.0.1:${second.fixture.port}/api/v1/bulk`, {
      method: 'POST',
      headers: { ...head, 'content-type': 'application/json' },
      body: JSON.stringify(sent),
    });
  t.match(await (await post(part)).json(), { id: 3 }, 'a node is told its part');
  t.equal((await post({ asked: body })).status, 400, 'it has to give a number');
});
