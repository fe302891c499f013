/**
 * F12 to F16: handlers that spin, eat their memory, end their thread, throw when nobody listens, and give or throw what is
 * no result and no error: each by the whole way, from the request to the answer, with jobs of others beside it. The pool
 * alone has tests of its own in test/pool.
 */
import t, { type Test } from 'tap';
import { Client, type Job } from '../support/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);

const server = await startServer({ args: ['--threads', '2', '--thread-memory', '32MiB', '--grace', '500ms'] });
const api = new Client(server);

/** Jobs that are under way while something goes wrong beside them. */
async function neighbours(count: number, ms: number): Promise<string[]> {
  const jobs = await Promise.all(
    Array.from({ length: count }, () => api.create({ name: 'sleep', delay: '0s', payload: { ms } })),
  );
  return jobs.map(({ id }) => id);
}

/** They succeed as if nothing had been, and the server and its pool are whole. */
async function unharmed(t: Test, ids: readonly string[]): Promise<void> {
  const jobs: Job[] = [];
  for (const id of ids) jobs.push(await api.until(id, 'success', 30_000));
  t.same(
    jobs.filter(({ retry_count: count }) => count !== 0),
    [],
    `${ids.length} neighbours succeeded, none was charged`,
  );
  t.same(
    jobs.filter(({ last_error: error }) => error !== undefined),
    [],
    'and none has an error',
  );
  const after = await Promise.all(Array.from({ length: 8 }, () => api.create({ name: 'noop', delay: '0s' })));
  for (const { id } of after) await api.until(id, 'success', 30_000);
  t.match(await api.get('/health'), { status: 200, body: { status: 'healthy' } });
}

t.test('F12: a handler that spins', async (t) => {
  for (const name of ['spin', 'spin_after_await']) {
    const ids = await neighbours(50, 1500);
    const timeoutMs = 1000;
    const { id } = await api.create({ name, delay: '0s', timeout: `${timeoutMs}ms`, max_retries: 0 });
    const job = await api.until(id, 'failed', 30_000);
    t.match(job, { last_error: { code: 'timeout' }, retry_count: 0 }, name);
    const took = Date.parse(job.finished_at!) - Date.parse(job.started_at!);
    t.ok(took >= timeoutMs, `${name}: not before its time: ${took} ms`);
    // A loaded machine is slow to replace threads; the promise of one second is measured in test/pool.
    t.ok(took < timeoutMs + 5000, `${name}: ${took} ms`);
    await unharmed(t, ids);
  }
});

t.test('F13: the heap is exhausted', async (t) => {
  const ids = await neighbours(20, 1000);
  const { id } = await api.create({
    name: 'oom',
    delay: '0s',
    payload: { afterMs: 200 },
    max_retries: 1,
    retry_delay: '0s',
  });
  t.match(await api.until(id, 'failed', 60_000), { last_error: { code: 'worker_lost' }, retry_count: 1 });
  await unharmed(t, ids);
});

t.test('F14: process.exit in a handler', async (t) => {
  for (const code of [0, 3]) {
    const ids = await neighbours(20, 1000);
    const { id } = await api.create({
      name: 'exit',
      delay: '0s',
      payload: { code, afterMs: 200 },
      max_retries: 1,
      retry_delay: '0s',
    });
    const job = await api.until(id, 'failed', 30_000);
    t.match(job, { last_error: { code: 'worker_lost' }, retry_count: 1 }, `exit ${code}`);
    await unharmed(t, ids);
  }
});

t.test('F15: a late throw, a floating rejection', async (t) => {
  for (const name of ['late_throw', 'floating_rejection']) {
    const ids = await neighbours(20, 1000);
    const { id } = await api.create({ name, delay: '0s', payload: { ms: 200 } });
    t.match(await api.until(id, 'success', 30_000), { retry_count: 0 }, `${name}: it has returned before`);
    await unharmed(t, ids);
    t.equal((await api.job(id)).status, 'success', 'and stays a success');
  }
});

t.test('F16: what is no error is thrown', async (t) => {
  for (const what of ['undefined', 'null', 'symbol', 'text', 'number', 'proxy', 'getters', 'nameless', 'long']) {
    const { id } = await api.create({ name: 'throw_odd', delay: '0s', payload: { what }, max_retries: 0 });
    const { last_error: error } = await api.until(id, 'failed', 30_000);
    t.match(error, { name: /^.+$/, message: String, code: 'handler_error', at: /^\d{4}-/ }, what);
  }
  await unharmed(t, []);
});

t.test('F16: what is no result is returned', async (t) => {
  for (const what of ['cycle', 'function', 'symbol', 'bigint', 'huge', 'wide', 'hostile']) {
    const { id } = await api.create({ name: 'odd_result', delay: '0s', payload: { what } });
    const job = await api.until(id, 'success', 30_000);
    t.match(job.result_omitted, /^.+$/, what);
    t.notOk('result' in job, what);
  }
  await unharmed(t, []);
});
