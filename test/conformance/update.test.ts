/** PUT /jobs/:id: a partial update of a pending job. */
import t from 'tap';
import { Client, type Job, type RequestOptions } from '../support/client.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at, names, never, problem } from './forms.js';

t.setTimeout(60_000);
const server = await startServer({ args: ['--timezone', 'Asia/Shanghai'] });
const api = new Client(server);
const feed = await Subscriber.to(server);
const waiting = (more: Record<string, unknown> = {}) =>
  api.create({ name: 'echo', delay: never, payload: { a: 1, b: 2 }, ...more });
const put = (job: Job, body: unknown, headers: RequestOptions['headers'] = {}) =>
  api.put(`/jobs/${job.id}`, body, headers);

t.test('each field alone changes only itself', async (t) => {
  const cases: [Record<string, unknown>, Partial<Job>][] = [
    [{ trigger_at: '2040-01-01T00:00:00Z' }, { trigger_at: '2040-01-01T08:00:00+08:00' }],
    [{ payload: { c: 3 } }, { payload: { c: 3 } }],
    [{ payload: {} }, { payload: {} }],
    [{ max_retries: 9 }, { max_retries: 9 }],
    [{ retry_delay: '7s' }, { retry_delay: '7s' }],
    [{ backoff: 'fixed' }, { backoff: 'fixed' }],
    [{ timeout: '90s' }, { timeout: '1m30s' }],
  ];
  for (const [change, shown] of cases) {
    const made = await waiting();
    const before = await api.job(made.id);
    const answer = await put(made, change);
    t.equal(answer.status, 200, JSON.stringify(change));
    const { updated_at: _, next_run_in: __, ...rest } = answer.body;
    const { updated_at: ___, next_run_in: ____, ...old } = before;
    t.same(rest, { ...old, ...shown }, JSON.stringify(change));
    t.ok(at(answer.body.updated_at) >= at(before.updated_at));
    t.same((await api.job(made.id)).payload, answer.body.payload, 'and stays so');
  }
});

t.test('delay counts from now, and the old due time is forgotten', async (t) => {
  const sooner = await waiting();
  const before = Date.now();
  const answer = await put(sooner, { delay: '30ms' });
  t.ok(at(answer.body.trigger_at) >= before + 30);
  const done = await api.until(sooner.id, 'success');
  t.ok(at(done.started_at) >= at(answer.body.trigger_at), 'never early');

  const later = await waiting({ delay: '250ms' });
  t.match((await put(later, { delay: '10m' })).body, { status: 'pending', next_run_in: '10m0s' });
  const beyond = await api.create({ name: 'noop', delay: '400ms' });
  await feed.event(beyond.id, 'job.completed');
  t.equal((await api.job(later.id)).status, 'pending', 'it does not run at the old time');
  t.same(feed.types(later.id), ['job.scheduled', 'job.updated']);
});

t.test('the handler gets the new payload', async (t) => {
  const job = await waiting();
  await put(job, { payload: { new: true }, delay: '0s' });
  t.same((await api.until(job.id, 'success')).result, { new: true });
});

t.test('a cron job’s expression and time zone', async (t) => {
  const job = await api.create({ name: 'noop', cron_expr: '0 0 9 1 1 *', is_repeat: true });
  t.match((await put(job, { cron_expr: '0 30 10 1 1 *' })).body, {
    cron_expr: '0 30 10 1 1 *',
    trigger_at: /-01-01T10:30:00\+08:00$/,
    timezone: 'Asia/Shanghai',
    is_repeat: true,
  });
  t.match((await put(job, { timezone: 'UTC' })).body, {
    cron_expr: '0 30 10 1 1 *',
    trigger_at: /-01-01T18:30:00\+08:00$/,
    timezone: 'UTC',
  });
  t.match((await put(job, { cron_expr: '0 0 0 1 1 *', timezone: 'Asia/Tokyo' })).body, {
    trigger_at: /-12-31T23:00:00\+08:00$/,
    timezone: 'Asia/Tokyo',
  });
  t.match((await put(job, { misfire: 'skip' })).body, { misfire: 'skip' });
});

t.test('an interval job’s delay is its new interval from now', async (t) => {
  const job = await api.create({ name: 'noop', delay: never, is_repeat: true });
  const before = Date.now();
  const { body } = await put(job, { delay: '60ms' });
  const first = at(body.trigger_at);
  t.ok(first >= before + 60);
  const next = await feed.event(job.id, 'job.scheduled', 3);
  t.equal((at(String(next.metadata.trigger_at)) - first) % 60, 0, 'on the new grid');
  await api.delete(`/jobs/${job.id}`);
});

t.test('an update tells job.updated', async (t) => {
  const job = await waiting();
  const { body } = await put(job, { trigger_at: '2040-01-01T00:00:00Z' });
  const event = await feed.event(job.id, 'job.updated');
  t.match(event, { job_name: 'echo', status: 0, metadata: { trigger_at: body.trigger_at, is_repeat: false } });
  t.same(Object.keys(event.metadata).sort(), ['is_repeat', 'trigger_at']);
});

t.test('a job that waits for a retry is pending and can be updated', async (t) => {
  const job = await api.create({ name: 'fail', delay: '0s', payload: { message: 'x' }, retry_delay: '1h' });
  await feed.event(job.id, 'job.retrying');
  t.match((await put(job, { delay: '2h' })).body, { status: 'pending', retry_count: 1, next_run_in: '2h0m0s' });
});

t.test('updates that are refused, naming the field', async (t) => {
  const job = await waiting();
  const cases: [unknown, string?][] = [
    [{}],
    [{ name: 'noop' }, 'name'],
    [{ is_repeat: true }, 'is_repeat'],
    [{ status: 'success' }, 'status'],
    [{ id: 'x' }, 'id'],
    [{ bogus: 1, max_retries: 1 }, 'bogus'],
    [{ delay: '1m', trigger_at: '2040-01-01T00:00:00Z' }],
    [{ delay: '1m', cron_expr: '0 0 9 * * *' }],
    [{ trigger_at: '2040-01-01T00:00:00Z', cron_expr: '0 0 9 * * *' }],
    [{ timezone: 'UTC' }, 'timezone'],
    [{ delay: '5' }, 'delay'],
    [{ delay: null }, 'delay'],
    [{ trigger_at: '2026-02-30T00:00:00Z' }, 'trigger_at'],
    [{ cron_expr: '60 * * * * *' }, 'cron_expr'],
    [{ payload: [] }, 'payload'],
    [{ payload: null }, 'payload'],
    [{ max_retries: 101 }, 'max_retries'],
    [{ max_retries: '3' }, 'max_retries'],
    [{ retry_delay: '-1s' }, 'retry_delay'],
    [{ backoff: 'linear' }, 'backoff'],
    [{ timeout: '0s' }, 'timeout'],
    [{ misfire: 'later' }, 'misfire'],
    [[]],
    [null],
  ];
  for (const [body, field] of cases) {
    const found = problem(t, await put(job, JSON.stringify(body)), 400, 'validation_failed', JSON.stringify(body));
    if (field !== undefined) t.ok(names(found, field), `${field} is named: ${JSON.stringify(found)}`);
  }
  problem(t, await put(job, '{'), 400, 'malformed_json');
  problem(t, await put(job, ''), 400, 'malformed_json');
  const untouched = await api.job(job.id);
  t.match(untouched, { payload: { a: 1, b: 2 }, max_retries: 3, updated_at: job.updated_at }, 'nothing has changed');
});

t.test('an unknown job, a wrong content type', async (t) => {
  problem(t, await api.put('/jobs/job_1704182400_a1b2c3d4', { max_retries: 1 }), 404, 'not_found');
  problem(
    t,
    await put(await waiting(), '{"max_retries":1}', { 'content-type': 'text/plain' }),
    415,
    'unsupported_media_type',
  );
});
