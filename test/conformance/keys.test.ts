/** One job per key, as clients see it: over HTTP, in batches, by the client and the command line, and over kill -9. */
import t from 'tap';
import { Escapement, EscapementError } from '../../src/client/client.js';
import { Client, type Job } from '../support/client.js';
import { runCli, startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { never, problem } from './forms.js';

t.setTimeout(180_000);

interface Keyed extends Job {
  key?: string;
  key_ttl?: string;
  waiting_for?: string;
}
interface Conflict {
  code: string;
  detail: string;
  job_id?: string;
  errors?: { path: string; message: string }[];
}

const server = await startServer({ args: ['--timezone', 'UTC'] });
const api = new Client(server);
const later = { name: 'noop', delay: never };

t.test('a key that is taken is a 409 that names the job', async (t) => {
  const made = await api.post<Keyed>('/jobs', { ...later, key: 'order-1', key_ttl: '1h' });
  t.equal(made.status, 201);
  t.match(made.body, { key: 'order-1', key_ttl: '1h0m0s' });
  const refused = await api.post<Conflict>('/jobs', { ...later, key: 'order-1' });
  t.equal(refused.status, 409);
  t.match(refused.body, { code: 'conflict', job_id: made.body.id, detail: new RegExp(made.body.id) });
  t.match(await api.get<Keyed>(`/jobs/${made.body.id}`), { body: { key: 'order-1' } });
  t.equal((await api.post<Keyed>('/jobs', { name: 'echo', delay: never, key: 'order-1' })).status, 201);
});

t.test('"return" answers 200 with its place, and changes nothing', async (t) => {
  const first = await api.post<Keyed>('/jobs', { ...later, key: 'return' });
  const again = await api.post<Keyed>('/jobs', { ...later, payload: { n: 2 }, key: 'return', if_exists: 'return' });
  t.equal(again.status, 200);
  t.equal(again.headers.location, `/api/v1/jobs/${first.body.id}`);
  t.match(again.body, { id: first.body.id, updated_at: first.body.updated_at });
  t.notOk('payload' in again.body);
  t.match((await api.job(first.body.id)).payload, {});
});

t.test('"replace" gives a pending job what the request says, and tells of it', async (t) => {
  const feed = await Subscriber.to(server);
  const first = await api.post<Keyed>('/jobs', { ...later, key: 'replace', priority: 7, payload: { n: 1 } });
  const { id } = first.body;
  const again = await api.post<Keyed>('/jobs', {
    name: 'noop',
    delay: '2h',
    payload: { n: 2 },
    key: 'replace',
    if_exists: 'replace',
  });
  t.equal(again.status, 200);
  t.match(again.body, { id, next_run_in: '2h0m0s', created_at: first.body.created_at });
  t.notOk('priority' in again.body, 'defaults where it is silent');
  t.match(await feed.event(id, 'job.updated'), { status: 0, metadata: { is_repeat: false } });
  t.match((await api.job(id)).payload, { n: 2 });
  await feed.close();
});

t.test('beside a single job that runs a new one is made, and waits for its end', async (t) => {
  const first = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 60_000 }, key: 'run' });
  await api.until(first.id, 'running');
  const second = await api.post<Keyed>('/jobs', {
    name: 'sleep',
    delay: '0s',
    payload: { ms: 1 },
    key: 'run',
    if_exists: 'replace',
  });
  t.equal(second.status, 201);
  t.not(second.body.id, first.id);
  const other = await api.create({ name: 'echo', delay: '0s' });
  await api.until(other.id, 'success');
  t.match(await api.job(second.body.id), { status: 'pending', waiting_for: 'previous_run' });
  t.equal((await api.post(`/jobs/${first.id}/cancel`)).status, 200);
  await api.until(second.body.id, 'success');
});

t.test('in a batch each sees those before it', async (t) => {
  const refused = await api.post<Conflict>('/jobs/batch', [
    { ...later, key: 'batch' },
    { ...later, key: 'batch' },
  ]);
  t.equal(refused.status, 409);
  t.match(refused.body, { code: 'conflict', errors: [{ path: '/1/key' }] });
  const taken = await api.post<Keyed>('/jobs', { ...later, key: 'batch' });
  t.equal(taken.status, 201, 'nothing was made');
  const whole = await api.post<Conflict>('/jobs/batch', [later, { ...later, key: 'batch' }]);
  t.match(whole, { status: 409, body: { job_id: taken.body.id, errors: [{ path: '/1/key' }] } });
  const list = [
    { ...later, key: 'batch', if_exists: 'return' },
    { ...later, key: 'batch-2' },
  ];
  const made = await api.post<{ items: Keyed[] }>('/jobs/batch', list);
  t.equal(made.status, 201);
  t.match(made.body.items, [{ id: taken.body.id }, { key: 'batch-2' }]);
});

t.test('in a lenient batch each item has its own status', async (t) => {
  const first = await api.post<Keyed>('/jobs', { ...later, key: 'lenient' });
  const items = [
    { ...later, key: 'lenient' },
    { ...later, key: 'lenient', if_exists: 'replace' },
    { ...later, key: 'lenient-2', if_exists: 'replace' },
  ];
  const { body } = await api.post<{ items: { status: number; job?: Keyed; problem?: Conflict }[] }>(
    '/jobs/batch',
    items,
    { Prefer: 'handling=lenient' },
  );
  t.match(body.items, [
    { status: 409, problem: { code: 'conflict', job_id: first.body.id } },
    { status: 200, job: { id: first.body.id } },
    { status: 201, job: { key: 'lenient-2' } },
  ]);
});

t.test('what is no key, and what goes only with one', async (t) => {
  const cases: [body: object, path: string, message: RegExp][] = [
    [{ key: '' }, '/key', /1 to 255 visible ASCII/],
    [{ key: 'a b' }, '/key', /1 to 255 visible ASCII/],
    [{ key: 'ü' }, '/key', /1 to 255 visible ASCII/],
    [{ key: 'k'.repeat(256) }, '/key', /1 to 255 visible ASCII/],
    [{ key: 7 }, '/key', /1 to 255 visible ASCII/],
    [{ key: null }, '/key', /1 to 255 visible ASCII/],
    [{ if_exists: 'return' }, '/if_exists', /only allowed with key/],
    [{ key_ttl: '1h' }, '/key_ttl', /only allowed with key/],
    [{ key: 'k', if_exists: 'merge' }, '/if_exists', /"reject", "return" or "replace"/],
    [{ key: 'k', key_ttl: '31d' }, '/key_ttl', /not be longer than 720h0m0s/],
    [{ key: 'k', key_ttl: 5 }, '/key_ttl', /a string such as/],
    [{ key: 'k', key_ttl: 'soon' }, '/key_ttl', /./],
  ];
  for (const [body, path, message] of cases) {
    const { errors } = problem(t, await api.post('/jobs', { ...later, ...body }), 400, 'validation_failed');
    t.match(errors, [{ path, message }], JSON.stringify(body));
  }
  const { id } = await api.create({ ...later, key: 'k'.repeat(255), key_ttl: '30d' });
  for (const field of ['key', 'if_exists', 'key_ttl'])
    problem(t, await api.put(`/jobs/${id}`, { [field]: 'x' }), 400, 'validation_failed');
});

t.test('a retry needs the key', async (t) => {
  const first = await api.create({ name: 'fail', delay: '0s', max_retries: 0, key: 'retry' });
  await api.until(first.id, 'failed');
  const second = await api.create({ name: 'fail', delay: never, key: 'retry' });
  const refused = await api.post<Conflict>(`/jobs/${first.id}/retry`);
  t.match(refused, { status: 409, body: { code: 'conflict', job_id: second.id } });
});

t.test('the client and the command line know keys', async (t) => {
  const client = new Escapement({ url: server.url });
  const first = await client.jobs.create({ name: 'noop', delay: never, key: 'client', key_ttl: 60_000 });
  t.match(first, { key: 'client', key_ttl: '1m0s' });
  const error = await client.jobs.create({ name: 'noop', delay: never, key: 'client' }).catch((thrown) => thrown);
  t.ok(error instanceof EscapementError);
  t.match(error, { code: 'conflict', status: 409, jobId: first.id });
  const again = await client.jobs.create({ name: 'noop', delay: never, key: 'client', if_exists: 'return' });
  t.equal(again.id, first.id);
  const url = ['--url', server.url];
  const added = await runCli(['jobs', 'add', 'noop', '--delay', never, '--key', 'client', ...url]);
  t.equal(added.code, 1);
  t.match(added.stderr, first.id);
  const replaced = await runCli([
    'jobs',
    'add',
    'noop',
    '--delay',
    never,
    '--key',
    'client',
    '--if-exists',
    'replace',
    '--key-ttl',
    '2m',
    ...url,
  ]);
  t.equal(replaced.code, 0);
  t.match(replaced.stdout, first.id);
  t.match(replaced.stdout, 'key client');
  t.match(await client.jobs.get(first.id), { key_ttl: '2m0s' });
});

t.test('keys survive kill -9', async (t) => {
  const one = await startServer({ args: ['--timezone', 'UTC'] });
  const before = new Client(one);
  const pending = await before.create({ ...later, key: 'pending' });
  const running = await before.create({ name: 'sleep', delay: '0s', payload: { ms: 60_000 }, key: 'running' });
  await before.until(running.id, 'running');
  const next = await before.post<Keyed>('/jobs', { ...later, name: 'sleep', key: 'running', if_exists: 'replace' });
  t.equal(next.status, 201);
  await one.kill();
  const two = await startServer({ dataDir: one.dataDir, args: ['--timezone', 'UTC'] });
  const after = new Client(two);
  t.match(await after.post('/jobs', { ...later, key: 'pending' }), { status: 409, body: { job_id: pending.id } });
  await after.until(running.id, 'cancelled');
  t.match(await after.post('/jobs', { ...later, name: 'sleep', key: 'running' }), {
    status: 409,
    body: { job_id: next.body.id },
  });
  await two.stop();
});

t.test('the server stops', async () => {
  await server.stop();
});
