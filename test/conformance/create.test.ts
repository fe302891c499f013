/** Creating jobs: what is filled in, which fields answers show and when, the ids. */
import t from 'tap';
import '../support/snapshots.js';
import { Client, type Job } from '../support/client.js';
import { normalise } from '../support/normalise.js';
import { startServer } from '../support/server.js';
import { at, DURATION, ID, INSTANT, never } from './forms.js';

t.setTimeout(60_000);
const server = await startServer({ args: ['--timezone', 'Asia/Shanghai'] });
const api = new Client(server);

const always = [
  'id',
  'name',
  'status',
  'trigger_at',
  'is_repeat',
  'max_retries',
  'retry_delay',
  'backoff',
  'timeout',
  'retry_count',
  'created_at',
  'updated_at',
];
const fields = (job: object) => Object.keys(job).sort();
const only = (...more: string[]) => [...always, ...more].sort();

t.test(
  'a creation answers 201, the place of the job, and the job as pending, even when it is due at once',
  async (t) => {
    for (const delay of [never, '0s']) {
      const answer = await api.post('/jobs', { name: 'noop', delay, payload: { secret: 1 } });
      t.equal(answer.status, 201);
      t.match(answer.headers.location, new RegExp(`/api/v1/jobs/${answer.body.id}$`));
      t.equal(answer.body.status, 'pending');
      t.match(answer.body.id, ID);
      t.match(answer.body.created_at, INSTANT);
      t.equal(answer.body.updated_at, answer.body.created_at);
      t.notOk('payload' in answer.body);
    }
  },
);

t.test('the place of a new job can be asked', async (t) => {
  const created = await api.post('/jobs', { name: 'noop', delay: never });
  const location = new URL(String(created.headers.location), server.url).pathname;
  t.match((await api.absolute<Job>('GET', location)).body, { id: created.body.id });
});

t.test('what is left out has its default', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: never });
  t.match(await api.job(id), {
    is_repeat: false,
    payload: {},
    max_retries: 3,
    retry_delay: '1m0s',
    backoff: 'exponential',
    timeout: '5m0s',
    retry_count: 0,
  });
});

t.test('a handler’s options are its jobs’ defaults, and the request goes before them', async (t) => {
  t.match(await api.create({ name: 'limited', delay: never }), { max_retries: 1, retry_delay: '50ms', timeout: '2s' });
  t.match(await api.create({ name: 'limited', delay: never, max_retries: 7, retry_delay: '9s', timeout: '1h' }), {
    max_retries: 7,
    retry_delay: '9s',
    timeout: '1h0m0s',
  });
});

t.test('a one-shot job shows these fields and no other', async (t) => {
  const job = await api.create({ name: 'noop', delay: never });
  t.same(fields(job), only('next_run_in'));
  t.same(fields(await api.job(job.id)), only('next_run_in', 'payload'));
  t.same(fields((await api.list('?limit=1')).items[0]!), only('next_run_in'));
  t.matchSnapshot(normalise(job));
});

t.test('a cron job shows its expression and always its time zone', async (t) => {
  const job = await api.create({ name: 'noop', cron_expr: '0 0 9 1 1 *' });
  t.same(fields(job), only('next_run_in', 'cron_expr', 'timezone'));
  t.match(job, { cron_expr: '0 0 9 1 1 *', timezone: 'Asia/Shanghai' });
  t.equal(
    (await api.create({ name: 'noop', cron_expr: '0 0 9 1 1 *', timezone: 'Europe/Berlin' })).timezone,
    'Europe/Berlin',
  );
});

t.test('a repeating job shows its misfire rule and its counts', async (t) => {
  const cron = await api.create({ name: 'noop', cron_expr: '0 0 9 1 1 *', is_repeat: true });
  t.same(
    fields(cron),
    only('next_run_in', 'cron_expr', 'timezone', 'misfire', 'skipped_count', 'missed_count', 'run_count'),
  );
  t.match(cron, { is_repeat: true, misfire: 'run_once', skipped_count: 0, missed_count: 0 });
  const interval = await api.create({ name: 'noop', delay: never, is_repeat: true, misfire: 'skip' });
  t.same(fields(interval), only('delay', 'next_run_in', 'misfire', 'skipped_count', 'missed_count', 'run_count'));
  t.match(interval, { delay: '1h0m0s', is_repeat: true, misfire: 'skip' });
  t.matchSnapshot(normalise(await api.job(cron.id)));
});

t.test('a finished job shows when its latest attempt began and ended, and no next_run_in', async (t) => {
  const created = await api.create({ name: 'echo', delay: '20ms', payload: { a: [1, null, 'é'] } });
  const job = await api.until(created.id, 'success');
  t.same(fields(job), only('payload', 'started_at', 'finished_at', 'result'));
  t.equal(job.trigger_at, created.trigger_at, 'nothing is to come: the last due time');
  t.same(job.result, { a: [1, null, 'é'] });
  t.ok(at(job.started_at) >= at(job.trigger_at), 'not before it was due');
  t.ok(at(job.finished_at) >= at(job.started_at));
  t.ok(at(job.updated_at) >= at(job.created_at));
  t.matchSnapshot(normalise(job));
});

t.test('a failed job shows its last error', async (t) => {
  const { id } = await api.create({ name: 'fail', delay: '0s', payload: { message: 'card declined' }, max_retries: 0 });
  const job = await api.until(id, 'failed');
  t.same(fields(job), only('payload', 'started_at', 'finished_at', 'last_error'));
  t.same(fields(job.last_error!), ['at', 'code', 'message', 'name']);
  t.match(job.last_error, { name: String, message: 'card declined', code: 'handler_error', at: INSTANT });
  t.matchSnapshot(normalise(job));
});

t.test('a running job shows its start', async (t) => {
  const { id } = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 60_000 } });
  const job = await api.until(id, 'running');
  t.same(fields(job), only('payload', 'started_at'));
  await api.delete(`/jobs/${id}`);
});

t.test('answers about a single job show its payload', async (t) => {
  const make = () => api.create({ name: 'noop', delay: never, payload: { keep: true } });
  const one = await make();
  t.same((await api.put(`/jobs/${one.id}`, { max_retries: 1 })).body.payload, { keep: true });
  t.same((await api.delete(`/jobs/${one.id}`)).body.payload, { keep: true });
  t.same((await api.post(`/jobs/${(await make()).id}/cancel`)).body.payload, { keep: true });
  const failing = await api.create({ name: 'fail', delay: '0s', payload: { message: 'x' }, max_retries: 0 });
  await api.until(failing.id, 'failed');
  t.same((await api.post(`/jobs/${failing.id}/retry`)).body.payload, { message: 'x' });
});

t.test('a payload goes through unchanged', async (t) => {
  const payload = {
    unicode: 'Grüße, 世界, 🕰, \u0000\u2028',
    numbers: [0, -1, 1.5, 1e-9, 1e21, 9007199254740991],
    nested: { a: { b: [[], {}, [null, true, false]] } },
    constructor: 'own',
    '': 'empty name',
  };
  const { id } = await api.create({ name: 'echo', delay: '0s', payload });
  const job = await api.until(id, 'success');
  t.same(job.payload, payload);
  t.same(job.result, payload);
});

t.test('a payload may have 256 KiB and not a byte more', async (t) => {
  const body = (bytes: number) => ({
    name: 'noop',
    delay: never,
    payload: { s: 'x'.repeat(bytes - '{"s":""}'.length) },
  });
  t.equal((await api.post('/jobs', body(256 * 1024))).status, 201);
  t.equal((await api.post('/jobs', body(256 * 1024 + 1))).status, 400);
  const twoBytesEach = { name: 'noop', delay: never, payload: { s: 'é'.repeat(128 * 1024) } };
  t.equal((await api.post('/jobs', twoBytesEach)).status, 400, 'bytes count, not characters');
});

t.test('bounds of the numbers and durations', async (t) => {
  const noop = { name: 'noop', delay: never };
  t.match(await api.create({ ...noop, max_retries: 0 }), { max_retries: 0 });
  t.match(await api.create({ ...noop, max_retries: 100 }), { max_retries: 100 });
  t.match(await api.create({ ...noop, timeout: '1ms' }), { timeout: '1ms' });
  t.match(await api.create({ ...noop, retry_delay: '0s', backoff: 'fixed' }), { retry_delay: '0s', backoff: 'fixed' });
  t.match(await api.create({ ...noop, delay: '10ms', is_repeat: true, misfire: 'skip' }), { is_repeat: true });
});

t.test('ids are unique, in the order of creation, and their hex does not tell the number', async (t) => {
  const made: Job[] = [];
  for (let i = 0; i < 30; i++) made.push(await api.create({ name: 'noop', delay: never }));
  const ids = made.map(({ id }) => ID.exec(id)!);
  t.equal(new Set(made.map(({ id }) => id)).size, 30);
  for (let i = 1; i < 30; i++) t.ok(Number(ids[i]![1]) >= Number(ids[i - 1]![1]), 'seconds never go back');
  const steps = new Set(
    ids.slice(1).map((found, i) => Number.parseInt(found[2]!, 16) - Number.parseInt(ids[i]![2]!, 16)),
  );
  t.ok(steps.size > 5, 'scrambled');
  t.ok(Math.abs(Number(ids[29]![1]) - Date.now() / 1000) < 5, 'the seconds are those of the creation');
});

t.test('jobs made at the same time get different ids', async (t) => {
  const jobs = await Promise.all(Array.from({ length: 200 }, () => api.create({ name: 'noop', delay: never })));
  t.equal(new Set(jobs.map(({ id }) => id)).size, 200);
  t.match(jobs[0]!.next_run_in, DURATION);
});
