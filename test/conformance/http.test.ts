/** HTTP below the routes: requests in pieces and in crowds, and requests that break the protocol. */
import t from 'tap';
import { Client, raw, rawRequest } from '../support/client.js';
import { startServer } from '../support/server.js';
import { onlyAlone } from '../support/shards.js';

t.setTimeout(90_000);
const server = await startServer();
const api = new Client(server);
const body = JSON.stringify({ name: 'noop', delay: '1h' });
const jsonHeaders = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
const answers = (count: number) => ({
  enough: (text: string) => [...text.matchAll(/HTTP\/1\.1 /g)].length >= count && text.endsWith('}'),
  ms: 10_000,
});

t.test('a request split after every byte is answered', async (t) => {
  const get = await raw(server, rawRequest('GET', '/api/v1/health').split(''), answers(1));
  t.same(get.statuses, [200]);
  const post = await raw(server, rawRequest('POST', '/api/v1/jobs', jsonHeaders, body).split(''), answers(1));
  t.same(post.statuses, [201]);
});

t.test('one request in two writes at every place', async (t) => {
  const request = rawRequest('POST', '/api/v1/jobs', jsonHeaders, body);
  const before = (await api.list()).total;
  const places = Array.from({ length: request.length - 1 }, (_, i) => i + 1);
  const got = await Promise.all(
    places.map((place) => raw(server, [request.slice(0, place), request.slice(place)], answers(1))),
  );
  t.same(new Set(got.map(({ statuses }) => statuses.join())), new Set(['201']));
  t.equal((await api.list()).total, before + places.length);
});

t.test('a chunked body in chunks of one byte', async (t) => {
  const chunks = body
    .split('')
    .map((char) => `1\r\n${char}\r\n`)
    .join('');
  const { statuses } = await raw(
    server,
    rawRequest(
      'POST',
      '/api/v1/jobs',
      { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
      `${chunks}0\r\n\r\n`,
    ),
    answers(1),
  );
  t.same(statuses, [201]);
});

// A node that asks others answers later: see docs/cluster.md.
t.test('a thousand pipelined requests are answered in order', onlyAlone('pipelined reads'), async (t) => {
  const made = await Promise.all(Array.from({ length: 10 }, () => api.create({ name: 'noop', delay: '1h' })));
  const order = Array.from({ length: 1000 }, (_, i) => made[(i * 7) % 10]!.id);
  const { statuses, text } = await raw(
    server,
    order.map((id) => rawRequest('GET', `/api/v1/jobs/${id}`)).join(''),
    answers(1000),
  );
  t.equal(statuses.length, 1000);
  t.same(
    [...text.matchAll(/"id":\s*"(job_[^"]+)"/g)].map((found) => found[1]),
    order,
  );
});

t.test('pipelined writes are never answered wrongly', async (t) => {
  const post = (i: number) => {
    const sent = JSON.stringify({ name: 'noop', delay: '1h', max_retries: i });
    return rawRequest(
      'POST',
      '/api/v1/jobs',
      { 'Content-Type': 'application/json', 'Content-Length': String(sent.length) },
      sent,
    );
  };
  const { statuses, text } = await raw(server, Array.from({ length: 20 }, (_, i) => post(i)).join(''), answers(20));
  t.ok(
    statuses.every((status) => status === 201),
    `answered or closed: ${statuses.join()}`,
  );
  const retries = [...text.matchAll(/"max_retries":\s*(\d+)/g)].map((found) => Number(found[1]));
  t.same(
    retries,
    retries.map((_, i) => i),
    'in order, none left out',
  );
  await api.create({ name: 'noop', delay: '1h' }); // what the server had taken in before it closed is through now
});

t.test('requests that break the protocol are refused and their connection closed', async (t) => {
  const many = (count: number, size = 10) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`X-Header-${i}`, 'v'.repeat(size)]));
  const cases: [string, string][] = [
    [
      'broken chunk size',
      rawRequest(
        'POST',
        '/api/v1/jobs',
        { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
        `zz\r\n${body}\r\n0\r\n\r\n`,
      ),
    ],
    [
      'Transfer-Encoding with Content-Length',
      rawRequest(
        'POST',
        '/api/v1/jobs',
        { ...jsonHeaders, 'Transfer-Encoding': 'chunked' },
        `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      ),
    ],
    ['two Content-Lengths', rawRequest('POST', '/api/v1/jobs', { ...jsonHeaders, 'content-length': '5' }, body)],
    [
      'a Content-Length that is no number',
      rawRequest('POST', '/api/v1/jobs', { 'Content-Type': 'application/json', 'Content-Length': 'ten' }, body),
    ],
    [
      'a negative Content-Length',
      rawRequest('POST', '/api/v1/jobs', { 'Content-Type': 'application/json', 'Content-Length': '-5' }, body),
    ],
    [
      'a transfer coding that is not known',
      rawRequest('POST', '/api/v1/jobs', { 'Content-Type': 'application/json', 'Transfer-Encoding': 'gzip' }, body),
    ],
    ['no Host', 'GET /api/v1/health HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: localhost\r\n\r\n'],
    ['a hundred headers', rawRequest('GET', '/api/v1/health', many(100))],
    ['headers over 16 KiB', rawRequest('GET', '/api/v1/health', many(10, 2000))],
    ['one header over 16 KiB', rawRequest('GET', '/api/v1/health', many(1, 20_000))],
    ['HTTP/1.0', 'GET /api/v1/health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n'],
    ['no HTTP', 'hello world\r\n\r\n'],
    ['TLS on a plain port', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n'],
  ];
  const before = (await api.list()).total;
  await Promise.all(
    cases.map(async ([what, request]) => {
      const { statuses, closed } = await raw(server, request, { ms: 15_000 });
      t.ok(
        statuses.every((status) => status >= 400),
        `${what} is refused: ${statuses.join()}`,
      );
      t.ok(statuses.length <= 1, `${what} is answered at most once`);
      t.ok(closed, `${what}: the connection is closed`);
    }),
  );
  t.equal((await api.get('/health')).status, 200, 'the server is well');
  t.equal((await api.list()).total, before, 'and nothing was made');
});

t.test('what follows a refused request on its connection is not served', async (t) => {
  const smuggled = rawRequest('POST', '/api/v1/jobs', jsonHeaders, body);
  const before = (await api.list()).total;
  const request = rawRequest(
    'POST',
    '/api/v1/jobs',
    { 'Content-Type': 'application/json', 'Content-Length': '5', 'Transfer-Encoding': 'chunked' },
    `0\r\n\r\n${smuggled}`,
  );
  const { statuses } = await raw(server, request, { ms: 15_000 });
  t.ok(statuses.every((status) => status >= 400));
  t.equal((await api.list()).total, before);
});

t.test('a body that is declared too large is refused before it comes', async (t) => {
  const { statuses } = await raw(
    server,
    rawRequest('POST', '/api/v1/jobs', { 'Content-Type': 'application/json', 'Content-Length': '1000000000' }),
    answers(1),
  );
  t.same(statuses, [413]);
});

t.test('a connection is kept for the next request', async (t) => {
  const { statuses } = await raw(
    server,
    [rawRequest('GET', '/api/v1/health'), rawRequest('GET', '/api/v1/nope'), rawRequest('GET', '/api/v1/stats')],
    { ...answers(3), ms: 4000 },
  );
  t.same(statuses, [200, 404, 200]);
});

t.test('clients that go away in the middle do no harm', async (t) => {
  const request = rawRequest('POST', '/api/v1/jobs', jsonHeaders, body);
  await api.create({ name: 'noop', delay: '1h' }); // what an earlier connection left in the server is through now
  const before = (await api.list()).total;
  await Promise.all(Array.from({ length: request.length }, (_, i) => raw(server, request.slice(0, i), { ms: 50 })));
  t.equal((await api.list()).total, before, 'half a request makes nothing');
  t.equal((await api.get('/health')).status, 200);
});

t.test('--max-body bounds the body', async (t) => {
  const small = await startServer({ args: ['--max-body', '1000'] });
  const client = new Client(small);
  t.equal((await client.post('/jobs', { name: 'noop', delay: '1h' })).status, 201);
  t.equal((await client.post('/jobs', { name: 'noop', delay: '1h', payload: { s: 'x'.repeat(1000) } })).status, 413);
  await small.stop();
});
