/** The wrapper: methods, paths, framing, broken connections. */
import { connect } from 'node:net';
import t from 'tap';
import { type Problem, raw, rawRequest } from '../support/client.js';
import { testedHttp } from '../support/http.js';
import { idOf, job, serve } from './fixture.js';

const fixture = await serve();
const { api, scheduler, queries } = fixture;
const server = { port: fixture.port };
const one = job();
queries.add(one);
const id = idOf(one);
const base = '/api/v1';

const body = '{"name":"payment_check","delay":"1h","payload":{"a":"é"}}';
const bytes = Buffer.byteLength(body);
const json = { 'Content-Type': 'application/json', 'Content-Length': String(bytes) };
const creation = Buffer.from(rawRequest('POST', `${base}/jobs`, json, body));

t.test('what is nowhere', async (t) => {
  const paths = [
    '/nowhere',
    '/jobs/',
    '/jobs//',
    '/stats/',
    '/jobs/../../x',
    '/jobs/%2e%2e%2f',
    '/jobs/%00',
    '/jobs/%zz',
    `/jobs/${'x'.repeat(10_000)}`,
  ];
  for (const path of [
    ...paths,
    '/jobs/job_1_00000000',
    '/jobs/job_1704180000_0000000',
    `/jobs/${id}/nothing`,
    '//jobs',
    '/JOBS',
  ]) {
    const answer = await api.get<Problem>(path);
    t.same([answer.status, answer.body?.code], [404, 'not_found'], path.slice(0, 60));
  }
  for (const path of ['//', '/api/v2/jobs', '/robots.txt']) t.equal((await api.absolute('GET', path)).status, 404);
  t.equal((await api.post('/jobs/%00/cancel')).status, 404);
  t.equal((await api.get(`/jobs/${encodeURIComponent(id).replace('_', '%5f')}`)).status, 200, 'an id may be encoded');
});

t.test('wrong methods', async (t) => {
  const wrong: [string, string, string][] = [
    ['DELETE', '/jobs', 'GET, HEAD, POST'],
    ['POST', `/jobs/${id}`, 'GET, HEAD, PUT, DELETE'],
    ['GET', `/jobs/${id}/cancel`, 'POST'],
    ['PUT', '/stats', 'GET, HEAD'],
    ['PATCH', '/jobs', 'GET, HEAD, POST'],
    ['OPTIONS', '/jobs', 'GET, HEAD, POST'],
    ['TRACE', '/health', 'GET, HEAD'],
    // Node's parser has a list of methods; what is not on it is no request.
    ...(testedHttp === 'uws' ? [['BREW', '/health', 'GET, HEAD'] as [string, string, string]] : []),
  ];
  for (const [method, path, allow] of wrong) {
    const answer = await raw(server, rawRequest(method, base + path, { Connection: 'close' }), {
      enough: (text) => text.includes('}'),
    });
    t.same(answer.statuses, [405], `${method} ${path}`);
    t.match(answer.text, `Allow: ${allow}\r\n`);
  }
});

t.test('HEAD answers as GET, without the body', async (t) => {
  for (const path of ['/jobs', `/jobs/${id}`, '/stats', '/health', '/nowhere', '/jobs/job_1_00000000']) {
    const get = await api.get(path);
    const head = await api.request('HEAD', path);
    t.equal(head.status, get.status, path);
    t.equal(head.text, '');
    if (path !== '/stats') t.equal(head.headers['content-length'], String(Buffer.byteLength(get.text)), path);
    t.equal(head.headers['content-type'], get.headers['content-type']);
  }
});

t.test('every answer says what it is and is not to be kept', async (t) => {
  for (const answer of [await api.get('/health'), await api.get('/nowhere'), await api.post('/jobs', '{')]) {
    t.equal(answer.headers['x-content-type-options'], 'nosniff');
    t.equal(answer.headers['cache-control'], 'no-store');
    t.notOk('access-control-allow-origin' in answer.headers);
  }
});

t.test('bodies that cannot be read', async (t) => {
  const type = async (headers: Record<string, string | undefined>) =>
    (await api.post<Problem>('/jobs', body, headers)).status;
  t.equal(await type({ 'content-type': undefined }), 415);
  for (const wrong of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    'application/jsonx',
    '',
  ]) {
    t.equal(await type({ 'content-type': wrong }), 415, wrong);
  }
  for (const right of [
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json; charset="UTF-8"',
  ]) {
    t.equal(await type({ 'content-type': right }), 201, right);
  }
  t.equal(await type({ 'content-encoding': 'gzip' }), 415);
  t.equal(await type({ 'content-encoding': 'identity' }), 201);
  const put = await api.put<Problem>(`/jobs/${id}`, body, { 'content-type': 'text/plain' });
  t.same([put.status, put.body.code], [415, 'unsupported_media_type']);
  const nothing = await raw(server, rawRequest('POST', `${base}/jobs`, { 'Content-Length': '0' }), {
    enough: (text) => text.includes('}'),
  });
  t.match(nothing.text, /400 Bad Request[\s\S]*malformed_json/);
});

t.test('commands ignore body and type', async (t) => {
  for (const path of [`/jobs/${id}/cancel`, `/jobs/${id}/retry`]) {
    t.equal(
      (await api.post(path, 'not json', { 'content-type': 'text/plain', 'content-encoding': 'gzip' })).status,
      200,
    );
    t.equal((await api.post(path)).status, 200);
  }
  const chunked = { 'Transfer-Encoding': 'chunked', Connection: 'close' };
  const answer = await raw(server, rawRequest('DELETE', `${base}/jobs/${id}`, chunked, '3\r\nabc\r\n0\r\n\r\n'), {
    enough: (text) => text.includes('}'),
  });
  t.same(answer.statuses, [200]);
});

t.test('bodies over the limit', async (t) => {
  const declared = await raw(
    server,
    rawRequest('POST', `${base}/jobs`, { ...json, 'Content-Length': String(1024 * 1024 + 1) }),
    { ms: 20_000 },
  );
  t.same([declared.statuses, declared.closed], [[413], true], 'refused before it comes');
  const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const head = rawRequest('POST', `${base}/jobs`, {
    'Content-Type': 'application/json',
    'Transfer-Encoding': 'chunked',
  });
  const chunked = await raw(server, [head, ...Array.from({ length: 32 }, () => piece), '0\r\n\r\n'], { ms: 20_000 });
  t.same(chunked.statuses, [413]);
  t.ok(chunked.closed);
  const fits = await api.post('/jobs', `${body}${' '.repeat(1024 * 1024 - bytes)}`);
  t.equal(fits.status, 201);
});

t.test('requests that could be read in two ways are refused and their connection is closed', async (t) => {
  const framed = (lines: string, text = '') =>
    `POST ${base}/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${lines}\r\n${text}`;
  const cases: Record<string, string> = {
    'length and chunked': framed('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'chunked and length': framed('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'two lengths': framed('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd'),
    'two equal lengths': framed('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
    'a negative length': framed('Content-Length: -3\r\n', 'abc'),
    'a length in words': framed('Content-Length: three\r\n', 'abc'),
    'gzip chunks': framed('Transfer-Encoding: gzip, chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    'a bad chunk size': framed('Transfer-Encoding: chunked\r\n', 'zz\r\nabc\r\n0\r\n\r\n'),
    'two types': framed('Content-Type: text/plain\r\nContent-Length: 3\r\n', 'abc'),
    'no host': `GET ${base}/health HTTP/1.1\r\n\r\n`,
    'two hosts': `GET ${base}/jobs HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n`,
    '100 headers': `GET ${base}/jobs HTTP/1.1\r\nHost: localhost\r\n${Array.from({ length: 100 }, (_, n) => `h${n}: 1\r\n`).join('')}\r\n`,
    'headers over 16 KiB': `GET ${base}/jobs HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(17_000)}\r\n\r\n`,
    'HTTP/1.0': `GET ${base}/jobs HTTP/1.0\r\nHost: localhost\r\n\r\n`,
    'a folded header': `GET ${base}/jobs HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n`,
    'no HTTP': '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n',
  };
  const before = scheduler.asked.length;
  for (const [what, request] of Object.entries(cases)) {
    const answer = await raw(server, request);
    t.ok(answer.closed, `${what}: closed`);
    t.equal(answer.statuses.length, 1, `${what}: one answer`);
    t.ok(answer.statuses[0]! >= 400 && answer.statuses[0] !== 500, `${what}: ${answer.statuses[0]}`);
  }
  t.equal(scheduler.asked.length, before);
  t.equal((await api.get('/health')).status, 200, 'the server is fine');
});

t.test('headers up to 15 KiB pass', async (t) => {
  t.equal((await api.get('/health', { cookie: 'c'.repeat(15_000) })).status, 200);
});

t.test('a request that is split after every byte is answered', async (t) => {
  const answer = await raw(
    server,
    Array.from(creation, (_, at) => creation.subarray(at, at + 1)),
    { enough: (text) => text.includes('"is_repeat"') },
  );
  t.same(answer.statuses, [201]);
  t.equal(scheduler.drafts.at(-1)?.payload, '{"a":"é"}');
});

t.test('a request that is split in two at any byte is answered', async (t) => {
  for (let at = 1; at < creation.length; at += 1) {
    const answer = await raw(server, [creation.subarray(0, at), creation.subarray(at)], {
      enough: (text) => text.includes('"is_repeat"'),
    });
    if (answer.statuses[0] !== 201) t.fail(`split at ${at}: ${answer.text}`);
  }
  t.pass();
});

t.test('a client that goes at any byte, or before its answer, harms nobody', async (t) => {
  for (let at = 1; at <= creation.length; at += 1) {
    await new Promise<void>((done) => {
      const socket = connect(server.port, '127.0.0.1', () =>
        socket.write(creation.subarray(0, at), () => socket.resetAndDestroy()),
      );
      socket.on('error', () => undefined);
      socket.on('close', () => done());
    });
  }
  t.equal((await api.post('/jobs', body)).status, 201);
});

t.test('pipelined requests that are answered at once are answered in order', async (t) => {
  const paths = Array.from({ length: 1000 }, (_, n) => (n % 2 === 0 ? `${base}/health` : `${base}/nowhere`));
  const answer = await raw(server, paths.map((path) => rawRequest('GET', path)).join(''), {
    enough: (text) => (text.match(/HTTP\/1\.1 /g)?.length ?? 0) === 1000 && text.endsWith('}'),
  });
  const statuses = [...answer.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  t.same(
    statuses,
    paths.map((path) => (path.endsWith('health') ? 200 : 404)),
  );
});

t.test('a request behind one whose answer is not there yet gets no wrong answer', async (t) => {
  const answer = await raw(server, [Buffer.concat([creation, creation])], { ms: 500 });
  t.ok(answer.statuses.length <= 2 && answer.statuses.every((status) => status === 201));
  t.equal((await api.get('/health')).status, 200);
});

t.test('many answers of one turn reach their clients', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) => api.post('/jobs', { name: 'payment_check', delay: `${n + 1}m` })),
  );
  for (const [n, { status, body }] of answers.entries()) {
    t.equal(status, 201);
    t.equal(body.next_run_in, n < 59 ? `${n + 1}m0s` : `${Math.floor((n + 1) / 60)}h${(n + 1) % 60}m0s`);
  }
});
