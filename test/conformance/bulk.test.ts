/** /bulk: something is done with many jobs. What becomes of each, and of crashes, is in test/scheduler/bulk. */
import t from 'tap';
import { Client, eventually, type Job, type Problem } from '../support/client.js';
import { startServer } from '../support/server.js';
import { problem } from './forms.js';

interface Bulk {
  readonly id: string;
  readonly status: string;
  readonly matched: number;
  readonly done: number;
  readonly [field: string]: unknown;
}

t.setTimeout(120_000);
let server = await startServer();
let api = new Client(server);
const make = (fields: object): Promise<Job> => api.create({ name: 'noop', delay: '1h', ...fields });

async function ended(body: object): Promise<Bulk> {
  const { body: made, status, headers } = await api.post<Bulk>('/bulk', body);
  t.same([status, headers.location], [202, `/api/v1/bulk/${made.id}`]);
  let bulk = made;
  await eventually(
    async () => {
      bulk = (await api.get<Bulk>(`/bulk/${made.id}`)).body;
      return bulk.status === 'success';
    },
    () => `it is ${JSON.stringify(bulk)}`,
  );
  return bulk;
}

t.test('all failed jobs are retried', async (t) => {
  for (let i = 0; i < 3; i++) {
    const { id } = await api.create({ name: 'fail', delay: '0s', max_retries: 0, payload: { message: `no ${i}` } });
    await api.until(id, 'failed');
  }
  const filter = { status: 'failed', name: 'fail' };
  t.same((await api.post('/bulk', { action: 'retry', filter, dry_run: true })).body, { action: 'retry', matched: 3 });
  t.match(await ended({ action: 'retry', filter }), {
    action: 'retry',
    filter,
    matched: 3,
    done: 3,
    skipped: 0,
    failed: 0,
    errors: [],
    created_at: String,
    finished_at: String,
  });
  await eventually(async () => (await api.list('?status=failed')).total === 3, 'they have not run again');
});

t.test('jobs are found as lists find them, several values as an array', async (t) => {
  const made = [await make({ tags: ['x'] }), await make({ tags: ['x', 'y'] }), await make({ tags: ['y'] })];
  const matched = async (filter: object): Promise<number> =>
    (await api.post<Bulk>('/bulk', { action: 'cancel', filter, dry_run: true })).body.matched;
  t.equal(await matched({ tag: 'x' }), 2);
  t.equal(await matched({ tag: ['x', 'y'] }), 1);
  t.equal(await matched({ id: made.map(({ id }) => id), is_repeat: false, paused: false }), 3);
  t.equal(await matched({ status: ['pending', 'success'], name: ['noop', 'echo'] }), 3);
  t.equal(await matched({ due_after: made[0]!.trigger_at }), 3);
  t.equal(await matched({ all: true }), 3, 'finished jobs cannot be cancelled: they are not meant');
  t.match(await ended({ action: 'update', filter: { tag: 'x' }, change: { delay: '2h', tags: ['z'] } }), {
    done: 2,
    change: { delay: '2h', tags: ['z'] },
  });
  t.equal((await api.list('?tag=z')).total, 2);
  t.match(await ended({ action: 'cancel', filter: { all: true } }), { done: 3, filter: { all: true } });
  t.match(await ended({ action: 'remove', filter: { status: ['cancelled', 'failed'] } }), { done: 6 });
  t.equal((await api.list()).total, 0);
});

t.test('they are listed, the latest first, and outlive a restart', async (t) => {
  const { body } = await api.get<{ total: number; items: Bulk[]; next_cursor?: string }>('/bulk?limit=2');
  t.equal(body.total, 4);
  t.same(
    body.items.map(({ id }) => id),
    ['bulk_4', 'bulk_3'],
  );
  const rest = await api.get<{ items: Bulk[] }>(`/bulk?limit=2&cursor=${body.next_cursor}`);
  t.same(
    rest.body.items.map(({ id }) => id),
    ['bulk_2', 'bulk_1'],
  );
  t.same((await api.delete('/bulk/bulk_1')).body, rest.body.items[1], 'one that has ended stays as it is');
  await server.kill();
  server = await startServer({ dataDir: server.dataDir });
  api = new Client(server);
  t.same((await api.get<{ items: Bulk[] }>('/bulk?limit=2')).body.items, body.items);
});

t.test('what is refused, with its place', async (t) => {
  const refused: [body: unknown, path: string][] = [
    [{}, '/action'],
    [{ action: 'cancel' }, '/filter'],
    [{ action: 'stop', filter: { all: true } }, '/action'],
    [{ action: 'cancel', filter: {} }, '/filter'],
    [{ action: 'cancel', filter: [] }, '/filter'],
    [{ action: 'cancel', filter: { all: false } }, '/filter/all'],
    [{ action: 'cancel', filter: { all: true, tag: 'x' } }, '/filter/all'],
    [{ action: 'cancel', filter: { q: 'x' } }, '/filter/q'],
    [{ action: 'cancel', filter: { limit: 1 } }, '/filter/limit'],
    [{ action: 'cancel', filter: { status: 'x' } }, '/filter/status'],
    [{ action: 'cancel', filter: { status: [] } }, '/filter/status'],
    [{ action: 'cancel', filter: { tag: ['x', 1] } }, '/filter/tag'],
    [{ action: 'cancel', filter: { tag: '' } }, '/filter/tag'],
    [{ action: 'cancel', filter: { paused: 'true' } }, '/filter/paused'],
    [{ action: 'cancel', filter: { group: ['a', 'b'] } }, '/filter/group'],
    [{ action: 'cancel', filter: { created_after: 5 } }, '/filter/created_after'],
    [{ action: 'cancel', filter: { due_before: 'soon' } }, '/filter/due_before'],
    [{ action: 'cancel', filter: { all: true }, change: {} }, '/change'],
    [{ action: 'update', filter: { all: true } }, '/change'],
    [{ action: 'update', filter: { all: true }, change: {} }, '/change'],
    [{ action: 'update', filter: { all: true }, change: { max_retries: -1 } }, '/change/max_retries'],
    [{ action: 'update', filter: { all: true }, change: { name: 'x' } }, '/change/name'],
    [{ action: 'cancel', filter: { all: true }, dry_run: 1 }, '/dry_run'],
    [{ action: 'cancel', filter: { all: true }, limit: 1 }, '/limit'],
    [[], ''],
    [null, ''],
  ];
  for (const [body, path] of refused) {
    const answer = await api.post<Problem>('/bulk', body as object);
    const found = problem(t, answer, 400, 'validation_failed', JSON.stringify(body));
    t.equal(found.errors?.[0]?.path, path, JSON.stringify(body));
    t.not(found.errors?.[0]?.message, 'is not valid', `${JSON.stringify(body)}: what would be`);
  }
  for (const id of ['bulk_99', 'bulk_0', 'bulk_01', '1', 'x', 'bulk_1e3'])
    for (const method of ['GET', 'DELETE'] as const)
      problem(t, await api.request(method, `/bulk/${id}`), 404, 'not_found', `${method} ${id}`);
  t.equal((await api.get<{ total: number }>('/bulk')).body.total, 4, 'nothing was accepted');
});
