/**
 * HTTP itself, by hand on raw sockets. That requests in pieces and in crowds are answered, and the plain ways of breaking
 * the protocol, is in test/conformance/http.test.ts; types and sizes of bodies for single jobs are in
 * test/conformance/errors.test.ts. Here: every route that takes a body, and the ways of smuggling a second request.
 */
import { connect } from 'node:net';
import t from 'tap';
import { problem } from '../conformance/forms.js';
import { raw, rawRequest } from '../support/client.js';
import { only } from '../support/http.js';
import { bodyRoutes, firstAnswer, Ground, good } from './ground.js';

t.setTimeout(90_000);
const ground = await Ground.open();
const { server, api } = ground;
const body = JSON.stringify(good);
const target = (route: (typeof bodyRoutes)[number]) => {
  const [method, path] = route.split(' ') as [string, string];
  return [method, `/api/v1${path.replace(':id', ground.witness.id)}`] as const;
};

t.test('a wrong type of body → 415, wherever there is one', async (t) => {
  const inputs: Record<string, string | undefined>[] = [
    { 'content-type': undefined },
    { 'content-type': '' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'text/json' },
    { 'content-type': 'application/json5' },
    { 'content-type': 'application/problem+json' },
    { 'content-type': 'application/json, text/plain' },
    { 'content-type': 'application/json; charset=utf-16' },
    { 'content-type': 'application/json; boundary=x' },
    { 'content-type': 'multipart/form-data; boundary=x' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-encoding': 'gzip' },
    { 'content-encoding': 'br' },
    { 'content-encoding': 'gzip, identity' },
    { 'content-encoding': 'GZIP' },
  ];
  for (const route of bodyRoutes) {
    for (const headers of inputs) {
      const answer = await ground.send(route, '{"max_retries":7}', headers);
      problem(t, answer, 415, 'unsupported_media_type', `${route} ${JSON.stringify(headers)}`);
    }
  }
  const lines = { 'content-type': 'application/x-ndjson' };
  for (const route of bodyRoutes.filter((each) => !each.endsWith('batch')))
    problem(t, await ground.send(route, body, lines), 415, 'unsupported_media_type', `${route}: lines of JSON`);
});

t.test('a body over the limit → 413, declared or in chunks, and the connection ends', async (t) => {
  const limits = { 'POST /jobs': 2 ** 20, 'PUT /jobs/:id': 2 ** 20, 'POST /jobs/batch': 2 ** 24 };
  const type = { 'Content-Type': 'application/json' };
  const asked = bodyRoutes.map(async (route) => {
    const [method, path] = target(route);
    const lengths = [limits[route] + 1, 2 ** 31, 2 ** 32, 999_999_999_999_999].map(async (length) => {
      const declared = await raw(server, rawRequest(method, path, { ...type, 'Content-Length': String(length) }), {
        ms: 20_000,
      });
      problem(t, firstAnswer(declared), 413, 'payload_too_large', `${route}: ${length} declared`);
      t.ok(declared.closed);
    });
    const piece = `${(2 ** 18).toString(16)}\r\n${' '.repeat(2 ** 18)}\r\n`;
    const head = rawRequest(method, path, { ...type, 'Transfer-Encoding': 'chunked' });
    const pieces = Array.from({ length: limits[route] / 2 ** 18 + 1 }, () => piece);
    const chunked = await raw(server, [head, ...pieces], { ms: 20_000 });
    problem(t, firstAnswer(chunked), 413, 'payload_too_large', `${route}: chunks`);
    t.ok(chunked.closed);
    await Promise.all(lengths);
  });
  await Promise.all(asked);
});

t.test('the ways of writing a type that RFC 9110, section 5.6.6, allows → taken', async (t) => {
  const types = [
    'application/json;',
    'application/json ;',
    'application/json; ;',
    'application/json;charset=utf-8;',
    'application/json ;\tcharset=UTF-8',
    'APPLICATION/JSON; CHARSET="utf-8"',
    'application/json; charset="ut\\f-8"',
    ' application/json ',
  ];
  for (const type of types) {
    const one = await ground.send('PUT /jobs/:id', '{"color":1}', { 'content-type': type });
    problem(t, one, 400, 'validation_failed', `PUT: ${JSON.stringify(type)}`);
    const lines = type.replace(/json/i, 'x-ndjson');
    const batch = await ground.send('POST /jobs/batch', '{"color":1}\n{"color":2}', { 'content-type': lines });
    problem(t, batch, 400, 'validation_failed', `batch: ${JSON.stringify(lines)}`);
  }
  for (const coding of ['identity', 'Identity', '', ' , identity']) {
    const one = await ground.send('PUT /jobs/:id', '{"color":1}', { 'content-encoding': coding });
    problem(t, one, 400, 'validation_failed', `Content-Encoding: ${JSON.stringify(coding)}`);
  }
});

t.test(
  'trailers → refused before anything, where they are announced',
  only('uws', 'trailers are not read'),
  async (t) => {
    const announced = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked', Trailer: 'Digest' };
    const pieces = [
      rawRequest('POST', '/api/v1/jobs', announced),
      `${body.length.toString(16)}\r\n${body}\r\n`,
      '0\r\nDigest: x\r\n\r\n',
    ];
    const whole = await raw(server, pieces.join(''), { ms: 20_000 });
    t.ok(whole.closed);
    t.ok(
      whole.statuses.length <= 1 && whole.statuses.every((status) => status >= 400),
      `in one piece: ${whole.statuses}`,
    );
    const first = await raw(server, pieces.slice(0, 1), { ms: 20_000 });
    problem(t, firstAnswer(first), 400, 'validation_failed', 'the head alone');
    t.match(firstAnswer(first).body, { detail: /Trailer/ });
    t.equal((await api.list()).total, ground.made, 'nothing was made');
  },
);

const chunked = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
const inOneChunk = `${body.length.toString(16)}\r\n${body}\r\n`;

t.test('trailers → read, and ignored', only('node', 'trailers are read'), async (t) => {
  const inputs: [what: string, headers: Record<string, string>, trailers: string][] = [
    ['announced', { Trailer: 'Digest' }, 'Digest: x\r\n'],
    ['not announced', {}, 'Digest: x\r\nHost: evil.example\r\n'],
  ];
  for (const [what, headers, trailers] of inputs) {
    const request = rawRequest('POST', '/api/v1/jobs', { ...chunked, ...headers });
    const next = rawRequest('GET', '/api/v1/health');
    const { statuses } = await raw(server, `${request}${inOneChunk}0\r\n${trailers}\r\n${next}`, {
      ms: 20_000,
      enough: (text) => text.includes('"healthy"'),
    });
    t.same(statuses, [201, 200], what);
    ground.made += 1;
  }
});

t.test('chunks that are not in order → 400 before anything', only('node', 'chunks are read strictly'), async (t) => {
  const request = rawRequest('POST', '/api/v1/jobs', chunked);
  const inputs: [what: string, chunks: string][] = [
    ...[':', ';', '<', '=', '>', '?', '@', 'g', 'G', '-1', '0x5', ' '].map(
      (digit) => [`a size of ${digit}`, `${digit}\r\n${body}\r\n0\r\n\r\n`] as [string, string],
    ),
    ['a broken trailer', `${inOneChunk}0\r\nDigest x\r\n\r\n`],
    ['a length in a trailer', `${inOneChunk}0\r\nContent-Length: 5\r\n\r\n`],
    ['a chunk that is longer than its size', `2\r\n${body}\r\n0\r\n\r\n`],
  ];
  for (const [what, chunks] of inputs) {
    const answer = await raw(server, request + chunks + rawRequest('GET', '/api/v1/health'), { ms: 20_000 });
    t.same(answer.statuses, [400], what);
    problem(t, firstAnswer(answer), 400, 'validation_failed', what);
    t.ok(answer.closed, `${what}: closed`);
  }
  t.equal((await api.list()).total, ground.made, 'nothing was made');
  const extended = `${body.length.toString(16)};ext=1\r\n${body}\r\n0\r\n\r\n`;
  const { statuses } = await raw(server, request + extended, {
    ms: 20_000,
    enough: (text) => text.includes('"is_repeat"'),
  });
  t.same(statuses, [201], 'an extension is passed over');
  ground.made += 1;
});

t.test(
  'what the parser refuses → a problem document',
  only('node', 'the parser has no words of its own'),
  async (t) => {
    const host = 'Host: 127.0.0.1\r\n';
    const inputs: [what: string, request: string, detail: RegExp][] = [
      ['no HTTP', 'hello\r\n\r\n', /HTTP\/1\.1/],
      ['an unknown method', `BREW / HTTP/1.1\r\n${host}\r\n`, /method/],
      ['HTTP/1.0', `GET / HTTP/1.0\r\n${host}\r\n`, /HTTP\/1\.1/],
      ['no Host', 'GET / HTTP/1.1\r\n\r\n', /Host/],
      ['a target that is no path', `GET http://evil.example/ HTTP/1.1\r\n${host}\r\n`, /slash/],
      ['100 headers', `GET / HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(100)}\r\n`, /100 headers/],
      ['a long header', `GET / HTTP/1.1\r\n${host}X: ${'y'.repeat(17_000)}\r\n\r\n`, /16384 bytes/],
    ];
    for (const [what, request, detail] of inputs) {
      const answer = await raw(server, request, { ms: 20_000 });
      problem(t, firstAnswer(answer), 400, 'validation_failed', what);
      t.match(firstAnswer(answer).body, { detail }, what);
      t.ok(answer.closed, `${what}: closed`);
    }
  },
);

t.test(
  'a client that asks before it sends its body is told to go on, or refused',
  only('node', '100 is sent'),
  async (t) => {
    const asking = {
      'Content-Type': 'application/json',
      'Content-Length': String(body.length),
      Expect: '100-continue',
    };
    const taken = await raw(server, rawRequest('POST', '/api/v1/jobs', asking), {
      ms: 20_000,
      enough: (text) => text.includes('\r\n\r\n'),
    });
    t.same(taken.statuses, [100]);
    const refused = await raw(server, rawRequest('POST', '/api/v1/jobs', { ...asking, 'Content-Length': '99999999' }), {
      ms: 20_000,
    });
    t.same(refused.statuses, [413]);
  },
);

t.test('an upgrade that is not on offer is passed over', async (t) => {
  const upgrading = {
    Connection: 'Upgrade, HTTP2-Settings',
    Upgrade: 'h2c',
    'HTTP2-Settings': 'AAMAAABkAAQCAAAAAAIAAAAA',
  };
  const length = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  const post = rawRequest('POST', '/api/v1/jobs', { ...upgrading, ...length }, body);
  const rounds = 20;
  // One after the other on one connection, as Java's client does.
  const socket = connect(server.port, '127.0.0.1', () => socket.write(post));
  let text = '';
  let answered = 0;
  await new Promise<void>((done) => {
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if ((text.match(/"is_repeat"/g)?.length ?? 0) === answered) return;
      answered += 1;
      if (answered === rounds) socket.destroy();
      else socket.write(post);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => done());
  });
  t.equal(text.match(/HTTP\/1\.1 201 /g)?.length, rounds);
  ground.made += rounds;
  t.notMatch(server.output(), /MaxListeners/);
});

/** What stands between `Host` and the end of the head, and behind it. */
const misframed: [what: string, lines: string, behind?: string][] = [
  ['a length with a plus', 'Content-Length: +5'],
  ['a length with a minus', 'Content-Length: -0'],
  ['a hexadecimal length', 'Content-Length: 0x5'],
  ['a list of lengths', 'Content-Length: 5, 5'],
  ['a length with a space in it', 'Content-Length: 5 5'],
  ['a broken length', 'Content-Length: 5.0'],
  ['an empty length', 'Content-Length: '],
  ['a length of 2^64', 'Content-Length: 18446744073709551616'],
  ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
  ['two equal lengths', 'Content-Length: 5\r\nContent-Length: 5'],
  ['length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'],
  ['chunks and length', 'Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n'],
  ['chunks twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'],
  ['chunks listed twice', 'Transfer-Encoding: chunked, chunked', '0\r\n\r\n'],
  ['chunks and more', 'Transfer-Encoding: chunked, identity', '0\r\n\r\n'],
  ['zipped chunks', 'Transfer-Encoding: gzip, chunked', '0\r\n\r\n'],
  ['identity', 'Transfer-Encoding: identity', '0\r\n\r\n'],
  ['chunks with a tab', 'Transfer-Encoding: \vchunked', '0\r\n\r\n'],
  ['a quoted coding', 'Transfer-Encoding: "chunked"', '0\r\n\r\n'],
  ['a chunk size in words', 'Transfer-Encoding: chunked', 'five\r\nhello\r\n0\r\n\r\n'],
  ['a negative chunk size', 'Transfer-Encoding: chunked', '-5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size with 0x', 'Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a chunk size of 2^64', 'Transfer-Encoding: chunked', '10000000000000000\r\nhello\r\n0\r\n\r\n'],
  ['an enormous chunk size', 'Transfer-Encoding: chunked', `${'f'.repeat(40)}\r\nhello\r\n0\r\n\r\n`],
  ['a space before the colon', 'Content-Length : 5'],
  ['a folded header', 'X-Folded: a\r\n b'],
  ['a header without colon', 'Nonsense'],
  ['a NUL in a header', 'X-Null: a\0b'],
  ['two Content-Types', 'Content-Type: text/plain\r\nContent-Length: 5'],
  ['another Host', 'Host: evil.example\r\nContent-Length: 5'],
];

t.test('what could be read in two ways → refused and closed; what follows is not served', async (t) => {
  await Promise.all(
    misframed.map(async ([what, lines, behind = '']) => {
      const head = `POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${lines}\r\n\r\n`;
      const second = rawRequest('POST', '/api/v1/jobs', {
        'Content-Type': 'application/json',
        'Content-Length': String(body.length),
      });
      const answer = await raw(server, head + behind + second + body, { ms: 20_000 });
      t.ok(answer.closed, `${what}: closed`);
      t.ok(answer.statuses.length <= 1, `${what}: one answer at most: ${answer.statuses.join()}`);
      for (const status of answer.statuses) t.ok(status >= 400 && status !== 500, `${what}: ${status}`);
      if (/problem\+json/.test(answer.text)) problem(t, firstAnswer(answer), answer.statuses[0]!, 'validation_failed');
      t.notMatch(answer.text, /\n\s+at |node_modules|\.js:\d/, what);
    }),
  );
  t.equal((await api.list()).total, ground.made, 'nothing was smuggled in');
});

t.test('what is no HTTP/1.1 → refused and closed', async (t) => {
  const host = 'Host: 127.0.0.1\r\n';
  const many = (count: number, size: number) =>
    Array.from({ length: count }, (_, i) => `X-${i}: ${'v'.repeat(size)}\r\n`).join('');
  const inputs: [what: string, request: string | Buffer][] = [
    ['HTTP/0.9', 'GET /api/v1/health\r\n'],
    ['HTTP/1.0', `GET /api/v1/health HTTP/1.0\r\n${host}\r\n`],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/9.9', `GET /api/v1/health HTTP/9.9\r\n${host}\r\n`],
    ['lower case', `GET /api/v1/health http/1.1\r\n${host}\r\n`],
    ['no Host', 'GET /api/v1/health HTTP/1.1\r\n\r\n'],
    ['no Host, but others', `GET /api/v1/health HTTP/1.1\r\n${many(3, 3)}\r\n`],
    ['two Hosts', `GET /api/v1/health HTTP/1.1\r\n${host}${host}\r\n`],
    ['100 headers', `GET /api/v1/health HTTP/1.1\r\n${host}${many(100, 1)}\r\n`],
    ['1,000 headers', `GET /api/v1/health HTTP/1.1\r\n${host}${many(1000, 1)}\r\n`],
    ['16 KiB of headers', `GET /api/v1/health HTTP/1.1\r\n${host}${many(20, 1000)}\r\n`],
    ['one header of 1 MiB', `GET /api/v1/health HTTP/1.1\r\n${host}${many(1, 2 ** 20)}\r\n`],
    ['a method of 20 KiB', `${'G'.repeat(20_000)} / HTTP/1.1\r\n${host}\r\n`],
    ['only line feeds', 'GET /api/v1/health HTTP/1.1\nHost: 127.0.0.1\n\n'],
    ['a TLS hello', Buffer.from('160301020001000001fc0303', 'hex')],
    ['zeros', Buffer.alloc(20_000)],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['Redis', '*1\r\n$4\r\nPING\r\n'],
    ['the PROXY protocol', `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${rawRequest('GET', '/api/v1/health')}`],
  ];
  await Promise.all(
    inputs.map(async ([what, request]) => {
      const { closed, statuses, text } = await raw(server, request, { ms: 30_000 });
      t.ok(closed, `${what}: closed`);
      t.ok(statuses.length <= 1, `${what}: one answer at most: ${statuses.join()}`);
      for (const status of statuses) t.ok(status >= 400 && status !== 500, `${what}: ${status}`);
      t.notMatch(text, /\n\s+at |node_modules|\.js:\d/, what);
    }),
  );
});

t.test('a refused request leaves the next one on its connection its own answer, or none', async (t) => {
  const json = { 'Content-Type': 'application/json' };
  const refusals: string[] = [
    rawRequest('POST', '/api/v1/jobs', { ...json, 'Content-Length': '1' }, '{'),
    rawRequest('POST', '/api/v1/jobs', { 'Content-Type': 'text/plain', 'Content-Length': '5' }, 'hello'),
    rawRequest('PUT', '/api/v1/jobs/nonsense', { ...json, 'Content-Length': '2' }, '{}'),
    rawRequest('DELETE', '/api/v1/stats', { 'Content-Length': '5' }, 'hello'),
    rawRequest('GET', '/api/v1/jobs?limit=0'),
    rawRequest('POST', '/api/v1/nowhere', { 'Transfer-Encoding': 'chunked' }, '5\r\nhello\r\n0\r\n\r\n'),
  ];
  for (const refusal of refusals) {
    const next = rawRequest('GET', '/api/v1/health');
    const { statuses, closed } = await raw(server, refusal + next + next, {
      ms: 15_000,
      enough: (text) => text.match(/"healthy"/g)?.length === 2,
    });
    const [first, ...others] = statuses;
    const what = `${statuses}: ${refusal.slice(0, 30)}`;
    // A refusal that ends the connection is not told to a client that did not wait for it.
    if (first === undefined) t.ok(closed, what);
    else t.ok(first >= 400 && first < 500, what);
    t.ok(others.length <= 2 && others.every((status) => status === 200), what);
  }
});

t.test('after all that the server is well', (t) => ground.unharmed(t));
