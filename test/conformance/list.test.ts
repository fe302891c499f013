/** GET /jobs: filters, totals, order, both ways of paging. */
import t from 'tap';
import '../support/snapshots.js';
import { Client, type Job, type JobList } from '../support/client.js';
import { normalise } from '../support/normalise.js';
import { startServer } from '../support/server.js';
import { hasOneShard, onlyOne } from '../support/shards.js';
import { jobsInEveryStatus, problem } from './forms.js';

t.setTimeout(60_000);
const server = await startServer();
const api = new Client(server);
const ids = ({ items }: JobList) => items.map(({ id }) => id);

/** 150 waiting jobs of two types, oldest first, made before anything else. */
const made: Job[] = [];
for (let i = 0; i < 150; i++)
  made.push(await api.create({ name: i % 3 === 0 ? 'echo' : 'noop', delay: '1h', payload: { i } }));
/** Within a second they go by their numbers, which is as they were made where there is one shard. */
const newestFirst = hasOneShard
  ? made.map(({ id }) => id).reverse()
  : [...ids(await api.list('?limit=100')), ...ids(await api.list('?limit=100&offset=100'))];

t.test('fifty jobs by default, newest first, with the total of all', async (t) => {
  const page = await api.list();
  t.equal(page.total, 150);
  t.same(ids(page), newestFirst.slice(0, 50));
  for (const item of page.items) t.notOk('payload' in item);
});

t.test('limit is 1 to 100, and larger is cut to 100', async (t) => {
  t.same(ids(await api.list('?limit=1')), newestFirst.slice(0, 1));
  t.same(ids(await api.list('?limit=100')), newestFirst.slice(0, 100));
  t.same(ids(await api.list('?limit=101')), newestFirst.slice(0, 100));
  t.same(ids(await api.list('?limit=1e9')), newestFirst.slice(0, 100));
});

t.test('offset skips, also beyond the end', onlyOne('an offset beyond 10,000'), async (t) => {
  t.same(ids(await api.list('?limit=20&offset=0')), newestFirst.slice(0, 20));
  t.same(ids(await api.list('?limit=20&offset=70')), newestFirst.slice(70, 90));
  t.same(ids(await api.list('?limit=20&offset=140')), newestFirst.slice(140));
  t.match(await api.list('?limit=20&offset=150'), { total: 150, items: [] });
  t.match(await api.list('?limit=20&offset=1000000'), { total: 150, items: [] });
});

t.test('name filters by type, and an unknown one is an empty list', async (t) => {
  const echo = await api.list('?name=echo&limit=100');
  t.equal(echo.total, 50);
  t.same(
    ids(echo),
    newestFirst.filter((id) => made.find((job) => job.id === id)!.name === 'echo'),
  );
  t.equal((await api.list('?name=noop')).total, 100);
  for (const name of ['nobody', 'constructor', '__proto__', '../x', '%E4%B8%96'])
    t.same(await api.list(`?name=${name}`), { total: 0, items: [] }, name);
});

t.test('an empty parameter counts as absent', async (t) => {
  t.same(ids(await api.list('?status=&name=&limit=&offset=&cursor=')), newestFirst.slice(0, 50));
  t.equal((await api.list('?')).total, 150);
});

t.test('names and values may be percent-encoded', async (t) => {
  t.equal((await api.list('?n%61me=ech%6F')).total, 50);
});

t.test('status filters, alone and together with name', async (t) => {
  const jobs = await jobsInEveryStatus(api);
  t.equal((await api.list('?status=pending')).total, 151);
  t.same(ids(await api.list('?status=running')), [jobs.running.id]);
  t.same(ids(await api.list('?status=success')), [jobs.success.id]);
  t.same(ids(await api.list('?status=failed')), [jobs.failed.id]);
  t.same(ids(await api.list('?status=cancelled')), [jobs.cancelled.id]);
  t.equal((await api.list('?status=pending&name=echo')).total, 50);
  t.same(await api.list('?status=failed&name=echo'), { total: 0, items: [] });
  t.equal((await api.list()).total, 155);
  t.matchSnapshot(normalise(await api.list('?status=success')));

  await api.delete(`/jobs/${jobs.running.id}`);
  t.equal((await api.list('?status=running')).total, 0, 'a change is seen at once');
  t.equal((await api.list('?status=cancelled')).total, 2);
});

t.test('a cursor pages through everything once', async (t) => {
  const seen: string[] = [];
  let page = await api.list('?name=noop&status=pending&limit=30');
  for (;;) {
    t.equal(page.total, 101);
    seen.push(...ids(page));
    if (page.next_cursor === undefined) break;
    t.ok(page.items.length === 30, 'only the last page is short');
    page = await api.list(`?name=noop&status=pending&limit=30&cursor=${encodeURIComponent(page.next_cursor)}`);
  }
  t.equal(seen.length, 101);
  if (hasOneShard)
    t.notOk(
      made.some(({ id }) => id === seen[0]),
      'the one that was made since is the first',
    );
  t.same(
    seen.filter((id) => made.some((job) => job.id === id)),
    newestFirst.filter((id) => made.find((job) => job.id === id)!.name === 'noop'),
  );
});

t.test('a list that is complete has no next_cursor', async (t) => {
  t.notOk('next_cursor' in (await api.list('?name=echo&limit=50')));
  t.ok('next_cursor' in (await api.list('?name=echo&limit=49')));
  t.notOk('next_cursor' in (await api.list('?name=nobody')));
});

t.test('a cursor does not shift when jobs come and go', async (t) => {
  const first = await api.list('?name=echo&status=pending&limit=10');
  await Promise.all(Array.from({ length: 7 }, () => api.create({ name: 'echo', delay: '1h' })));
  await api.delete(`/jobs/${first.items[3]!.id}`);
  const second = await api.list(`?name=echo&status=pending&limit=10&cursor=${encodeURIComponent(first.next_cursor!)}`);
  const echo = newestFirst.filter((id) => made.find((job) => job.id === id)!.name === 'echo');
  t.same(ids(second), echo.slice(10, 20));
});

t.test('parameters that are refused', async (t) => {
  const bad = [
    ...['limit=0', 'limit=-1', 'limit=1.5', 'limit=abc', 'limit=0x10', 'limit=+5', 'limit=%205', 'limit=NaN'],
    ...['offset=-1', 'offset=abc', 'offset=1.5', 'offset=9007199254740992', 'offset=99999999999999999999'],
    ...[
      'status=foo',
      'status=PENDING',
      'status=completed',
      'status=pending,',
      'status=pending,x',
      'status=constructor',
    ],
    ...['status=pending&status=running', 'limit=5&limit=5', 'name=a&name=b', 'offset=1&offset=2'],
    ...['cursor=x', 'cursor=AAAAAAAAAAAA', 'cursor=%00', `cursor=${'A'.repeat(300)}`, 'cursor=-1', 'cursor=1'],
    ...['bogus=1', 'page=2', 'Limit=5', '__proto__=1'],
  ];
  for (const query of bad) problem(t, await api.get(`/jobs?${query}`), 400, 'validation_failed', query.slice(0, 50));
  const several = problem(t, await api.get('/jobs?limit=0&offset=-1&status=foo&bogus=1'), 400, 'validation_failed');
  for (const field of ['limit', 'offset', 'status', 'bogus'])
    t.ok(JSON.stringify(several.errors).includes(field), `${field} is named`);
});

t.test('a cursor that was changed is refused', async (t) => {
  const { next_cursor: cursor } = await api.list('?limit=1');
  const changed = cursor!.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
  problem(t, await api.get(`/jobs?limit=1&cursor=${encodeURIComponent(changed)}`), 400, 'validation_failed');
  problem(
    t,
    await api.get(`/jobs?limit=1&cursor=${encodeURIComponent(`${cursor}${cursor}`)}`),
    400,
    'validation_failed',
  );
});
