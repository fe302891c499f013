/** Statistics, health and job types. */
import t from 'tap';
import '../support/snapshots.js';
import { Client, type Stats } from '../support/client.js';
import { normalise } from '../support/normalise.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at, DURATION, jobsInEveryStatus, problem, SHANGHAI } from './forms.js';

t.setTimeout(60_000);
const server = await startServer({
  args: ['--timezone', 'Asia/Shanghai', '--threads', '2', '--thread-attempts', '7'],
  handlers: {
    full: `export default async () => null
      export const options = { description: 'Knows all options', timeout: '90s', concurrency: 7, max_retries: 11, retry_delay: '2m' }`,
    plain: 'export default async () => null',
  },
});
const api = new Client(server);
const counts = ({ pending, running, completed, failed, cancelled, heap_size }: Stats) => ({
  pending,
  running,
  completed,
  failed,
  cancelled,
  heap_size,
});

t.test('a new server has counted nothing', async (t) => {
  const stats = await api.stats();
  t.same(counts(stats), { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0, heap_size: 0 });
  t.match(stats.uptime, DURATION);
  for (const [name, value] of Object.entries(counts(stats))) t.type(value, 'number', name);
});

t.test('the statistics count what waits and runs now, and what has finished since the beginning', async (t) => {
  const jobs = await jobsInEveryStatus(api);
  t.same(counts(await api.stats()), { pending: 1, running: 1, completed: 1, failed: 1, cancelled: 1, heap_size: 2 });
  await api.delete(`/jobs/${jobs.running.id}`);
  t.same(counts(await api.stats()), { pending: 1, running: 0, completed: 1, failed: 1, cancelled: 2, heap_size: 1 });
  await api.post(`/jobs/${jobs.failed.id}/retry`);
  await api.until(jobs.failed.id, (job) => job.status === 'failed' && at(job.updated_at) > at(jobs.failed.updated_at));
  t.same(
    counts(await api.stats()),
    { pending: 1, running: 0, completed: 1, failed: 2, cancelled: 2, heap_size: 1 },
    'finished counts never fall',
  );
  await api.delete(`/jobs/${jobs.pending.id}`);
  await api.delete(`/jobs/${jobs.pending.id}`);
  t.match(
    counts(await api.stats()),
    { pending: 0, cancelled: 3, heap_size: 0 },
    'cancelled again does not count again',
  );
});

t.test('each occurrence of a repeating job counts', async (t) => {
  const feed = await Subscriber.to(server);
  const before = await api.stats();
  const good = await api.create({ name: 'noop', delay: '30ms', is_repeat: true });
  const bad = await api.create({
    name: 'fail',
    delay: '30ms',
    is_repeat: true,
    max_retries: 0,
    payload: { message: 'x' },
  });
  await feed.event(good.id, 'job.completed', 3);
  await feed.event(bad.id, 'job.failed', 3);
  await Promise.all([api.delete(`/jobs/${good.id}`), api.delete(`/jobs/${bad.id}`)]);
  await Promise.all([feed.event(good.id, 'job.cancelled'), feed.event(bad.id, 'job.cancelled')]);
  const after = await api.stats();
  t.equal(after.completed - before.completed, feed.types(good.id).filter((type) => type === 'job.completed').length);
  t.equal(after.failed - before.failed, feed.types(bad.id).filter((type) => type === 'job.failed').length);
  await feed.close();
});

t.test('a failed attempt that is retried is not a finished occurrence', async (t) => {
  const feed = await Subscriber.to(server);
  const before = await api.stats();
  const job = await api.create({ name: 'fail', delay: '0s', payload: { message: 'x' }, retry_delay: '1h' });
  await feed.event(job.id, 'job.retrying');
  t.match(await api.stats(), { failed: before.failed, pending: before.pending + 1 });
  await api.delete(`/jobs/${job.id}`);
  await feed.close();
});

t.test('uptime is rounded down and grows', async (t) => {
  const ready = performance.now();
  let uptime = (await api.stats()).uptime;
  while (performance.now() - ready < 3000 && !/^[1-9]\d*s$/.test(uptime)) uptime = (await api.stats()).uptime;
  t.match(uptime, /^[1-9]\d*s$/);
});

t.test('health', async (t) => {
  const before = Math.floor(Date.now() / 1000) * 1000;
  const answer = await api.get<{ status: string; time: string; version: string }>('/health');
  t.equal(answer.status, 200);
  t.match(answer.headers['content-type'], /^application\/json\b/);
  t.match(answer.body, { status: 'healthy', time: SHANGHAI, version: 'v1.0.0' });
  t.ok(at(answer.body.time) >= before && at(answer.body.time) <= Date.now());
  t.matchSnapshot(normalise(answer.body));
});

t.test('liveness', async (t) => {
  t.equal((await api.get('/health/live')).status, 200);
});

interface JobTypes {
  readonly total: number;
  readonly items: Record<string, unknown>[];
  readonly threads: number;
  readonly attempts_per_thread: number;
}

t.test('the job types with their options', async (t) => {
  const { status, body } = await api.get<JobTypes>('/job-types');
  t.equal(status, 200);
  t.equal(body.total, body.items.length);
  t.match(body, { threads: 2, attempts_per_thread: 7 }, 'what bounds all types together');
  for (const item of body.items) {
    t.match(item, { name: String, timeout: DURATION, max_retries: Number, retry_delay: DURATION });
    t.same(
      Object.keys(item)
        .filter((field) => field !== 'description')
        .sort(),
      [
        'concurrency',
        'counts',
        'group_concurrency',
        'handler',
        'max_retries',
        'name',
        'rate',
        'recent',
        'retry_delay',
        'timeout',
      ],
    );
  }
  const item = (name: string) => body.items.find((found) => found.name === name);
  t.match(item('full'), {
    name: 'full',
    description: 'Knows all options',
    timeout: '1m30s',
    concurrency: 7,
    max_retries: 11,
    retry_delay: '2m0s',
  });
  t.match(item('plain'), { timeout: '5m0s', max_retries: 3, retry_delay: '1m0s' });
  t.match(item('limited'), { timeout: '2s', concurrency: 1, max_retries: 1, retry_delay: '50ms' });
  for (const name of ['payment_check', 'email_send', 'daily_report']) t.ok(item(name), name);
  t.matchSnapshot(normalise([item('full'), item('plain')]));
});

t.test('HEAD answers as GET without the body', async (t) => {
  for (const path of ['/stats', '/health', '/health/live', '/job-types', '/jobs']) {
    const get = await api.get(path);
    const head = await api.request('HEAD', path);
    t.equal(head.status, 200, path);
    t.equal(head.headers['content-type'], get.headers['content-type']);
    t.equal(head.text, '');
  }
});

t.test('a query where none is known is not harmful', async (t) => {
  const { status } = await api.get('/health?x=1');
  t.ok(status === 200 || status === 400);
  problem(t, await api.get('/stats/'), 404, 'not_found');
});
