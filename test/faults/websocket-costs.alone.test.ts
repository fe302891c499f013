/** F42: what subscriptions may cost: the memory of filters, and connections that subscribe over and over. */
import t from 'tap';
import { formatId } from '../../src/domain/id.js';
import { serve } from '../server/fixture.js';
import { Client, eventually } from '../support/client.js';
import { heldBytes } from '../support/faults.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(180_000);
const idsOf = (who: number, count = 1000): string[] =>
  Array.from({ length: count }, (_, n) => formatId(who * 1000 + n, 1704180000));

t.test('a connection that names a thousand jobs takes less than 200 KiB', async (t) => {
  const server = await startServer({ args: ['--log-level', 'error'] });
  const first = await Subscriber.to(server, { job_ids: idsOf(0) });
  const before = heldBytes(server.pid);
  const count = 1000;
  const all: Subscriber[] = [first];
  for (let who = 1; who <= count; who++) all.push(await Subscriber.to(server, { job_ids: idsOf(who) }));
  const each = (heldBytes(server.pid) - before) / count / 1024;
  t.comment(`${Math.round(each)} KiB each`);
  t.ok(each < 200, `${Math.round(each)} KiB each`);
  const { id } = await new Client(server).create({ name: 'noop', delay: '1h' });
  const watching = await Subscriber.to(server, { job_ids: [id] });
  await new Client(server).delete(`/jobs/${id}`);
  await watching.event(id, 'job.cancelled');
  for (const one of all) one.socket.terminate();
  await server.stop();
});

t.test('who subscribes over and over with large filters is closed, and others are served meanwhile', async (t) => {
  const server = await startServer({ args: ['--log-level', 'error'] });
  const api = new Client(server);
  const filter = { job_ids: idsOf(1).map((id) => id.padEnd(38, 'x')) };
  const text = JSON.stringify({ action: 'subscribe', filter });
  const bystander = await Subscriber.to(server, { job_types: ['noop'] });
  const floods = await Promise.all(Array.from({ length: 20 }, () => Subscriber.connect(server)));
  for (const flood of floods) for (let n = 0; n < 90; n++) flood.send(text);
  const { id } = await api.create({ name: 'noop', delay: '0s' });
  await bystander.event(id, 'job.completed');
  for (const flood of floods) {
    t.match(await flood.closed, { code: 1008, reason: /KiB of messages/ });
    const taken = flood.messages.filter(({ type }) => type === 'subscribed').length;
    t.ok(taken < 10, `${taken} of 90 filters were taken`);
  }
  t.equal((await api.get('/health')).status, 200);
  await server.stop();
});

t.test('topics count, too: a small message may ask for two thousand', async (t) => {
  const server = await startServer({ args: ['--log-level', 'error'] });
  const flood = await Subscriber.connect(server);
  const types = Array.from({ length: 285 }, (_, n) => `t${n}`);
  const kinds = ['scheduled', 'started', 'completed', 'failed', 'retrying', 'cancelled', 'updated'];
  const filter = { job_types: types, event_types: kinds.map((kind) => `job.${kind}`) };
  for (let n = 0; n < 90; n++) flood.send({ action: 'subscribe', filter });
  t.match(await flood.closed, { code: 1008, reason: /KiB of messages/ });
  const taken = flood.messages.filter(({ type }) => type === 'subscribed').length;
  t.ok(taken >= 1 && taken < 10, `${taken} of 90 filters were taken`);
  await server.stop();
});

t.test('the filters of all connections have a bound together', async (t) => {
  const { port } = await serve({}, { subscriberBounds: { filtersBytes: 200_000 } });
  const all = await Promise.all(Array.from({ length: 4 }, () => Subscriber.connect({ port })));
  const [a, b, c, d] = all as [Subscriber, Subscriber, Subscriber, Subscriber];
  for (const [who, one] of [a, b, c].entries()) await one.subscribe({ job_ids: idsOf(who) });
  const refused = await d.ask({ action: 'subscribe', filter: { job_ids: idsOf(4) } }, 'error');
  t.match(refused, { code: 'overloaded', message: /fewer/ });
  await c.subscribe({ job_ids: idsOf(5, 10) });
  await d.subscribe({ job_ids: idsOf(4, 900) });
  await a.close();
  // The server learns of the end in a turn of its own.
  await eventually(async () => {
    const from = c.messages.length;
    c.send({ action: 'subscribe', filter: { job_ids: idsOf(6) } });
    await c.waitFor(({ type }) => type === 'subscribed' || type === 'error', 'an answer', from);
    return c.messages.at(-1)?.type === 'subscribed';
  }, 'no room after one has gone');
});
