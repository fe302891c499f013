/** The WebSocket protocol: actions, filters, order, bad messages, limits. */
import t from 'tap';
import '../support/snapshots.js';
import { Client, type Job } from '../support/client.js';
import { normalise } from '../support/normalise.js';
import { startServer } from '../support/server.js';
import { onlyAlone, onlyOne } from '../support/shards.js';
import { type Filter, Subscriber } from '../support/ws.js';
import { at, SHANGHAI } from './forms.js';

t.setTimeout(60_000);
const server = await startServer({ args: ['--timezone', 'Asia/Shanghai'] });
const api = new Client(server);
const feed = await Subscriber.to(server);
const run = (name: string, more: Record<string, unknown> = {}) => api.create({ name, delay: '0s', ...more });

/** Runs a noop and an echo to the end, and tells what a subscriber with that filter heard of them. */
async function heard(filter: Filter | undefined) {
  const subscriber = await Subscriber.to(server, filter);
  const [noop, echo] = await Promise.all([run('noop'), run('echo')]);
  await Promise.all([feed.event(noop.id, 'job.completed'), feed.event(echo.id, 'job.completed')]);
  await subscriber.settle();
  await subscriber.close();
  return { noop: subscriber.types(noop.id), echo: subscriber.types(echo.id), all: subscriber.types() };
}

const life = ['job.scheduled', 'job.started', 'job.completed'];

t.test('nothing is sent before the first subscribe', async (t) => {
  const silent = await Subscriber.connect(server);
  const { id } = await run('noop');
  await feed.event(id, 'job.completed');
  await silent.settle();
  t.same(silent.types(), []);
  t.same(
    silent.messages.map(({ type }) => type),
    ['pong'],
  );
  await silent.close();
});

t.test('no filter, an empty one and empty fields match everything', async (t) => {
  for (const filter of [undefined, {}, { job_types: [] }, { job_types: [], event_types: [], job_ids: [] }]) {
    const { noop, echo } = await heard(filter);
    t.same([noop, echo], [life, life], JSON.stringify(filter));
  }
});

t.test('the values of a field are joined by OR, the fields by AND', async (t) => {
  t.match(await heard({ job_types: ['noop'] }), { noop: life, echo: [] });
  t.match(await heard({ job_types: ['noop', 'echo'] }), { noop: life, echo: life });
  t.match(await heard({ event_types: ['job.started'] }), { noop: ['job.started'], echo: ['job.started'] });
  t.match(await heard({ event_types: ['job.started', 'job.completed'] }), { noop: life.slice(1), echo: life.slice(1) });
  t.match(await heard({ job_types: ['echo'], event_types: ['job.scheduled', 'job.completed'] }), {
    noop: [],
    echo: ['job.scheduled', 'job.completed'],
  });
  t.match(await heard({ job_types: ['noop'], event_types: ['job.failed'] }), { noop: [], echo: [], all: [] });
});

t.test('single jobs can be followed, with the other fields too', async (t) => {
  const [one, two, three] = (await Promise.all(
    ['noop', 'noop', 'echo'].map((name) => api.create({ name, delay: '200ms' })),
  )) as [Job, Job, Job];
  const follows = async (filter: Filter) => ({ filter, subscriber: await Subscriber.to(server, filter) });
  const both = await follows({ job_ids: [one.id, three.id] });
  const typed = await follows({ job_ids: [one.id, three.id], job_types: ['echo'] });
  const ends = await follows({ job_ids: [one.id, two.id], event_types: ['job.completed'] });
  const unknown = await follows({ job_ids: ['job_xxx'] });
  for (const { id } of [one, two, three]) await feed.event(id, 'job.completed');
  for (const { subscriber } of [both, typed, ends, unknown]) await subscriber.settle();
  const jobs = (subscriber: Subscriber) => [...new Set(subscriber.events().map((event) => event.job_id))].sort();
  t.same(jobs(both.subscriber), [one.id, three.id].sort());
  t.equal(both.subscriber.events().length, 4, 'each event once');
  t.same(jobs(typed.subscriber), [three.id]);
  t.same(jobs(ends.subscriber), [one.id, two.id].sort());
  t.same(new Set(ends.subscriber.types()), new Set(['job.completed']));
  t.same(unknown.subscriber.types(), []);
  for (const { subscriber } of [both, typed, ends, unknown]) await subscriber.close();
});

t.test('an event that matches in several ways comes once', async (t) => {
  const job = await api.create({ name: 'noop', delay: '100ms' });
  const subscriber = await Subscriber.to(server, {
    job_types: ['noop', 'noop', 'echo'],
    event_types: ['job.started', 'job.started', 'job.completed'],
    job_ids: [job.id, job.id],
  });
  await feed.event(job.id, 'job.completed');
  await subscriber.settle();
  t.same(subscriber.types(), ['job.started', 'job.completed']);
  await subscriber.close();
});

t.test('job types that are not registered are accepted', async (t) => {
  t.match(await heard({ job_types: ['nobody', 'noop'] }), { noop: life, echo: [] });
  t.match(await heard({ job_types: ['nobody'] }), { all: [] });
});

t.test('a later subscribe replaces the filter', async (t) => {
  const subscriber = await Subscriber.to(server, { job_types: ['noop'] });
  const first = await run('noop');
  await subscriber.event(first.id, 'job.completed');
  await subscriber.subscribe({ job_types: ['echo'] });
  const [noop, echo] = [await run('noop'), await run('echo')];
  await Promise.all([feed.event(noop.id, 'job.completed'), subscriber.event(echo.id, 'job.completed')]);
  await subscriber.settle();
  t.same(subscriber.types(noop.id), []);
  t.same(subscriber.types(echo.id), life);

  await subscriber.subscribe({ job_ids: [noop.id] });
  await subscriber.subscribe();
  const everything = await run('noop');
  await subscriber.event(everything.id, 'job.completed');
  t.same(subscriber.types(everything.id), life, 'each event once');
  await subscriber.close();
});

t.test('after unsubscribe nothing comes, and it can be subscribed again', async (t) => {
  const subscriber = await Subscriber.to(server);
  t.same(await subscriber.ask({ action: 'unsubscribe' }, 'unsubscribed'), { type: 'unsubscribed' });
  const unheard = await run('noop');
  await feed.event(unheard.id, 'job.completed');
  await subscriber.settle();
  t.same(subscriber.types(unheard.id), []);
  await subscriber.subscribe();
  const again = await run('noop');
  await subscriber.event(again.id, 'job.completed');
  await subscriber.close();
});

t.test(
  'subscribed tells the filter and the number of the events so far',
  onlyOne('one number for all events'),
  async (t) => {
    const subscriber = await Subscriber.connect(server);
    const filter = { job_types: ['noop'], event_types: ['job.started'], job_ids: ['job_xxx'] };
    const first = await subscriber.subscribe(filter);
    t.same(first.filter, filter);
    t.same(Object.keys(first).sort(), ['filter', 'seq', 'type']);
    t.type(first.seq, 'number');
    await feed.settle();
    const second = await subscriber.subscribe();
    const { id } = await run('noop');
    const event = await subscriber.event(id, 'job.scheduled');
    t.equal(event.seq, second.seq! + 1, 'the first event behind it');
    t.ok(subscriber.messages.indexOf(event) > subscriber.messages.indexOf(second));
    await subscriber.close();
  },
);

t.test(
  'seq grows by one with every event of the server, the same for all',
  onlyOne('one number for all events'),
  async (t) => {
    const [one, other] = [await Subscriber.to(server), await Subscriber.to(server)];
    const jobs = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        run(i % 2 ? 'noop' : 'fail', { payload: { message: 'x' }, max_retries: 1, retry_delay: '5ms' }),
      ),
    );
    await Promise.all(
      jobs.map((job, i) => (i % 2 ? one.event(job.id, 'job.completed') : one.event(job.id, 'job.failed', 2))),
    );
    await other.waitFor(({ seq }) => seq === one.events().at(-1)!.seq);
    for (const subscriber of [one, other]) {
      const seqs = subscriber.events().map(({ seq }) => seq);
      t.same(
        seqs,
        seqs.map((_, i) => seqs[0]! + i),
      );
    }
    // One of them may have subscribed while events of an earlier test were still coming.
    const first = Math.max(one.events()[0]!.seq, other.events()[0]!.seq);
    const last = Math.min(one.events().at(-1)!.seq, other.events().at(-1)!.seq);
    const both = (subscriber: Subscriber) => subscriber.events().filter(({ seq }) => seq >= first && seq <= last);
    t.same(both(one), both(other));
    const times = one.events().map(({ timestamp }) => at(timestamp));
    t.same(
      times,
      [...times].sort((a, b) => a - b),
      'and time does not go back',
    );
    await Promise.all([one.close(), other.close()]);
  },
);

t.test('ping and get_stats, also without a subscription', async (t) => {
  const subscriber = await Subscriber.connect(server);
  t.match(await subscriber.ask({ action: 'ping' }, 'pong'), { type: 'pong', timestamp: SHANGHAI });
  const stats = await subscriber.ask({ action: 'get_stats' }, 'stats');
  t.same(Object.keys(stats).sort(), ['data', 'timestamp', 'type']);
  const rest = await api.stats();
  t.same(Object.keys(stats.data as object).sort(), Object.keys(rest).sort(), 'as GET /stats');
  const { uptime: _, ...counts } = rest;
  t.match(stats.data, counts);
  t.matchSnapshot(normalise({ ...stats, data: Object.keys(rest).sort() }));
  await subscriber.close();
});

t.test('a bad message is answered and the connection lives', async (t) => {
  const bad: [string, string | object][] = [
    ['not JSON', 'hello'],
    ['empty', ''],
    ['null', 'null'],
    ['array', '[]'],
    ['number', '5'],
    ['no action', {}],
    ['unknown action', { action: 'dance' }],
    ['action of the wrong type', { action: 5 }],
    ['action constructor', { action: 'constructor' }],
    ['filter is a string', { action: 'subscribe', filter: 'noop' }],
    ['filter is an array', { action: 'subscribe', filter: [] }],
    ['job_types is a string', { action: 'subscribe', filter: { job_types: 'noop' } }],
    ['job_types of numbers', { action: 'subscribe', filter: { job_types: [5] } }],
    ['job_ids of null', { action: 'subscribe', filter: { job_ids: [null] } }],
    ['unknown event type', { action: 'subscribe', filter: { event_types: ['job.exploded'] } }],
    ['unknown field', { action: 'subscribe', filter: { job_names: ['noop'] } }],
    ['too many ids', { action: 'subscribe', filter: { job_ids: Array.from({ length: 1001 }, (_, i) => `job_${i}`) } }],
  ];
  const subscriber = await Subscriber.to(server, { job_types: ['noop'] });
  for (const [what, message] of bad) {
    const error = await subscriber.ask(message, 'error');
    t.same(Object.keys(error).sort(), ['code', 'message', 'type'], what);
    t.match(error, { code: String, message: String }, what);
    t.matchSnapshot(normalise(error), what);
    await subscriber.settle(); // a good message between two bad ones
  }
  const { id } = await run('noop');
  await subscriber.event(id, 'job.completed');
  t.same(subscriber.types(id), life, 'and its filter is as before');
  await subscriber.close();
});

t.test('a thousand ids are accepted', async (t) => {
  const subscriber = await Subscriber.connect(server);
  const job_ids = Array.from({ length: 1000 }, (_, i) => `job_1704182400_${i.toString(16).padStart(8, '0')}`);
  t.match(await subscriber.subscribe({ job_ids }), { type: 'subscribed' });
  await subscriber.close();
});

t.test('the third bad message in a row closes with 1008', async (t) => {
  const subscriber = await Subscriber.connect(server);
  for (let i = 0; i < 3; i++) subscriber.send('nonsense');
  t.equal((await subscriber.closed).code, 1008);

  const patient = await Subscriber.connect(server);
  for (let i = 0; i < 4; i++) {
    patient.send('nonsense');
    patient.send({ action: 'dance' });
    await patient.settle();
  }
  t.equal(patient.messages.filter(({ type }) => type === 'error').length, 8, 'two in a row are forgiven');
  await patient.close();
});

t.test('frames that close the connection', async (t) => {
  const binary = await Subscriber.connect(server);
  binary.socket.send(Buffer.from('{"action":"ping"}'), { binary: true });
  t.equal((await binary.closed).code, 1003, 'binary');
  const large = await Subscriber.connect(server);
  large.send({ action: 'ping', pad: 'x'.repeat(70_000) });
  t.ok([1006, 1009].includes((await large.closed).code), 'over 64 KiB');
  const flood = await Subscriber.connect(server);
  for (let i = 0; i < 1000; i++) flood.send({ action: 'ping' });
  t.equal((await flood.closed).code, 1008, 'a flood');
  const text = await Subscriber.connect(server);
  text.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
  t.ok([1006, 1007].includes((await text.closed).code), 'text that is not UTF-8');
  const fragments = await Subscriber.connect(server);
  for (let i = 0; i < 40 && fragments.socket.readyState === 1; i++)
    fragments.socket.send('x'.repeat(4096), { fin: false });
  t.ok([1006, 1009].includes((await fragments.closed).code), 'fragments without end');
});

t.test('fifty messages at once are no flood', async (t) => {
  const subscriber = await Subscriber.connect(server);
  for (let i = 0; i < 50; i++) subscriber.send({ action: 'ping' });
  let pongs = 0;
  await subscriber.waitFor(({ type }) => type === 'pong' && ++pongs === 50);
  t.equal(pongs, 50);
  await subscriber.close();
});

t.test('/ws without an upgrade is no page, and an upgrade elsewhere is refused', async (t) => {
  const plain = await api.absolute('GET', '/ws');
  t.ok(plain.status >= 400 && plain.status < 500, String(plain.status));
  t.equal((await api.absolute('GET', '/api/v1/ws')).status, 404);
});

t.test(
  'connections over --max-connections are refused with 503',
  onlyAlone('each node has bounds of its own'),
  async (t) => {
    const small = await startServer({ args: ['--max-connections', '2'] });
    const open = [await Subscriber.connect(small), await Subscriber.connect(small)];
    t.equal(await Subscriber.attempt(small), 503);
    await open[0]!.close();
    t.equal(await Subscriber.attempt(small), 101, 'there is room again');
    await small.kill();
  },
);

t.test('a subscriber that goes away does not matter to the others', async (t) => {
  const gone = await Subscriber.to(server);
  gone.socket.terminate();
  const { id } = await run('noop');
  await feed.event(id, 'job.completed');
  t.pass();
});
