/** Resuming a subscription with `since`: what was missed comes first, without gap or double, also across kill -9. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';
import { onlyOne } from '../support/shards.js';
import { Subscriber } from '../support/ws.js';

interface Event {
  readonly type: string;
  readonly seq: number;
}

const isEvent = (message: unknown): message is Event => String((message as Event).type).startsWith('job.');
const seqs = (subscriber: Subscriber): number[] =>
  (subscriber.messages as unknown[]).filter(isEvent).map(({ seq }) => seq);
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

t.test(
  'from the beginning, then live, each event once and in order',
  onlyOne('one number for all events'),
  async (t) => {
    const server = await startServer();
    const api = new Client(server);
    for (let i = 0; i < 50; i++) await api.create({ name: 'noop', delay: '0s' });
    const late = await Subscriber.connect(server);
    late.send({ action: 'subscribe', since: 0 });
    for (let i = 0; i < 50; i++) await api.create({ name: 'noop', delay: '0s' });
    await late.waitFor(({ seq, type }) => type !== 'subscribed' && seq === 300, 'the last event');
    t.same(seqs(late), upTo(300));
    await late.close();
    await server.kill();
  },
);

t.test(
  'after a crash it goes on behind the last event that was seen',
  onlyOne('one number for all events'),
  async (t) => {
    const server = await startServer();
    let api = new Client(server);
    for (let i = 0; i < 10; i++) await api.create({ name: 'noop', delay: '1h' });
    await server.kill();
    await server.restart();
    api = new Client(server);
    await api.create({ name: 'noop', delay: '1h' });
    const again = await Subscriber.connect(server);
    again.send({ action: 'subscribe', since: 4, filter: { event_types: ['job.scheduled'] } });
    await again.waitFor(({ seq, type }) => type !== 'subscribed' && seq === 11, 'what was missed');
    t.same(seqs(again), upTo(11).slice(4));
    await again.close();
    await server.kill();
  },
);

t.test('an event that has not happened cannot be resumed from', async (t) => {
  const server = await startServer();
  const subscriber = await Subscriber.connect(server);
  for (const since of [1, -1, 1.5, 'x']) {
    t.match(await subscriber.ask({ action: 'subscribe', since }, 'error'), { code: 'validation_failed' });
    await subscriber.ask({ action: 'ping' }, 'pong');
  }
  t.pass('each was refused, and the connection lives');
  await subscriber.close();
  await server.kill();
});
