/** The events: the exact shape of each, and the sequences in which they tell a job's life. */
import t from 'tap';
import '../support/snapshots.js';
import { Client } from '../support/client.js';
import { normalise } from '../support/normalise.js';
import { startServer } from '../support/server.js';
import { onlyOne } from '../support/shards.js';
import { type JobEvent, Subscriber } from '../support/ws.js';
import { at, never, SHANGHAI } from './forms.js';

t.setTimeout(60_000);
const server = await startServer({ args: ['--timezone', 'Asia/Shanghai'] });
const api = new Client(server);
const feed = await Subscriber.to(server);

/** What each event carries beside what all do. */
const shapes: Record<string, { status: number; metadata: string[]; data?: string[] }> = {
  'job.scheduled': { status: 0, metadata: ['is_repeat', 'trigger_at'] },
  'job.started': { status: 1, metadata: ['attempt'] },
  'job.completed': { status: 2, metadata: ['duration_ms'] },
  'job.failed': { status: 3, metadata: ['final', 'max_retries', 'retry_count'], data: ['error'] },
  'job.retrying': { status: 0, metadata: ['next_retry_at', 'retry_count'] },
  'job.cancelled': { status: 4, metadata: ['previous_status'] },
  'job.updated': { status: 0, metadata: ['is_repeat', 'trigger_at'] },
};

t.test('a job that fails once and then succeeds', onlyOne('events without a shard'), async (t) => {
  const job = await api.create({
    name: 'fail',
    delay: '20ms',
    payload: { message: 'connection timeout', times: 1 },
    max_retries: 2,
    retry_delay: '30ms',
  });
  await feed.event(job.id, 'job.completed');
  t.same(feed.types(job.id), [
    'job.scheduled',
    'job.started',
    'job.failed',
    'job.retrying',
    'job.started',
    'job.completed',
  ]);
  const [scheduled, first, failed, retrying, second] = feed.events(job.id);
  t.same(scheduled!.metadata, { trigger_at: job.trigger_at, is_repeat: false });
  t.same(first!.metadata, { attempt: 1 });
  t.same(failed!.data, { error: 'connection timeout' });
  t.same(failed!.metadata, { retry_count: 1, max_retries: 2, final: false });
  t.match(retrying!.metadata, { retry_count: 1, next_retry_at: SHANGHAI });
  t.same(second!.metadata, { attempt: 2 });
  t.matchSnapshot(normalise(feed.events(job.id)));
});

t.test('a job that uses up its retries', async (t) => {
  const job = await api.create({
    name: 'fail',
    delay: '0s',
    payload: { message: 'no' },
    max_retries: 2,
    retry_delay: '10ms',
  });
  await feed.event(job.id, 'job.failed', 3);
  const failed = feed.events(job.id).filter(({ type }) => type === 'job.failed');
  t.same(
    failed.map(({ metadata }) => metadata),
    [
      { retry_count: 1, max_retries: 2, final: false },
      { retry_count: 2, max_retries: 2, final: false },
      { retry_count: 2, max_retries: 2, final: true },
    ],
  );
  await api.until(job.id, 'failed');
  await feed.settle();
  t.equal(feed.types(job.id).at(-1), 'job.failed', 'no job.retrying after the last');
});

t.test('a job without retries', async (t) => {
  const job = await api.create({ name: 'fail', delay: '0s', payload: { message: 'no' }, max_retries: 0 });
  const failed = await feed.event(job.id, 'job.failed');
  t.same(failed.metadata, { retry_count: 0, max_retries: 0, final: true });
  t.same(failed.data, { error: 'no' });
});

t.test('a manual retry', async (t) => {
  const job = await api.create({ name: 'fail', delay: '0s', payload: { message: 'no' }, max_retries: 0 });
  await api.until(job.id, 'failed');
  await api.post(`/jobs/${job.id}/retry`);
  await feed.event(job.id, 'job.failed', 2);
  t.same(feed.types(job.id), [
    'job.scheduled',
    'job.started',
    'job.failed',
    'job.retrying',
    'job.started',
    'job.failed',
  ]);
  const retrying = await feed.event(job.id, 'job.retrying');
  t.match(retrying, { status: 0, metadata: { manual: true, retry_count: 0, next_retry_at: SHANGHAI } });
});

t.test('a repeating job is scheduled again after each completion', async (t) => {
  const job = await api.create({ name: 'noop', delay: '50ms', is_repeat: true });
  await feed.event(job.id, 'job.scheduled', 4);
  await api.delete(`/jobs/${job.id}`);
  await feed.event(job.id, 'job.cancelled');
  const cycle = ['job.scheduled', 'job.started', 'job.completed'];
  t.same(feed.types(job.id).slice(0, 10), [...cycle, ...cycle, ...cycle, 'job.scheduled']);
  const scheduled = feed.events(job.id).filter(({ type }) => type === 'job.scheduled');
  t.same(scheduled[0]!.metadata, { trigger_at: job.trigger_at, is_repeat: true });
  for (const { metadata } of scheduled) t.equal(metadata.is_repeat, true);
});

t.test('a repeating job is scheduled again after each final failure, its retries afresh', async (t) => {
  const job = await api.create({
    name: 'fail',
    delay: '300ms',
    is_repeat: true,
    payload: { message: 'no' },
    max_retries: 1,
    retry_delay: '10ms',
  });
  await feed.event(job.id, 'job.scheduled', 3);
  const occurrence = ['job.scheduled', 'job.started', 'job.failed', 'job.retrying', 'job.started', 'job.failed'];
  t.same(feed.types(job.id).slice(0, 13), [...occurrence, ...occurrence, 'job.scheduled']);
  const failed = feed.events(job.id).filter(({ type }) => type === 'job.failed');
  t.same(
    failed.slice(0, 4).map(({ metadata }) => [metadata.retry_count, metadata.final]),
    [
      [1, false],
      [1, true],
      [1, false],
      [1, true],
    ],
  );
  t.same(
    feed
      .events(job.id)
      .filter(({ type }) => type === 'job.started')
      .slice(0, 4)
      .map(({ metadata }) => metadata.attempt),
    [1, 2, 1, 2],
  );
  const between = await api.until(job.id, 'pending');
  t.match(between, { status: 'pending', last_error: { message: 'no' } });
  await api.delete(`/jobs/${job.id}`);
});

t.test('cancelling tells the status before', onlyOne('events without a shard'), async (t) => {
  const waiting = await api.create({ name: 'noop', delay: never });
  await api.delete(`/jobs/${waiting.id}`);
  const running = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 60_000 } });
  await feed.event(running.id, 'job.started');
  await api.until(running.id, 'running');
  await api.delete(`/jobs/${running.id}`);
  const events = [await feed.event(waiting.id, 'job.cancelled'), await feed.event(running.id, 'job.cancelled')];
  t.matchSnapshot(normalise(events));
  t.not(events[0]!.metadata.previous_status, events[1]!.metadata.previous_status);
});

t.test('an update', async (t) => {
  const job = await api.create({ name: 'noop', delay: never });
  await api.put(`/jobs/${job.id}`, { trigger_at: '2040-01-01T00:00:00Z' });
  t.same((await feed.event(job.id, 'job.updated')).metadata, {
    trigger_at: '2040-01-01T08:00:00+08:00',
    is_repeat: false,
  });
  t.same(feed.types(job.id), ['job.scheduled', 'job.updated']);
});

t.test(
  'every event has its shape, its code and a time in the server’s zone',
  onlyOne('events without a shard'),
  async (t) => {
    const seen = new Set(feed.types());
    t.same([...seen].sort(), Object.keys(shapes).sort(), 'all seven kinds have been seen');
    for (const event of feed.events()) {
      const shape = shapes[event.type]!;
      const problems: string[] = [];
      const expectKeys = (what: string, value: object, keys: string[]) => {
        const got = Object.keys(value)
          .filter((key) => !(event.type === 'job.retrying' && key === 'manual'))
          .sort()
          .join();
        if (got !== keys.sort().join()) problems.push(`${what}: ${got}`);
      };
      expectKeys('event', event, [
        ...['job_id', 'job_name', 'metadata', 'seq', 'status', 'timestamp', 'type'],
        ...(shape.data ? ['data'] : []),
      ]);
      expectKeys('metadata', event.metadata, [...shape.metadata]);
      if (shape.data) expectKeys('data', event.data!, [...shape.data]);
      if (event.status !== shape.status) problems.push(`status ${event.status}`);
      if (!SHANGHAI.test(event.timestamp)) problems.push(event.timestamp);
      if (problems.length > 0) t.fail(`${event.type}: ${problems.join('; ')}`);
    }
  },
);

t.test('the times of the events follow those of the job', async (t) => {
  const created = await api.create({ name: 'sleep', delay: '50ms', payload: { ms: 60 } });
  await feed.event(created.id, 'job.completed');
  const [scheduled, started, completed] = feed.events(created.id) as [JobEvent, JobEvent, JobEvent];
  t.ok(at(started.timestamp) >= at(created.trigger_at), 'never early');
  t.ok(at(scheduled.timestamp) <= at(started.timestamp));
  t.ok(at(completed.timestamp) - at(started.timestamp) >= 55);
});

t.test('an event is told when its change can be read', async (t) => {
  const jobs = await Promise.all(Array.from({ length: 20 }, () => api.create({ name: 'noop', delay: '10ms' })));
  await Promise.all(
    jobs.map(async ({ id }) => {
      await feed.event(id, 'job.completed');
      t.equal((await api.job(id)).status, 'success');
    }),
  );
});
