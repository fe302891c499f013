/** F13 to F15: handlers that eat their memory, end their thread, or throw when nobody listens. */
import t from 'tap';
import { Client } from '../support/client.js';
import { Neighbours } from '../support/neighbours.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);

const server = await startServer({ args: ['--threads', '2', '--thread-memory', '32MiB'] });
const api = new Client(server);

t.test('F13: the heap is exhausted, twice', async (t) => {
  const neighbours = await Neighbours.running(api, 20, 1000);
  const payload = { afterMs: 100 };
  const { id } = await api.create({ name: 'oom', delay: '0s', payload, max_retries: 1, retry_delay: '0s' });
  t.match(await api.until(id, 'failed', 60_000), {
    last_error: { code: 'worker_lost', message: /memory \(limit 32 MiB\)/ },
    retry_count: 1,
  });
  await neighbours.unharmed(t);
});

for (const code of [0, 3]) {
  t.test(`F14: process.exit(${code}), with all the retries that there are`, async (t) => {
    // More than an innocent job may be interrupted.
    const retries = 4;
    const neighbours = await Neighbours.running(api, 20, 1000);
    const { id } = await api.create({
      name: 'exit',
      delay: '0s',
      payload: { code, afterMs: 100 },
      max_retries: retries,
      retry_delay: '0s',
    });
    t.match(await api.until(id, 'failed', 60_000), {
      last_error: { code: 'worker_lost', message: new RegExp(`exit code ${code}`) },
      retry_count: retries,
    });
    await neighbours.unharmed(t);
  });
}

for (const name of ['late_throw', 'floating_rejection']) {
  t.test(`F15: ${name} after the job has returned`, async (t) => {
    const neighbours = await Neighbours.running(api, 20, 1000);
    const { id } = await api.create({ name, delay: '0s', payload: { ms: 200 } });
    t.match(await api.until(id, 'success', 30_000), { retry_count: 0 }, 'it has returned before');
    await neighbours.unharmed(t);
    t.match(await api.job(id), { status: 'success', retry_count: 0 }, 'and stays a success');
    t.match(server.output(), /that no attempt awaits/, 'the log tells');
  });
}
