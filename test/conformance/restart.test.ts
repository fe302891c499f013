/** What a restart keeps: everything. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Client, eventually, type Job, type Stats } from '../support/client.js';
import { handlersFolder, runCli, startServer, temporary } from '../support/server.js';
import { onlyAlone, onlyOne } from '../support/shards.js';
import { Subscriber } from '../support/ws.js';
import { at, ID, jobsInEveryStatus, never } from './forms.js';

t.setTimeout(180_000);
const lasting = ({ next_run_in: _, ...job }: Job) => job;
const counts = ({ pending, running, completed, failed, cancelled, heap_size }: Stats) => ({
  pending,
  running,
  completed,
  failed,
  cancelled,
  heap_size,
});

t.test('jobs, counters, ids and the numbers of the events go on', onlyOne('one number for all events'), async (t) => {
  const server = await startServer({ args: ['--grace', '200ms'] });
  const api = new Client(server);
  let feed = await Subscriber.to(server);
  const jobs = await jobsInEveryStatus(api);
  await api.delete(`/jobs/${jobs.running.id}`);
  const made = {
    delayed: await api.create({
      name: 'echo',
      delay: never,
      payload: { deep: [{ é: null }] },
      max_retries: 7,
      retry_delay: '9s',
      backoff: 'fixed',
      timeout: '90s',
    }),
    cron: await api.create({
      name: 'noop',
      cron_expr: '0 0 9 1 1 *',
      timezone: 'Europe/Berlin',
      is_repeat: true,
      misfire: 'skip',
    }),
    interval: await api.create({ name: 'noop', delay: never, is_repeat: true }),
    retrying: await api.create({ name: 'fail', delay: '0s', payload: { message: 'x' }, retry_delay: '1h' }),
    updated: await api.create({ name: 'noop', delay: never }),
    result: await api.create({ name: 'echo', delay: '0s', payload: { kept: true } }),
  };
  await api.put(`/jobs/${made.updated.id}`, { trigger_at: '2040-01-01T00:00:00Z', payload: { new: 1 } });
  await feed.event(made.retrying.id, 'job.retrying');
  await api.until(made.result.id, 'success');
  const all = [...Object.values(jobs), ...Object.values(made)].map(({ id }) => id);
  const read = () => Promise.all(all.map(async (id) => lasting(await api.job(id))));
  const before = { jobs: await read(), stats: counts(await api.stats()), list: (await api.list()).items.map(lasting) };
  const lastSeq = (await feed.subscribe()).seq!;

  t.equal(await server.stop(), 0);
  await server.restart();
  feed = await Subscriber.connect(server);
  t.equal((await feed.subscribe()).seq, lastSeq, 'the events’ numbers');
  t.same(await read(), before.jobs, 'every job');
  t.same((await api.list()).items.map(lasting), before.list, 'the list and its order');
  t.same(counts(await api.stats()), before.stats, 'the counters');

  const next = await api.create({ name: 'noop', delay: never });
  t.equal((await feed.event(next.id, 'job.scheduled')).seq, lastSeq + 1);
  t.notOk(all.includes(next.id), 'ids are new');
  const newest = Math.max(...all.map((id) => Number(ID.exec(id)![1])));
  t.ok(Number(ID.exec(next.id)![1]) >= newest, 'and in order');

  await server.kill('SIGKILL');
  await server.restart();
  t.same(await read(), before.jobs, 'the same after kill -9');
  t.same(counts(await api.stats()), {
    ...before.stats,
    pending: before.stats.pending + 1,
    heap_size: before.stats.heap_size + 1,
  });
  feed = await Subscriber.connect(server);
  t.equal((await feed.subscribe()).seq, lastSeq + 1);
  await server.kill();
});

t.test('a due time that comes after the restart is kept, one that passed runs at once', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const overdue = await api.create({ name: 'noop', delay: '100ms', payload: {} });
  const ahead = await api.create({ name: 'noop', delay: '3s' });
  t.equal(await server.stop(), 0);
  await sleep(Math.max(0, at(overdue.trigger_at) + 100 - Date.now()));
  await server.restart();
  const ran = await api.until(overdue.id, 'success');
  t.ok(at(ran.started_at) >= at(overdue.trigger_at));
  t.equal(ran.trigger_at, overdue.trigger_at);
  const later = await api.until(ahead.id, 'success');
  t.ok(at(later.started_at) >= at(ahead.trigger_at), 'never early');
  t.equal(later.trigger_at, ahead.trigger_at);
  await server.kill();
});

t.test('a repeating job goes on after a restart', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const job = await api.create({ name: 'noop', delay: '400ms', is_repeat: true });
  const cron = await api.create({ name: 'noop', cron_expr: '* * * * * *', is_repeat: true });
  await server.restart();
  const feed = await Subscriber.to(server);
  await Promise.all([feed.event(job.id, 'job.completed', 2), feed.event(cron.id, 'job.completed', 2)]);
  const now = await api.job(job.id);
  t.equal((at(now.trigger_at) - at(job.trigger_at)) % 400, 0, 'on its grid');
  await server.kill();
});

t.test('an attempt that kill -9 interrupts runs again at once, uncharged', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const file = join(temporary('ledger'), 'ledger');
  const { id } = await api.create({
    name: 'ledger',
    delay: '0s',
    payload: { file, ms: 400 },
    retry_delay: '1h',
    max_retries: 0,
  });
  await api.until(id, 'running');
  while (!existsSync(file)) await sleep(10);
  await server.kill('SIGKILL');
  await server.restart();
  t.match(await api.until(id, 'success'), { retry_count: 0 });
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  t.equal(lines.filter((line) => line.includes(' begin ')).length, 2);
  t.equal(lines.filter((line) => line.endsWith('end')).length, 1);
  await server.kill();
});

t.test('the third interruption in a row is a failure, worker_lost', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const { id } = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 600_000 }, max_retries: 0 });
  for (let i = 0; i < 3; i++) {
    await api.until(id, 'running');
    await server.kill('SIGKILL');
    await server.restart();
  }
  t.match(await api.until(id, 'failed'), { last_error: { code: 'worker_lost' }, retry_count: 0 });
  await server.kill();
});

t.test(
  'a second server on the same directory exits at once with 1 and names the first',
  onlyAlone('one directory'),
  async (t) => {
    const first = await startServer();
    const api = new Client(first);
    const { id } = await api.create({ name: 'noop', delay: never });
    const second = await runCli(['start', '--port', '0', '--data-dir', first.dataDir, '--handlers', 'dist/workers']);
    t.equal(second.code, 1, second.output);
    t.match(second.output, new RegExp(`\\b${first.pid}\\b`), 'the first is named by its process');
    t.notMatch(second.output, /\n\s+at /, 'without a stack');
    t.equal((await api.job(id)).status, 'pending', 'the first is well');
    t.equal((await api.create({ name: 'noop', delay: '0s' })).status, 'pending');

    await first.kill('SIGKILL');
    await first.restart();
    t.equal((await api.job(id)).status, 'pending', 'a killed one leaves no lock behind');
    await first.kill();
  },
);

t.test(
  'jobs whose handler is gone wait until it is there again, and are named',
  onlyAlone('each node names its own jobs'),
  async (t) => {
    const both = { here: 'export default () => {};', gone: 'export default () => {};' };
    const first = await startServer({ handlers: handlersFolder(both, false) });
    const { id } = await new Client(first).create({ name: 'gone', delay: '1h' });
    const repeating = await new Client(first).create({ name: 'gone', delay: '10ms', is_repeat: true });
    await new Client(first).create({ name: 'here', delay: '1h' });
    t.equal(await first.stop(), 0);
    const second = await startServer({ dataDir: first.dataDir, handlers: handlersFolder({ here: both.here }, false) });
    await eventually(
      () => /"jobs":\{"gone":2\},"msg":"jobs have no handler in the handlers folder: they wait/.test(second.output()),
      () => `not said, but ${second.output()}`,
    );
    const api = new Client(second);
    await api.put(`/jobs/${id}`, { delay: '0s', max_retries: 0 });
    const here = await api.create({ name: 'here', delay: '0s' });
    await api.until(here.id, 'success');
    const waiting = await api.job(id);
    t.match(waiting, { status: 'pending', waiting_for: 'handler', retry_count: 0 });
    t.match((await api.list('?name=gone')).items[0], { waiting_for: 'handler' });
    const health = await api.get('/health');
    t.match(health, { status: 200, body: { status: 'healthy', waiting_for_handler: { gone: 2 } } });
    const types = await api.get<{ total: number; items: unknown[] }>('/job-types');
    t.match(types.body, {
      total: 2,
      items: [{ name: 'gone', handler: null, counts: { pending: 2 } }, { name: 'here' }],
    });
    t.equal((await api.post('/jobs', { name: 'gone', delay: '0s' })).status, 400, 'no new ones are taken');
    await second.kill();
    const third = await startServer({ dataDir: first.dataDir, handlers: handlersFolder(both, false) });
    const later = new Client(third);
    t.match(await later.until(id, 'success'), { retry_count: 0 });
    await later.until(repeating.id, (job) => job.status === 'pending' && job.started_at !== undefined);
    t.notOk('waiting_for_handler' in (await later.get('/health')).body);
    await third.stop();
  },
);
