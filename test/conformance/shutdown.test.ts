/** SIGTERM: the server drains. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { startServer, temporary } from '../support/server.js';
import { onlyAlone } from '../support/shards.js';
import { Subscriber } from '../support/ws.js';
import { never, problem } from './forms.js';

t.setTimeout(180_000);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(
    `${signal}: a running attempt ends in peace, nothing new is accepted or started, exit 0`,
    onlyAlone('a node offers its shards to others first'),
    async (t) => {
      const server = await startServer();
      const api = new Client(server);
      const feed = await Subscriber.to(server);
      const running = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 1200 } });
      const due = await api.create({ name: 'noop', delay: '500ms' });
      await api.until(running.id, 'running');
      server.signal(signal);

      await eventually(async () => (await api.get('/health')).status === 503, 'it does not say that it drains');
      const health = await api.get<Record<string, unknown>>('/health');
      t.match(health.body, { status: 'draining' });
      const refused = await api.post<never>('/jobs', { name: 'noop', delay: never });
      problem(t, refused, 503, 'draining');
      t.match(refused.headers['retry-after'], /^\d+$/);
      for (const command of [
        api.put(`/jobs/${due.id}`, { max_retries: 1 }),
        api.delete(`/jobs/${due.id}`),
        api.post(`/jobs/${due.id}/cancel`),
      ]) {
        const answer = await command;
        problem(t, answer, 503, 'draining');
        t.ok(answer.headers['retry-after']);
      }
      t.equal((await server.exited).code, 0);
      t.equal((await feed.closed).code, 1001);
      t.ok(feed.types(running.id).includes('job.completed'));

      await server.restart();
      t.equal((await api.job(running.id)).status, 'success');
      t.match(await api.until(due.id, 'success'), { retry_count: 0, max_retries: 3 });
      await server.kill();
    },
  );
}

t.test('what does not end within the grace is stopped, and runs again uncharged at the next start', async (t) => {
  const folder = temporary('notes');
  const server = await startServer({
    args: ['--grace', '300ms'],
    handlers: {
      patient: `import { appendFileSync } from 'node:fs'
        export default ({ file }, { signal, attempt }) => new Promise((done, failed) => {
          appendFileSync(file, 'begin' + attempt + ' ')
          signal.addEventListener('abort', () => { appendFileSync(file, 'aborted '); failed(signal.reason) }) })`,
    },
  });
  const api = new Client(server);
  const file = join(folder, 'patient');
  const jobs = {
    honours: await api.create({ name: 'patient', delay: '0s', payload: { file }, max_retries: 0 }),
    ignores: await api.create({ name: 'stubborn', delay: '0s', payload: { ms: 600_000 }, max_retries: 0 }),
  };
  for (const { id } of Object.values(jobs)) await api.until(id, 'running');
  await eventually(() => existsSync(file), 'the handler did not begin');
  const begun = performance.now();
  t.equal(await server.stop(), 0);
  const ms = performance.now() - begun;
  t.ok(ms >= 280, 'it had its grace');
  t.ok(ms < 8000, `exit took ${ms} ms`);
  t.equal(readFileSync(file, 'utf8'), 'begin1 aborted ', 'the signal fired');

  await server.restart();
  for (const { id } of Object.values(jobs)) {
    const job = await api.until(id, (found) => found.status === 'running' || found.status === 'pending');
    t.equal(job.retry_count, 0, 'uncharged');
    t.notOk('last_error' in job, JSON.stringify(job.last_error));
  }
  await eventually(() => readFileSync(file, 'utf8') === 'begin1 aborted begin1 ', 'it runs again, as the same attempt');
  await server.kill();
});

t.test('a handler that never yields does not hold up the end', async (t) => {
  const server = await startServer({ args: ['--grace', '300ms'] });
  const api = new Client(server);
  const { id } = await api.create({ name: 'spin', delay: '0s', max_retries: 0 });
  await api.until(id, 'running');
  const begun = performance.now();
  t.equal(await server.stop(), 0);
  t.ok(performance.now() - begun < 8000);
  await server.restart();
  const job = await api.job(id);
  t.match(job, { status: /^(pending|running)$/, retry_count: 0 });
  await server.kill();
});

t.test('an idle server stops at once', async (t) => {
  const server = await startServer({ args: ['--grace', '1m'] });
  const begun = performance.now();
  t.equal(await server.stop(), 0);
  t.ok(performance.now() - begun < 15_000, 'without waiting for the grace');
  t.notMatch(server.output(), /"level":(50|60)/, 'and without an error in its log');
});
