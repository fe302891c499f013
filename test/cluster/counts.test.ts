/** Counts over real nodes: whichever is asked counts the jobs of all. */
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { Subscriber } from '../support/ws.js';
import { threeNodes } from './support/three-nodes.js';

t.setTimeout(180_000);

interface Type {
  readonly name: string;
  readonly counts: { readonly pending: number; readonly due: number; readonly running: number };
  readonly recent: { readonly started: number; readonly succeeded: number; readonly duration_p50_ms: number | null };
}

t.test('counts of all nodes', { skip: withoutPostgres }, async (t) => {
  const nodes = await threeNodes(t);
  const [, second, third] = nodes;
  const ids: string[] = [];
  for (let i = 0; i < 40; i++) {
    const { api } = i % 2 === 0 ? second : third;
    const waits = { name: 'payment_check', delay: '1h', group: `g${i % 4}`, payload: { order_id: `o-${i}` } };
    const fails = {
      name: 'fail',
      delay: '0s',
      max_retries: 0,
      payload: { message: `no ${i % 2 === 0 ? 'way' : 'road'}` },
    };
    ids.push((await api.create(i < 20 ? waits : i < 30 ? fails : { name: 'noop', delay: '0s' })).id);
  }
  const ended = (id: string) => async () => !['pending', 'running'].includes((await second.api.job(id)).status);
  for (const id of ids.slice(20)) await eventually(ended(id), 'it ends');

  const figures: Record<string, unknown>[] = [];
  for (const { api, port } of nodes) {
    const { body: stats } = await api.get<Record<string, unknown>>('/stats');
    t.match(stats, { pending: 20, running: 0, completed: 10, failed: 10, cancelled: 0, heap_size: 20 });
    t.ok((stats.started as number) >= 20, 'attempts of all nodes');
    t.ok((stats.last_event as number) >= 40 + 20 * 2, `${stats.last_event} events`);
    figures.push(stats);

    const subscriber = await Subscriber.connect({ port });
    t.match(await subscriber.ask({ action: 'get_stats' }, 'stats'), {
      type: 'stats',
      data: { pending: 20, completed: 10, failed: 10 },
    });
    await subscriber.close();

    const { body: failures } = await api.get<{
      total: number;
      items: { count: number; message: string; job_id: string }[];
    }>('/failures?name=fail');
    t.equal(failures.total, 2);
    t.same(
      failures.items.map(({ count }) => count),
      [5, 5],
    );
    t.same(new Set(failures.items.map(({ message }) => message)).size, 2);
    for (const { job_id } of failures.items) t.ok(ids.includes(job_id));
    const page = (await api.get<{ items: unknown[]; next_cursor: string }>('/failures?name=fail&limit=1')).body;
    const rest = (await second.api.get<{ items: unknown[] }>(`/failures?name=fail&limit=1&cursor=${page.next_cursor}`))
      .body;
    t.same([...page.items, ...rest.items], failures.items, 'page by page, from node to node');

    const { body: groups } = await api.get('/groups?name=payment_check');
    t.same(groups, {
      total: 4,
      items: ['g0', 'g1', 'g2', 'g3'].map((group) => ({ group, pending: 5, due: 0, running: 0 })),
    });

    const { body: types } = await api.get<{ items: Type[] }>('/job-types');
    const byName = new Map(types.items.map((type) => [type.name, type]));
    t.same(byName.get('payment_check')?.counts, { pending: 20, due: 0, running: 0 });
    t.match(byName.get('noop')?.recent, { started: 10, succeeded: 10 });
    const one = (await api.get<Type>('/job-types/noop')).body;
    t.match(one, { counts: { pending: 0 }, recent: { started: 10, succeeded: 10 } });
    t.type(one.recent.duration_p50_ms, 'number');
    t.equal((await api.get('/job-types/nobody')).status, 404);
  }
  t.equal(new Set(figures.map(({ threads }) => threads)).size, 1, 'all have counted the same threads');
  t.ok((figures[0]?.threads as number) >= 3, 'those of three nodes');
});
