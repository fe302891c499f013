/** Thousands of requests wait for their answers on the one thread of the type `http`, and the server does its other work. */
import type { ServerResponse } from 'node:http';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { Receiver } from '../support/receiver.js';
import { startServer } from '../support/server.js';

t.setTimeout(240_000);

const count = 2000;
const receiver = await Receiver.start();
const held: ServerResponse[] = [];
const url = receiver.on('/hangs', (response) => held.push(response));
const server = await startServer({
  args: ['--http-target', receiver.origin],
  handlers: { quick: 'export default () => 1;' },
});
const api = new Client(server);

/** Makes them, and waits until all have come. */
async function hang(more: Record<string, unknown>): Promise<readonly string[]> {
  held.length = 0;
  const items = Array.from({ length: count }, (_, n) => ({
    name: 'http',
    delay: '0s',
    payload: { url, body: n },
    ...more,
  }));
  const { status, body } = await api.post<{ items: { id: string }[] }>('/jobs/batch', items);
  if (status !== 201) throw new Error(`the batch was answered with ${status}`);
  await receiver.until(() => held.length === count);
  return body.items.map(({ id }) => id);
}

t.test(`${count} requests hang at once, and other jobs run meanwhile`, async (t) => {
  const began = performance.now();
  await hang({});
  t.comment(`all have arrived after ${Math.round(performance.now() - began)} ms`);
  await eventually(async () => (await api.stats()).running === count, 'all are seen to run');
  const asked = performance.now();
  const { id } = await api.create({ name: 'quick', delay: '0s' });
  await api.until(id, 'success');
  t.comment(`a job beside them was seen to have run after ${Math.round(performance.now() - asked)} ms`);
  const released = performance.now();
  for (const response of held.splice(0)) response.end('done');
  await eventually(async () => (await api.stats()).running === 0, 'all have ended', 60_000);
  t.comment(`all have ended ${Math.round(performance.now() - released)} ms after their answers`);
  t.match(await api.list('?status=success&name=http&limit=1'), { total: count });
});

t.test('all of them time out at once', async (t) => {
  const began = performance.now();
  await hang({ timeout: '15s', max_retries: 0 });
  t.comment(`all have arrived after ${Math.round(performance.now() - began)} ms`);
  await eventually(async () => (await api.stats()).running === 0, 'all have ended', 60_000);
  t.match(await api.list('?status=failed&name=http&limit=1'), {
    total: count,
    items: [{ last_error: { code: 'timeout' } }],
  });
  await receiver.until(() => receiver.received.every(({ closed }) => closed));
  t.notMatch(server.output(), /a thread is stopped|a worker thread ended/);
});
