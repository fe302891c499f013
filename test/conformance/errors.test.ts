/** Bodies that are refused, and the form of every refusal. */
import t from 'tap';
import '../support/snapshots.js';
import { Client } from '../support/client.js';
import { normalise } from '../support/normalise.js';
import { startServer } from '../support/server.js';
import { names, problem } from './forms.js';

t.setTimeout(60_000);
const server = await startServer();
const api = new Client(server);
const good = { name: 'noop', delay: '1h' };
const post = (body: unknown) =>
  api.post<never>('/jobs', typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
const json = (value: unknown) => post(JSON.stringify(value));

t.test('what is not JSON is malformed_json', async (t) => {
  const bad: [string, string | Buffer][] = [
    ['empty', ''],
    ['blank', '  '],
    ['open', '{'],
    ['more behind', '{}x'],
    ['two values', `${JSON.stringify(good)}{}`],
    ['byte order mark', `\ufeff${JSON.stringify(good)}`],
    ['NaN', '{"name":"noop","delay":"1h","payload":{"a":NaN}}'],
    ['single quotes', "{'name':'noop','delay':'1h'}"],
    ['trailing comma', '{"name":"noop","delay":"1h",}'],
    ['comment', '{"name":"noop","delay":"1h"} // x'],
    ['raw control character', '{"name":"noop","delay":"1h","payload":{"a":"\u0001"}}'],
    ['undefined', 'undefined'],
    ['form', 'name=noop&delay=1h'],
    [
      'invalid UTF-8',
      Buffer.concat([
        Buffer.from('{"name":"noop","delay":"1h","payload":{"a":"'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('"}}'),
      ]),
    ],
    [
      'overlong UTF-8',
      Buffer.concat([
        Buffer.from('{"name":"noop","delay":"1h","payload":{"a":"'),
        Buffer.from([0xc0, 0x80]),
        Buffer.from('"}}'),
      ]),
    ],
    [
      'UTF-8 surrogate',
      Buffer.concat([
        Buffer.from('{"name":"noop","delay":"1h","payload":{"a":"'),
        Buffer.from([0xed, 0xa0, 0x80]),
        Buffer.from('"}}'),
      ]),
    ],
    ['UTF-16', Buffer.from(JSON.stringify(good), 'utf16le')],
  ];
  for (const [what, body] of bad) problem(t, await post(body), 400, 'malformed_json', what);
});

t.test('JSON of the wrong kind is validation_failed', async (t) => {
  for (const body of ['[]', 'null', '"noop"', '5', 'true', '[{"name":"noop","delay":"1h"}]'])
    problem(t, await post(body), 400, 'validation_failed', body);
});

t.test('each fault is refused and its field named', async (t) => {
  const payload = (value: string) => `{"name":"noop","delay":"1h","payload":${value}}`;
  const cases: [string, unknown][] = [
    ['bogus', { ...good, bogus: 1 }],
    ['Name', { ...good, Name: 'noop' }],
    ['id', { ...good, id: 'job_1_00000000' }],
    ['status', { ...good, status: 'success' }],
    ['name', { delay: '1h' }],
    ['name', { ...good, name: 5 }],
    ['name', { ...good, name: '' }],
    ['name', { ...good, name: null }],
    ['name', { ...good, name: 'n'.repeat(129) }],
    ['name', { ...good, name: 'no\u0000op' }],
    ['name', { ...good, name: 'noop\r\n' }],
    ['name', '{"name":"\\ud800","delay":"1h"}'],
    ['name', { ...good, name: '../x' }],
    ['name', { ...good, name: 'no op' }],
    ['name', { ...good, name: 'naïve' }],
    ['payload', { ...good, payload: [] }],
    ['payload', { ...good, payload: 'x' }],
    ['payload', { ...good, payload: null }],
    ['payload', { ...good, payload: 5 }],
    ['payload', { ...good, payload: { s: 'x'.repeat(300_000) } }],
    ['payload', payload(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`)],
    ['payload', payload(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`)],
    ['__proto__', payload('{"__proto__":{"admin":true}}')],
    ['__proto__', payload('{"a":[{"__proto__":1}]}')],
    ['__proto__', '{"name":"noop","delay":"1h","__proto__":{}}'],
    ['payload', payload('{"a":1e400}')],
    ['payload', payload('{"a":[-1e400]}')],
    ['max_retries', { ...good, max_retries: -1 }],
    ['max_retries', { ...good, max_retries: 1.5 }],
    ['max_retries', { ...good, max_retries: '3' }],
    ['max_retries', { ...good, max_retries: 101 }],
    ['max_retries', { ...good, max_retries: null }],
    ['max_retries', '{"name":"noop","delay":"1h","max_retries":1e400}'],
    ['backoff', { ...good, backoff: 'linear' }],
    ['backoff', { ...good, backoff: null }],
    ['is_repeat', { ...good, is_repeat: 'true' }],
    ['is_repeat', { ...good, is_repeat: 1 }],
    ['is_repeat', { ...good, is_repeat: null }],
    ['is_repeat', { name: 'noop', trigger_at: '2040-01-01T00:00:00Z', is_repeat: true }],
    ['misfire', { ...good, is_repeat: true, misfire: 'later' }],
    ['delay', { name: 'noop', delay: '9ms', is_repeat: true }],
    ['delay', { name: 'noop', delay: '0s', is_repeat: true }],
  ];
  for (const [field, body] of cases) {
    const found = problem(
      t,
      await post(body),
      400,
      'validation_failed',
      `${field}: ${(typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 80)}`,
    );
    t.ok(names(found, field), `${field} is named: ${JSON.stringify(found.errors).slice(0, 200)}`);
  }
});

t.test('exactly one of delay, trigger_at and cron_expr', async (t) => {
  const all = { delay: '1h', trigger_at: '2040-01-01T00:00:00Z', cron_expr: '0 0 9 * * *' };
  const { delay, trigger_at, cron_expr } = all;
  for (const trigger of [{}, { delay, trigger_at }, { delay, cron_expr }, { trigger_at, cron_expr }, all]) {
    problem(
      t,
      await json({ name: 'noop', ...trigger }),
      400,
      'validation_failed',
      Object.keys(trigger).join(' and ') || 'none',
    );
  }
});

t.test('nesting up to 64 is accepted', async (t) => {
  const depth = 60;
  t.equal(
    (await post(`{"name":"noop","delay":"1h","payload":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`)).status,
    201,
  );
});

t.test('a type that is not registered is unknown_job_type, unless there is another fault', async (t) => {
  for (const name of [
    'nobody',
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'Noop',
    'n'.repeat(128),
    'a.b:c-d_1',
  ]) {
    problem(t, await json({ ...good, name }), 400, 'unknown_job_type', name.slice(0, 20));
  }
  const both = problem(t, await json({ ...good, name: 'nobody', max_retries: -1 }), 400, 'validation_failed');
  t.ok(names(both, 'max_retries'));
});

t.test('all faults of a request are reported together', async (t) => {
  const body = {
    name: '',
    delay: '5',
    payload: [],
    max_retries: 101,
    retry_delay: '-1m',
    backoff: 'x',
    timeout: '0s',
    is_repeat: 'yes',
    misfire: 'x',
    bogus: 1,
    more: 2,
  };
  const answer = await json(body);
  const found = problem(t, answer, 400, 'validation_failed');
  for (const field of Object.keys(body)) t.ok(names(found, field), field);
  t.matchSnapshot(normalise(answer.body));
});

t.test('refusals make nothing', async (t) => {
  const before = await api.list();
  for (const body of ['{', '[]', { ...good, bogus: 1 }, { ...good, name: 'nobody' }]) await post(body);
  t.equal((await api.list()).total, before.total);
});

t.test('content types', async (t) => {
  const send = (type: string | undefined, more: Record<string, string> = {}) =>
    api.post<never>('/jobs', JSON.stringify(good), { 'content-type': type, ...more });
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON',
    'application/json; charset="utf-8"',
  ]) {
    t.equal((await send(type)).status, 201, type);
  }
  for (const type of [
    undefined,
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'application/json; charset=iso-8859-1',
    'text/json',
    'multipart/form-data; boundary=x',
    '',
  ]) {
    problem(t, await send(type), 415, 'unsupported_media_type', String(type));
  }
  problem(t, await send('application/json', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type', 'gzip');
});

t.test('a body over the limit is payload_too_large, however it comes', async (t) => {
  const body = JSON.stringify({ ...good, payload: { s: 'x'.repeat(1024 * 1024) } });
  problem(t, await post(body), 413, 'payload_too_large', 'declared');
  const chunked = await api.post<never>('/jobs', body, { 'transfer-encoding': 'chunked' });
  problem(t, chunked, 413, 'payload_too_large', 'chunked');
  const justBelow = JSON.stringify({ ...good, payload: { s: 'x'.repeat(1024 * 1024 - 100) } });
  problem(t, await post(justBelow), 400, 'validation_failed', 'below 1 MiB it is the payload that is too large');
  t.equal(
    (await api.post('/jobs', `${JSON.stringify(good)}${' '.repeat(1024 * 1024 - 100)}`)).status,
    201,
    'white space is no fault',
  );
  t.equal(
    (await api.post('/jobs', JSON.stringify(good), { 'transfer-encoding': 'chunked' })).status,
    201,
    'a small chunked body is welcome',
  );
});

t.test('routes and methods', async (t) => {
  for (const path of [
    '/',
    '/nope',
    '/job',
    '/jobs/',
    '/jobs/x/y',
    '/jobs/x/cancel/',
    '/stats/',
    '/health/',
    '/health/dead',
    '/job-types/x',
    '/jobs/x/retry/now',
    '//jobs',
    '/JOBS',
  ]) {
    problem(t, await api.get(path), 404, 'not_found', path);
  }
  for (const path of ['//', '/jobs', '/api', '/api/v2/jobs', '/health', '/robots.txt', '/api/v1jobs'])
    problem(t, await api.absolute('GET', path), 404, 'not_found', path);
  const { id } = await api.create(good);
  const cases: [string, string, string[]][] = [
    ['PUT', '/jobs', ['GET', 'POST']],
    ['DELETE', '/jobs', ['GET', 'POST']],
    ['PATCH', '/jobs', ['GET', 'POST']],
    ['POST', `/jobs/${id}`, ['DELETE', 'GET', 'PUT']],
    ['PATCH', `/jobs/${id}`, ['DELETE', 'GET', 'PUT']],
    ['GET', `/jobs/${id}/cancel`, ['POST']],
    ['PUT', `/jobs/${id}/cancel`, ['POST']],
    ['GET', `/jobs/${id}/retry`, ['POST']],
    ['DELETE', `/jobs/${id}/retry`, ['POST']],
    ['POST', '/events', ['GET']],
    ['POST', '/stats', ['GET']],
    ['PUT', '/health', ['GET']],
    ['POST', '/health/live', ['GET']],
    ['DELETE', '/job-types', ['GET']],
  ];
  for (const [method, path, allowed] of cases) {
    const answer = await api.request(method, path);
    problem(t, answer, 405, 'method_not_allowed', `${method} ${path}`);
    const allow = String(answer.headers.allow).split(/,\s*/);
    t.same(
      allow.filter((name) => name !== 'HEAD' && name !== 'OPTIONS').sort(),
      allowed,
      `${method} ${path}: ${String(answer.headers.allow)}`,
    );
  }
});

t.test('HEAD answers as GET, also where that is an error', async (t) => {
  const { id } = await api.create(good);
  for (const [path, status] of [
    [`/jobs/${id}`, 200],
    ['/jobs?limit=1', 200],
    ['/jobs?limit=0', 400],
    ['/jobs/nonsense', 404],
    ['/nope', 404],
  ] as const) {
    const head = await api.request('HEAD', path);
    t.equal(head.status, status, path);
    t.equal(head.text, '');
  }
  t.equal((await api.request('HEAD', `/jobs/${id}/cancel`)).status, 405);
});

t.test('paths that try to get out, or are not text', async (t) => {
  for (const path of [
    '/../../x',
    '/jobs/../../x',
    '/jobs/%2e%2e%2f',
    '/jobs/%2e%2e',
    '/jobs/%00',
    '/jobs/%zz',
    '/jobs/%',
    '/jobs/%ff',
    '/jobs/%F0%9F%95%B0',
    `/jobs/${'a'.repeat(10_240)}`,
    '/jobs/a%2Fcancel',
  ]) {
    problem(t, await api.get(path), 404, 'not_found', path.slice(0, 40));
  }
  problem(t, await api.absolute('GET', '/api/v1/../v1/jobs'), 404, 'not_found', 'nothing is resolved');
});

t.test('the errors as they are written', async (t) => {
  const answers = {
    malformed: await post('{'),
    unknownType: await json({ ...good, name: 'nobody' }),
    unknownField: await json({ ...good, bogus: 1 }),
    missing: await json({}),
    notFound: await api.get('/jobs/job_1704182400_a1b2c3d4'),
    route: await api.get('/nope'),
    method: await api.request('PATCH', '/jobs'),
    type: await api.post('/jobs', 'x', { 'content-type': 'text/plain' }),
    query: await api.get('/jobs?limit=0'),
  };
  // Where the JSON breaks off is told in the words of the JavaScript engine, which change with its version.
  (answers.malformed.body as { detail: string }).detail = '<detail>';
  for (const [name, { body }] of Object.entries(answers)) t.matchSnapshot(normalise(body), name);
});

t.test('after all that the server is well', async (t) => {
  t.equal((await api.get('/health')).status, 200);
  t.equal((await api.post('/jobs', good)).status, 201);
  t.notMatch(server.output(), /\n\s+at .*\(.*:\d+:\d+\)/, 'no stack in its log');
});
