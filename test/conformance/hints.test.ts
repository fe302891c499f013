/** What is almost right is refused with the right thing named: paths, fields, parameters, job types, zones. */
import t from 'tap';
import { Client, type Problem } from '../support/client.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { problem } from './forms.js';

t.setTimeout(90_000);
const server = await startServer();
const api = new Client(server);
const good = { name: 'noop', delay: '1h' };

t.test('a path that is almost right names the right one', async (t) => {
  const id = 'job_1704180000_0000abcd';
  const paths: Record<string, string> = {
    '/jobs': '/api/v1/jobs',
    '/api/jobs': '/api/v1/jobs',
    '/v1/jobs': '/api/v1/jobs',
    '/api/v2/jobs': '/api/v1/jobs',
    '/api/v1/job': '/api/v1/jobs',
    '/api/v1/jobs/': '/api/v1/jobs',
    '/api//v1/jobs': '/api/v1/jobs',
    '/API/V1/Jobs': '/api/v1/jobs',
    [`/jobs/${id}`]: `/api/v1/jobs/${id}`,
    [`/api/v1/jobs/${id}/`]: `/api/v1/jobs/${id}`,
    [`/api/v1/jobs/${id}/cancell`]: `/api/v1/jobs/${id}/cancel`,
    [`/jobs/${id}/retry`]: `/api/v1/jobs/${id}/retry`,
    '/jobs/batch': '/api/v1/jobs/batch',
    '/healthz': '/api/v1/health',
    '/health': '/api/v1/health',
    '/api/v1/health/': '/api/v1/health',
    '/livez': '/api/v1/health/live',
    '/stats': '/api/v1/stats',
    '/api/v1/jobtypes': '/api/v1/job-types',
    '/api/v1/job_types': '/api/v1/job-types',
    '/api/v1/ws': '/ws',
    '/ws/': '/ws',
    '/websocket': '/ws',
    '/events': '/api/v1/events',
    '/v1/events': '/api/v1/events',
    '/api/v1/events/': '/api/v1/events',
    '/api/v1/event': '/api/v1/events',
    '/sse': '/api/v1/events',
    '/prometheus': '/metrics',
    '/dashboard/': '/',
    '/index.html': '/',
    '/api/v1/': '/api/v1',
    '/api': '/api/v1',
    '/v1': '/api/v1',
    '/openapi.yaml': '/openapi.json',
    '/api/v1/openapi.json': '/openapi.json',
    '/swagger.json': '/openapi.json',
    '/swagger-ui': '/docs',
    '/api/v1/docs': '/docs',
    '/docs/': '/docs',
    '/docs/index.html': '/docs',
    '/v3/api-docs': '/docs',
    '/asyncapi.yaml': '/asyncapi.json',
  };
  for (const [path, meant] of Object.entries(paths)) {
    const answer = await api.absolute<Problem>('GET', path);
    problem(t, answer, 404, 'not_found', path);
    t.ok(answer.body.detail?.includes(`: did you mean ${meant}? The API`), `${path}: ${answer.body.detail}`);
    // HEAD, since an event stream has no end to wait for.
    if (!path.includes(id) && !path.includes('batch') && meant !== '/ws')
      t.equal((await api.absolute('HEAD', meant)).status, 200, `${meant} is there`);
  }
  for (const path of ['/nowhere', '/api/v1/x', '/%zz', `/${'x'.repeat(5000)}`, '/jobs/a/b/c/d']) {
    const answer = await api.absolute<Problem>('GET', path);
    problem(t, answer, 404, 'not_found', path.slice(0, 40));
    t.notMatch(answer.body.detail, /did you mean/, path.slice(0, 40));
    t.match(answer.body.detail, /The API is at \/api\/v1/);
  }
});

t.test('GET /api/v1 is an index, every link of which is there', async (t) => {
  const { status, body } = await api.get<{ name: string; links: Record<string, string> }>('');
  t.equal(status, 200);
  t.match(body, { name: 'escapement', version: /^v\d+\.\d+\.\d+$/, access: 'full' });
  t.match(body.links, { jobs: '/api/v1/jobs', stats: '/api/v1/stats', job_types: '/api/v1/job-types', events: '/ws' });
  for (const [name, link] of Object.entries(body.links)) {
    // An event stream has no end to wait for.
    const method = name === 'jobs_batch' ? 'POST' : name === 'event_stream' ? 'HEAD' : 'GET';
    t.not((await api.absolute(method, link)).status, 404, link);
  }
  t.equal((await api.request('HEAD', '')).status, 200);
  t.match(await api.post('', {}), { status: 405, headers: { allow: 'GET, HEAD' } });
});

t.test('the index needs a token where one is set', async (t) => {
  const guarded = await startServer({ args: ['--token', 'secret'] });
  t.equal((await new Client(guarded).get('')).status, 401);
  t.equal((await new Client(guarded, { authorization: 'Bearer secret' }).get('')).status, 200);
  await guarded.stop();
});

const messageOf = (body: Problem, path: string): string => {
  const fault = body.errors?.find((one) => one.path === path);
  return fault?.message ?? `no fault at ${path}: ${JSON.stringify(body)}`;
};

t.test('an unknown field names its nearest, and what there is', async (t) => {
  const { id } = await api.create(good);
  const fields: Record<string, string> = {
    triggerAt: 'trigger_at',
    cron: 'cron_expr',
    maxRetries: 'max_retries',
    'retry-delay': 'retry_delay',
    time_zone: 'timezone',
    paylod: 'payload',
    isRepeat: 'is_repeat',
  };
  for (const [field, meant] of Object.entries(fields)) {
    const { body } = await api.post<Problem>('/jobs', { ...good, [field]: 1 });
    const message = messageOf(body, `/${field}`);
    t.match(message, `did you mean ${meant}?`);
    t.match(message, /There are name, delay, .*jitter/);
    const batch = await api.post<Problem>('/jobs/batch', [good, { ...good, [field]: 1 }]);
    t.match(messageOf(batch.body, `/1/${field}`), `did you mean ${meant}?`);
  }
  const { body } = await api.put<Problem>(`/jobs/${id}`, { color: 1 });
  t.match(messageOf(body, '/color'), /is not a field of this request; there are delay, /);
  t.notMatch(messageOf(body, '/color'), /is_repeat/, 'only those of the request');
});

t.test('an unknown job type names the nearest handlers, and where all are', async (t) => {
  const { body } = await api.post<Problem>('/jobs', { ...good, name: 'paymentCheck' });
  problem(t, await api.post<Problem>('/jobs', { ...good, name: 'paymentCheck' }), 400, 'unknown_job_type');
  t.match(body.detail, /did you mean payment_check.*GET \/api\/v1\/job-types/);
  const other = await api.post<Problem>('/jobs', { ...good, name: 'zzzzzzzzzzzz' });
  t.match(other.body.detail, /GET \/api\/v1\/job-types/);
  t.notMatch(other.body.detail, /did you mean/);
});

t.test('an unknown zone gets an example, or its nearest', async (t) => {
  const cron = { name: 'noop', cron_expr: '@daily' };
  const far = await api.post<Problem>('/jobs', { ...cron, timezone: 'Mars/X' });
  t.match(messageOf(far.body, '/timezone'), /such as Europe\/Berlin/);
  const near = await api.post<Problem>('/jobs', { ...cron, timezone: 'Europe/Berln' });
  t.match(messageOf(near.body, '/timezone'), 'did you mean Europe/Berlin?');
});

t.test('parameters: the nearest, what there is, and the real bounds', async (t) => {
  const near = await api.get<Problem>('/jobs?ofset=1');
  t.match(
    messageOf(near.body, 'query.ofset'),
    /did you mean offset\? There are status, name, id, .*limit, offset, cursor/,
  );
  for (const limit of ['0', '-1', 'abc'])
    t.match(messageOf((await api.get<Problem>(`/jobs?limit=${limit}`)).body, 'query.limit'), /from 1 to 100 /, limit);
});

t.test('messages of WebSockets, too', async (t) => {
  const subscriber = await Subscriber.connect(server);
  const inputs: [message: unknown, hint: RegExp][] = [
    [{ action: 'subcribe' }, /did you mean subscribe\?$/],
    [{ action: 'subscribe', filters: {} }, /filters is not a field of subscribe; did you mean filter\?/],
    [{ action: 'subscribe', filter: { jobTypes: [] } }, /did you mean job_types\?/],
  ];
  for (const [message, hint] of inputs) {
    t.match(await subscriber.ask(message, 'error'), { message: hint });
    await subscriber.settle();
  }
});

t.test('a request of nothing but unknown names is refused in no time', async (t) => {
  const types = Array.from({ length: 10_000 }, (_, n) => ({ ...good, name: `payment_chek${n}` }));
  problem(t, await api.post('/jobs/batch', types), 400, 'unknown_job_type');
  const fields = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`trigger${n}`, 1]));
  problem(t, await api.post('/jobs', fields), 400, 'validation_failed');
});
