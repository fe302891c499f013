/** GET /jobs: what is looked for beside status and type, and in which order. The rules are in test/store/state/finding. */
import t from 'tap';
import { Client, type Job, type JobList } from '../support/client.js';
import { startServer } from '../support/server.js';
import { hasOneShard, onlyOne } from '../support/shards.js';
import { problem } from './forms.js';

t.setTimeout(60_000);
const server = await startServer();
const api = new Client(server);
/** Over several shards the order of jobs of one second is not that of their making. */
const known = (found: string[]): string[] => (hasOneShard ? found : found.sort());
const ids = ({ items }: JobList): string[] => items.map(({ id }) => id);
const find = async (query: string): Promise<string[]> => {
  const list = await api.list(`?${query}`);
  t.equal(list.total, list.items.length, `${query}: the total`);
  return known(ids(list));
};

const make = (fields: object): Promise<Job> => api.create({ name: 'noop', delay: '1h', ...fields });
const [plain, red, both] = [
  await make({}),
  await make({ tags: ['red'], delay: '3h' }),
  await make({ tags: ['red', 'a/b:c'], delay: '2h', name: 'echo' }),
];
const repeating = await make({ is_repeat: true, delay: '4h' });
const of = (...jobs: Job[]): string[] => known(jobs.map(({ id }) => id));

t.test('by tags: all of them, with commas or given several times', async (t) => {
  t.same(await find('tag=red'), of(both, red));
  t.same(await find('tag=red,a/b:c'), of(both));
  t.same(await find('tag=red&tag=a%2Fb%3Ac'), of(both));
  t.same(await find('tag=red,none'), []);
  t.same(await find('tag=red&name=noop'), of(red));
});

t.test('by key, of finished jobs as well', async (t) => {
  const first = await make({ key: 'order-1', tags: ['keyed'] });
  t.same(await find('key=order-1'), of(first));
  await api.delete(`/jobs/${first.id}`);
  const second = await make({ key: 'order-1', tags: ['keyed'] });
  t.same(await find('key=order-1'), of(second, first));
  t.same(await find('key=order-1&status=pending'), of(second));
  t.same(await find('key=order-2'), []);
  for (const { id } of [first, second]) await api.delete(`/jobs/${id}`);
  for (const { id } of [first, second]) await api.post(`/jobs/${id}/remove`);
  t.same(await find('key=order-1'), []);
});

t.test(
  'several statuses, types and ids: any of them',
  onlyOne('within a second jobs go by their numbers'),
  async (t) => {
    t.same(await find('name=echo,noop'), of(repeating, both, red, plain));
    t.same(await find('status=pending,failed&name=echo'), of(both));
    t.same(await find(`id=${plain.id},${both.id},job_1_00000000,x`), of(both, plain));
    t.same(await find(`id=${Array.from({ length: 999 }, (_, i) => `job_1_${i}`)},${red.id}`), of(red));
  },
);

t.test('by kind, pause and outcome', async (t) => {
  t.same(await find('is_repeat=true'), of(repeating));
  t.same(await find('is_repeat=false&tag='), of(both, red, plain));
  await api.post(`/jobs/${red.id}/pause`);
  t.same(await find('paused=true'), of(red));
  t.same(await find('paused=false&tag=red'), of(both));
  await api.post(`/jobs/${red.id}/resume`);
  t.same(await find('paused=true'), []);
  t.same(await find('last_outcome=success'), []);
});

t.test('by when they were made and are due', onlyOne('within a second jobs go by their numbers'), async (t) => {
  const middle = encodeURIComponent(red.created_at);
  t.same(await find(`created_after=${middle}`), of(repeating, both, red));
  t.same(await find(`created_before=${middle}`), of(plain));
  t.same(await find(`due_after=${encodeURIComponent(both.trigger_at)}`), of(repeating, both, red));
  t.same(await find(`due_before=${encodeURIComponent(both.trigger_at)}&status=pending`), of(plain));
  const east = new Date(Date.parse(red.trigger_at) + 2 * 3_600_000).toISOString().replace('Z', '+02:00');
  t.same(await find(`due_after=${east}`), of(repeating, red), 'the plus of an offset may stand as it is');
});

t.test(
  'in order of due times, and either way round',
  onlyOne('within a second jobs go by their numbers'),
  async (t) => {
    t.same(await find('sort=due'), of(plain, both, red, repeating));
    t.same(await find('sort=due&order=desc'), of(repeating, red, both, plain));
    t.same(await find('order=asc'), of(plain, red, both, repeating));
    t.same(await find('sort=created&order=desc'), of(repeating, both, red, plain));
    t.same(ids(await api.list('?sort=due&offset=1&limit=2')), of(both, red));
  },
);

t.test('cursors lead through each order once', async (t) => {
  for (const query of ['sort=due', 'sort=due&order=desc', 'order=asc', 'due_after=2020-01-01T00:00:00Z']) {
    const seen: string[] = [];
    let page = await api.list(`?${query}&limit=3`);
    for (;;) {
      seen.push(...ids(page));
      t.equal(page.total, 4);
      if (page.next_cursor === undefined) break;
      page = await api.list(`?${query}&limit=3&cursor=${page.next_cursor}`);
    }
    t.same(seen, ids(await api.list(`?${query}`)), query);
    const { next_cursor } = await api.list(`?${query}&limit=3`);
    for (const other of ['', 'tag=red', 'sort=due&tag=red'])
      problem(t, await api.get(`/jobs?${other}&cursor=${next_cursor}`), 400, 'validation_failed', `for ${other}`);
  }
});

t.test('a text in payload, result or last error, case ignored', async (t) => {
  interface Found {
    readonly scanned: number;
    readonly items: readonly { readonly id: string }[];
    readonly next_cursor?: string;
  }
  const search = async (query: string): Promise<string[]> => {
    const { body } = await api.get<Found>(`/jobs?${query}`);
    t.notOk('total' in body);
    t.notOk(body.next_cursor, 'all were looked at');
    return body.items.map(({ id }) => id);
  };
  const told = await make({ payload: { note: 'Grüße "an" ALLE', n: 1 } });
  const failed = await api.create({ name: 'fail', delay: '0s', max_retries: 0, payload: { message: 'Lost Needle' } });
  await api.until(failed.id, 'failed');
  t.same(await search('q=gr%C3%BCsse'), []);
  t.same(await search(`q=${encodeURIComponent('grüße')}`), of(told));
  t.same(await search(`q=${encodeURIComponent('"AN" alle')}`), of(told), 'with quotation marks in it');
  t.same(await search('q=lost+needle'), of(failed));
  t.same(await search('q=needle&status=pending'), []);
  t.same(await search('q=needle&status=failed&due_after=2020-01-01T00:00:00Z'), of(failed));
  const first = (await api.get<Found>('/jobs?q=%7B&limit=2')).body;
  t.equal(first.items.length, 2);
  // Over several nodes each looks for so many.
  t.ok(hasOneShard ? first.scanned === 2 : first.scanned >= 2, `${first.scanned} were looked at`);
  const seen = first.items.map(({ id }) => id);
  for (let cursor = first.next_cursor; cursor !== undefined; ) {
    const { body } = await api.get<Found>(`/jobs?q=%7B&limit=2&cursor=${cursor}`);
    seen.push(...body.items.map(({ id }) => id));
    cursor = body.next_cursor;
  }
  t.same(seen, ids(await api.list()), 'a cursor leads through all');
  problem(t, await api.get(`/jobs?q=x&cursor=${first.next_cursor}`), 400, 'validation_failed', 'for another text');
  for (const query of ['q=x&sort=due', 'q=x&offset=1', `q=${'x'.repeat(257)}`, 'q=a&q=b'])
    problem(t, await api.get(`/jobs?${query}`), 400, 'validation_failed', query.slice(0, 30));
});

t.test('what is refused', async (t) => {
  const refused = [
    ...['tag=red,', 'tag=,', 'id=a,,b', 'name=a,', 'status=pending,', 'status=running,x'],
    ...[
      'paused=yes',
      'paused=1',
      'is_repeat=TRUE',
      'last_outcome=cancelled',
      'error_group=x',
      'error_group=ABCDEF012345',
    ],
    ...['created_after=1', 'created_before=2026-02-30T00:00:00Z', 'due_after=tomorrow', 'due_before=2026-01-01'],
    ...[
      'sort=name',
      'sort=due,created',
      'order=up',
      'sort=due&offset=10001',
      'due_after=2026-01-01T00:00:00Z&offset=1e9',
    ],
    ...['group=a&group=b', 'key=a&key=a', 'paused=true&paused=true', 'status=failed&status=failed'],
    `id=${Array.from({ length: 1001 }, (_, i) => i)}`,
  ];
  for (const query of refused) {
    const found = problem(t, await api.get(`/jobs?${query}`), 400, 'validation_failed', query.slice(0, 60));
    t.match(found.errors?.[0]?.path, /^query\./, query.slice(0, 60));
  }
});
