/** `ctx.log`, kept with its job: lists, bounds, events, the command line, restarts. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { startServer } from '../support/server.js';
import { StreamReader } from '../support/sse.js';
import { testedNodes } from '../support/tested-nodes.js';
import { Subscriber } from '../support/ws.js';
import { INSTANT } from './forms.js';

t.setTimeout(90_000);
const server = await startServer({
  args: ['--threads', '1', '--log-level', 'error'],
  handlers: {
    writes: `export default async ({ lines = 3, fails }, ctx) => {
      ctx.log.debug('not kept')
      for (let i = 0; i < lines; i++) ctx.log[i % 2 ? 'warn' : 'info'](\`line \${i}\`, { i, attempt: ctx.attempt })
      console.log('printed')
      if (fails) throw new Error('after all') }`,
    floods: `export default async ({ lines }, { log }) => {
      for (let i = 0; i < lines; i++) { log.info('line ' + i); if (i % 500 === 0) await new Promise(done => setTimeout(done, 5)) } }`,
    waits: `export default async (payload, { log, signal }) => {
      log.info('begun')
      await new Promise(done => signal.addEventListener('abort', done)) }`,
  },
});
const api = new Client(server);
const feed = await Subscriber.to(server);
interface Lines {
  total: number;
  dropped: number;
  items: { time: string; level: string; run: number; message: string; fields: Record<string, unknown> }[];
  next_cursor?: string;
}
const linesOf = async (id: string, query = ''): Promise<Lines> =>
  (await api.get<Lines>(`/jobs/${id}/logs${query}`)).body;

t.test('the lines of a job, the oldest first, by attempt and in pages', async (t) => {
  const { id } = await api.create({
    name: 'writes',
    delay: '0s',
    max_retries: 1,
    retry_delay: '0s',
    payload: { fails: true },
  });
  await api.until(id, 'failed');
  const all = await linesOf(id);
  t.match(all, { total: 6, dropped: 0, next_cursor: undefined });
  t.match(all.items[0], { time: INSTANT, level: 'info', run: 1, message: 'line 0', fields: { i: 0, attempt: 1 } });
  t.same(
    all.items.map(({ run, message }) => `${run} ${message}`),
    ['1 line 0', '1 line 1', '1 line 2', '2 line 0', '2 line 1', '2 line 2'],
  );
  t.same((await linesOf(id, '?run=2')).items, all.items.slice(3));
  t.match(await linesOf(id, '?run=7'), { total: 0, dropped: 0, items: [] });
  const first = await linesOf(id, '?limit=4');
  t.same(first.items, all.items.slice(0, 4));
  const second = await linesOf(id, `?limit=4&cursor=${first.next_cursor}`);
  t.same(second, { total: 6, dropped: 0, items: all.items.slice(4) });
});

t.test('what is asked wrongly, and of no job', async (t) => {
  const { id } = await api.create({ name: 'writes', delay: '1h', payload: {} });
  t.same(await linesOf(id), { total: 0, dropped: 0, items: [] });
  for (const query of ['?run=0', '?run=x', '?limit=0', '?limit=a', '?cursor=abc', '?page=1', '?run=1&run=2'])
    t.equal((await api.get(`/jobs/${id}/logs${query}`)).status, 400, query);
  t.equal((await api.get('/jobs/job_1_00000000/logs')).status, 404);
  t.equal((await api.get('/jobs/none/logs')).status, 404);
  t.equal((await api.post(`/jobs/${id}/logs`, {})).status, 405);
});

t.test('job.log goes to those who name it', async (t) => {
  const named = await Subscriber.to(server, { event_types: ['job.log'] });
  const stream = await StreamReader.to(server, 'event_types=job.log');
  const told = (id: string) => named.messages.filter((one) => one.type === 'job.log' && one.job_id === id);
  const read = (id: string) => stream.blocks.filter(({ message: one }) => one?.type === 'job.log' && one.job_id === id);
  const written = async (): Promise<string> => {
    const { id } = await api.create({ name: 'writes', delay: '0s', payload: {} });
    await feed.event(id, 'job.completed');
    return id;
  };
  // What is not kept comes from other nodes from a moment on after somebody has named it.
  let id = await written();
  const isHeard = () => told(id).length === 3 && read(id).length === 3;
  for (let tries = 0; testedNodes !== undefined && tries < 20 && !isHeard(); tries++) {
    await sleep(200);
    if (!isHeard()) id = await written();
  }
  await eventually(isHeard, 'both have all of them');
  const [first] = told(id);
  t.match(first, {
    job_id: id,
    job_name: 'writes',
    status: 1,
    data: { level: 'info', message: 'line 0', fields: { i: 0 } },
  });
  t.notOk(first && 'seq' in first);
  t.same(
    feed.messages.filter(({ type }) => type === 'job.log'),
    [],
  );
});

t.test('of a flood the last thousand lines stay, and others are served', async (t) => {
  const { id } = await api.create({ name: 'floods', delay: '0s', payload: { lines: 20_000 } });
  const began = performance.now();
  await api.stats();
  t.ok(performance.now() - began < 5000);
  await api.until(id, 'success', 30_000);
  await eventually(async () => {
    const { total, dropped } = await linesOf(id, '?limit=1');
    return total + dropped === 20_000;
  }, 'each is kept or counted');
  const { total, items } = await linesOf(id, '?limit=1000');
  t.ok(total <= 1000 && total > 0, `${total} lines`);
  t.equal(items.length, total);
  // Lines are answered before they are on disk, and counted afterwards.
  let metrics = '';
  await eventually(async () => {
    // Each node counts for itself.
    const texts = server.urls.map(async (url) => await (await fetch(`${url}/metrics`)).text());
    metrics = (await Promise.all(texts)).join('\n');
    return /escapement_job_log_bytes [1-9]/.test(metrics);
  }, 'their bytes are counted');
  t.match(metrics, /escapement_job_log_dropped_total [1-9]/);
});

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, [cli, ...args, '--url', `http://127.0.0.1:${server.port}`], {
    encoding: 'utf8',
  });

t.test('the command line shows and follows them', async (t) => {
  const { id } = await api.create({ name: 'writes', delay: '300ms', payload: { lines: 2 } });
  const followed = await run('jobs', 'logs', id, '--follow');
  t.match(followed.stdout, /info {3}line 0 {2}i=0 {2}attempt=1\n.*warn {3}line 1/);
  const shown = await run('jobs', 'logs', id, '--json');
  t.match(
    shown.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [{ message: 'line 0', run: 1 }, { message: 'line 1' }],
  );
  const none = await api.create({ name: 'writes', delay: '1h', payload: {} });
  t.match((await run('jobs', 'logs', none.id)).stderr, /no lines/);
});

t.test('they are there after a stop, and after a kill but for the last second', async (t) => {
  const { id } = await api.create({ name: 'writes', delay: '0s', payload: {} });
  await api.until(id, 'success');
  await server.restart();
  t.equal((await linesOf(id)).total, 3);
  const waiting = await api.create({ name: 'waits', delay: '0s', payload: {} });
  await eventually(async () => (await linesOf(waiting.id)).total === 1, 'it has begun');
  await new Promise((done) => setTimeout(done, 1500));
  await server.kill();
  await server.restart();
  await eventually(async () => (await linesOf(waiting.id)).total === 2, 'it has begun again');
  t.same(
    (await linesOf(waiting.id)).items.map((line) => line.run),
    [1, 2],
  );
  await api.delete(`/jobs/${waiting.id}`);
});

t.test('a job that is removed takes them along', async (t) => {
  const { id } = await api.create({ name: 'writes', delay: '0s', payload: {} });
  await api.until(id, 'success');
  t.equal((await api.post(`/jobs/${id}/remove`)).status, 200);
  t.equal((await api.get(`/jobs/${id}/logs`)).status, 404);
});

t.test('none are kept where none are to be', async (t) => {
  const other = await startServer({
    args: ['--job-logs', '0'],
    handlers: { writes: `export default (payload, { log }) => { log.info('x') }` },
  });
  const client = new Client(other);
  const { id } = await client.create({ name: 'writes', delay: '0s', payload: {} });
  await client.until(id, 'success');
  t.match((await client.get(`/jobs/${id}/logs`)).body, { total: 0, items: [] });
});
