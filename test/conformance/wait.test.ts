/** `Prefer: wait`: the answer comes when the job has ended. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer, temporary } from '../support/server.js';
import { onlyAlone } from '../support/shards.js';

t.setTimeout(180_000);

const server = await startServer();
const api = new Client(server);
const prefer = (wait: string): Record<string, string> => ({ prefer: `wait=${wait}` });

/** Jobs of `until` end when the test makes their file. */
function untilFile(): { file: string; release: () => void } {
  const file = join(temporary('until'), 'end');
  return { file, release: () => writeFileSync(file, '') };
}

t.test('a job that is made: 201 with Location, and the job as it has ended', async (t) => {
  const made = { name: 'echo', delay: '0s', payload: { a: 1 } };
  const { status, headers, body } = await api.post('/jobs', made, prefer('30'));
  t.equal(status, 201);
  t.match(headers, { location: /^\/api\/v1\/jobs\/job_/, 'preference-applied': 'wait=30' });
  t.match(body, { status: 'success', result: { a: 1 }, payload: { a: 1 } });
  const failing = { name: 'fail', delay: '0s', max_retries: 1, retry_delay: '10ms' };
  t.match(
    (await api.post('/jobs', failing, prefer('30'))).body,
    { status: 'failed', retry_count: 1 },
    'not before its last retry',
  );
});

t.test('one that is shown or retried, and one that has ended already', async (t) => {
  const { file, release } = untilFile();
  const { id } = await api.create({ name: 'until', delay: '0s', payload: { file } });
  const waiting = api.get(`/jobs/${id}`, prefer('60'));
  await api.until(id, 'running');
  release();
  t.match(await waiting, { status: 200, body: { status: 'success' }, headers: { 'preference-applied': 'wait=60' } });
  t.match(await api.get(`/jobs/${id}`, prefer('60')), {
    body: { status: 'success' },
    headers: { 'preference-applied': 'wait=60' },
  });
  const failed = await api.post<{ id: string }>('/jobs', { name: 'fail', delay: '0s', max_retries: 0 }, prefer('30'));
  const again = await api.post(`/jobs/${failed.body.id}/retry`, undefined, prefer('30'));
  t.match(again, { status: 200, body: { status: 'failed' }, headers: { 'preference-applied': 'wait=30' } });
});

t.test('one that is run now: also an extra occurrence of a repeating job', async (t) => {
  for (const is_repeat of [false, true]) {
    const { id } = await api.create({ name: 'echo', delay: '24h', is_repeat, payload: { c: 3 } });
    const ran = await api.post(`/jobs/${id}/run`, undefined, prefer('30'));
    t.match(ran, { status: 200, body: { result: { c: 3 } }, headers: { 'preference-applied': 'wait=30' } });
    t.equal((ran.body as { status: string }).status, is_repeat ? 'pending' : 'success');
  }
});

t.test('time passes: the job as it is then; more than 60 s are taken for 60', async (t) => {
  const made = await api.post('/jobs', { name: 'noop', delay: '1h' }, prefer('1'));
  t.match(made, { status: 201, body: { status: 'pending' }, headers: { 'preference-applied': 'wait=1' } });
  const quick = await api.post('/jobs', { name: 'noop', delay: '0s' }, prefer('999999'));
  t.match(quick, { body: { status: 'success' }, headers: { 'preference-applied': 'wait=60' } });
});

t.test('longer than an answer may otherwise take, and than a connection may be silent', async (t) => {
  const { file, release } = untilFile();
  const { id } = await api.create({ name: 'until', delay: '0s', payload: { file } });
  const waiting = api.get(`/jobs/${id}`, prefer('60'));
  setTimeout(release, 35_000);
  t.match(await waiting, { status: 200, body: { status: 'success' } });
});

t.test('a repeating job ends with its occurrence, and a cancelled one when it is', async (t) => {
  const repeating = await api.post<{ id: string }>(
    '/jobs',
    { name: 'echo', delay: '300ms', is_repeat: true, payload: { b: 2 } },
    prefer('30'),
  );
  t.match(repeating.body, { status: 'pending', result: { b: 2 } });
  await api.delete(`/jobs/${repeating.body.id}`);
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const waiting = api.get(`/jobs/${id}`, prefer('60'));
  // It waits when a later request has been answered.
  await api.get(`/jobs/${id}`);
  await api.delete(`/jobs/${id}`);
  t.match(await waiting, { body: { status: 'cancelled' } });
});

t.test('what is no number of seconds is ignored', async (t) => {
  for (const value of ['wait', 'wait=', 'wait=x', 'wait=-1', 'wait=1.5', 'wait=0', 'respond-async']) {
    const { headers, body } = await api.post('/jobs', { name: 'noop', delay: '1h' }, { prefer: value });
    t.notOk('preference-applied' in headers, value);
    t.match(body, { status: 'pending' });
  }
});

t.test('a replay of an idempotency key waits for the first job', async (t) => {
  const key = { 'idempotency-key': 'wait-1' };
  const { file, release } = untilFile();
  const job = { name: 'until', delay: '0s', payload: { file } };
  const first = await api.post<{ id: string }>('/jobs', job, key);
  const again = api.post('/jobs', job, { ...key, ...prefer('60') });
  await api.until(first.body.id, 'running');
  release();
  t.match(await again, {
    status: 201,
    body: { id: first.body.id, status: 'success' },
    headers: { 'idempotent-replayed': 'true' },
  });
});

t.test(
  'a server that shuts down answers at once',
  onlyAlone('the node that was asked may end before the owner answers'),
  async (t) => {
    const other = await startServer({ args: ['--grace', '30s'] });
    const client = new Client(other);
    const { file, release } = untilFile();
    const { id } = await client.create({ name: 'until', delay: '0s', payload: { file } });
    await client.until(id, 'running');
    const waiting = client.get(`/jobs/${id}`, prefer('60'));
    await client.get(`/jobs/${id}`);
    other.signal('SIGTERM');
    t.match(await waiting, { status: 200, body: { status: 'running' } });
    release();
    t.equal((await other.exited).code, 0);
  },
);

t.test('a client that goes while it waits does no harm', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const stop = new AbortController();
  const asked = fetch(`${server.api}/jobs/${id}`, { headers: prefer('60'), signal: stop.signal });
  await api.get(`/jobs/${id}`);
  stop.abort();
  await t.rejects(asked, { name: 'AbortError' });
  t.match((await api.delete(`/jobs/${id}`)).body, { status: 'cancelled' });
  t.equal((await api.get('/health')).status, 200);
});
