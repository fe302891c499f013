/** Three real nodes: what is set at one holds at all when that is answered, over the death of nodes too. */
import t from 'tap';
import { eventually } from '../../support/client.js';
import { withoutPostgres } from '../../support/postgres.js';
import { startCluster } from '../support/cluster.js';
import type { ClusterNode } from '../support/nodes.js';

t.setTimeout(180_000);

interface ClusterBody {
  readonly nodes: readonly { readonly state: string }[];
  readonly shards: readonly { readonly owner: string | null }[];
}

/** All shards are run, and it knows of all nodes. */
async function isThere({ api }: ClusterNode, count: number): Promise<boolean> {
  const { body } = await api.get<ClusterBody>('/cluster');
  const live = body.nodes.filter(({ state }) => state === 'live');
  return live.length === count && body.shards.length > 0 && body.shards.every(({ owner }) => owner !== null);
}

async function allThere(nodes: readonly ClusterNode[]): Promise<void> {
  for (const node of nodes) await eventually(() => isThere(node, nodes.length), 'all nodes are there', 30_000);
}

async function owner(nodes: readonly ClusterNode[]): Promise<ClusterNode> {
  let found: ClusterNode | undefined;
  await eventually(
    async () => {
      for (const node of nodes)
        if ((await node.api.get<{ status: string }>('/health')).body.status === 'healthy') found = node;
      return found !== undefined;
    },
    'a node has shards',
    30_000,
  );
  return found as ClusterNode;
}

t.test('pauses and limits hold on all nodes', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 3, settings: ['fsync=off'] });
  const [first, second, third] = nodes as [ClusterNode, ClusterNode, ClusterNode];
  await allThere(nodes);

  const paused = await second.api.post('/pause', { reason: 'a move' });
  t.match(paused, { status: 200, body: { paused: true, reason: 'a move' } });
  const made: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { status, body } = await first.api.post<{ id: string }>('/jobs', { name: 'noop', payload: {}, delay: '0s' });
    t.equal(status, 201);
    made.push(body.id);
  }
  for (const { api } of nodes) t.match((await api.get('/health')).body, { paused: true });
  for (const id of made) t.match(await second.api.job(id), { status: 'pending', waiting_for: 'server_paused' });

  await first.kill();
  const heir = await owner([second, third]);
  await eventually(() => isThere(heir, 2), 'others run its shards', 30_000);
  for (const id of made) t.match(await second.api.job(id), { status: 'pending', waiting_for: 'server_paused' });
  const change = { concurrency: 1, paused: true, pause_reason: 'slow' };
  const limited = await third.api.put('/job-types/noop', change);
  t.match(limited, { status: 200, body: change });
  t.match((await second.api.get('/job-types/noop')).body, change);

  await first.start();
  t.match((await first.api.get('/health')).body, { paused: true }, 'one that starts knows it at once');
  t.match(first.server.output(), /the server is paused: it starts nothing until it is resumed/);
  t.match((await first.api.post('/resume')).body, { paused: false });
  for (const id of made) t.match(await first.api.job(id), { status: 'pending', waiting_for: 'type_paused' });
  t.match((await first.api.get('/job-types/noop')).body, change);
  t.equal((await first.api.post('/job-types/noop/resume')).status, 200);
  for (const id of made)
    await eventually(async () => (await second.api.job(id)).status === 'success', 'what waited runs', 10_000);
});

t.test('a change waits for a node that stands still, until that is dead', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 2, settings: ['fsync=off'] });
  const [first, second] = nodes as [ClusterNode, ClusterNode];
  await allThere(nodes);
  first.stop();
  const begun = performance.now();
  t.match(await second.api.post('/pause'), { status: 200, body: { paused: true } });
  t.ok(performance.now() - begun > 3000, 'its lease had ended');
  first.continue();
  await eventually(async () => {
    const { body } = await first.api.get<{ paused?: boolean }>('/health');
    return body.paused === true;
  }, 'it goes by it');
});
