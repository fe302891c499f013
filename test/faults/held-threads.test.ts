/** F12: handlers that hold their thread for ever, by the whole way from the request to the answer. */
import t from 'tap';
import { Client } from '../support/client.js';
import { full } from '../support/faults.js';
import { Neighbours } from '../support/neighbours.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(180_000);

const server = await startServer({ args: ['--threads', '2'] });
const api = new Client(server);
const timeoutMs = 1000;

for (const [what, name, payload] of [
  ['at once', 'spin', {}],
  ['after an await', 'spin_after_await', {}],
  ['after an await, in a function that a function awaits', 'spin_after_await', { deep: true }],
] as const) {
  t.test(`F12: for (;;) {} ${what}, among 50 others on its thread`, async (t) => {
    const neighbours = await Neighbours.running(api, 100, 2000);
    const feed = await Subscriber.to(server, { event_types: ['job.started', 'job.retrying'] });
    const { id } = await api.create({ name, delay: '0s', payload, timeout: `${timeoutMs}ms`, max_retries: 0 });
    const job = await api.until(id, 'failed', 30_000);
    t.match(job, { last_error: { code: 'timeout' }, retry_count: 0 });
    const tookMs = Date.parse(job.finished_at!) - Date.parse(job.started_at!);
    t.ok(tookMs >= timeoutMs, `not before its time: ${tookMs} ms`);
    // A machine that does other things at the same time may not decide the test.
    t.ok(tookMs < timeoutMs + (full ? 1000 : 5000), `${tookMs} ms`);
    await feed.settle();
    t.same(feed.types(id), ['job.started'], 'known at once, not by another attempt');
    await neighbours.unharmed(t);
    await feed.close();
  });
}

t.test('F12: in a callback that nobody awaits it is found by running again alone', async (t) => {
  const neighbours = await Neighbours.running(api, 20, 500);
  const { id } = await api.create({
    name: 'spin_in_callback',
    delay: '0s',
    timeout: `${timeoutMs}ms`,
    max_retries: 0,
  });
  t.match(await api.until(id, 'failed', 60_000), { last_error: { code: 'timeout' }, retry_count: 0 });
  await neighbours.unharmed(t);
});
