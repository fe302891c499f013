/** Answers are put together of the nodes that own shards, and of nothing else. */
import t from 'tap';
import { HttpPeers } from '../../../src/cluster/http-peers.js';
import {
  type Peer,
  type PeerAnswer,
  PeerGone,
  type PeerRequest,
  type Peers,
  peerHeaders,
} from '../../../src/cluster/peers.js';
import { Turns } from '../../../src/server/bodies/turns.js';
import { Gathering, type OwnShards } from '../../../src/server/peers/gathering.js';
import { noJobs } from '../../../src/server/ports.js';
import { FakeQueries, type Fixture, serve } from '../fixture.js';

/** Other nodes that answer as the test says, by a clock that goes on as somebody sleeps. */
class World implements Peers {
  readonly shards = 4;
  owners: (string | undefined)[] = ['here', 'here', 'b', 'c'];
  leases = ['lease 0', 'lease 1', 'lease 2', 'lease 3'];
  reached = new Set(['b', 'c']);
  answers: (peer: string, shards: string) => Promise<PeerAnswer> = (peer, shards) => said(200, `${peer}:${shards}`);
  readonly asked: string[] = [];
  renewed = 0;
  onRenew: () => void = () => {};
  now = 0;

  get living(): Peer[] {
    return [...this.reached].map((node) => ({ node }));
  }
  ownerOf(): 'here' {
    return 'here';
  }
  ownerOfShard(shard: number): 'here' | Peer | undefined {
    const node = this.owners[shard];
    if (node === undefined || node === 'here') return node;
    return { node };
  }
  leaseOf(shard: number): string | undefined {
    return this.owners[shard] === 'here' ? this.leases[shard] : undefined;
  }
  timelineOf(): number {
    return 0;
  }
  openedBehind(): number {
    return 0;
  }
  reach({ node }: Peer) {
    return this.reached.has(node) ? { url: `http://${node}`, headers: {} } : undefined;
  }
  ask({ node }: Peer, { headers, path, signal }: PeerRequest): Promise<PeerAnswer> {
    const shards = headers[peerHeaders.shards] ?? '';
    if (!this.reached.has(node)) return Promise.reject(new PeerGone(false, 'it does not beat'));
    this.asked.push(`${node} ${path} ${shards}`);
    const gone = new Promise<never>((_, fail) => {
      signal?.addEventListener('abort', () => fail(new PeerGone(true, 'aborted')));
    });
    return Promise.race([this.answers(node, shards), gone]);
  }
  async renew(): Promise<void> {
    this.renewed++;
    this.onRenew();
  }
  async holderOf(): Promise<undefined> {}
  senderOf(): 'client' {
    return 'client';
  }
}

function said(status: number, value: unknown): Promise<PeerAnswer> {
  return Promise.resolve({ status, reason: '', headers: {}, body: Buffer.from(JSON.stringify(value)) });
}

function gatheringOf(world: World): Gathering {
  const now = (): number => world.now;
  const turns = new Turns({ now, soon: setImmediate });
  const sleep = async (ms: number): Promise<void> => {
    world.now += ms;
    await new Promise((done) => setImmediate(done));
  };
  return new Gathering({ peers: world, turns, now, sleep });
}

const question = {
  path: '/api/v1/stats?x=1',
  *part(shards: readonly number[]): Generator<undefined, string> {
    yield;
    return `here:${shards}`;
  },
};

t.test('each owner is asked once, for its shards', async (t) => {
  const world = new World();
  world.owners = ['here', 'b', 'here', 'b'];
  const parts = await gatheringOf(world).all(question);
  t.same(world.asked, ['b /api/v1/stats?x=1 1,3']);
  t.same(parts, [
    { node: 'here', shards: [0, 2], part: 'here:0,2' },
    { node: 'b', shards: [1, 3], part: 'b:1,3' },
  ]);
  t.equal(world.renewed, 0);
});

t.test('a node that has lost one of them says so, and the others are not asked again', async (t) => {
  const world = new World();
  world.answers = (peer, shards) => (peer === 'b' ? said(421, {}) : said(200, `${peer}:${shards}`));
  world.onRenew = () => {
    world.owners[2] = 'c';
  };
  const parts = await gatheringOf(world).all(question);
  t.same(
    world.asked.map((each) => each.replace(/ .* /, ' ')),
    ['b 2', 'c 3', 'c 2'],
  );
  t.same(parts.map(({ part }) => part).sort(), ['c:2', 'c:3', 'here:0,1']);
});

t.test('an own shard whose lease ends on the way counts for nothing', async (t) => {
  for (const lose of [(world: World) => (world.owners[1] = 'c'), (world: World) => (world.leases[1] = 'taken anew')]) {
    const world = new World();
    let begun = 0;
    const parts = await gatheringOf(world).all({
      ...question,
      *part(shards): Generator<undefined, string> {
        if (++begun === 1) {
          yield;
          lose(world);
          yield;
        }
        return `here:${shards}`;
      },
    });
    t.equal(begun, 2, 'it is read again');
    t.equal(parts.flatMap(({ shards }) => shards).length, 4, 'each once');
  }
});

t.test('while a shard has no owner, the request waits for two seconds', async (t) => {
  const world = new World();
  world.owners[3] = undefined;
  await t.rejects(gatheringOf(world).all(question), { code: 'storage_unavailable', message: /One shard has no owner/ });
  t.ok(world.now >= 2000 && world.now < 2200, `${world.now} ms`);
  t.ok(world.renewed > 5, 'who owns it was looked up again and again');
  const later = new World();
  later.owners[3] = undefined;
  later.onRenew = () => {
    if (later.now > 1500) later.owners[3] = 'b';
  };
  t.equal((await gatheringOf(later).all(question)).length, 3);
});

t.test('an owner that does not answer is cut off once its beat stands still, or after five seconds', async (t) => {
  const world = new World();
  world.answers = (peer, shards) => (peer === 'b' ? new Promise(() => {}) : said(200, `${peer}:${shards}`));
  const gathering = gatheringOf(world);
  const asking = gathering.all(question);
  world.reached.delete('b');
  await t.rejects(asking, { code: 'storage_unavailable' });
  const hung = new World();
  hung.answers = () => new Promise(() => {});
  const waiting = gatheringOf(hung).all(question);
  hung.now = 5000;
  await t.rejects(waiting, { code: 'storage_unavailable', message: /2 shards have no owner that answers/ });
});

t.test('what a part throws is told, and is no missing owner', async (t) => {
  const world = new World();
  const part = (): never => {
    throw new Error('a record is damaged');
  };
  await t.rejects(gatheringOf(world).all({ ...question, part }), { message: 'a record is damaged' });
});

t.test('nodes are asked for what they know of themselves, and left out where they do not answer', async (t) => {
  const world = new World();
  world.answers = (peer, shards) =>
    peer === 'b' ? Promise.reject(new PeerGone(false, 'refused')) : said(200, `${peer}:${shards}`);
  const parts = await gatheringOf(world).all({ ...question, of: 'nodes' });
  t.same(
    parts.map(({ part }) => part),
    ['here:', 'c:none'],
  );
  t.same(
    parts.flatMap(({ shards }) => shards),
    [],
  );
  const both = new World();
  both.reached.add('d');
  const all = await gatheringOf(both).all({ ...question, of: 'shards and nodes' });
  t.same(new Set(all.map(({ part }) => part)), new Set(['here:0,1', 'b:2', 'c:3', 'd:none']));
});

t.test('a part may come later, or not at all, and is asked for again then', async (t) => {
  const world = new World();
  let asked = 0;
  const later = {
    ...question,
    *part(shards: readonly number[]): Generator<undefined, Promise<string | undefined>> {
      yield;
      const isFirst = asked++ === 0;
      return new Promise((resolve) => setImmediate(() => resolve(isFirst ? undefined : `here:${shards}`)));
    },
  };
  const parts = await gatheringOf(world).all(later);
  t.equal(asked, 2);
  t.same(new Set(parts.map(({ part }) => part)), new Set(['here:0,1', 'b:2', 'c:3']));
  t.equal(world.asked.length, 2, 'the others are not asked again');
});

const secret = 'known to all nodes';

/** A node with one of two shards. */
async function node(name: string, shard: number, others: Record<string, () => Fixture>): Promise<Fixture> {
  const peers = new HttpPeers({
    ...{ node: name, secret, shards: 2 },
    ownerOf: (of) => (of === shard ? 'here' : Object.keys(others)[0]),
    leaseOf: (of) => (of === shard ? 'a lease' : undefined),
    openedBehind: () => 0,
    living: () => Object.keys(others),
    addressOf: (of) => `http://127.0.0.1:${others[of]?.().port}`,
    renew: async () => {},
  });
  t.teardown(() => peers.close());
  const queries = new FakeQueries();
  queries.seq = 100 + shard;
  const own = Object.assign(queries, {
    *pages() {
      yield;
      return [];
    },
    *searchPart() {
      yield;
      return { marks: [], begin: [], scanned: 1, isWhole: true };
    },
  }) as unknown as OwnShards;
  const bulks = { of: () => ({ request: () => {}, bulks: [] }), next: async () => 1 };
  return serve({}, { peers, own: { own: () => own, jobsOfTypes: () => noJobs, bulks } });
}

t.test('between servers', async (t) => {
  const first: Fixture = await node('a', 0, { b: () => second });
  const second: Fixture = await node('b', 1, { a: () => first });
  for (const { api } of [first, second]) {
    const { body } = await api.get('/stats');
    t.match(body, { pending: 24, running: 6, completed: 3084, heap_size: 30 }, 'both together');
  }
  t.match((await first.api.get('/jobs?q=x')).body, { scanned: 2, items: [] });
  const head = { [peerHeaders.node]: 'a', [peerHeaders.secret]: secret };
  // What nodes say to each other is not declared.
  const asNode = (shards: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${first.port}/api/v1/stats`, { headers: { ...head, [peerHeaders.shards]: shards } });
  t.match(await (await asNode('0')).json(), { totals: { pending: 12 } }, 'a node is told its part');
  t.equal((await asNode('0,1')).status, 421, 'or that it is another’s');
  t.equal((await asNode('all')).status, 400);
  const stranger = await first.api.get('/stats', { [peerHeaders.shards]: '0' });
  t.match(stranger.body, { pending: 24 }, 'a client cannot ask so');
});
