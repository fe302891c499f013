/** Every example of the original document, sent as it is printed there and answered in the shape that is printed there. */
import t from 'tap';
import { Client, type Job, type JobList, type Stats } from '../support/client.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at, DURATION, ID, SHANGHAI } from './forms.js';

t.setTimeout(60_000);
const server = await startServer({ args: ['--timezone', 'Asia/Shanghai'] });
const api = new Client(server);
const subscriber = await Subscriber.to(server);

const delayed = `{
  "name": "payment_check",
  "delay": "10m",
  "payload": {
    "order_id": "ORD-2024-001",
    "amount": 199.99,
    "user_id": "U123456"
  },
  "max_retries": 3,
  "retry_delay": "5m"
}`;

const repeating = `{
  "name": "daily_report",
  "cron_expr": "0 0 9 * * *",
  "is_repeat": true,
  "payload": {
    "report_type": "daily_sales",
    "recipients": ["admin@example.com"]
  }
}
`;

const update = `{
  "trigger_at": "2024-01-02T16:00:00+08:00",
  "payload": {"order_id": "ORD-NEW-001"},
  "max_retries": 5
}`;

const subscription = `{
  "action": "subscribe",
  "filter": {
    "job_types": ["payment_check", "email_send"],
    "event_types": ["job.scheduled", "job.started", "job.completed", "job.failed"],
    "job_ids": ["job_xxx"]
  }
}`;

t.test('1: a delayed job', async (t) => {
  const before = Date.now();
  const answer = await api.post('/jobs', delayed);
  t.equal(answer.status, 201);
  t.match(answer.headers['content-type'], /^application\/json\b/);
  t.match(answer.body, {
    id: ID,
    name: 'payment_check',
    status: 'pending',
    trigger_at: SHANGHAI,
    next_run_in: '10m0s',
    retry_count: 0,
    max_retries: 3,
    created_at: SHANGHAI,
    updated_at: SHANGHAI,
  });
  t.equal(answer.body.retry_delay, '5m0s');
  t.ok(at(answer.body.trigger_at) >= before + 600_000, 'never early');
  t.ok(at(answer.body.trigger_at) <= Date.now() + 600_000);
  t.notOk('payload' in answer.body, 'the creation answers without the payload');
});

t.test('2: a repeating cron job', async (t) => {
  const answer = await api.post('/jobs', repeating);
  t.equal(answer.status, 201);
  t.match(answer.body, {
    id: ID,
    name: 'daily_report',
    status: 'pending',
    trigger_at: /T09:00:00\+08:00$/,
    next_run_in: DURATION,
    cron_expr: '0 0 9 * * *',
    timezone: 'Asia/Shanghai',
    is_repeat: true,
    retry_count: 0,
    max_retries: Number,
  });
  const untilNine = at(answer.body.trigger_at) - Date.now();
  t.ok(untilNine > -1000 && untilNine <= 86_400_000, 'the next nine o’clock');
});

t.test('2: the usual expressions', async (t) => {
  const body = (cron_expr: string) => ({ name: 'noop', cron_expr, is_repeat: true });
  const fiveMinutes = await api.create(body('0 */5 * * * *'));
  t.match(fiveMinutes.trigger_at, /T\d\d:\d[05]:00\+08:00$/);
  t.ok(at(fiveMinutes.trigger_at) - Date.now() <= 300_000, 'every five minutes');
  const nine = await api.create(body('0 0 9 * * *'));
  t.match(nine.trigger_at, /T09:00:00\+08:00$/, 'each morning at nine');
  const monday = await api.create(body('0 0 0 * * 1'));
  t.match(monday.trigger_at, /T00:00:00\+08:00$/);
  t.equal(new Date(`${monday.trigger_at.slice(0, 10)}T00:00:00Z`).getUTCDay(), 1, 'Mondays at midnight');
  t.ok(at(monday.trigger_at) - Date.now() <= 7 * 86_400_000);
  for (const { id } of [fiveMinutes, nine, monday]) await api.delete(`/jobs/${id}`);
});

t.test('3: the list', async (t) => {
  const answer = await api.get<JobList>('/jobs?status=pending&name=payment_check&limit=20&offset=0');
  t.equal(answer.status, 200);
  t.match(answer.body, {
    total: 1,
    items: [
      {
        id: ID,
        name: 'payment_check',
        status: 'pending',
        trigger_at: SHANGHAI,
        next_run_in: /^(10m0s|9m\d+s)$/,
        retry_count: 0,
        max_retries: 3,
        is_repeat: false,
        created_at: SHANGHAI,
      },
    ],
  });
  t.equal(answer.body.items.length, 1);
  t.notOk('payload' in answer.body.items[0]!, 'a list shows no payload');
});

t.test('4 and 5: one job, read and updated', async (t) => {
  const { id } = await api.create(JSON.parse(delayed) as Record<string, unknown>);
  const read = await api.get<Job>(`/jobs/${id}`);
  t.equal(read.status, 200);
  t.match(read.body, {
    id,
    name: 'payment_check',
    status: 'pending',
    payload: { order_id: 'ORD-2024-001', amount: 199.99, user_id: 'U123456' },
  });

  const updated = await api.put(`/jobs/${id}`, update);
  t.equal(updated.status, 200);
  t.match(updated.body, {
    id,
    name: 'payment_check',
    status: 'pending',
    trigger_at: '2024-01-02T16:00:00+08:00',
    next_run_in: '0s',
    max_retries: 5,
  });
  t.same(updated.body.payload, { order_id: 'ORD-NEW-001' }, 'the payload is replaced whole');
  t.equal(updated.body.retry_delay, '5m0s', 'what was not named stays');
  await subscriber.event(id, 'job.started');
});

t.test('6: cancelling, in both spellings', async (t) => {
  const first = await api.create(JSON.parse(delayed) as Record<string, unknown>);
  const deleted = await api.delete(`/jobs/${first.id}`);
  t.equal(deleted.status, 200);
  t.match(deleted.body, { id: first.id, status: 'cancelled' });
  const second = await api.create(JSON.parse(delayed) as Record<string, unknown>);
  const cancelled = await api.post(`/jobs/${second.id}/cancel`);
  t.equal(cancelled.status, 200);
  t.match(cancelled.body, { id: second.id, status: 'cancelled' });
});

t.test('7: retrying a failed job by hand', async (t) => {
  const { id } = await api.create({
    name: 'fail',
    delay: '0s',
    payload: { message: 'connection timeout' },
    max_retries: 0,
  });
  await api.until(id, 'failed');
  const answer = await api.post(`/jobs/${id}/retry`);
  t.equal(answer.status, 200);
  t.match(answer.body, { id, status: 'pending', retry_count: 0 });
});

t.test('the statistics', async (t) => {
  const answer = await api.get<Stats>('/stats');
  t.equal(answer.status, 200);
  t.match(answer.body, {
    pending: Number,
    running: Number,
    completed: Number,
    failed: Number,
    heap_size: Number,
    uptime: DURATION,
  });
});

t.test('health', async (t) => {
  const answer = await api.get('/health');
  t.equal(answer.status, 200);
  t.match(answer.body, { status: 'healthy', time: SHANGHAI, version: 'v1.0.0' });
});

t.test('the job types', async (t) => {
  const answer = await api.get<{ total: number; items: { name: string }[] }>('/job-types');
  t.equal(answer.status, 200);
  const types = answer.body.items.map(({ name }) => name);
  for (const name of ['payment_check', 'email_send', 'daily_report']) t.ok(types.includes(name), name);
});

t.test('the WebSocket’s three requests', async (t) => {
  const socket = await Subscriber.connect(server);
  const subscribed = await socket.ask(subscription, 'subscribed');
  t.match(subscribed.filter, {
    job_types: ['payment_check', 'email_send'],
    event_types: ['job.scheduled', 'job.started', 'job.completed', 'job.failed'],
    job_ids: ['job_xxx'],
  });
  t.match(await socket.ask('{\n  "action": "ping"\n}', 'pong'), { type: 'pong', timestamp: SHANGHAI });
  const stats = await socket.ask('{\n  "action": "get_stats"\n}', 'stats');
  t.match(stats, {
    timestamp: SHANGHAI,
    data: { pending: Number, running: Number, completed: Number, failed: Number, heap_size: Number, uptime: DURATION },
  });
  await socket.close();
});

t.test('the subscription without the optional job_ids hears the types it names', async (t) => {
  const socket = await Subscriber.connect(server);
  const { filter } = JSON.parse(subscription) as { filter: { job_types: string[]; event_types: string[] } };
  await socket.subscribe({ job_types: filter.job_types, event_types: filter.event_types });
  const other = await api.create({ name: 'noop', delay: '0s' });
  const { id } = await api.create({ name: 'payment_check', delay: '20ms', payload: { order_id: 'ORD-2024-001' } });
  await socket.event(id, 'job.started');
  await api.until(other.id, 'success');
  t.same(socket.events(other.id), [], 'and no other');
  await socket.close();
});

t.test('the five events', async (t) => {
  const done = await api.create({ name: 'sleep', delay: '100ms', payload: { ms: 50 } });
  const failing = await api.create({
    name: 'fail',
    delay: '0s',
    payload: { message: 'connection timeout' },
    max_retries: 3,
    retry_delay: '5m',
  });

  const scheduled = await subscriber.event(done.id, 'job.scheduled');
  t.match(scheduled, {
    job_id: done.id,
    job_name: 'sleep',
    status: 0,
    timestamp: SHANGHAI,
    metadata: { trigger_at: done.trigger_at, is_repeat: false },
  });
  const started = await subscriber.event(done.id, 'job.started');
  t.match(started, { job_id: done.id, job_name: 'sleep', status: 1, timestamp: SHANGHAI, metadata: { attempt: 1 } });
  const completed = await subscriber.event(done.id, 'job.completed');
  t.match(completed, {
    job_id: done.id,
    job_name: 'sleep',
    status: 2,
    timestamp: SHANGHAI,
    metadata: { duration_ms: Number },
  });
  t.ok(Number(completed.metadata.duration_ms) >= 48, 'the duration is the handler’s');

  const failed = await subscriber.event(failing.id, 'job.failed');
  t.match(failed, {
    job_id: failing.id,
    job_name: 'fail',
    status: 3,
    timestamp: SHANGHAI,
    data: { error: 'connection timeout' },
    metadata: { retry_count: 1, max_retries: 3 },
  });
  const retrying = await subscriber.event(failing.id, 'job.retrying');
  t.match(retrying, {
    job_id: failing.id,
    job_name: 'fail',
    status: 0,
    timestamp: SHANGHAI,
    metadata: { next_retry_at: SHANGHAI, retry_count: 1 },
  });
  t.ok(at(String(retrying.metadata.next_retry_at)) - at(failed.timestamp) >= 299_000, 'retry_delay after the failure');
});
