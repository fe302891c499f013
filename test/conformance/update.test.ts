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

t.test('a repeating cron job: delay and trigger_at move the next occurrence, and the schedule stays', async (t) => {
  const yearly = { name: 'noop', cron_expr: '0 0 9 1 1 *', timezone: 'UTC', is_repeat: true, misfire: 'skip' };
  const schedule = { cron_expr: '0 0 9 1 1 *', timezone: 'UTC', is_repeat: true };
  for (const change of [{ delay: '60ms' }, { trigger_at: '2001-01-01T00:00:00Z' }, { delay: '0s' }]) {
    const job = await api.create(yearly);
    const before = Date.now();
    const { status, body } = await put(job, change);
    t.equal(status, 200, JSON.stringify(change));
    t.match(body, { ...schedule, status: 'pending' });
    t.ok(at(body.trigger_at) >= before && at(body.trigger_at) <= Date.now() + 60, 'soon, and never in the past');
    t.equal(at(String((await feed.event(job.id, 'job.updated')).metadata.trigger_at)), at(body.trigger_at));
    const next = await feed.event(job.id, 'job.scheduled', 2);
    t.equal(next.metadata.trigger_at, job.trigger_at, 'then the schedule goes on');
    const after = await api.job(job.id);
    t.match(after, { ...schedule, status: 'pending', trigger_at: job.trigger_at, missed_count: 0, skipped_count: 0 });
    await api.delete(`/jobs/${job.id}`);
  }
  const job = await api.create(yearly);
  const later = await put(job, { trigger_at: '2040-06-01T00:00:00Z' });
  t.match(later.body, { ...schedule, trigger_at: '2040-06-01T08:00:00+08:00' });
  const back = await put(job, { cron_expr: '0 0 9 1 1 *' });
  t.match(back.body, { ...schedule, trigger_at: job.trigger_at }, 'the schedule once more takes the move back');
  await put(job, { delay: '100d' });
  const zone = await put(job, { timezone: 'Asia/Tokyo' });
  t.match(zone.body, { trigger_at: /-01-01T08:00:00\+08:00$/, timezone: 'Asia/Tokyo' }, 'and so does another zone');
});

t.test('a moved occurrence that fails is retried, and the schedule goes on after that', async (t) => {
  const job = await api.create({
    name: 'fail',
    cron_expr: '0 0 9 1 1 *',
    is_repeat: true,
    payload: { message: 'x' },
    max_retries: 1,
    retry_delay: '1h',
  });
  await put(job, { delay: '0s' });
  await feed.event(job.id, 'job.retrying');
  const { body } = await put(job, { delay: '0s' });
  t.match(body, { status: 'pending', retry_count: 1, cron_expr: '0 0 9 1 1 *' }, 'a retry is moved as well');
  const next = await feed.event(job.id, 'job.scheduled', 2);
  t.equal(next.metadata.trigger_at, job.trigger_at);
  t.match(await api.job(job.id), { status: 'pending', retry_count: 0, trigger_at: job.trigger_at });
  await api.delete(`/jobs/${job.id}`);
});

t.test('an interval job: trigger_at moves the next run only, and the grid stays', async (t) => {
  const job = await api.create({ name: 'noop', delay: '1h', is_repeat: true });
  const { body } = await put(job, { trigger_at: new Date(Date.now() + 50).toISOString() });
  t.match(body, { delay: '1h0m0s', is_repeat: true, status: 'pending' });
  const next = await feed.event(job.id, 'job.scheduled', 2);
  t.equal(next.metadata.trigger_at, job.trigger_at, 'the first point of its grid is still to come');
  t.match(await api.job(job.id), { delay: '1h0m0s', trigger_at: job.trigger_at });
  const cron = await put(job, { cron_expr: '0 0 9 1 1 *' });
  t.match(cron.body, { cron_expr: '0 0 9 1 1 *', timezone: 'Asia/Shanghai', is_repeat: true });
  t.notOk('delay' in cron.body, 'a cron_expr takes the place of the interval');
  await api.delete(`/jobs/${job.id}`);
});

t.test('single runs: delay, trigger_at and cron_expr each take the place of the others', async (t) => {
  const job = await api.create({ name: 'noop', cron_expr: '0 0 9 1 1 *' });
  t.match((await put(job, { timezone: 'UTC' })).body, { timezone: 'UTC', trigger_at: /T17:00:00\+08:00$/ });
  const moved = await put(job, { trigger_at: '2040-01-01T00:00:00Z' });
  t.match(moved.body, { is_repeat: false, trigger_at: '2040-01-01T08:00:00+08:00' });
  t.notOk('cron_expr' in moved.body);
  const cron = await put(job, { cron_expr: '0 0 9 1 1 *' });
  t.match(cron.body, { is_repeat: false, cron_expr: '0 0 9 1 1 *', timezone: 'Asia/Shanghai' });
  t.match((await put(job, { delay: '1h' })).body, { is_repeat: false, next_run_in: '1h0m0s' });
});

t.test('refusals say what to do', async (t) => {
  const interval = await api.create({ name: 'noop', delay: never, is_repeat: true });
  const daily = await api.create({ name: 'noop', cron_expr: '0 0 9 1 1 *', is_repeat: true });
  const cases: [Job, Record<string, unknown>, string, RegExp][] = [
    [interval, { timezone: 'UTC' }, 'timezone', /leave it out, or give a cron_expr with it/],
    [await waiting(), { timezone: 'UTC' }, 'timezone', /leave it out, or give a cron_expr with it/],
    [interval, { delay: '9ms' }, 'delay', /at least 10ms.*to move its next run only, use trigger_at/],
    [daily, { delay: '1h', timezone: 'UTC' }, 'timezone', /leave out delay and trigger_at, or it/],
  ];
  for (const [job, body, field, says] of cases) {
    const found = problem(t, await put(job, body), 400, 'validation_failed', JSON.stringify(body));
    t.ok(names(found, field), JSON.stringify(found));
    t.match(JSON.stringify(found), says);
    t.match(await api.job(job.id), { updated_at: job.updated_at, trigger_at: job.trigger_at }, 'nothing has changed');
  }
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
