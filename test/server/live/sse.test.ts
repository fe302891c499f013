/** Event streams over real connections: signs of life, slow readers, many listeners. */
import { connect } from 'node:net';
import t from 'tap';
import type { JobEvent } from '../../../src/domain/events.js';
import { eventually, raw, rawRequest } from '../../support/client.js';
import { StreamReader } from '../../support/sse.js';
import { exampleNow, FakeQueries, serve } from '../fixture.js';

t.setTimeout(120_000);

/** Failures, numbered from `first` on. */
function failures(count: number, first = 1, error = 'no'): JobEvent[] {
  const body = { type: 'job.failed', error, retryCount: 0, maxRetries: 0, final: true } as const;
  const event = { jobSeq: 1, idSeconds: 1, jobName: 'payment_check', at: exampleNow, body };
  return Array.from({ length: count }, (_, at) => ({ ...event, seq: first + at }));
}

/** Past events. */
function past(events: readonly JobEvent[], oldest = 1): FakeQueries {
  const queries = new FakeQueries();
  queries.seq = events.length;
  queries.eventsAfter = (seq, limit) => {
    const from = Math.max(seq, oldest - 1);
    return { events: events.slice(from, from + limit), oldest };
  };
  return queries;
}

const seqs = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => first + at);

t.test('a silent stream shows signs of life, with the resume point, and no deadline of answers ends it', async (t) => {
  const { port, server } = await serve({}, { subscriberBounds: { heartbeatSeconds: 1 }, answerTimeoutMs: 1000 });
  const reader = await StreamReader.to({ port }, 'job_types=nobody');
  server.publish(failures(3));
  await reader.block(({ comment, id }) => comment && id === '3', 'the latest id');
  let beats = 0;
  await reader.block(({ comment }) => comment && ++beats === 4, 'the fourth sign of life');
  t.equal(reader.messages.length, 1, 'nothing else');
  await reader.close();
});

t.test('while it catches up, a sign of life has no resume point', async (t) => {
  const queries = past(failures(2000, 1, 'x'.repeat(4000)));
  const { port } = await serve({}, { queries, subscriberBounds: { heartbeatSeconds: 1 } });
  const reader = await StreamReader.to({ port }, 'since=0');
  reader.response.pause();
  const other = await StreamReader.to({ port });
  let beats = 0;
  await other.block(({ comment }) => comment && ++beats === 3, 'the third sign of life');
  await other.close();
  reader.response.resume();
  await reader.seq(2000);
  await reader.block(({ comment, id }) => comment && id === '2000', 'that it has caught up');
  t.same(reader.seqs(), seqs(1, 2000));
  const before = reader.blocks.slice(
    0,
    reader.blocks.findIndex(({ id }) => id === '2000'),
  );
  t.notOk(before.some(({ comment, id }) => comment && id !== undefined));
  await reader.close();
});

t.test('whoever resumes from before the oldest event is told of the gap, without a resume point', async (t) => {
  const { port, server } = await serve({}, { queries: past(failures(1300), 1201) });
  const reader = await StreamReader.to({ port }, '', { 'Last-Event-ID': '1' });
  await reader.seq(1300);
  t.match(reader.blocks[1], { message: { type: 'gap', from: 2, to: 1200 } });
  t.equal(reader.blocks[1]?.id, undefined);
  server.publish(failures(1, 1301));
  await reader.seq(1301);
  t.same(reader.seqs(), seqs(1201, 1301));
  await reader.close();
});

t.test('a reader that is too slow is cut off and resumes without a gap; others hear everything', async (t) => {
  const events = failures(20_000, 1, 'x'.repeat(4000));
  const queries = past(events);
  queries.seq = 0;
  const { server, port, api, log } = await serve({}, { queries });
  const slow = await StreamReader.to({ port });
  const quick = await StreamReader.to({ port }, 'job_types=payment_check');
  slow.response.socket.pause();
  let last = 0;
  while (last < events.length) {
    server.publish(events.slice(last, last + 100));
    last += 100;
    await new Promise((done) => setImmediate(done));
    // On a busy machine the quick one would be slow as well.
    if (last % 1000 === 0) await quick.seq(last);
  }
  t.equal(quick.events().length, last);
  t.match((await api.get('/stats')).body, { connections: 1, connections_closed_slow: 1 });
  t.ok(log.lines.some((line) => /too slowly/.test(line)));
  slow.response.socket.resume();
  t.equal(await slow.closed, 'cut');
  const heard = slow.seqs();
  t.same(heard, seqs(1, heard.length), 'no gap in what it heard');
  const again = await StreamReader.to({ port }, '', { 'Last-Event-ID': slow.lastId as string });
  await again.seq(last);
  t.same(again.seqs(), seqs(heard.length + 1, last));
  for (const reader of [quick, again]) await reader.close();
});

t.test('what waits for a reader reaches it to the last byte, with nothing behind it', async (t) => {
  const { server, port } = await serve();
  const reader = await StreamReader.to({ port });
  reader.response.socket.pause();
  // More than the system holds for a connection, less than may wait.
  server.publish(failures(1500, 1, '€'.repeat(1300)));
  await new Promise((done) => setImmediate(done));
  reader.response.socket.resume();
  await reader.seq(1500);
  t.same(reader.seqs(), seqs(1, 1500));
  await reader.close();
});

t.test('five hundred hear everything, each what it asked for', async (t) => {
  const { server, port, api } = await serve({ maxConnections: 1000 });
  const readers = await Promise.all(
    Array.from({ length: 500 }, (_, at) => StreamReader.to({ port }, at % 5 === 0 ? 'job_types=email_send' : '')),
  );
  const events = failures(200).map((event) => ({
    ...event,
    jobName: event.seq % 2 === 0 ? 'email_send' : 'payment_check',
  }));
  for (let from = 0; from < events.length; from += 40) {
    server.publish(events.slice(from, from + 40));
    await new Promise((done) => setImmediate(done));
  }
  await Promise.all(readers.map((reader) => reader.seq(200)));
  const even = seqs(1, 200).filter((seq) => seq % 2 === 0);
  for (const [at, reader] of readers.entries())
    if (JSON.stringify(reader.seqs()) !== JSON.stringify(at % 5 === 0 ? even : seqs(1, 200)))
      t.fail(`reader ${at} heard ${reader.seqs()}`);
  t.match((await api.get('/stats')).body, { connections: 500, connections_closed_slow: 0 });
  await Promise.all(readers.map((reader) => reader.close()));
  await eventually(
    async () => ((await api.get('/stats')).body as { connections: number }).connections === 0,
    'they are still there',
  );
});

t.test('who shuts its sending side, asks for more, or is reset leaves nothing behind', async (t) => {
  const { port, api } = await serve();
  const ask = rawRequest('GET', '/api/v1/events');
  const ways: Record<string, (socket: import('node:net').Socket) => void> = {
    'shuts its side': (socket) => void socket.end(),
    'asks for more': (socket) => void socket.write(ask),
    'is reset': (socket) => void socket.resetAndDestroy(),
  };
  for (const [what, leave] of Object.entries(ways)) {
    await new Promise<void>((done) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(ask));
      socket.once('data', () => leave(socket));
      socket.on('error', () => undefined);
      socket.on('close', () => done());
    });
    await eventually(
      async () => ((await api.get('/stats')).body as { connections: number }).connections === 0,
      `one that ${what} is still there`,
    );
    t.pass(what);
  }
  const both = await raw({ port }, ask + ask, { ms: 1000 });
  t.ok(both.statuses.length <= 1, 'one stream a connection');
});

t.test('closing the server ends streams, and takes no more of them', async (t) => {
  const { server, port } = await serve();
  const reader = await StreamReader.to({ port });
  server.publish(failures(3));
  const closed = server.close();
  t.equal(await reader.closed, 'ended');
  t.same(reader.seqs(), [1, 2, 3]);
  await closed;
  await t.rejects(StreamReader.to({ port }));
});
