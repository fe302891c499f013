/** The routes of jobs and the documents beside them, as the contract has them. */
import t from 'tap';
import '../support/snapshots.js';
import type { Problem } from '../support/client.js';
import { exampleNow, idOf, job, serve } from './fixture.js';

const fixture = await serve();
const { api, scheduler, queries, clock } = fixture;
const creation = { name: 'payment_check', delay: '10m', payload: { order_id: 'ORD-2024-001' }, max_retries: 3 };

t.test('a creation answers 201, its place, and the job without its payload', async (t) => {
  scheduler.decide = () => ({ ok: true, jobs: [job()], replayed: false });
  clock.at = exampleNow + 1500;
  const answer = await api.post('/jobs', creation);
  t.equal(answer.status, 201);
  t.equal(answer.headers['content-type'], 'application/json');
  t.equal(answer.headers.location, `/api/v1/jobs/${idOf(job())}`);
  t.notOk('idempotent-replayed' in answer.headers);
  t.matchSnapshot(answer.text);
  clock.at = exampleNow;
});

t.test('the size of the request goes with it', async (t) => {
  await api.post('/jobs', creation);
  t.equal(scheduler.bytes.at(-1), Buffer.byteLength(JSON.stringify(creation)));
});

t.test('the same body has the same digest however it is written, another has another', async (t) => {
  const digestOf = async (body: string): Promise<string> => {
    await api.post('/jobs', body, { 'idempotency-key': 'key-1' });
    const asked = scheduler.asked.at(-1);
    t.match(asked, { kind: 'create', idempotency: { key: 'key-1' } });
    return (asked as { idempotency: { digest: string } }).idempotency.digest;
  };
  const first = await digestOf('{"name":"payment_check","delay":"10m","payload":{"a":1,"b":[{"c":2,"d":3}]}}');
  t.equal(await digestOf(' {"payload":{"b":[{"d":3.0,"c":2}],"a":1},\n"delay":"10m","name":"payment_check"}'), first);
  t.not(await digestOf('{"name":"payment_check","delay":"10m","payload":{"a":1,"b":[{"c":2,"d":4}]}}'), first);
  t.not(await digestOf('{"name":"payment_check","delay":"11m","payload":{"a":1,"b":[{"c":2,"d":3}]}}'), first);
});

t.test('a replayed creation says so and shows the job as it is now', async (t) => {
  scheduler.decide = () => ({ ok: true, jobs: [job()], replayed: true });
  clock.at = exampleNow + 60_000;
  const answer = await api.post('/jobs', creation, { 'idempotency-key': 'k' });
  t.equal(answer.status, 201);
  t.equal(answer.headers['idempotent-replayed'], 'true');
  t.equal(answer.body.next_run_in, '9m0s');
  clock.at = exampleNow;
});

t.test('idempotency keys have 1 to 255 visible characters', async (t) => {
  for (const key of ['', ' ', 'a b', 'ä', 'x'.repeat(256)]) {
    const answer = await api.post<Problem>('/jobs', creation, { 'idempotency-key': key });
    t.same([answer.status, answer.body.errors?.[0]?.path], [400, 'header.Idempotency-Key'], key.slice(0, 9));
  }
  for (const key of ['x', '!~', 'x'.repeat(255)])
    t.equal((await api.post('/jobs', creation, { 'idempotency-key': key })).status, 201);
});

t.test('one job', async (t) => {
  queries.add(job({ state: { retryCount: 1 } }));
  const answer = await api.get(`/jobs/${idOf(job())}`);
  t.equal(answer.status, 200);
  t.matchSnapshot(answer.text);
});

t.test('commands answer the job with its payload', async (t) => {
  scheduler.decide = () => ({ ok: true, jobs: [job()], replayed: false });
  const id = idOf(job());
  const commands: [string, string, object][] = [
    ['PUT', `/jobs/${id}`, { kind: 'update', id, patch: { maxRetries: 5 } }],
    ['DELETE', `/jobs/${id}`, { kind: 'cancel', id }],
    ['POST', `/jobs/${id}/cancel`, { kind: 'cancel', id }],
    ['POST', `/jobs/${id}/retry`, { kind: 'retry', id }],
  ];
  for (const [method, path, asked] of commands) {
    const answer = await api.request<{ payload: unknown }>(method, path, { body: { max_retries: 5 } });
    t.equal(answer.status, 200);
    t.same(answer.body.payload, { order_id: 'ORD-2024-001' });
    t.same(scheduler.asked.at(-1), asked);
  }
});

t.test('ids that cannot be are not asked for', async (t) => {
  const before = scheduler.asked.length;
  for (const [method, path] of [
    ['PUT', '/jobs/x'],
    ['DELETE', '/jobs/x'],
    ['POST', '/jobs/x/cancel'],
    ['POST', '/jobs/job_1_2/retry'],
  ] as const) {
    const answer = await api.request<Problem>(method, path, { body: {} });
    t.same([answer.status, answer.body.code], [404, 'not_found']);
  }
  t.equal(scheduler.asked.length, before);
});

const whole = { sort: 'created', descending: true } as const;

t.test('lists', async (t) => {
  queries.page = {
    total: 156,
    jobs: [job({ spec: { seq: 2 }, state: { due: exampleNow + 330_000 } }), job({ detail: { result: '1' } })],
  };
  const answer = await api.get('/jobs?status=pending&name=payment_check&limit=20&offset=40');
  t.same(queries.asked.at(-1), {
    filter: { statuses: ['pending'], names: ['payment_check'] },
    ...whole,
    limit: 20,
    offset: 40,
  });
  t.matchSnapshot(answer.text);
  await api.get('/jobs');
  t.same(queries.asked.at(-1), { filter: {}, ...whole, limit: 50, offset: 0 });
  await api.get('/jobs?status=&name=&limit=&offset=&cursor=');
  t.same(queries.asked.at(-1), { filter: {}, ...whole, limit: 50, offset: 0 }, 'an empty parameter is absent');
  for (const [query, limit] of [
    ['1', 1],
    ['100', 100],
    ['101', 100],
    ['1000000000', 100],
    ['1e9', 100],
  ] as const) {
    t.equal((await api.get(`/jobs?limit=${query}`)).status, 200);
    t.equal(queries.asked.at(-1)?.limit, limit);
  }
});

t.test('queries that mean nothing', async (t) => {
  const bad = {
    limit: ['0', '-1', '1.5', 'abc', '%201', '0x10', 'Infinity'],
    offset: ['-1', 'abc', '9007199254740992', '1.5'],
    status: ['foo', 'Pending', 'pending,failed,'],
    cursor: ['forged', 'AAAAAAAAAAAAAAAAAAAAAAAA', '%zz'],
    page: ['1', ''],
  };
  const before = queries.asked.length;
  for (const [parameter, values] of Object.entries(bad)) {
    for (const value of values) {
      const answer = await api.get<Problem>(`/jobs?${parameter}=${value}`);
      t.same([answer.status, answer.body.code], [400, 'validation_failed'], `${parameter}=${value}`);
      t.match(answer.body.errors, [{ path: /^query\./ }]);
    }
  }
  t.equal((await api.get('/jobs?limit=1&limit=1')).status, 400, 'repeated');
  t.equal((await api.get('/jobs?limit=1&limit=')).status, 400, 'repeated, once empty');
  const all = await api.get<Problem>('/jobs?limit=0&offset=-1&status=x&page=1');
  t.same(all.body.errors?.map(({ path }) => path).sort(), [
    'query.limit',
    'query.offset',
    'query.page',
    'query.status',
  ]);
  t.equal(queries.asked.length, before);
});

t.test('cursors lead on, for their filter only', async (t) => {
  queries.page = { total: 3, jobs: [job()], next: { seq: 2 ** 40 + 1 } };
  const { body } = await api.get<{ next_cursor: string }>('/jobs?status=pending&limit=1');
  const cursor = body.next_cursor;
  t.match(cursor, /^[\w-]{24}$/);
  t.equal((await api.get(`/jobs?status=pending&cursor=${cursor}`)).status, 200);
  t.same(queries.asked.at(-1), {
    filter: { statuses: ['pending'] },
    sort: 'created',
    descending: true,
    limit: 50,
    offset: 0,
    behind: { seq: 2 ** 40 + 1 },
  });
  for (const query of [
    `cursor=${cursor}`,
    `status=failed&cursor=${cursor}`,
    `status=pending&name=x&cursor=${cursor}`,
    `status=pending&cursor=${cursor}&offset=1`,
    `status=pending&cursor=${cursor}=`,
    `status=pending&cursor=B${cursor.slice(1)}`,
    `status=pending&cursor=${cursor.slice(0, -1)}`,
  ]) {
    t.equal((await api.get(`/jobs?${query}`)).status, 400, query);
  }
  queries.page = { total: 3, jobs: [job()] };
  t.notOk('next_cursor' in (await api.get('/jobs')).body);
  t.same((await api.get('/jobs?name=unknown%20type')).body.total, 3, 'an unknown name is no error');
});

t.test('the other documents', async (t) => {
  const stats = await api.get<Record<string, unknown>>('/stats');
  t.match(stats.body, {
    pending: 12,
    running: 3,
    completed: 1542,
    failed: 8,
    cancelled: 2,
    heap_size: 15,
    uptime: /^\d+m?s$/,
  });
  t.same(Object.keys(stats.body).slice(0, 7), [
    'pending',
    'running',
    'completed',
    'failed',
    'cancelled',
    'heap_size',
    'uptime',
  ]);
  t.same((await api.get('/health')).body, { status: 'healthy', time: '2024-01-02T15:20:00+08:00', version: 'v1.0.0' });
  t.same((await api.get('/health/live')).body, { status: 'live' });
  t.match(await api.get('/health/ready'), { status: 200, body: { status: 'ready' } });
  fixture.health = { status: 'degraded', reason: 'the disk is full' };
  const degraded = await api.get('/health');
  t.equal(degraded.status, 503);
  t.match(degraded.body, { status: 'degraded', reason: 'the disk is full' });
  fixture.health = { status: 'draining', reason: 'shutting down' };
  t.match(await api.get('/health'), { status: 503, body: { status: 'draining' }, headers: { 'retry-after': '5' } });
  const notReady = {
    status: 503,
    body: { status: 'draining', reason: 'shutting down' },
    headers: { 'retry-after': '5' },
  };
  t.match(await api.get('/health/ready'), notReady);
  t.equal((await api.get('/health/live')).status, 200);
  t.matchSnapshot((await api.get('/job-types')).text);
});

t.test('a problem document', async (t) => {
  t.matchSnapshot((await api.post<Problem>('/jobs', { name: 'payment_check', delay: '5', more: 1 })).text);
});
