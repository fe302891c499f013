/** Groups, limits and rates of job types, as clients see them. */
import t, { type Test } from 'tap';
import { Client, eventually } from '../support/client.js';
import { startServer } from '../support/server.js';
import { testedNodes } from '../support/tested-nodes.js';
import { problem } from './forms.js';

const handlers = {
  held: `
    export const options = { timeout: '1h' };
    export default (_payload, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve));`,
  paced: `
    export const options = { rate: '1/24h', group_concurrency: 3, concurrency: 5 };
    export default () => {};`,
};

t.setTimeout(180_000);

interface Shown {
  readonly concurrency: number | null;
  readonly group_concurrency: number | null;
  readonly rate: string | null;
  readonly handler: object | null;
  readonly counts: object;
  readonly recent: Record<string, number | null>;
}

const server = await startServer({ handlers });
const api = new Client(server);

const put = (name: string, body: object) => api.put<Shown>(`/job-types/${name}`, body);
const waitsFor = async (id: string): Promise<string | undefined> =>
  (await api.get<{ waiting_for?: string }>(`/jobs/${id}`)).body.waiting_for;

/**
 * Of several limits that hold, the last of these. A node hears of what others have with its next look at the places, and tells of any of
 * them.
 */
async function isToWaitFor(t: Test, id: string, ...limits: readonly string[]): Promise<void> {
  if (testedNodes === undefined) return void t.equal(await waitsFor(id), limits.at(-1));
  await eventually(async () => limits.includes(String(await waitsFor(id))), `it waits for none of ${limits}`);
  t.ok(limits.includes(String(await waitsFor(id))), `${limits}`);
}

t.test('what a handler says is shown, and what is set in its place', async (t) => {
  const { body } = await api.get<Shown>('/job-types/paced');
  t.match(body, { concurrency: 5, group_concurrency: 3, rate: '1/24h' });
  t.same(body.handler, { concurrency: 5, group_concurrency: 3, rate: '1/24h' });
  const set = await put('paced', { concurrency: 7, rate: '100/1m' });
  t.match(set, { status: 200, body: { concurrency: 7, group_concurrency: 3, rate: '100/1m' } });
  t.same(set.body.handler, body.handler);
  t.match((await put('paced', { rate: null, paused: true, pause_reason: 'why' })).body, {
    concurrency: 7,
    rate: '1/24h',
    paused: true,
    pause_reason: 'why',
  });
  const back = (await put('paced', { concurrency: null, paused: false })).body;
  t.same({ ...back, recent: 0 }, { ...body, recent: 0 });
});

t.test('what cannot be set is refused, with what can', async (t) => {
  const faults = async (body: object): Promise<unknown> =>
    (await api.put<{ errors: unknown }>('/job-types/held', body)).body.errors;
  const limit = 'must be a whole number from 1 to 100000, or null: as the handler says';
  t.match(await faults({}), [{ path: '', message: 'must have at least one field to change' }]);
  t.match(await faults({ concurrency: 0, group_concurrency: 100_001 }), [
    { path: '/concurrency', message: limit },
    { path: '/group_concurrency', message: limit },
  ]);
  for (const rate of ['100', '0/1m', '1/99ms', '1/25h', 5])
    t.match(await faults({ rate }), [{ path: '/rate', message: /such as "100\/1m"/ }], String(rate));
  t.match(await faults({ pause_reason: 'why' }), [
    { path: '/pause_reason', message: /only for a type that is paused/ },
  ]);
  t.match(await faults({ paused: false, pause_reason: 'why' }), [{ path: '/pause_reason' }]);
  t.match(await faults({ rates: '1/1s' }), [{ path: '/rates', message: /did you mean rate/ }]);
  problem(t, await put('nope', { concurrency: 1 }), 404, 'not_found');
});

t.test('a job says which limit keeps it waiting, and groups are counted', async (t) => {
  const job = (group?: string) => api.create({ name: 'held', delay: '0s', ...(group !== undefined && { group }) });
  await put('held', { group_concurrency: 1 });
  const first = await job('acme');
  await api.until(first.id, 'running');
  const second = await job('acme');
  await isToWaitFor(t, second.id, 'group_concurrency');
  const other = await job();
  await api.until(other.id, 'running');
  // Those without a group are together one.
  await isToWaitFor(t, (await job()).id, 'group_concurrency');
  await put('held', { concurrency: 2 });
  await isToWaitFor(t, second.id, 'group_concurrency', 'type_concurrency');
  await put('held', { rate: '1/24h' });
  await isToWaitFor(t, second.id, 'group_concurrency', 'type_concurrency', 'rate');
  await api.create({ name: 'held', delay: '1h', group: 'acme' });
  await api.create({ name: 'held', delay: '1h', group: 'beta' });
  const groups = await api.get('/groups?name=held');
  t.same(groups.body, {
    total: 2,
    items: [
      { group: 'acme', pending: 2, due: 1, running: 1 },
      { group: 'beta', pending: 1, due: 0, running: 0 },
    ],
  });
  const page = await api.get<{ next_cursor: string }>('/groups?name=held&limit=1');
  t.match(page.body, { total: 2, items: [{ group: 'acme' }] });
  t.match((await api.get(`/groups?name=held&limit=1&cursor=${page.body.next_cursor}`)).body, {
    items: [{ group: 'beta' }],
  });
  t.same((await api.get('/groups?name=paced')).body, { total: 0, items: [] });
  for (const query of ['', '?name=', '?name=a%20b', '?name=held&limit=0', '?name=held&cursor=x', '?name=held&x=1'])
    problem(t, await api.get(`/groups${query}`), 400, 'validation_failed', query);
  const { counts, recent } = (await api.get<Shown>('/job-types/held')).body;
  t.same(counts, { pending: 4, due: 2, running: 2 });
  t.match(recent, {
    span: '1m0s',
    started: 2,
    succeeded: 0,
    failed: 0,
    lateness_p99_ms: Number,
    duration_p99_ms: null,
  });
  await put('held', { rate: null, concurrency: null, group_concurrency: null });
  await api.until(second.id, 'running');
});

t.test('a job may have another group, or none', async (t) => {
  const { id } = await api.create({ name: 'held', delay: '1h', group: 'one' });
  t.match((await api.put(`/jobs/${id}`, { group: 'two' })).body, { group: 'two' });
  t.notOk('group' in (await api.put<object>(`/jobs/${id}`, { group: null })).body);
  problem(t, await api.put(`/jobs/${id}`, { group: 'a b' }), 400, 'validation_failed');
});

t.test('limits are there after a restart', async (t) => {
  await put('held', { concurrency: 9, rate: '3/1m' });
  await server.restart();
  t.match((await api.get('/job-types/held')).body, { concurrency: 9, rate: '3/1m' });
});

t.test('a rate holds over kill -9', async (t) => {
  await put('noop', { rate: '4/1s' });
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) ids.push((await api.create({ name: 'noop', delay: '0s', payload: {} })).id);
  for (const id of [ids[3], ids[7]] as string[]) {
    await api.until(id, 'success');
    await server.kill('SIGKILL');
    await server.restart();
  }
  for (const id of ids) await api.until(id, 'success');
  const jobs = await Promise.all(ids.map((id) => api.job(id)));
  const starts = jobs.map(({ started_at }) => Date.parse(started_at as string)).sort((a, b) => a - b);
  for (const [i, at] of starts.entries()) {
    const before = starts[i - 4];
    if (before !== undefined) t.ok(at - before >= 1000, `start ${i} is ${at - before} ms after the fourth before it`);
  }
});
