/** Jobs of the built-in type `http`: what is sent, how it is signed, and what answers mean. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import t from 'tap';
import { Client, type Job, type Problem } from '../support/client.js';
import { hang, json, Receiver } from '../support/receiver.js';
import { handlersFolder, runCli, startServer, temporary } from '../support/server.js';
import { testedNodes } from '../support/tested-nodes.js';

t.setTimeout(120_000);

const secrets = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`) as [string, string];
const apiKey = 'Bearer topsecret-4711';
const receiver = await Receiver.start();
const other = await Receiver.start();
const secretFile = join(temporary('secrets'), 'secrets');
writeFileSync(secretFile, `${secrets[1]}\n`);
const server = await startServer({
  args: [
    ...['--http-target', `${receiver.origin},${other.origin}`, '--http-secret', secrets[0]],
    ...['--http-secret-file', secretFile, '--http-env', `API_KEY=${receiver.origin}`],
  ],
  handlers: {
    enqueues: `export default ({ jobs }, ctx) => jobs.map((payload) => {
      try {
        ctx.enqueue({ name: 'http', delay: '0s', payload });
      } catch (error) {
        return error.errors.map(({ path }) => path);
      }
    });`,
  },
  // Nothing is sent by way of these.
  env: {
    API_KEY: apiKey,
    ...Object.fromEntries(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'].map((name) => [name, 'http://127.0.0.1:1'])),
    NODE_USE_ENV_PROXY: '1',
  },
});
const api = new Client(server);

const make = (payload: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Job> =>
  api.create({ name: 'http', delay: '0s', max_retries: 2, retry_delay: '20ms', payload, ...more });
const run = async (payload: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Job> => {
  const { id } = await make(payload, more);
  return api.until(id, ({ status }) => ['success', 'failed'].includes(status), 30_000);
};
const verify = (secret: string, { headers, body }: { headers: unknown; body: string }): void => {
  new Webhook(secret).verify(body, headers as Record<string, string>, { jsonParse: false });
};

t.test('a request goes out as the payload has it, signed by both secrets', async (t) => {
  const url = receiver.on('/plain', json({ got: 'it' }));
  const job = await run({ url: `${url}?a=b%20c#part`, headers: { 'X-Own': 'yes' }, body: { text: 'grüße', n: 1 } });
  t.match(job, { status: 'success', result: { got: 'it' } });
  const [request, ...more] = receiver.of('/plain');
  t.same(more, []);
  t.match(request, { method: 'POST', path: '/plain?a=b%20c', body: '{"text":"grüße","n":1}' });
  t.match(request?.headers, {
    'x-own': 'yes',
    'content-type': 'application/json',
    'content-length': '24',
    'user-agent': 'escapement',
    host: `127.0.0.1:${receiver.port}`,
    'webhook-id': `${job.id}_${Date.parse(job.trigger_at)}`,
  });
  for (const secret of secrets) t.doesNotThrow(() => verify(secret, request!));
  t.throws(() => verify(`whsec_${Buffer.alloc(32, 3).toString('base64')}`, request!));
});

t.test('methods and bodies: none, a string as it is, JSON, null', async (t) => {
  const url = receiver.on('/methods', json({}));
  const cases: [payload: object, method: string, body: string, type: string | undefined, length: string | undefined][] =
    [
      [{}, 'POST', '', undefined, '0'],
      [{ method: 'GET' }, 'GET', '', undefined, undefined],
      [{ method: 'HEAD' }, 'HEAD', '', undefined, undefined],
      [{ method: 'DELETE' }, 'DELETE', '', undefined, undefined],
      [{ method: 'PUT', body: 'a=b' }, 'PUT', 'a=b', 'text/plain; charset=utf-8', '3'],
      [{ method: 'PATCH', body: null }, 'PATCH', 'null', 'application/json', '4'],
      [{ method: 'DELETE', body: [1] }, 'DELETE', '[1]', 'application/json', '3'],
      [{ body: 'a=b', headers: { 'Content-Type': 'x/y', 'USER-AGENT': 'me' } }, 'POST', 'a=b', 'x/y', '3'],
    ];
  for (const [payload, method, body, type, length] of cases) {
    const seen = receiver.of('/methods').length;
    const job = await run({ url, ...payload });
    t.equal(job.status, 'success', JSON.stringify(job.last_error));
    const request = receiver.of('/methods')[seen]!;
    t.match(request, { method, body });
    t.equal(request.headers['content-type'], type);
    t.equal(request.headers['content-length'], length);
    t.equal(request.headers['transfer-encoding'], undefined);
    t.doesNotThrow(() => verify(secrets[0], request), 'also a request without a body is signed');
  }
});

t.test('all attempts of an occurrence have one id; each occurrence has another', async (t) => {
  let left = 2;
  const url = receiver.on('/retried', (response) => response.writeHead(left-- > 0 ? 503 : 204).end());
  const job = await run({ url });
  t.match(job, { status: 'success', retry_count: 2 });
  t.equal(job.result, undefined, 'an answer without a body is no result');
  const ids = receiver.of('/retried').map(({ headers }) => headers['webhook-id']);
  t.equal(ids.length, 3);
  t.equal(new Set(ids).size, 1);
  const repeated = receiver.on('/repeated', json({}));
  const { id } = await make({ url: repeated }, { delay: '50ms', is_repeat: true });
  await receiver.until(() => receiver.of('/repeated').length >= 3);
  await api.delete(`/jobs/${id}`);
  const slots = receiver.of('/repeated').map(({ headers }) => headers['webhook-id']);
  t.equal(new Set(slots).size, slots.length);
});

t.test('results: JSON, text, neither, too much', async (t) => {
  const cases: [type: string | undefined, body: string | Buffer, expected: object][] = [
    ['application/json', '{"a":[1,"ü"]}', { result: { a: [1, 'ü'] } }],
    ['application/json; charset=utf-8', 'null', { result: null }],
    ['application/problem+json', '"x"', { result: 'x' }],
    ['application/json', 'no json', { result: 'no json' }],
    ['text/plain', 'grüße', { result: 'grüße' }],
    ['text/plain; charset=iso-8859-1', Buffer.from('grüße', 'latin1'), { result: 'grüße' }],
    [undefined, 'as it is', { result: 'as it is' }],
    ['text/html', '', {}],
    ['image/png', Buffer.from([0x89, 0x50, 0xff, 0]), { result_omitted: /neither JSON nor text \(image\/png\)/ }],
    ['text/plain', 'x'.repeat(65_534), { result: 'x'.repeat(65_534) }],
    ['text/plain', 'x'.repeat(65_537), { result_omitted: /more than 65536 bytes/ }],
    ['text/plain', '"'.repeat(60_000), { result_omitted: /more than 65536 bytes of JSON/ }],
  ];
  for (const [type, body, expected] of cases) {
    const url = receiver.on('/result', (response) => {
      response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(body);
    });
    const job = await run({ url });
    t.equal(job.status, 'success');
    t.match(job, expected, String(type));
    t.equal('result' in job, 'result' in expected);
  }
  const url = receiver.on('/packed', (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'));
  t.match(await run({ url }), { status: 'success', result_omitted: /encoded \(gzip\)/ });
});

t.test('408, 425, 429 and 5xx are retried; all else is final', async (t) => {
  for (const status of [408, 425, 429, 500, 502, 599]) {
    const url = receiver.on('/again', (response) => response.writeHead(status).end('try later'));
    const job = await run({ url }, { max_retries: 1 });
    t.match(job, { status: 'failed', retry_count: 1, last_error: { name: 'HttpError', code: 'handler_error' } });
    t.match(job.last_error?.message, new RegExp(`^POST ${receiver.origin} was answered with ${status}.*: try later$`));
  }
  for (const status of [300, 301, 302, 303, 307, 308, 304, 400, 401, 404, 409, 410, 422]) {
    const url = receiver.on('/final', (response) => {
      response.writeHead(status, { location: `${other.origin}/elsewhere?secret=1` }).end();
    });
    const job = await run({ url });
    t.match(job, { status: 'failed', retry_count: 0 });
    t.match(job.last_error?.message, new RegExp(`answered with ${status}`));
    if (status < 400)
      t.match(job.last_error?.message, new RegExp(`redirect to ${other.origin}, which is not followed`));
    t.notMatch(job.last_error?.message, /final|secret/, 'neither the path nor that of the redirect');
  }
  t.same(other.received, [], 'no redirect was followed');
});

t.test('Retry-After is kept to, up to max_retry_delay', async (t) => {
  const wait = async (header: string, more = {}): Promise<number> => {
    const url = receiver.on('/wait', (response) => response.writeHead(429, { 'retry-after': header }).end());
    const { id } = await make({ url }, more);
    const job = await api.until(id, ({ retry_count }) => retry_count === 1);
    await api.delete(`/jobs/${id}`);
    return Date.parse(job.trigger_at) - Date.parse(job.finished_at!);
  };
  t.equal(await wait('3600'), 3_600_000);
  t.equal(await wait('3600', { max_retry_delay: '10m' }), 600_000);
  const ms = await wait(new Date(Date.now() + 3_600_000).toUTCString());
  t.ok(ms > 3_400_000 && ms < 3_700_000, `a date: ${ms}`);
  t.equal(await wait('soon', { retry_delay: '2h' }), 7_200_000, 'what cannot be read is no wish');
});

t.test('a variable goes to its origin in a header, and comes back from nowhere', async (t) => {
  const headers = { Authorization: { $env: 'API_KEY' } };
  const echo = receiver.on('/echo', (response, { headers }) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(headers));
  });
  const job = await run({ url: echo, headers });
  t.equal(receiver.of('/echo')[0]?.headers.authorization, apiKey);
  t.match(job, { status: 'success', result: { authorization: '***' }, payload: { headers } });
  const failing = receiver.on('/denied', (response, { headers }) => {
    response.writeHead(403, { 'x-a': 'b' }).end(`"${headers.authorization}" and topsecret-4711 are not known`);
  });
  const failed = await run({ url: failing, headers });
  t.match(failed.last_error?.message, /403 Forbidden: "\*\*\*" and \*\*\* are not known$/);
  const refused = await api.post<Problem>('/jobs', {
    name: 'http',
    delay: '0s',
    payload: { url: other.on('/', json({})), headers },
  });
  t.match(refused, { status: 400, body: { errors: [{ path: '/payload/headers/Authorization/$env' }] } });
  t.notMatch(server.output(), /topsecret/, 'nor is it in the log');
  for (const { id } of [job, failed]) t.notMatch((await api.get(`/jobs/${id}`)).text, /topsecret/);
});

t.test('what may not be called is refused, when a job is made and when it is changed', async (t) => {
  const payload = { url: 'https://example.com/', headers: { host: 'x' }, retries: 3 };
  const expected = ['/payload/headers/host', '/payload/retries', '/payload/url'];
  const refused = await api.post<Problem>('/jobs', { name: 'http', delay: '0s', payload });
  t.match(refused, { status: 400, body: { code: 'validation_failed' } });
  t.same(refused.body.errors?.map(({ path }) => path).sort(), expected);
  const { id } = await make({ url: receiver.on('/later', json({})) }, { delay: '1h' });
  const changed = await api.put<Problem>(`/jobs/${id}`, { payload });
  t.same(changed.body.errors?.map(({ path }) => path).sort(), expected);
  t.equal((await api.put(`/jobs/${id}`, { payload: { url: receiver.on('/other', json({})) } })).status, 200);
  const none = await api.post<Problem>('/jobs', { name: 'http', delay: '0s' });
  t.same(none.body.errors, [{ path: '/payload/url', message: 'is required' }]);
});

t.test('handlers enqueue such jobs, and what may not be called is refused at once', async (t) => {
  const url = receiver.on('/child', json({}));
  const headers = { Authorization: { $env: 'API_KEY' } };
  const jobs = [
    { url, headers, body: 'good' },
    { url: 'https://example.com/' },
    { url: other.origin, headers },
    { url, a: 1 },
  ];
  const { id } = await api.create({ name: 'enqueues', delay: '0s', payload: { jobs } });
  const job = await api.until(id, 'success', 30_000);
  t.same(job.result, [null, ['/payload/url'], ['/payload/headers/Authorization/$env'], ['/payload/a']]);
  await receiver.until(() => receiver.of('/child').length === 1);
  t.match(receiver.of('/child')[0], { body: 'good', headers: { authorization: apiKey } });
});

t.test('the type is shown with its schema, and in the metrics as any other', async (t) => {
  const { body } = await api.get('/job-types/http');
  t.match(body, { name: 'http', timeout: '30s', payload_schema: { required: ['url'] } });
  const openapi = (await api.absolute('GET', '/openapi.json')).text;
  t.match(openapi, /http_payload|An HTTP request/);
  // Each node counts what it has started itself.
  const texts = await Promise.all(server.urls.map(async (url) => await (await fetch(`${url}/metrics`)).text()));
  t.match(texts.join('\n'), /escapement_attempts_started_total\{type="http"\} [1-9]/);
});

t.test('a secret file is read anew by SIGHUP, and requests under way go on', async (t) => {
  const third = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
  const late = receiver.on('/late', hang);
  const { id } = await make({ url: late });
  await receiver.until(() => receiver.of('/late').length === 1);
  writeFileSync(secretFile, third);
  const reloads = (): number => server.output().split('the handlers were read anew').length;
  const before = reloads();
  server.signal('SIGHUP');
  while (reloads() < before + (testedNodes ?? 1)) await new Promise((resolve) => setTimeout(resolve, 20));
  const url = receiver.on('/renewed', json({}));
  t.match(await run({ url }), { status: 'success' });
  const [request] = receiver.of('/renewed');
  t.doesNotThrow(() => verify(secrets[0], request!));
  t.doesNotThrow(() => verify(third, request!));
  t.throws(() => verify(secrets[1], request!));
  t.equal((await api.job(id)).status, 'running');
  t.equal(receiver.of('/late')[0]?.closed, false);
  await api.delete(`/jobs/${id}`);
  await receiver.until(() => receiver.of('/late')[0]?.closed === true);
});

t.test('without a target there is no such type; with one no handler may have its name', async (t) => {
  const plain = await startServer();
  const client = new Client(plain);
  const unknown = await client.post<Problem>('/jobs', { name: 'http', delay: '0s', payload: { url: receiver.origin } });
  t.match(unknown, { status: 400, body: { code: 'unknown_job_type' } });
  await plain.stop();
  const handlers = handlersFolder({ http: 'export default () => 1;' });
  const args = ['start', '--port', '0', '--data-dir', join(temporary(), 'd'), '--handlers', handlers];
  const { code, output } = await runCli([...args, '--http-target', '*']);
  t.equal(code, 1);
  t.match(output, /has a handler http, which is the name of the type that --http-target brings: rename the file/);
});
