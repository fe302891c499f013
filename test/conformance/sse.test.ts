/** Event streams: what they say, what they can be asked for, resuming, refusals, the end. */
import t, { type Test } from 'tap';
import { Client, type Job, type Problem } from '../support/client.js';
import { startServer } from '../support/server.js';
import { onlyAlone, onlyOne } from '../support/shards.js';
import { StreamReader } from '../support/sse.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(120_000);
const server = await startServer();
const api = new Client(server);
const feed = await Subscriber.to(server);
const run = (name: string) => api.create({ name, delay: '0s' });
const life = ['job.scheduled', 'job.started', 'job.completed'];

/** Runs a noop and an echo to the end, and checks what a stream with that query hears of them. */
async function hears(t: Test, query: string, expected: { noop: readonly string[]; echo: readonly string[] }) {
  const reader = await StreamReader.to(server, query);
  const [noop, echo] = await Promise.all([run('noop'), run('echo')]);
  await Promise.all([feed.event(noop.id, 'job.completed'), feed.event(echo.id, 'job.completed')]);
  for (const [{ id }, types] of [
    [noop, expected.noop],
    [echo, expected.echo],
  ] as const)
    for (const type of types.slice(-1)) await reader.event(id, type);
  // What it should not have heard has been written by now.
  await api.stats();
  const types = ({ id }: Job) => reader.events(id).map(({ type }) => type);
  t.same({ noop: types(noop), echo: types(echo) }, expected, query);
  await reader.close();
}

t.test(
  'it begins with the answer and goes on with what a WebSocket hears',
  onlyOne('one number for all events'),
  async (t) => {
    const reader = await StreamReader.to(server);
    t.equal(reader.response.headers['content-type'], 'text/event-stream');
    t.equal(reader.response.headers['cache-control'], 'no-store');
    const { id } = await run('noop');
    await reader.event(id, 'job.completed');
    await feed.event(id, 'job.completed');
    const [first] = reader.blocks;
    t.same(first?.message?.filter, { job_types: [], event_types: [], job_ids: [] });
    t.equal(first?.id, String(first?.message?.seq), 'with the resume point');
    t.same(reader.events(id), feed.events(id));
    for (const block of reader.blocks.slice(1))
      if (block.message !== undefined) t.equal(block.id, String(block.message.seq));
    await reader.close();
  },
);

t.test('the values of a field have commas between them', async (t) => {
  await hears(t, '', { noop: life, echo: life });
  await hears(t, 'job_types=', { noop: life, echo: life });
  await hears(t, 'job_types=noop', { noop: life, echo: [] });
  await hears(t, 'job_types=noop,echo', { noop: life, echo: life });
  await hears(t, 'job_types=noop%2Cnobody&event_types=job.started,job.completed', {
    noop: life.slice(1),
    echo: [],
  });
  await hears(t, 'event_types=job.started', { noop: ['job.started'], echo: ['job.started'] });
});

t.test('single jobs can be followed', async (t) => {
  const [one, other] = (await Promise.all([1, 2].map(() => api.create({ name: 'noop', delay: '1h' })))) as [Job, Job];
  const reader = await StreamReader.to(server, `job_ids=${one.id},job_xxx`);
  for (const { id } of [other, one]) await api.delete(`/jobs/${id}`);
  await reader.event(one.id, 'job.cancelled');
  t.same(
    reader.events().map(({ job_id }) => job_id),
    [one.id],
  );
  await reader.close();
});

t.test('it resumes after the last id, which goes before since', onlyOne('one number for all events'), async (t) => {
  await run('noop');
  const { id } = await run('noop');
  const { seq } = await feed.event(id, 'job.completed');
  const all = Array.from({ length: seq }, (_, at) => at + 1);
  for (const [query, headers, from] of [
    ['since=0', {}, 0],
    ['since=2', {}, 2],
    ['since=0', { 'Last-Event-ID': '4' }, 4],
    ['since=99999999', { 'Last-Event-ID': '4' }, 4],
    ['since=3', { 'Last-Event-ID': '' }, 3],
  ] as const) {
    const reader = await StreamReader.to(server, query, headers);
    await reader.seq(seq);
    t.same(reader.seqs().slice(0, seq - from), all.slice(from), `${query} ${JSON.stringify(headers)}`);
    t.equal(reader.blocks[0]?.message?.type, 'subscribed');
    t.equal(reader.blocks[0]?.id, undefined, 'what is to come is not skipped by who is cut off now');
    await reader.close();
  }
});

t.test('what cannot be used is refused, all of it together', onlyOne('one number for all events'), async (t) => {
  const refusals: [query: string, header: string | undefined, path: string, message: RegExp][] = [
    ['since=99999999', undefined, 'query.since', /^is 99999999, and the latest event is \d+: it is of another/],
    ['', '99999999', 'header.Last-Event-ID', /^is 99999999, and the latest event is/],
    ['since=-1', undefined, 'query.since', /whole number from 0/],
    ['', '1.5', 'header.Last-Event-ID', /whole number from 0/],
    ['job_types=a%20b', undefined, 'query.job_types', /"a b", which no job type can be called/],
    ['job_types=a,,b', undefined, 'query.job_types', /nothing between two commas/],
    ['event_types=job.start', undefined, 'query.event_types', /did you mean job.started\?/],
    [`job_ids=${'x'.repeat(129)}`, undefined, 'query.job_ids', /more than 128 characters/],
    ['job_type=noop', undefined, 'query.job_type', /did you mean job_types\?/],
    ['since=1&since=2', undefined, 'query.since', /given once/],
  ];
  for (const [query, header, path, message] of refusals) {
    const answer = await api.get<Problem>(`/events?${query}`, header === undefined ? {} : { 'Last-Event-ID': header });
    t.equal(answer.status, 400, query);
    t.match(answer.body, { code: 'validation_failed', errors: [{ path, message }] }, query);
  }
  const several = await api.get<Problem>('/events?since=x&event_types=y&z=1');
  t.equal(several.body.errors?.length, 3);
  const types = Array.from({ length: 400 }, (_, at) => `t${at}`).join(',');
  const much = await api.get<Problem>(
    `/events?job_types=${types}&event_types=job.started,job.failed,job.updated,job.cancelled,job.completed,job.retrying`,
  );
  t.match(much.body, { code: 'validation_failed', detail: /2000 pairs/ });
});

t.test('HEAD answers the head alone, other methods are not there', async (t) => {
  const head = await api.request('HEAD', '/events?since=0');
  t.equal(head.status, 200);
  t.equal(head.headers['content-type'], 'text/event-stream');
  t.equal(head.headers['content-length'], undefined);
  t.equal((await api.request('HEAD', '/events?since=99999999')).status, 400);
  const post = await api.post('/events', {});
  t.equal(post.status, 405);
  t.equal(post.headers.allow, 'GET, HEAD');
});

t.test('tokens, hosts and origins are as with every GET', async (t) => {
  const guarded = await startServer({ args: ['--token', 'secret', '--cors-origin', 'https://app.example'] });
  await t.rejects(StreamReader.to(guarded), /401/);
  await t.rejects(StreamReader.to(guarded, '', { Authorization: 'Bearer wrong' }), /401/);
  const origin = { Authorization: 'Bearer secret', Origin: 'https://app.example' };
  const reader = await StreamReader.to(guarded, '', origin);
  t.equal(reader.response.headers['access-control-allow-origin'], 'https://app.example');
  t.equal(
    reader.response.headers['access-control-expose-headers'],
    'Location, Idempotent-Replayed, Retry-After, Preference-Applied',
  );
  const preflight = await new Client(guarded).request('OPTIONS', '/events', {
    headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' },
  });
  t.equal(preflight.status, 204);
  t.equal(
    preflight.headers['access-control-allow-headers'],
    'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, Traceparent, Tracestate',
  );
  await reader.close();
  await guarded.kill();
  await t.rejects(StreamReader.to(server, '', { Host: 'evil.example' }), /421/);
});

t.test(
  'streams and WebSockets share --max-connections, and leave those of requests alone',
  onlyAlone('each node has bounds of its own'),
  async (t) => {
    const small = await startServer({ args: ['--max-connections', '2'] });
    const [stream, socket] = [await StreamReader.to(small), await Subscriber.connect(small)];
    await t.rejects(StreamReader.to(small), /503/);
    t.equal(await Subscriber.attempt(small), 503);
    t.match(await new Client(small).stats(), { connections: 2 });
    await stream.close();
    await socket.close();
    const again = await StreamReader.to(small);
    t.ok(again, 'there is room again');
    await small.kill();
  },
);

t.test('across kill -9 nothing is missed and nothing comes twice', onlyOne('one number for all events'), async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const first = await StreamReader.to(server, 'event_types=job.scheduled');
  for (let n = 0; n < 5; n++) await api.create({ name: 'noop', delay: '1h' });
  await first.seq(5);
  const lastId = first.lastId as string;
  for (let n = 0; n < 5; n++) await api.create({ name: 'noop', delay: '1h' });
  await server.kill();
  t.equal(await first.closed, 'cut');
  await server.restart();
  const again = await StreamReader.to(server, 'event_types=job.scheduled', { 'Last-Event-ID': lastId });
  await api.create({ name: 'noop', delay: '1h' });
  await again.seq(11);
  t.same(again.seqs(), [6, 7, 8, 9, 10, 11]);
  await again.close();
  await server.kill();
});

t.test('a stop ends streams in order, with all that happened', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const reader = await StreamReader.to(server);
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const exit = server.stop();
  t.equal(await reader.closed, 'ended');
  t.equal(reader.events(id).length, 1);
  t.equal(await exit, 0);
});
