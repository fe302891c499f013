/** Requests about a job reach the node that owns its shard, whichever node is asked. */
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { HttpPeers } from '../../../src/cluster/http-peers.js';
import { peerHeaders } from '../../../src/cluster/peers.js';
import type { TraceContext } from '../../../src/domain/job.js';
import type { TracedRequest, Traces } from '../../../src/telemetry/traces/port.js';
import { eventually } from '../../support/client.js';
import { type Fixture, idOf, job, serve } from '../fixture.js';

const secret = 'known to all nodes';
const theirs = job();
const id = idOf(theirs);

const alone = { shards: 1, leaseOf: () => undefined, openedBehind: () => 0, living: () => [] };

interface Pair {
  readonly asked: Fixture;
  readonly owner: Fixture;
  /** As the first node sees it; undefined: nobody. */
  table: { owner: string | undefined; address: string | undefined };
  /** Nodes that the first one knows to be dead. */
  readonly gone: Set<string>;
  renewed: number;
  onRenew: () => void | Promise<void>;
}

/** Two nodes, of which the second has the job. */
async function pair(traces: { readonly asked?: Traces; readonly owner?: Traces } = {}): Promise<Pair> {
  const owner = await serve(
    {},
    {
      traces: traces.owner,
      peers: new HttpPeers({
        node: 'b',
        secret,
        ...alone,
        ownerOf: () => 'here',
        addressOf: () => undefined,
        renew: async () => {},
      }),
    },
  );
  owner.queries.add(theirs);
  const found: Omit<Pair, 'asked'> = {
    owner,
    table: { owner: 'b', address: `http://127.0.0.1:${owner.port}` },
    gone: new Set(),
    renewed: 0,
    onRenew: () => {},
  };
  const peers = new HttpPeers({
    node: 'a',
    secret,
    ...alone,
    ownerOf: () => found.table.owner,
    addressOf: () => found.table.address,
    isGone: (node) => found.gone.has(node),
    renew: async () => {
      found.renewed++;
      await found.onRenew();
    },
  });
  t.teardown(() => peers.close());
  return Object.assign(found, { asked: await serve({}, { peers, traces: traces.asked }) });
}

/** Traces of requests alone. @param heard the `traceparent` of each request that a peer has passed on */
function tracing(context: TraceContext, heard: string[] = []): Traces {
  return {
    request: (request: TracedRequest) => {
      heard.push(request.header('traceparent'));
      return { context, answered: () => {}, aborted: () => {} };
    },
  } as unknown as Traces;
}

t.test('what is passed on is in the trace of the request', async (t) => {
  const context = (digit: string): TraceContext => ({ traceId: digit.repeat(32), spanId: digit.repeat(16), flags: 1 });
  const heard: string[] = [];
  const { asked, owner } = await pair({ asked: tracing(context('a')), owner: tracing(context('b'), heard) });
  t.equal((await asked.api.put(`/jobs/${id}`, { delay: '1h' })).status, 200);
  t.same(heard, [`00-${'a'.repeat(32)}-${'a'.repeat(16)}-01`]);
  t.match(owner.scheduler.asked, [{ kind: 'update' }]);
  const untraced = await pair({ owner: tracing(context('b'), heard) });
  await untraced.asked.api.get(`/jobs/${id}`);
  t.equal(heard.at(-1), '', 'without traces nothing is added');
});

t.test('every request about a job, with its query, body, headers and the whole answer', async (t) => {
  const { asked, owner } = await pair();
  const shown = await asked.api.get(`/jobs/${id}`);
  t.equal(shown.status, 200);
  t.same(shown.body, (await owner.api.get(`/jobs/${id}`)).body, 'the same as the owner says');
  t.equal((await asked.api.get(`/jobs/${id}/runs?limit=7`)).status, 200);
  const changed = await asked.api.put(`/jobs/${id}`, { delay: '1h' });
  t.equal(changed.status, 200);
  t.match(owner.scheduler.asked, [{ kind: 'update', id, patch: { trigger: { kind: 'delay', delayMs: 3_600_000 } } }]);
  const refused = await asked.api.put(`/jobs/${id}`, { delay: 'soon' });
  t.equal(refused.status, 400);
  t.match(refused.body, { code: 'validation_failed' }, 'a refusal of the owner comes back as it is');
  const removed = await asked.api.delete(`/jobs/${id}`);
  t.equal(removed.status, 200);
  t.same(asked.scheduler.asked, [], 'the first node was asked for nothing');
});

t.test('a node that does not own it does not pass it on again', async (t) => {
  const { asked } = await pair();
  const answer = await asked.api.get(`/jobs/${id}`, { [peerHeaders.node]: 'a', [peerHeaders.secret]: secret });
  t.equal(answer.status, 421);
});

t.test('without the secret a request is one of a client', async (t) => {
  const { asked } = await pair();
  const headers = { [peerHeaders.node]: 'a', [peerHeaders.secret]: 'guessed' };
  t.equal((await asked.api.get(`/jobs/${id}`, headers)).status, 200, 'passed on as any other');
});

t.test('what is meant for the node that this one was before is passed on no further', async (t) => {
  const found = await pair();
  const { asked } = found;
  const headers = { [peerHeaders.node]: 'z', [peerHeaders.secret]: secret };
  t.match(await asked.api.get(`/jobs/${id}`, headers), { status: 421, body: { code: 'misdirected_host' } });
  // Its own table may name that node yet, and with it its own address.
  found.table = { owner: 'z', address: `http://127.0.0.1:${asked.port}` };
  t.match(await asked.api.get(`/jobs/${id}`), { status: 503, body: { code: 'storage_unavailable' } });
});

t.test('while nobody owns it, the request waits', async (t) => {
  const found = await pair();
  found.table.owner = undefined;
  found.onRenew = () => {
    if (found.renewed === 3) found.table.owner = 'b';
  };
  t.equal((await found.asked.api.get(`/jobs/${id}`)).status, 200);
  t.equal(found.renewed, 3);
});

t.test('and not for ever', async (t) => {
  const found = await pair();
  found.table.owner = undefined;
  const answer = await found.asked.api.get(`/jobs/${id}`);
  t.equal(answer.status, 503);
  t.ok(answer.headers['retry-after'], 'and says when to try again');
  t.match(answer.body, { code: 'storage_unavailable' });
});

t.test('nor for a database that does not say who owns it', async (t) => {
  const found = await pair();
  found.table.owner = undefined;
  found.onRenew = () => new Promise(() => {});
  t.match(await found.asked.api.get(`/jobs/${id}`), { status: 503, body: { code: 'storage_unavailable' } });
  t.equal(found.renewed, 1, 'it is asked once, and all wait for that');
  found.table.owner = 'b';
  t.equal((await found.asked.api.get(`/jobs/${id}`)).status, 200);
});

t.test('when the job comes here meanwhile, it is answered here', async (t) => {
  const found = await pair();
  found.table.owner = undefined;
  found.asked.queries.add(theirs);
  found.onRenew = () => {
    found.table.owner = 'here';
  };
  t.equal((await found.asked.api.put(`/jobs/${id}`, { delay: '1h' })).status, 200);
  t.match(found.asked.scheduler.asked, [{ kind: 'update', id }]);
});

t.test('an owner that is not there any more: nothing was sent, so another may be asked', async (t) => {
  const found = await pair();
  const alive = found.table.address;
  found.table.address = 'http://127.0.0.1:1';
  found.onRenew = () => {
    found.table.address = alive;
  };
  t.equal((await found.asked.api.put(`/jobs/${id}`, { delay: '1h' })).status, 200);
});

t.test('an owner that goes away in the middle: reading is tried again, changing is not', async (t) => {
  const found = await pair();
  const alive = found.table.address;
  let heard = 0;
  const sockets = new Set<Socket>();
  const dying = createServer((socket) => {
    sockets.add(socket);
    socket.once('data', () => {
      heard++;
      socket.destroy();
    });
  });
  await new Promise<void>((done) => dying.listen(0, '127.0.0.1', done));
  t.teardown(() => dying.close());
  found.table.address = `http://127.0.0.1:${(dying.address() as { port: number }).port}`;
  const changed = await found.asked.api.put(`/jobs/${id}`, { delay: '1h' });
  t.equal(changed.status, 504);
  t.match(changed.body, { code: 'timeout', detail: /not known/ });
  t.equal(heard, 1, 'it was sent once');
  found.onRenew = () => {
    found.table.address = alive;
  };
  t.equal((await found.asked.api.get(`/jobs/${id}`)).status, 200);
  t.equal(heard, 2);
});

/** One that takes requests and says nothing, as a process that stands still. @returns its URL, and how many it has taken */
async function silent(): Promise<{ readonly address: string; taken: number }> {
  const found = { address: '', taken: 0 };
  const sockets = new Set<Socket>();
  const standing = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => found.taken++);
  });
  await new Promise<void>((done) => standing.listen(0, '127.0.0.1', done));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    standing.close();
  });
  found.address = `http://127.0.0.1:${(standing.address() as { port: number }).port}`;
  return found;
}

t.test('an owner that stands still is waited for until it is dead, however long the client would wait', async (t) => {
  const found = await pair();
  const { asked, owner, table, gone } = found;
  const stopped = await silent();
  found.table = { owner: 'z', address: stopped.address };
  const waiting = asked.api.get(`/jobs/${id}`, { prefer: 'wait=60' });
  const changing = asked.api.put(`/jobs/${id}`, { delay: '1h' }, { prefer: 'handling=lenient' });
  await eventually(() => stopped.taken === 2, 'both');
  // Its shard is taken over.
  owner.queries.jobs.set(id, { ...theirs, state: { ...theirs.state, status: 'success' } });
  found.table = table;
  gone.add('z');
  t.match(await waiting, { status: 200, body: { status: 'success' } });
  t.match(await changing, { status: 504, body: { code: 'timeout' } });
  t.same(owner.scheduler.asked, [], 'what changes something is not sent twice');
});

t.test('a wait for the end of a job goes on at the next owner when the one that was asked stops', async (t) => {
  const running = { ...theirs, state: { ...theirs.state, status: 'running' as const } };
  const ofPeer = { [peerHeaders.node]: 'b', [peerHeaders.secret]: secret, prefer: 'wait=60' };
  const [found, next] = [await pair(), (await pair()).owner];
  for (const { queries } of [found.owner, next]) queries.jobs.set(id, running);
  const waiting = found.asked.api.get(`/jobs/${id}`, { prefer: 'wait=60' });
  const ofNode = found.owner.api.get(`/jobs/${id}`, ofPeer);
  const ofClient = found.owner.api.get(`/jobs/${id}`, { prefer: 'wait=60' });
  await found.owner.api.get(`/jobs/${id}`);
  found.onRenew = () => {
    // It has the shard for some time yet.
    if (found.renewed < 3) return;
    next.queries.jobs.set(id, { ...running, state: { ...running.state, status: 'success' } });
    found.table = { owner: 'b', address: `http://127.0.0.1:${next.port}` };
  };
  found.owner.server.drain();
  t.match(await ofNode, { status: 421, body: { code: 'misdirected_host' } });
  t.match(await found.owner.api.get(`/jobs/${id}`, ofPeer), { status: 421 }, 'nor does another wait there');
  t.match(await ofClient, { status: 200, body: { status: 'running' } }, 'a client gets what is known');
  t.match(await waiting, { status: 200, body: { status: 'success' } });
  t.equal(found.renewed, 3);
});

t.test('a wait that nobody goes on with ends in its time, with the job as it is', async (t) => {
  const found = await pair();
  found.owner.queries.jobs.set(id, { ...theirs, state: { ...theirs.state, status: 'running' } });
  found.owner.server.drain();
  const { status, body } = await found.asked.api.get(`/jobs/${id}`, { prefer: 'wait=1' });
  t.match({ status, body }, { status: 200, body: { status: 'running' } });
  t.ok(found.renewed > 0, 'it was asked more than once');
});

t.test('an answer of another node has its time, and a node that cannot be reached costs no more', async (t) => {
  const stopped = await silent();
  const peers = new HttpPeers({
    ...{ node: 'a', secret, ...alone, ownerOf: () => 'b', addressOf: () => stopped.address },
    renew: async () => {},
  });
  t.teardown(() => peers.close());
  const asked = peers.ask({ node: 'b' }, { method: 'GET', path: '/', headers: {}, withinMs: 1 });
  await t.rejects(asked, { name: 'PeerGone', sent: true, message: /has not answered in time/ });
});
