/** Who may ask: hosts, tokens, origins, CORS; for requests and for WebSockets. */
import t from 'tap';
import { Gate, hostName, isLoopback } from '../../src/server/http/gate.js';
import { RequestHead } from '../../src/server/http/request-head.js';
import { Tokens } from '../../src/server/http/tokens.js';
import type { Problem } from '../support/client.js';
import { Subscriber } from '../support/ws.js';
import { serve } from './fixture.js';

const creation = { name: 'payment_check', delay: '1h' };

t.test('without a token only known hosts are answered for', async (t) => {
  const { api, port } = await serve({ allowedHosts: ['Jobs.Example.com'] });
  const status = async (host: string) => (await api.get('/jobs', { host })).status;
  for (const host of [
    'localhost',
    'LOCALHOST:9',
    '127.0.0.1',
    `127.0.0.1:${port}`,
    '[::1]:80',
    '10.1.2.3:80',
    'jobs.example.com',
    'jobs.example.com:443',
  ]) {
    t.equal(await status(host), 200, host);
  }
  for (const host of [
    'evil.example.com',
    'localhost.evil.com',
    'xjobs.example.com',
    '127.0.0.1.evil.com',
    'localhost:x',
    'a@localhost',
    '[::1',
    'localhost/',
  ]) {
    t.equal(await status(host), 421, host);
  }
  const { body } = await api.get<Problem>('/health', { host: 'evil.com' });
  t.match(body, { code: 'misdirected_host', status: 421 });
  t.equal(await Subscriber.attempt({ port }, { headers: { host: 'evil.com' } }), 421);
});

t.test('with a token', async (t) => {
  const token = 'correct-horse-battery-staple';
  const { api, port } = await serve({ tokens: { full: [token], read: [] } });
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  t.equal((await api.get('/jobs', bearer(token))).status, 200);
  t.equal((await api.get('/jobs', { authorization: `bearer  ${token}` })).status, 200);
  t.equal((await api.get('/jobs', { ...bearer(token), host: 'any.example.com' })).status, 200, 'any host');
  t.equal(
    (await api.post('/jobs', creation, { ...bearer(token), origin: 'https://elsewhere.example' })).status,
    201,
    'any origin',
  );
  const wrong: Record<string, string>[] = [
    {},
    bearer(''),
    bearer('x'),
    bearer(token.slice(1)),
    bearer(`${token}x`),
    bearer(token.toUpperCase()),
    { authorization: token },
    { authorization: `Basic ${token}` },
    bearer(`${token.slice(0, -1)}\u00e9e`),
  ];
  for (const headers of wrong) {
    for (const [method, path] of [
      ['GET', '/jobs'],
      ['GET', '/nowhere'],
      ['POST', '/jobs'],
      ['GET', '/stats'],
      ['PUT', '/health'],
    ] as const) {
      const answer = await api.request<Problem>(method, path, { headers });
      t.same([answer.status, answer.body.code], [401, 'unauthorized'], `${method} ${path} ${JSON.stringify(headers)}`);
      t.match(answer.headers['www-authenticate'], /^Bearer/);
    }
  }
  t.equal((await api.get(`/jobs?token=${token}`)).status, 401, 'never in a query');
  for (const path of ['/health', '/health/ready', '/health/live']) t.equal((await api.get(path)).status, 200);

  const offer = (text: string) => ['escapement.v1', `bearer.${Buffer.from(text).toString('base64url')}`];
  const attempt = (headers: Record<string, string>, protocols: string[] = []) =>
    Subscriber.attempt({ port }, { headers }, protocols);
  t.equal(await attempt(bearer(token)), 101);
  t.equal(await attempt({}, offer(token)), 101);
  t.equal(await attempt({ origin: 'https://elsewhere.example' }, offer(token)), 101);
  t.equal(await attempt({}), 401);
  t.equal(await attempt({}, offer('wrong')), 401);
  t.equal(await attempt({}, ['escapement.v1']), 401);
  const subscriber = await Subscriber.connect({ port }, {}, offer(token));
  t.equal(subscriber.socket.protocol, 'escapement.v1', 'the token is not sent back');
  await subscriber.close();
});

t.test('pages of other sites change nothing', async (t) => {
  const { api, port } = await serve({ allowedHosts: ['jobs.example.com'] });
  const post = async (origin: string, host = `127.0.0.1:${port}`) =>
    (await api.post<Problem>('/jobs', creation, { origin, host })).status;
  for (const origin of ['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:5173', `http://127.0.0.1:${port}`])
    t.equal(await post(origin), 201, origin);
  t.equal(await post('https://jobs.example.com', 'jobs.example.com'), 201, 'its own');
  for (const origin of [
    'https://evil.com',
    'null',
    'http://localhost.evil.com',
    'file://',
    'http://jobs.example.com',
    '',
    'http://127.0.0.1@evil.com',
  ]) {
    t.equal(await post(origin), 403, origin);
  }
  t.equal(
    (await api.request('DELETE', '/jobs/job_1704180000_00000000', { headers: { origin: 'https://evil.com' } })).status,
    403,
  );
  t.equal((await api.get('/jobs', { origin: 'https://evil.com' })).status, 200, 'reading is for the browser to forbid');
  t.equal(await Subscriber.attempt({ port }, { headers: { origin: 'https://evil.com' } }), 403);
  t.equal(await Subscriber.attempt({ port }, { headers: { origin: 'http://localhost:3000' } }), 101);
});

t.test('bound to other addresses, pages of this machine are strangers too', (t) => {
  const gate = new Gate({
    tokens: new Tokens({ full: [], read: [] }),
    allowedHosts: [],
    corsOrigins: [],
    loopback: false,
  });
  const head = Object.assign(new RequestHead(), { host: '10.0.0.1', origin: 'http://localhost:3000' });
  t.match(gate.check(head, { changes: true, guarded: true, open: false }), { code: 'forbidden' });
  t.end();
});

t.test('CORS: only for listed origins', async (t) => {
  const { api } = await serve({ corsOrigins: ['https://app.example.com', 'null'] });
  const origin = 'https://app.example.com';
  const get = await api.get('/jobs', { origin });
  t.equal(get.headers['access-control-allow-origin'], origin);
  t.match(get.headers['access-control-expose-headers'], /Location/);
  t.equal(get.headers.vary, 'Origin');
  t.equal(
    (await api.get('/nowhere', { origin })).headers['access-control-allow-origin'],
    origin,
    'errors can be read too',
  );
  t.equal((await api.post('/jobs', creation, { origin })).status, 201);
  t.equal((await api.post('/jobs', creation, { origin: 'null' })).status, 201, 'null if listed');
  const other = await api.get('/jobs', { origin: 'https://other.example.com' });
  t.notOk('access-control-allow-origin' in other.headers);
  t.equal(other.headers.vary, 'Origin');

  const preflight = (from: string) =>
    api.request('OPTIONS', '/jobs', { headers: { origin: from, 'access-control-request-method': 'POST' } });
  const allowed = await preflight(origin);
  t.equal(allowed.status, 204);
  t.notOk('content-length' in allowed.headers);
  t.match(allowed.headers, {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': /POST/,
    'access-control-allow-headers': /Idempotency-Key/,
  });
  t.equal((await preflight('https://other.example.com')).status, 403);
});

t.test('preflights need no token', async (t) => {
  const { api } = await serve({ tokens: { full: ['secret'], read: [] }, corsOrigins: ['https://app.example.com'] });
  const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' };
  t.equal((await api.request('OPTIONS', '/jobs/x', { headers })).status, 204);
  t.equal((await api.get('/jobs', headers)).status, 401);
});

t.test('nothing from a request becomes a header', async (t) => {
  const { api, queries } = await serve();
  const answer = await api.get('/jobs/%0d%0aX-Injected:%201');
  t.equal(answer.status, 404);
  t.notOk('x-injected' in answer.headers);
  t.equal((await api.get('/jobs?name=%0d%0aX-Injected:%201')).status, 200);
  t.equal(queries.asked.at(-1)?.filter?.names?.[0], '\r\nX-Injected: 1');
});

t.test('names in Host headers', (t) => {
  t.equal(hostName('Example.COM:80'), 'example.com');
  t.equal(hostName('[::1]:80'), '::1');
  for (const none of ['', ':80', '[::1', 'a b', 'a/b', 'a:b', 'a:80:80', '::1'])
    t.equal(hostName(none), undefined, none);
  for (const near of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) t.ok(isLoopback(near), near);
  for (const far of ['127.0.0.1.evil.com', '128.0.0.1', '0.0.0.0', '::', 'localhost.com'])
    t.notOk(isLoopback(far), far);
  t.end();
});
