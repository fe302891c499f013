/** The protocol of `/ws`, over real connections. */
import { connect } from 'node:net';
import t from 'tap';
import { Refusal } from '../../../src/domain/errors.js';
import type { JobEvent } from '../../../src/domain/events.js';
import type { SubscriberBounds } from '../../../src/server/live/subscribers.js';
import { type Client, eventually, raw, rawRequest } from '../../support/client.js';
import { recorded } from '../../support/telemetry.js';
import { Subscriber } from '../../support/ws.js';
import { exampleNow, FakeQueries, idOf, job, serve } from '../fixture.js';

const fixture = await serve();
const { server, port } = fixture;
let seq = 0;

function happened(jobName: string, type: 'job.started' | 'job.cancelled', jobSeq = 1): JobEvent {
  seq += 1;
  const body =
    type === 'job.started' ? ({ type, attempt: 1 } as const) : ({ type, previousStatus: 'pending' } as const);
  return { seq, jobSeq, idSeconds: 1704180000, jobName, at: exampleNow, body };
}

function seqs(subscriber: Subscriber): number[] {
  return subscriber.events().map((event) => event.seq);
}

t.test('nothing comes before a subscription, everything asked for after it', async (t) => {
  const subscriber = await Subscriber.connect({ port });
  server.publish([happened('payment_check', 'job.started')]);
  const answer = await subscriber.subscribe();
  t.same(answer, { type: 'subscribed', filter: { job_types: [], event_types: [], job_ids: [] }, seq });
  server.publish([happened('payment_check', 'job.started'), happened('email_send', 'job.cancelled')]);
  await subscriber.settle();
  t.same(seqs(subscriber), [seq - 1, seq]);
  t.same(await subscriber.ask({ action: 'unsubscribe' }, 'unsubscribed'), { type: 'unsubscribed' });
  server.publish([happened('payment_check', 'job.started')]);
  await subscriber.settle();
  t.equal(subscriber.events().length, 2);
  await subscriber.close();
});

t.test('each class of filter hears its own', async (t) => {
  const id = idOf(job({ spec: { seq: 77 } }));
  const all = await Subscriber.to({ port });
  const typed = await Subscriber.to({ port }, { job_types: ['email_send'] });
  const kinds = await Subscriber.to({ port }, { event_types: ['job.cancelled'] });
  const both = await Subscriber.to(
    { port },
    { job_types: ['email_send', 'unregistered'], event_types: ['job.cancelled', 'job.failed'] },
  );
  const byId = await Subscriber.to({ port }, { job_ids: [id, 'job_xxx'], event_types: ['job.started'] });
  const events = [
    happened('payment_check', 'job.started'),
    happened('email_send', 'job.started', 77),
    happened('email_send', 'job.cancelled', 77),
    happened('payment_check', 'job.cancelled'),
  ];
  server.publish(events);
  const [a, b, c, d] = events.map((event) => event.seq);
  for (const subscriber of [all, typed, kinds, both, byId]) await subscriber.settle();
  t.same(seqs(all), [a, b, c, d]);
  t.same(seqs(typed), [b, c]);
  t.same(seqs(kinds), [c, d]);
  t.same(seqs(both), [c]);
  t.same(seqs(byId), [b]);
  t.equal(byId.events()[0]?.job_id, id);
  for (const subscriber of [all, typed, kinds, both, byId]) await subscriber.close();
});

t.test('answers keep their place among events', async (t) => {
  const subscriber = await Subscriber.to({ port });
  for (let n = 0; n < 50; n += 1) {
    server.publish([happened('payment_check', 'job.started')]);
    if (n % 10 === 9) await subscriber.subscribe({ event_types: ['job.started'] });
  }
  await subscriber.settle();
  const got = seqs(subscriber);
  t.same(
    got,
    Array.from({ length: 50 }, (_, n) => seq - 49 + n),
  );
  for (const [at, message] of subscriber.messages.entries()) {
    const next = subscriber.messages[at + 1];
    if (message.type === 'subscribed' && next?.seq !== undefined) t.ok(next.seq > (message.seq ?? 0));
  }
  await subscriber.close();
});

t.test('ping and statistics', async (t) => {
  const subscriber = await Subscriber.connect({ port });
  t.same(await subscriber.ask({ action: 'ping' }, 'pong'), { type: 'pong', timestamp: '2024-01-02T15:20:00+08:00' });
  const stats = await subscriber.ask({ action: 'get_stats' }, 'stats');
  t.match(stats, {
    timestamp: '2024-01-02T15:20:00+08:00',
    data: { pending: 12, running: 3, heap_size: 15, connections: 1 },
  });
  await subscriber.close();
});

t.test('bad messages are answered, the third in a row closes', async (t) => {
  const bad: unknown[] = [
    '{',
    '[]',
    'null',
    '"x"',
    { action: 'dance' },
    { action: 5 },
    {},
    { action: 'ping', x: 1 },
    { action: 'toString' },
    { action: 'subscribe', filter: { job_types: 'x' } },
    { action: 'subscribe', filter: null },
    { action: 'subscribe', filter: { event_types: ['job.x'] } },
    { action: 'subscribe', filters: {} },
    {
      action: 'subscribe',
      filter: {
        job_ids: Array(1001)
          .fill(0)
          .map((_, n) => `job_${n}`),
      },
    },
  ];
  const subscriber = await Subscriber.connect({ port });
  for (const message of bad) {
    const answer = await subscriber.ask(message, 'error');
    t.match(answer, { type: 'error', code: /^(malformed_json|validation_failed)$/, message: String });
    await subscriber.settle();
  }
  for (let n = 0; n < 3; n += 1) subscriber.send('{');
  t.match(await subscriber.closed, { code: 1008, reason: 'too many bad messages in a row' });
  t.equal(subscriber.messages.filter(({ type }) => type === 'error').length, bad.length + 3);
});

t.test('frames that are not taken', async (t) => {
  const binary = await Subscriber.connect({ port });
  binary.socket.send(Buffer.from('{"action":"ping"}'));
  t.equal((await binary.closed).code, 1003);
  const large = await Subscriber.connect({ port });
  large.send('x'.repeat(64 * 1024 + 1));
  t.not((await large.closed).code, 1000);
  const flood = await Subscriber.connect({ port });
  for (let n = 0; n < 200; n += 1) flood.send({ action: 'ping' });
  t.match(await flood.closed, { code: 1008, reason: /messages in a second/ });
  t.equal(flood.messages.length, 100);
  const invalid = await Subscriber.connect({ port });
  invalid.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
  t.not((await invalid.closed).code, 1000);
});

t.test('what is no upgrade', async (t) => {
  const get = await raw({ port }, rawRequest('GET', '/ws'), { enough: (text) => text.includes('}') });
  t.match(get.text, /^HTTP\/1\.1 400 [\s\S]*validation_failed/);
  const old = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '8',
  };
  const version = await raw({ port }, rawRequest('GET', '/ws', old), { enough: (text) => text.includes('}') });
  t.match(version.text, /^HTTP\/1\.1 400 [\s\S]*Sec-WebSocket-Version: 13/);
  t.equal(
    (
      await raw({ port }, rawRequest('POST', '/ws', { 'Content-Length': '0' }), {
        enough: (text) => text.includes('}'),
      })
    ).statuses[0],
    405,
  );
  t.equal((await fixture.api.absolute('GET', '/ws/')).status, 404);
});

t.test('a client that goes in the middle of everything harms nobody', async (t) => {
  const upgrade = rawRequest('GET', '/ws', {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
  });
  for (let at = 1; at <= upgrade.length; at += 3) {
    await new Promise<void>((done) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(upgrade.slice(0, at), () => socket.resetAndDestroy()),
      );
      socket.on('error', () => undefined);
      socket.on('close', () => done());
    });
  }
  server.publish([happened('payment_check', 'job.started')]);
  const subscriber = await Subscriber.to({ port });
  t.same(subscriber.events(), []);
  await subscriber.close();
});

t.test('no more connections than there may be', async (t) => {
  const { port } = await serve({ maxConnections: 2 });
  const [first] = [await Subscriber.connect({ port }), await Subscriber.connect({ port })];
  t.equal(await Subscriber.attempt({ port }), 503);
  await first.close();
  t.equal(await Subscriber.attempt({ port }), 101);
});

t.test(
  'a reader that is too slow is closed with 1013 and loses nothing before that; others hear everything',
  async (t) => {
    const { heard: told, telemetry } = recorded();
    const { server, port, api, log } = await serve({}, { telemetry });
    const slow = await Subscriber.to({ port });
    const quick = await Subscriber.to({ port }, { job_types: ['payment_check'] });
    slow.socket.pause();
    let last = 0;
    while (last < 20_000) {
      server.publish(failures(100, last + 1));
      last += 100;
      await new Promise((done) => setImmediate(done));
      // On a busy machine the quick one would be slow as well.
      if (last % 1000 === 0) await quick.waitFor((message) => message.seq === last, `event ${last}`);
    }
    t.equal(quick.events().length, last);
    slow.socket.resume();
    t.match(await slow.closed, { code: 1013 });
    const heard = seqs(slow);
    t.ok(heard.length < last);
    t.same(
      heard,
      heard.map((_, at) => at + 1),
      'no gap in what it heard',
    );
    t.match((await api.get('/stats')).body, { connections: 1, connections_closed_slow: 1 });
    t.ok(log.lines.some((line) => /too slowly/.test(line)));
    t.ok(told.some(([call]) => call === 'eventDropped'));
    await quick.close();
  },
);

/** Failures with a long error, numbered from `first` on. */
function failures(count: number, first = 1, error = 'x'.repeat(4000)): JobEvent[] {
  const body = { type: 'job.failed', error, retryCount: 0, maxRetries: 0, final: true } as const;
  return Array.from({ length: count }, (_, at) => ({
    seq: first + at,
    jobSeq: 1,
    idSeconds: 1,
    jobName: 'payment_check',
    at: exampleNow,
    body,
  }));
}

/** Four that read nothing and are told more than may wait for one of them. */
async function deafReaders(bounds: Partial<SubscriberBounds>): Promise<{ deaf: Subscriber[]; api: Client }> {
  const { server, port, api } = await serve({}, { subscriberBounds: bounds });
  const deaf = await Promise.all(Array.from({ length: 4 }, () => Subscriber.to({ port })));
  for (const { socket } of deaf) socket.pause();
  for (let last = 0; last < 8000; last += 100) {
    server.publish(failures(100, last + 1));
    await new Promise((done) => setImmediate(done));
  }
  return { deaf, api };
}

const connections = async (api: Client): Promise<unknown> =>
  ((await api.get('/stats')).body as { connections: number }).connections;

t.test('who does not read up to its close frame in time is cut off', async (t) => {
  const { api } = await deafReaders({ slowGraceMs: 1000 });
  t.match((await api.get('/stats')).body, { connections: 4, connections_closed_slow: 4 });
  await eventually(async () => (await connections(api)) === 0, 'they are still there');
  t.match((await api.get('/stats')).body, { connections_closed_slow: 4 }, 'each is counted once');
});

t.test('when too much waits for all readers together, the largest backlogs go until there is room', async (t) => {
  // For each of the four wait 8 MiB.
  const { api } = await deafReaders({ backlogsBytes: 20 * 2 ** 20 });
  await eventually(async () => (await connections(api)) === 2, 'two of them are not cut off');
  await new Promise((done) => setTimeout(done, 2500));
  t.equal(await connections(api), 2, 'for the others there is room');
});

t.test('whoever resumes from before the oldest event is told of the gap, once, and hears all after it', async (t) => {
  const queries = new FakeQueries();
  const events = failures(1300, 1, 'no');
  queries.seq = events.length;
  queries.eventsAfter = (seq, limit) => {
    const from = Math.max(seq, 1200);
    return { events: events.slice(from, from + limit), oldest: 1201 };
  };
  const { port, server } = await serve({}, { queries });
  for (const filter of [{}, { job_types: ['email_send'] }, { event_types: ['job.failed'] }]) {
    const subscriber = await Subscriber.connect({ port });
    subscriber.send({ action: 'subscribe', since: 1, filter });
    await subscriber.settle();
    const [answer, gap, ...rest] = subscriber.messages;
    t.match(answer, { type: 'subscribed', seq: 1300 });
    t.same(gap, { type: 'gap', from: 2, to: 1200 });
    t.notOk(rest.some(({ type }) => type === 'gap'));
    t.same(
      seqs(subscriber),
      'job_types' in filter ? [] : events.slice(1200).map((event) => event.seq),
      JSON.stringify(filter),
    );
    await subscriber.close();
  }
  const at = await Subscriber.connect({ port });
  at.send({ action: 'subscribe', since: 1200 });
  await at.settle();
  t.notOk(
    at.messages.some(({ type }) => type === 'gap'),
    'nothing is missed after 1200',
  );
  server.publish(failures(1, 1301));
  await at.settle();
  t.equal(seqs(at).at(-1), 1301, 'then it is live');
  await at.close();
});

t.test('whoever resumes into damage is told that all up to now is gone, and is live', async (t) => {
  const queries = new FakeQueries();
  queries.seq = 1300;
  queries.eventsAfter = () => {
    throw new Refusal('internal_error', 'A record that this needs is damaged.');
  };
  const { port, server } = await serve({}, { queries });
  const subscriber = await Subscriber.connect({ port });
  subscriber.send({ action: 'subscribe', since: 40 });
  await subscriber.settle();
  t.match(subscriber.messages, [{ type: 'subscribed' }, { type: 'gap', from: 41, to: 1300 }]);
  server.publish(failures(1, 1301));
  await subscriber.settle();
  t.same(seqs(subscriber), [1301]);
  await subscriber.close();
});

t.test('whoever resumes is sent no more at a time than it can take, and loses nothing', async (t) => {
  const events = failures(3000, 1, '€'.repeat(4096));
  const queries = new FakeQueries();
  queries.seq = events.length;
  queries.eventsAfter = (seq, limit) => ({ events: events.slice(seq, seq + limit), oldest: 1 });
  const { port } = await serve({}, { queries });
  const subscriber = await Subscriber.connect({ port });
  subscriber.send({ action: 'subscribe', since: 0 });
  await subscriber.waitFor(
    (message) => message.type === 'job.failed' && message.seq === events.length,
    'the last event',
  );
  t.same(
    seqs(subscriber),
    events.map((event) => event.seq),
  );
  await subscriber.close();
});

t.test('closing the server closes them with 1001', async (t) => {
  const { server, port } = await serve();
  const subscriber = await Subscriber.to({ port });
  const closed = server.close();
  t.match(await subscriber.closed, { code: 1001, reason: 'the server is shutting down' });
  await closed;
  await t.rejects(Subscriber.connect({ port }));
});
