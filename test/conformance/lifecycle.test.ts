/** Every command in every status: what it answers, and that a refusal names the status and changes nothing. */
import t from 'tap';
import '../support/snapshots.js';
import { Client, type Job, type Status } from '../support/client.js';
import { normalise } from '../support/normalise.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at, jobsInEveryStatus, problem } from './forms.js';

t.setTimeout(60_000);
const server = await startServer();
const api = new Client(server);
const feed = await Subscriber.to(server);

type Command = 'update' | 'delete' | 'cancel' | 'retry' | 'run' | 'pause' | 'resume' | 'remove';
const commands: Record<
  Command,
  (id: string) => Promise<{ status: number; body: Job; text: string; headers: Record<string, unknown> }>
> = {
  update: (id) => api.put(`/jobs/${id}`, { max_retries: 42 }),
  delete: (id) => api.delete(`/jobs/${id}`),
  cancel: (id) => api.post(`/jobs/${id}/cancel`),
  retry: (id) => api.post(`/jobs/${id}/retry`),
  run: (id) => api.post(`/jobs/${id}/run`),
  pause: (id) => api.post(`/jobs/${id}/pause`),
  resume: (id) => api.post(`/jobs/${id}/resume`),
  remove: (id) => api.post(`/jobs/${id}/remove`),
};

/** The status after the command; null where it is refused. */
const table: Record<Command, Record<Status, Status | null>> = {
  update: { pending: 'pending', running: null, success: null, failed: null, cancelled: null },
  delete: { pending: 'cancelled', running: 'cancelled', success: null, failed: null, cancelled: 'cancelled' },
  cancel: { pending: 'cancelled', running: 'cancelled', success: null, failed: null, cancelled: 'cancelled' },
  retry: { pending: null, running: null, success: null, failed: 'pending', cancelled: null },
  run: { pending: 'pending', running: null, success: null, failed: null, cancelled: null },
  pause: { pending: 'pending', running: 'running', success: null, failed: null, cancelled: null },
  resume: { pending: 'pending', running: 'running', success: null, failed: null, cancelled: null },
  remove: { pending: null, running: null, success: 'success', failed: 'failed', cancelled: 'cancelled' },
};

for (const [command, row] of Object.entries(table) as [Command, Record<Status, Status | null>][]) {
  t.test(`${command} in every status`, async (t) => {
    const jobs = await jobsInEveryStatus(api);
    for (const [status, after] of Object.entries(row) as [Status, Status | null][]) {
      const before = jobs[status];
      const answer = await commands[command](before.id);
      if (after === null) {
        const found = problem(t, answer as never, 409, 'conflict', `${command} of a ${status} job`);
        t.match(found.detail, new RegExp(`\\b${status}\\b`), 'the status is named');
        t.matchSnapshot(normalise(answer.body), `${command} of a ${status} job`);
        const { next_run_in: _, ...now } = await api.job(before.id);
        const { next_run_in: __, ...then } = before;
        t.same(now, then, 'nothing has changed');
      } else {
        t.equal(answer.status, 200, `${command} of a ${status} job: ${answer.text}`);
        t.equal(answer.body.status, after);
      }
    }
    await api.delete(`/jobs/${jobs.running.id}`);
  });
}

t.test('an unknown id is 404 for every command', async (t) => {
  for (const id of ['job_1704182400_a1b2c3d4', 'nonsense', 'job_1704182400_zzzzzzzz', 'JOB_1704182400_A1B2C3D4', '0']) {
    problem(t, await api.get(`/jobs/${id}`), 404, 'not_found', `get ${id}`);
    for (const [name, command] of Object.entries(commands))
      problem(t, (await command(id)) as never, 404, 'not_found', `${name} ${id}`);
  }
});

t.test('an id with another second, or another hex, is another job', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const [, seconds, hex] = /^job_(\d+)_(.*)$/.exec(id)!;
  problem(t, await api.get(`/jobs/job_${Number(seconds) + 1}_${hex}`), 404, 'not_found');
  problem(
    t,
    await api.get(`/jobs/job_${seconds}_${hex!.replace(/^./, (first) => (first === '0' ? '1' : '0'))}`),
    404,
    'not_found',
  );
  problem(t, await api.get(`/jobs/${id}0`), 404, 'not_found');
});

t.test('cancelling again answers the same job and tells nothing', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const first = await api.delete(`/jobs/${id}`);
  const events = [await feed.event(id, 'job.cancelled')];
  for (const again of [() => api.delete(`/jobs/${id}`), () => api.post(`/jobs/${id}/cancel`)]) {
    const answer = await again();
    t.equal(answer.status, 200);
    t.same(answer.body, first.body);
  }
  await feed.settle();
  t.equal(feed.events(id).filter(({ type }) => type === 'job.cancelled').length, 1);
  t.match(events[0], { status: 4, job_name: 'noop' });
  t.same(Object.keys(events[0]!.metadata), ['previous_status']);
  t.match(String(events[0]!.metadata.previous_status), /^(pending|0)$/);
});

t.test('a cancelled job does not run', async (t) => {
  const cancelled = await api.create({ name: 'noop', delay: '3s' });
  await api.delete(`/jobs/${cancelled.id}`);
  const later = await api.create({ name: 'noop', delay: '3s' });
  await feed.event(later.id, 'job.completed');
  t.same(feed.types(cancelled.id), ['job.scheduled', 'job.cancelled']);
  const job = await api.job(cancelled.id);
  t.equal(job.status, 'cancelled');
  t.notOk('next_run_in' in job);
  t.equal(job.trigger_at, cancelled.trigger_at, 'the last due time stays');
});

t.test('cancelling a repeating job ends it', async (t) => {
  const job = await api.create({ name: 'noop', delay: '40ms', is_repeat: true });
  await feed.event(job.id, 'job.completed', 2);
  t.equal((await api.delete(`/jobs/${job.id}`)).body.status, 'cancelled');
  await feed.event(job.id, 'job.cancelled');
  const later = await api.create({ name: 'noop', delay: '150ms' });
  await feed.event(later.id, 'job.completed');
  t.equal(feed.types(job.id).at(-1), 'job.cancelled', 'nothing comes after it');
});

t.test('cancelling a job between its retries ends it', async (t) => {
  const job = await api.create({ name: 'fail', delay: '0s', payload: { message: 'x' }, retry_delay: '100ms' });
  await feed.event(job.id, 'job.retrying');
  t.equal((await api.delete(`/jobs/${job.id}`)).status, 200);
  const later = await api.create({ name: 'noop', delay: '250ms' });
  await feed.event(later.id, 'job.completed');
  t.same(feed.types(job.id), ['job.scheduled', 'job.started', 'job.failed', 'job.retrying', 'job.cancelled']);
});

t.test('a manual retry is due now and starts its retries afresh', async (t) => {
  const job = await api.create({
    name: 'fail',
    delay: '0s',
    payload: { message: 'x' },
    max_retries: 1,
    retry_delay: '10ms',
  });
  t.equal((await api.until(job.id, 'failed')).retry_count, 1);
  const before = Date.now();
  const answer = await api.post(`/jobs/${job.id}/retry`);
  t.match(answer.body, { status: 'pending', retry_count: 0, next_run_in: '0s' });
  t.ok(at(answer.body.trigger_at) >= before - 1000 && at(answer.body.trigger_at) <= Date.now());
  const retrying = await feed.event(job.id, 'job.retrying', 2);
  t.match(retrying, { status: 0, metadata: { manual: true, retry_count: 0, next_retry_at: String } });
  await feed.event(job.id, 'job.failed', 4);
  t.same(feed.types(job.id).slice(1), [
    ...['job.started', 'job.failed', 'job.retrying', 'job.started', 'job.failed'],
    ...['job.retrying', 'job.started', 'job.failed', 'job.retrying', 'job.started', 'job.failed'],
  ]);
  t.match(await api.until(job.id, 'failed'), { retry_count: 1 });
});

t.test('the first of two commands wins', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const answers = await Promise.all([
    api.delete(`/jobs/${id}`),
    api.put(`/jobs/${id}`, { max_retries: 1 }),
    api.post(`/jobs/${id}/cancel`),
  ]);
  const [deleted, updated, cancelled] = answers.map(({ status }) => status);
  t.same([deleted, cancelled], [200, 200]);
  t.ok(updated === 200 || updated === 409);
  t.equal((await api.job(id)).status, 'cancelled');
});

t.test('commands without a body ignore what comes as one', async (t) => {
  const cancel = await api.create({ name: 'noop', delay: '1h' });
  t.equal((await api.post(`/jobs/${cancel.id}/cancel`, '{{{', { 'content-type': 'text/plain' })).status, 200);
  const remove = await api.create({ name: 'noop', delay: '1h' });
  t.equal(
    (
      await api.request('DELETE', `/jobs/${remove.id}`, {
        body: 'not json',
        headers: { 'content-type': 'application/xml' },
      })
    ).status,
    200,
  );
  const failed = await api.create({ name: 'fail', delay: '0s', payload: { message: 'x' }, max_retries: 0 });
  await api.until(failed.id, 'failed');
  t.equal((await api.post(`/jobs/${failed.id}/retry`, '[]', { 'content-type': undefined })).status, 200);
});
