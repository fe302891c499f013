/** Bulk actions over real nodes: whichever is asked acts on the jobs of all, and the death of a node stops none. */
import t from 'tap';
import { eventually } from '../../support/client.js';
import { withoutPostgres } from '../../support/postgres.js';
import { isWhole } from '../support/looks.js';
import { threeNodes } from '../support/three-nodes.js';

t.setTimeout(180_000);

interface BulkBody {
  readonly id: string;
  readonly status: string;
  readonly matched: number;
  readonly done: number;
}

t.test('bulk actions of all nodes', { skip: withoutPostgres }, async (t) => {
  const [first, second, third] = await threeNodes(t);
  const ids: string[] = [];
  for (let i = 0; i < 60; i++) {
    const { api } = i % 2 === 0 ? second : third;
    ids.push((await api.create({ name: 'noop', delay: '1h', group: i < 40 ? 'some' : 'others' })).id);
  }
  const action = { action: 'pause', filter: { group: 'some' } };
  const tried = await first.api.post('/bulk', { ...action, dry_run: true });
  t.match(tried, { status: 200, body: { action: 'pause', matched: 40 } }, 'a node without shards counts those of all');
  t.match((await third.api.get('/bulk')).body, { total: 0, items: [] });
  t.match(await first.api.post('/bulk', { ...action, action: 'hold' }), { status: 400 });

  const made = await first.api.post<BulkBody>('/bulk', action);
  t.match(made, { status: 202, body: { id: 'bulk_1', matched: 40 } });
  t.equal(made.headers.location, '/api/v1/bulk/bulk_1');
  const endOf = async (id: string, { api } = second): Promise<BulkBody> => {
    let shown: BulkBody | undefined;
    await eventually(async () => {
      shown = (await api.get<BulkBody>(`/bulk/${id}`)).body;
      return shown.status !== 'pending' && shown.status !== 'running';
    }, `${id} ends`);
    return shown as BulkBody;
  };
  t.match(await endOf('bulk_1'), { status: 'success', matched: 40, done: 40, skipped: 0, failed: 0, errors: [] });
  t.match((await third.api.get('/jobs?paused=true')).body, { total: 40 });

  const next = await third.api.post<BulkBody>('/bulk', { action: 'cancel', filter: { group: 'others' } });
  t.match(next, { status: 202, body: { id: 'bulk_2', matched: 20 } });
  t.match(await endOf('bulk_2', first), { status: 'success', done: 20 });
  for (const { api } of [first, second, third]) {
    t.match((await api.get('/bulk?limit=1')).body, { total: 2, items: [{ id: 'bulk_2' }] });
    t.match((await api.get('/bulk/bulk_3')).status, 404);
    t.match((await api.get('/bulk/none')).status, 404);
  }
  const { body: page } = await first.api.get<{ next_cursor: string }>('/bulk?limit=1');
  t.match((await second.api.get(`/bulk?limit=1&cursor=${page.next_cursor}`)).body, { items: [{ id: 'bulk_1' }] });
  t.match(
    await first.api.delete('/bulk/bulk_2'),
    { status: 200, body: { status: 'success', done: 20 } },
    'it has ended',
  );
  t.match((await first.api.delete('/bulk/bulk_9')).status, 404);

  // While the owner of some shards is gone nothing is begun, or all is.
  await second.kill();
  const resume = { action: 'resume', filter: { group: 'some' } };
  const asked = await first.api.post<BulkBody>('/bulk', resume);
  t.match(asked, { status: 503, body: { code: 'storage_unavailable' } });
  t.ok(asked.headers['retry-after']);
  await eventually(() => isWhole(first), 'the others have its shards', 30_000);
  t.match((await first.api.get('/jobs?paused=true')).body, { total: 40 }, 'nothing was done');
  const again = await first.api.post<BulkBody>('/bulk', resume);
  t.match(again, { status: 202, body: { matched: 40 } });
  t.match(await endOf(again.body.id, third), { status: 'success', done: 40 });
  t.match((await first.api.get('/jobs?paused=true')).body, { total: 0 });
});
