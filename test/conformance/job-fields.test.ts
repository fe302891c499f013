/** Fields that a job may be without: priority, tags, expiry, the shape of retries, bounds and jitter; by request, by handler, by update. */
import t from 'tap';
import { Client, type Job, type Problem } from '../support/client.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at } from './forms.js';

t.setTimeout(90_000);

const handlers = {
  serial: `export const options = { concurrency: 1 };
    export default ({ ms = 0 }) => new Promise((done) => setTimeout(done, ms));`,
  preset: `
    export const options = { priority: 7, retry_jitter: 0.25, max_retry_delay: '1h', expires_after: '2h' };
    export default () => {};`,
  held: `export const options = { concurrency: 1 };
    export default (_, { signal }) => new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason)));`,
};
const server = await startServer({ handlers, args: ['--grace', '0s', '--timezone', 'Asia/Shanghai'] });
const api = new Client(server);
const feed = await Subscriber.to(server);

type More = Job & Record<string, unknown>;
const create = (body: object): Promise<More> => api.create({ delay: '1h', ...body } as never) as Promise<More>;
const show = (id: string): Promise<More> => api.job(id) as Promise<More>;
const faultsOf = async (body: object): Promise<Problem['errors']> => {
  const { status, body: problem } = await api.post<Problem>('/jobs', { name: 'noop', delay: '1h', ...body });
  t.equal(status, 400, JSON.stringify(body));
  return problem.errors;
};

const all = {
  priority: -3,
  tags: ['a', 'b/c:1@x.y-z_'],
  expires_after: '1h30m',
  max_retry_delay: '2h',
  retry_jitter: 0.5,
  max_runs: 3,
  jitter: '10s',
};
const bounds = { start_at: '2090-01-01T00:00:00+08:00', end_at: '2091-01-01T00:00:00+08:00' };
const shown = { ...all, ...bounds, expires_after: '1h30m0s', max_retry_delay: '2h0m0s' };

t.test('what is given is shown, alone and in lists, and nothing else is', async (t) => {
  const job = await create({ name: 'noop', is_repeat: true, ...all, ...bounds });
  t.match(job, { ...shown, run_count: 0 });
  t.equal(at(job.trigger_at) - at(bounds.start_at) < 10_000, true, 'the grid begins at start_at, but for the jitter');
  t.match(await show(job.id), shown);
  t.match((await api.list('?limit=1')).items[0], shown);
  const plain = await create({ name: 'noop' });
  for (const field of Object.keys(shown)) t.notOk(field in plain, field);
});

t.test('a handler gives what the request does not', async (t) => {
  const job = await create({ name: 'preset' });
  t.match(job, { priority: 7, retry_jitter: 0.25, max_retry_delay: '1h0m0s', expires_after: '2h0m0s' });
  t.match(await create({ name: 'preset', priority: 0 }), { priority: 0 });
  const { body } = await api.get<{ items: { name: string }[] }>('/job-types');
  t.match(
    body.items.find(({ name }) => name === 'preset'),
    { priority: 7, retry_jitter: 0.25, max_retry_delay: '1h0m0s', expires_after: '2h0m0s' },
  );
});

t.test('an update changes them, and null takes one away', async (t) => {
  const { id } = await create({ name: 'noop', is_repeat: true, ...all, ...bounds });
  const put = async (body: object): Promise<More> => {
    const answer = await api.put<More>(`/jobs/${id}`, body);
    t.equal(answer.status, 200, answer.text);
    return answer.body;
  };
  t.match(await put({ priority: 9, tags: ['c'], max_runs: 5 }), { ...shown, priority: 9, tags: ['c'], max_runs: 5 });
  const without = await put(Object.fromEntries(Object.keys(shown).map((field) => [field, null])));
  for (const field of Object.keys(shown)) t.notOk(field in without, field);
  t.match(await put({ tags: [] }), { id });
});

t.test('what cannot be is refused with its place', async (t) => {
  const future = { is_repeat: true };
  t.match(await faultsOf({ priority: 101 }), [
    { path: '/priority', message: 'must be a whole number from -100 to 100' },
  ]);
  t.match(await faultsOf({ priority: 1.5 }), [{ path: '/priority' }]);
  t.match(await faultsOf({ priority: null }), [{ path: '/priority' }]);
  t.match(await faultsOf({ tags: 'a' }), [{ path: '/tags' }]);
  t.match(await faultsOf({ tags: ['a', 'a'] }), [{ path: '/tags', message: /different/ }]);
  t.match(await faultsOf({ tags: ['ok', 'no spaces'] }), [{ path: '/tags/1', message: /different strings/ }]);
  t.match(await faultsOf({ tags: Array.from({ length: 17 }, (_, i) => `t${i}`) }), [{ path: '/tags' }]);
  t.match(await faultsOf({ expires_after: '0s' }), [{ path: '/expires_after', message: 'must be longer than 0' }]);
  t.match(await faultsOf({ expires_after: '5' }), [{ path: '/expires_after', message: /unit/ }]);
  t.match(await faultsOf({ retry_jitter: 1.1 }), [{ path: '/retry_jitter', message: 'must be a number from 0 to 1' }]);
  t.match(await faultsOf({ ...future, max_runs: 0 }), [{ path: '/max_runs' }]);
  t.match(await faultsOf({ ...future, start_at: '2026-02-30T00:00:00Z' }), [{ path: '/start_at' }]);
  for (const [field, value] of Object.entries({ ...bounds, max_runs: 1, jitter: '1s', overlap: 'queue' }))
    t.match(await faultsOf({ [field]: value }), [{ path: `/${field}`, message: /only for jobs that repeat/ }]);
  const backwards = { start_at: bounds.end_at, end_at: bounds.start_at };
  t.match(await faultsOf({ ...future, ...backwards }), [{ path: '/end_at', message: 'must not be before start_at' }]);
  t.match(await faultsOf({ ...future, end_at: '2020-01-01T00:00:00Z' }), [{ path: '/end_at', message: /no slot/ }]);
  const { status, body } = await api.post<Problem>('/jobs/batch', [
    { name: 'noop', delay: '1h' },
    { name: 'noop', delay: '1h', is_repeat: true, end_at: '2020-01-01T00:00:00Z' },
  ]);
  t.equal(status, 400);
  t.match(body.errors, [{ path: '/1/end_at' }]);
});

t.test('an update that leaves nothing to run for is refused', async (t) => {
  const { id } = await create({ name: 'noop', is_repeat: true });
  const refused = async (of: string, body: object): Promise<Problem['errors']> => {
    const answer = await api.put<Problem>(`/jobs/${of}`, body);
    t.equal(answer.status, 400, JSON.stringify(body));
    return answer.body.errors;
  };
  t.match(await refused(id, { end_at: '2020-01-01T00:00:00Z' }), [{ path: '/end_at', message: /no slot/ }]);
  const in2h = new Date(Date.now() + 7_200_000).toISOString();
  t.equal((await api.put(`/jobs/${id}`, { end_at: in2h })).status, 200);
  t.match(await refused(id, { trigger_at: '2099-01-01T00:00:00Z' }), [{ path: '/trigger_at', message: /past end_at/ }]);
  t.match(await refused(id, { delay: '5h' }), [{ path: '/delay' }]);
  const single = await create({ name: 'noop' });
  t.match(await refused(single.id, { max_runs: 2 }), [{ path: '/max_runs', message: /runs once/ }]);
});

t.test('after its last run a repeating job is a success', async (t) => {
  const { id } = await create({ name: 'noop', delay: '20ms', is_repeat: true, max_runs: 3 });
  const job = (await api.until(id, 'success')) as More;
  t.match(job, { run_count: 3, max_runs: 3, last_outcome: 'success' });
  await feed.event(id, 'job.completed', 3);
  t.equal(feed.types(id).filter((type) => type === 'job.started').length, 3);
});

t.test('or has failed, and a manual retry runs once more', async (t) => {
  const end_at = new Date(Date.now() + 300).toISOString();
  const { id } = await create({ name: 'fail', delay: '50ms', is_repeat: true, end_at, max_retries: 0 });
  const job = (await api.until(id, 'failed')) as More;
  t.match(job, { last_outcome: 'failed' });
  t.ok(at(job.trigger_at) <= at(end_at));
  const runs = job.run_count;
  t.equal((await api.post(`/jobs/${id}/retry`)).status, 200);
  await feed.event(id, 'job.started', Number(runs) + 1);
  t.match(await api.until(id, 'failed'), { run_count: runs });
});

t.test('a job that waits for too long has failed and never starts', async (t) => {
  const holder = await create({ name: 'held', delay: '0s', timeout: '1h' });
  await api.until(holder.id, 'running');
  const { id } = await create({ name: 'held', delay: '0s', expires_after: '300ms' });
  const job = await api.until(id, 'failed');
  t.match(job.last_error, { code: 'expired', message: /more than 300ms after it was due/ });
  t.notOk(job.started_at);
  t.match(await feed.event(id, 'job.failed'), { metadata: { final: true, retry_count: 0 } });
  const late = at(String(job.finished_at)) - at(job.trigger_at) - 300;
  t.ok(late > 0 && late < 20_000, `${late} ms`);
  t.equal((await api.post(`/jobs/${id}/retry`)).status, 200, 'a retry counts anew');
  await api.until(id, 'failed');
  await api.delete(`/jobs/${holder.id}`);
});

t.test('of jobs that wait the larger priority starts first, also after kill -9', async (t) => {
  const hold = await create({ name: 'serial', delay: '0s', payload: { ms: 60_000 } });
  await api.until(hold.id, 'running');
  const ids: string[] = [];
  for (const priority of [undefined, -1, 5, 5, 100, -100]) {
    const payload = { ms: 5 };
    const job = await create({ name: 'serial', delay: '0s', payload, ...(priority !== undefined && { priority }) });
    ids.push(job.id);
  }
  await api.delete(`/jobs/${hold.id}`);
  // By the clock: they may be jobs of several shards, each of which numbers its events.
  const started: { n: number; at: number }[] = [];
  for (const [n, id] of ids.entries())
    started.push({ n, at: at(String((await feed.event(id, 'job.started')).timestamp)) });
  started.sort((a, b) => a.at - b.at);
  t.same(
    started.map(({ n }) => n),
    [4, 2, 3, 0, 1, 5],
  );
  const far = await create({ name: 'noop', is_repeat: true, ...all, ...bounds });
  const expiring = await create({ name: 'noop', delay: '1h', expires_after: '1s', priority: 4 });
  await server.kill('SIGKILL');
  await server.restart();
  t.match(await show(far.id), shown);
  t.match(await show(expiring.id), { priority: 4, expires_after: '1s', status: 'pending' });
});
