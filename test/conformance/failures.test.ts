/** GET /failures: failed jobs by type and message. What counts as one message is in test/store/state/finding. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';
import { problem } from './forms.js';

interface Failures {
  readonly total: number;
  readonly items: readonly {
    readonly name: string;
    readonly error_group: string;
    readonly message: string;
    readonly count: number;
    readonly job_id: string;
  }[];
  readonly next_cursor?: string;
}

t.setTimeout(60_000);
const server = await startServer();
const api = new Client(server);
const failures = async (query = ''): Promise<Failures> => (await api.get<Failures>(`/failures${query}`)).body;

t.test('none have failed yet', async (t) => t.same(await failures(), { total: 0, items: [] }));

t.test('by type and message, the most frequent first', async (t) => {
  const fail = async (message: string): Promise<string> => {
    const { id } = await api.create({ name: 'fail', delay: '0s', max_retries: 0, payload: { message } });
    await api.until(id, 'failed');
    return id;
  };
  for (const n of [1, 22, 333]) await fail(`order ${n} is not there`);
  const other = await fail('no such table');
  const { total, items } = await failures();
  t.equal(total, 2);
  t.match(items, [
    { name: 'fail', message: 'order # is not there', count: 3 },
    { name: 'fail', message: 'no such table', count: 1, job_id: other },
  ]);
  t.same((await api.list(`?error_group=${items[0]?.error_group}`)).total, 3);
  t.same(
    (await api.list(`?error_group=${items[1]?.error_group}`)).items.map(({ id }) => id),
    [other],
  );
  const first = await failures('?limit=1');
  t.same([first.items.length, first.total], [1, 2]);
  t.same((await failures(`?limit=1&cursor=${first.next_cursor}`)).items, items.slice(1));
  t.same(await failures('?name=noop'), { total: 0, items: [] });
  t.equal((await failures('?name=fail')).total, 2);
  await api.post(`/jobs/${other}/remove`);
  t.equal((await failures()).total, 1, 'what is removed counts no more');
});

t.test('what is refused', async (t) => {
  for (const query of ['limit=0', 'name=a&name=b', 'cursor=x', 'status=failed', 'offset=1'])
    problem(t, await api.get(`/failures?${query}`), 400, 'validation_failed', query);
  t.equal((await api.request('POST', '/failures', {})).status, 405);
});
