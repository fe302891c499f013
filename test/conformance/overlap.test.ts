/** `overlap`: what clients see of a slot that comes due while the occurrence before it runs, with real threads. */
import t from 'tap';
import { Client, eventually, type Job } from '../support/client.js';
import { runCli, startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at, problem } from './forms.js';

t.setTimeout(120_000);
const server = await startServer({
  args: ['--threads', '1'],
  handlers: {
    slow: `export default () => new Promise((ends) => setTimeout(ends, 700))`,
    lingers: `export default (payload, ctx) => new Promise((ends) => {
      ctx.signal.addEventListener('abort', () => setTimeout(ends, 500)) })`,
  },
});
const api = new Client(server);
const feed = await Subscriber.to(server);

interface Row {
  readonly outcome: string;
  readonly scheduled_for: string;
  readonly started_at: string;
  readonly finished_at: string;
  readonly error?: { readonly code: string };
}
/** Attempts that have ended, the oldest first. */
async function attempts(id: string): Promise<Row[]> {
  const { items } = (await api.get<{ items: Row[] }>(`/jobs/${id}/runs?limit=100`)).body;
  return items.filter(({ started_at, finished_at }) => started_at && finished_at).reverse();
}

const isBehind = (job: Job): boolean => (job as { waiting_for?: string }).waiting_for === 'previous_run';

t.test('queue: the slot waits, and starts at the end of the attempt', async (t) => {
  const job = await api.create({ name: 'slow', delay: '400ms', is_repeat: true, overlap: 'queue' });
  t.match(job, { overlap: 'queue' });
  t.match(await api.until(job.id, isBehind), { status: 'running', overlap: 'queue' });
  await eventually(async () => (await attempts(job.id)).length >= 3, 'three runs have ended');
  await api.post(`/jobs/${job.id}/cancel`);
  const [first, second, third] = (await attempts(job.id)) as [Row, Row, Row];
  t.equal(at(second.scheduled_for) - at(first.scheduled_for), 400);
  for (const [before, after] of [
    [first, second],
    [second, third],
  ] as const)
    t.ok(at(after.started_at) >= at(before.finished_at), 'one after the other');
});

t.test('cancel_running: the slot ends the attempt, and starts when that has left its thread', async (t) => {
  const job = await api.create({
    name: 'lingers',
    delay: '1s',
    is_repeat: true,
    overlap: 'cancel_running',
    max_retries: 5,
  });
  const failed = await feed.event(job.id, 'job.failed');
  t.match(failed, { metadata: { final: true, retry_count: 0 } });
  t.match(await api.until(job.id, isBehind), {
    status: 'pending',
    last_error: { code: 'cancelled' },
    last_outcome: 'failed',
  });
  await eventually(async () => (await attempts(job.id)).length >= 2, 'two runs have ended');
  await api.post(`/jobs/${job.id}/cancel`);
  const rows = await attempts(job.id);
  t.match(rows[0], { outcome: 'cancelled', error: { code: 'cancelled' } });
  t.ok(at(rows[1]?.started_at ?? '') >= at(rows[0]?.finished_at ?? '') + 490, 'it lingered for half a second');
});

t.test('it belongs to jobs that repeat, has three values, and can be taken away', async (t) => {
  const asked = { name: 'noop', delay: '1h' };
  problem(t, await api.post('/jobs', { ...asked, overlap: 'queue' }), 400, 'validation_failed', '/overlap');
  problem(
    t,
    await api.post('/jobs', { ...asked, is_repeat: true, overlap: 'often' }),
    400,
    'validation_failed',
    '/overlap',
  );
  const { id } = await api.create({ ...asked, is_repeat: true, overlap: 'cancel_running' });
  t.match((await api.put(`/jobs/${id}`, { overlap: 'skip' })).body, { overlap: 'skip' });
  t.notOk('overlap' in (await api.put(`/jobs/${id}`, { overlap: null })).body);
  const made = await runCli(['jobs', 'add', 'noop', '--delay', '1h', '--repeat', '--overlap', 'queue', '--json'], {
    ESCAPEMENT_URL: server.url,
  });
  t.match(JSON.parse(made.stdout), { overlap: 'queue' });
});
