/** Requests with keys that shards of other nodes have, and what nodes ask each other about them. */
import t from 'tap';
import { HttpPeers } from '../../../src/cluster/http-peers.js';
import { namesPath, PeerNames } from '../../../src/cluster/keys/peer-names.js';
import { peerHeaders } from '../../../src/cluster/peers.js';
import { Refusal } from '../../../src/domain/errors.js';
import { HeldElsewhere } from '../../../src/scheduler/requests/other-shards.js';
import { type Fixture, idOf, job, serve } from '../fixture.js';

const secret = 'known to all nodes';
const theirs = job({ spec: { key: 'k' } });
const asked = { name: 'payment_check', delay: '1h', key: 'k' };

interface Pair {
  readonly first: Fixture;
  readonly second: Fixture;
  readonly peers: HttpPeers;
  owner: string | undefined;
  onRenew: () => void;
}

/** Two nodes: the first finds that the key is with shard 3, which is the second's. */
async function pair(): Promise<Pair> {
  const own = {
    own: () => {
      throw new Error('not asked for');
    },
    jobsOfTypes: undefined,
  } as never;
  const alone = { secret, shards: 4, leaseOf: () => undefined, living: () => [] };
  const second = await serve(
    {},
    {
      own,
      peers: new HttpPeers({
        ...alone,
        node: 'b',
        ownerOf: () => 'here',
        addressOf: () => undefined,
        renew: async () => {},
      }),
      keyedJobs: (shard, places) =>
        shard === 3 ? places.map((place) => (place === 'a k' ? theirs : undefined)) : undefined,
    },
  );
  const found: Omit<Pair, 'first' | 'peers'> = { second, owner: 'b', onRenew: () => {} };
  const peers = new HttpPeers({
    ...{ ...alone, node: 'a', addressOf: () => `http://127.0.0.1:${second.port}` },
    ownerOf: (shard) => (shard === 3 ? found.owner : 'here'),
    renew: async () => found.onRenew(),
  });
  t.teardown(() => peers.close());
  const first = await serve({}, { own, peers });
  first.scheduler.decide = () => ({ ok: false, refusal: new HeldElsewhere(3) });
  return Object.assign(found, { first, peers });
}

t.test('a request is passed on to the node that has its key, as it came', async (t) => {
  const { first, second } = await pair();
  const answer = await first.api.post('/jobs', asked, { 'idempotency-key': 'once' });
  t.equal(answer.status, 201);
  t.match(second.scheduler.asked, [{ kind: 'create', draft: { key: 'k' }, idempotency: { key: 'once' } }]);
  t.match(answer.headers.location, /^\/api\/v1\/jobs\/job_/);
});

t.test('a node that finds the key elsewhere does not pass it on again', async (t) => {
  const { first, second } = await pair();
  const headers = { [peerHeaders.node]: 'a', [peerHeaders.secret]: secret };
  t.equal((await first.api.post('/jobs', asked, headers)).status, 421);
  t.same(second.scheduler.asked, []);
});

t.test('without an owner it waits, and not for ever', async (t) => {
  const found = await pair();
  found.owner = undefined;
  let renewed = 0;
  found.onRenew = () => {
    if (++renewed === 3) found.owner = 'b';
  };
  t.equal((await found.first.api.post('/jobs', asked)).status, 201);
  t.equal(renewed, 3);
  t.equal(found.first.scheduler.asked.length, 4, 'each time it looks anew who has the key');
  found.owner = undefined;
  found.onRenew = () => {};
  const answer = await found.first.api.post('/jobs', asked);
  t.match(answer, { status: 503, body: { code: 'storage_unavailable' } });
  t.ok(answer.headers['retry-after'], 'and says when to try again');
});

t.test('what nodes ask each other, clients do not', async (t) => {
  const { second, peers } = await pair();
  const { status } = await fetch(`http://127.0.0.1:${second.port}${namesPath}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  t.equal(status, 404);
  const names = new PeerNames({
    held: { holders: async () => [] } as never,
    ...{ peers, now: () => performance.now(), pause: async () => {} },
  });
  t.match(await names.jobsOf(3, ['a k', 'a free']), [{ spec: { key: 'k' } }, undefined]);
  second.scheduler.decide = () => ({
    ...{ ok: true, jobs: [], replayed: false },
    each: [
      { job: theirs, replayed: false, existed: true },
      new HeldElsewhere(2),
      new Refusal('conflict', 'no', [], 'job_1'),
    ],
  });
  const made = await names.create(3, [{ draft: {} as never }]);
  t.match(made, [
    { existed: true, job: { spec: { seq: theirs.spec.seq } } },
    { shard: 2 },
    { code: 'conflict', jobId: 'job_1' },
  ]);
  t.ok(Array.isArray(made) && made[1] instanceof HeldElsewhere && made[2] instanceof Refusal);
  t.match(second.scheduler.asked, [{ kind: 'createEach', isPassedOn: true }]);
  second.scheduler.decide = () => ({ ok: false, refusal: new Refusal('overloaded', 'too much') });
  t.match(await names.create(3, []), { code: 'overloaded', detail: 'too much' });
});

t.test('names of a shard that nobody owns', async (t) => {
  const found = await pair();
  found.owner = undefined;
  let now = 0;
  const names = new PeerNames({
    held: { holders: async () => [] } as never,
    ...{
      peers: found.peers,
      now: () => now,
      pause: async (ms) => {
        now += ms;
      },
    },
  });
  t.match(await names.jobsOf(3, ['a k']), { code: 'storage_unavailable' });
  t.ok(now >= 2000);
  found.owner = 'here';
  const [moved] = (await names.create(3, [{ draft: {} as never }])) as readonly unknown[];
  t.ok(moved instanceof HeldElsewhere, 'it has come here: it is looked for anew');
  t.ok(idOf(theirs));
});

t.test('a node without shards passes a request with a key on to the shard that has it', async (t) => {
  const own = { own: () => undefined, jobsOfTypes: undefined } as never;
  const alone = { secret, shards: 4, leaseOf: () => undefined, living: () => [], renew: async () => {} };
  const nodeOf = (node: string): Promise<Fixture> =>
    serve({}, { own, peers: new HttpPeers({ ...alone, node, ownerOf: () => 'here', addressOf: () => undefined }) });
  const nodes: Record<string, Fixture> = { b: await nodeOf('b'), c: await nodeOf('c') };
  const holding = ['idempotency once', `key ${asked.name} k`];
  const lookedFor: string[] = [];
  let holder: Promise<number | Refusal> = Promise.resolve(2);
  const peers = new HttpPeers({
    ...{ ...alone, node: 'a', addressOf: (node) => `http://127.0.0.1:${nodes[node]!.port}` },
    ownerOf: (shard) => (shard === 2 ? 'b' : 'c'),
    holders: async (names) => {
      lookedFor.push(...names.map(({ kind, name }) => `${kind} ${name}`));
      const shard = await holder;
      if (shard instanceof Refusal) return shard;
      return names
        .filter(({ kind, name }) => holding.includes(`${kind} ${name}`))
        .map((each) => ({ ...each, shard }) as never);
    },
  });
  t.teardown(() => peers.close());
  const first = await serve({}, { own, peers });
  const heard = (): (number | undefined)[] => [nodes.b, nodes.c].map((node) => node?.scheduler.asked.length);
  for (let n = 0; n < 8; n++) {
    t.equal((await first.api.post('/jobs', asked)).status, 201);
    t.equal((await first.api.post('/jobs', { ...asked, key: 'free' }, { 'idempotency-key': 'once' })).status, 201);
  }
  t.same(heard(), [16, 0], 'never to one that has not');
  t.same([...new Set(lookedFor)], [`key ${asked.name} k`, 'idempotency once', `key ${asked.name} free`]);
  lookedFor.length = 0;
  t.equal((await first.api.post('/jobs', { name: asked.name, delay: '1h' })).status, 201);
  t.equal((await first.api.post('/jobs', { name: asked.name, delay: '1h', payload: { key: 1 } })).status, 201);
  t.same(lookedFor, [], 'the database is not asked where there is no key');
  for (const unknown of [Promise.resolve(new Refusal('storage_unavailable', 'no')), new Promise<number>(() => {})]) {
    holder = unknown;
    t.equal((await first.api.post('/jobs', asked)).status, 201, 'without the database it goes to any');
  }
});
