/** F16: handlers that throw what is no error and return what is no result, by the whole way. */
import t from 'tap';
import { Client } from '../support/client.js';
import { isWhole } from '../support/neighbours.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);

// A result of 10 MB, written as JSON, would not fit into these threads.
const server = await startServer({ args: ['--threads', '2', '--thread-memory', '32MiB'] });
const api = new Client(server);

t.test('F16: what is no error is thrown', async (t) => {
  const odd = ['undefined', 'null', 'symbol', 'text', 'number', 'proxy', 'getters', 'nameless', 'long'];
  const jobs = await Promise.all(
    odd.map((what) => api.create({ name: 'throw_odd', delay: '0s', payload: { what }, max_retries: 0 })),
  );
  for (const [n, what] of odd.entries()) {
    const { last_error: error } = await api.until(jobs[n]!.id, 'failed', 30_000);
    t.match(error, { name: /^.+$/, message: /^.{1,4096}$/s, code: 'handler_error', at: /^\d{4}-/ }, what);
  }
  await isWhole(t, api);
});

t.test('F16: what is no result is returned', async (t) => {
  const odd = ['cycle', 'function', 'symbol', 'bigint', 'huge', 'list', 'buffer', 'many', 'keys', 'wide', 'hostile'];
  const jobs = await Promise.all(
    odd.map((what) => api.create({ name: 'odd_result', delay: '0s', payload: { what }, max_retries: 0 })),
  );
  for (const [n, what] of odd.entries()) {
    const job = await api.until(jobs[n]!.id, 'success', 30_000);
    t.match(job, { result_omitted: /^the result /, retry_count: 0 }, what);
    t.notOk('result' in job, what);
  }
  t.notMatch(server.output(), /a worker thread ended/, 'no thread was lost');
  await isWhole(t, api);
});
