/** Lists over real nodes: whichever is asked shows the jobs of all, in one order and by one cursor. */
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import type { ClusterNode } from './support/nodes.js';
import { owners, threeNodes } from './support/three-nodes.js';

t.setTimeout(180_000);

interface Listed {
  readonly total: number;
  readonly items: readonly { readonly id: string; readonly trigger_at: string; readonly status: string }[];
  readonly next_cursor?: string;
  readonly scanned: number;
}

/** All pages behind the first. */
async function allPages(nodes: readonly ClusterNode[], query: string): Promise<Listed['items'][number][]> {
  const items: Listed['items'][number][] = [];
  let cursor = '';
  for (let page = 0; page < 50; page++) {
    const { api } = nodes[page % nodes.length] as ClusterNode;
    const { status, body } = await api.get<Listed>(`/jobs?${query}${cursor}`);
    if (status !== 200) throw new Error(JSON.stringify(body));
    items.push(...body.items);
    if (body.next_cursor === undefined) return items;
    cursor = `&cursor=${body.next_cursor}`;
  }
  throw new Error('the pages have no end');
}

t.test('lists of all nodes', { skip: withoutPostgres }, async (t) => {
  const nodes = await threeNodes(t);
  const [first, second, third] = nodes;
  const ids: string[] = [];
  const due = new Map<string, number>();
  for (let i = 0; i < 60; i++) {
    const { api } = i % 2 === 0 ? second : third;
    const delay = ((i * 37) % 60) + 100;
    const made = await api.create({
      ...{ name: 'payment_check', delay: `${delay}m`, payload: { n: i, word: i % 4 === 0 ? 'needle' : 'hay' } },
      tags: [i % 2 === 0 ? 'even' : 'odd'],
    });
    ids.push(made.id);
    due.set(made.id, delay);
  }

  for (const { api } of nodes) {
    const { body } = await api.get<Listed>('/jobs?limit=100');
    t.equal(body.total, 60);
    t.same(new Set(body.items.map(({ id }) => id)), new Set(ids), 'each has them all');
    t.equal(body.next_cursor, undefined);
  }
  const whole = (await first.api.get<Listed>('/jobs?limit=100')).body.items.map(({ id }) => id);
  const secondOf = (id: string): string => id.slice(4, 14);
  t.same(whole.map(secondOf), whole.map(secondOf).sort().reverse(), 'the newest second first');
  for (const query of [
    'limit=7',
    'limit=7&order=asc',
    'limit=7&tag=even',
    'limit=100&sort=due',
    'limit=7&sort=due',
    'limit=9&sort=due&order=desc',
  ]) {
    const paged = (await allPages(nodes, query)).map(({ id }) => id);
    t.equal(new Set(paged).size, query.includes('even') ? 30 : 60, `${query}: each once`);
    t.equal(paged.length, query.includes('even') ? 30 : 60, query);
    if (query.includes('due')) {
      const delays = paged.map((id) => due.get(id) as number);
      const sorted = [...delays].sort((a, b) => (query.includes('desc') ? b - a : a - b));
      t.same(delays, sorted, `${query}: in order`);
    } else if (!query.includes('even'))
      t.same(query.includes('asc') ? paged.reverse() : paged, whole, `${query}: in order`);
  }
  for (const offset of [0, 1, 20, 59, 60, 1000]) {
    const { body } = await second.api.get<Listed>(`/jobs?limit=5&offset=${offset}`);
    t.equal(body.total, 60);
    t.same(
      body.items.map(({ id }) => id),
      whole.slice(offset, offset + 5),
      `from ${offset} on`,
    );
    t.equal(body.next_cursor !== undefined, offset + 5 < 60, `and whether there is more behind ${offset}`);
  }
  const tooFar = await third.api.get('/jobs?offset=10001');
  t.equal(tooFar.status, 400);
  t.match(tooFar.body, { code: 'validation_failed', errors: [{ path: 'query.offset' }] });

  const needles = await allPages(nodes, 'q=NEEDLE&limit=4');
  t.equal(needles.length, 15);
  t.same(
    needles.map(({ id }) => id),
    whole.filter((id) => needles.some((found) => found.id === id)),
    'what is found is in order',
  );
  t.same((await third.api.get<Listed>('/jobs?q=nowhere')).body, { scanned: 60, items: [] });

  await third.kill();
  const asked = Date.now();
  const missing = await first.api.get('/jobs');
  t.equal(missing.status, 503, 'an owner is missing');
  t.match(missing.body, { code: 'storage_unavailable' });
  t.ok(missing.headers['retry-after']);
  t.ok(Date.now() - asked < 8000, `said after ${Date.now() - asked} ms`);
  await eventually(async () => (await first.api.get('/jobs')).status === 200, 'others have what it had', 30_000);
  t.equal((await second.api.get<Listed>('/jobs')).body.total, 60);

  const [owner] = (await owners(first)) > 1 ? [second] : [first];
  owner.stop();
  const silent = await (owner === second ? first : second).api.get('/jobs');
  t.equal(silent.status, 503, 'an owner that stands still');
  owner.continue();
  await eventually(async () => (await first.api.get('/jobs')).status === 200, 'it goes on', 30_000);
  t.equal((await first.api.get<Listed>('/jobs')).body.total, 60);
});
