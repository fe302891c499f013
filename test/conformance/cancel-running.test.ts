/** Cancelling a job that runs. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { startServer, temporary } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(60_000);
const folder = temporary('notes');
const server = await startServer({
  args: ['--grace', '300ms'],
  handlers: {
    polite: `import { appendFileSync } from 'node:fs'
      export default ({ file }, { signal }) => new Promise((done, failed) => {
        appendFileSync(file, 'begin ')
        signal.addEventListener('abort', () => { appendFileSync(file, 'aborted'); failed(signal.reason) }) })`,
    deaf: `import { appendFileSync } from 'node:fs'
      export default ({ file }) => new Promise(() => setInterval(() => appendFileSync(file, '.'), 10))`,
  },
});
const api = new Client(server);
const feed = await Subscriber.to(server);
const file = (name: string) => join(folder, name);

async function started(name: string, payload: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const { id } = await api.create({ name, delay: '0s', payload, ...more });
  await feed.event(id, 'job.started');
  await api.until(id, 'running');
  return id;
}

t.test('its status is cancelled at once, and its signal fires', async (t) => {
  const id = await started('polite', { file: file('polite') });
  await eventually(() => existsSync(file('polite')), 'the handler did not begin');
  const answer = await api.delete(`/jobs/${id}`);
  t.match(answer, { status: 200, body: { id, status: 'cancelled' } });
  t.equal((await api.job(id)).status, 'cancelled');
  await eventually(() => readFileSync(file('polite'), 'utf8') === 'begin aborted', 'the signal did not fire');
  await feed.event(id, 'job.cancelled');
  await feed.settle();
  t.same(feed.types(id), ['job.scheduled', 'job.started', 'job.cancelled'], 'the failure it then threw is dropped');
  t.match(await api.job(id), { status: 'cancelled', retry_count: 0 });
});

t.test('a handler that ignores the signal is stopped with its thread after the grace', async (t) => {
  const id = await started('deaf', { file: file('deaf') });
  await eventually(() => existsSync(file('deaf')), 'the handler did not begin');
  const size = () => statSync(file('deaf')).size;
  t.equal((await api.post(`/jobs/${id}/cancel`)).body.status, 'cancelled');
  let last = -1;
  await eventually(async () => {
    const now = size();
    if (now === last) return true;
    last = now;
    await sleep(250);
    return false;
  }, 'it goes on');
  t.equal((await api.job(id)).status, 'cancelled');
  const next = await api.create({ name: 'noop', delay: '0s' });
  await feed.event(next.id, 'job.completed');
});

t.test('a spinning handler is stopped too, and jobs beside it are not charged', async (t) => {
  const beside = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 600 } });
  const id = await started('spin', {});
  t.equal((await api.delete(`/jobs/${id}`)).body.status, 'cancelled');
  t.match(await api.until(beside.id, 'success'), { retry_count: 0 });
  const more = await Promise.all(Array.from({ length: 20 }, () => api.create({ name: 'noop', delay: '0s' })));
  for (const job of more) await api.until(job.id, 'success');
});

t.test('the outcome of a cancelled attempt is dropped', async (t) => {
  const before = await api.stats();
  const id = await started('stubborn', { ms: 150 });
  await api.delete(`/jobs/${id}`);
  await sleep(300);
  const job = await api.job(id);
  t.equal(job.status, 'cancelled');
  t.notOk('result' in job);
  await feed.settle();
  t.same(feed.types(id), ['job.scheduled', 'job.started', 'job.cancelled']);
  t.match(await api.stats(), { completed: before.completed, failed: before.failed, cancelled: before.cancelled + 1 });
});

t.test('a completion that comes before the cancel makes the cancel a conflict', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: '0s' });
  await feed.event(id, 'job.completed');
  t.equal((await api.delete(`/jobs/${id}`)).status, 409);
  t.equal((await api.job(id)).status, 'success');
});

t.test('cancels that race with completions: each job has one end, and all tell the same', async (t) => {
  const jobs = await Promise.all(
    Array.from({ length: 60 }, (_, i) => api.create({ name: 'sleep', delay: '20ms', payload: { ms: i % 20 } })),
  );
  await sleep(25);
  const answers = await Promise.all(jobs.map(({ id }) => api.delete(`/jobs/${id}`)));
  for (const [i, { id }] of jobs.entries()) {
    const end = answers[i]!.status === 200 ? 'job.cancelled' : 'job.completed';
    await feed.event(id, end);
    t.equal((await api.job(id)).status, end === 'job.cancelled' ? 'cancelled' : 'success');
  }
  await sleep(200);
  await feed.settle();
  for (const { id } of jobs)
    t.equal(feed.types(id).filter((type) => type === 'job.cancelled' || type === 'job.completed').length, 1);
});

t.test('cancelling a running occurrence ends a repeating job', async (t) => {
  const { id } = await api.create({ name: 'sleep', delay: '30ms', is_repeat: true, payload: { ms: 60_000 } });
  await feed.event(id, 'job.started');
  await api.until(id, 'running');
  t.match((await api.delete(`/jobs/${id}`)).body, { status: 'cancelled', is_repeat: true });
  const later = await api.create({ name: 'noop', delay: '100ms' });
  await feed.event(later.id, 'job.completed');
  t.same(feed.types(id), ['job.scheduled', 'job.started', 'job.cancelled']);
});

t.test('a cancelled job frees its place among those of its type', async (t) => {
  const held = await started('limited', { ms: 1500 });
  const next = await api.create({ name: 'limited', delay: '0s' });
  await api.delete(`/jobs/${held}`);
  await feed.event(next.id, 'job.started');
  t.pass();
});
