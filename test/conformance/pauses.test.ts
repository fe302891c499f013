/** Pausing jobs, types and the server, running now, removing: what clients see, also over kill -9, a backup and a restore. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Client, type Job } from '../support/client.js';
import { runCli, type Server, startServer, temporary } from '../support/server.js';
import { onlyOne } from '../support/shards.js';
import { Subscriber } from '../support/ws.js';
import { at, never, problem } from './forms.js';

t.setTimeout(180_000);

interface Held extends Job {
  waiting_for?: string;
  paused?: true;
  paused_until?: string;
  pause_reason?: string;
}

const server = await startServer({ args: ['--timezone', 'UTC'] });
const api = new Client(server);
const shown = (id: string): Promise<Held> => api.job(id) as Promise<Held>;

/** Whatever was due before it has started, if anything lets it: jobs of one instant start in the order they were made. */
async function untilAnotherHasRun(client: Client): Promise<void> {
  const { id } = await client.create({ name: 'echo', delay: '0s' });
  await client.until(id, 'success');
}

t.test('a paused job waits for its resume, and shows why', async (t) => {
  const feed = await Subscriber.to(server);
  const { id } = await api.create({ name: 'noop', delay: never });
  const paused = await api.post<Held>(`/jobs/${id}/pause`, { reason: 'the provider is "down"' });
  t.equal(paused.status, 200);
  t.match(paused.body, { id, status: 'pending', paused: true, pause_reason: 'the provider is "down"' });
  t.notOk('paused_until' in paused.body);
  const event = await feed.event(id, 'job.paused');
  t.match(event, { status: 0, metadata: { reason: 'the provider is "down"' } });
  t.match(await api.put(`/jobs/${id}`, { delay: '0s' }), { status: 200 }, 'it may be changed meanwhile');
  await untilAnotherHasRun(api);
  t.match(await shown(id), { status: 'pending', next_run_in: '0s', waiting_for: 'paused' });
  const [listed] = (await api.list('?name=noop&status=pending')).items as Held[];
  t.match(listed, { id, waiting_for: 'paused', paused: true });
  const resumed = await api.post<Held>(`/jobs/${id}/resume`);
  t.equal(resumed.status, 200);
  t.notOk('paused' in resumed.body || 'pause_reason' in resumed.body);
  t.match(await feed.event(id, 'job.resumed'), { status: 0, metadata: { reason: 'the provider is "down"' } });
  await api.until(id, 'success');
});

t.test('a pause ends by itself at its instant', async (t) => {
  const feed = await Subscriber.to(server);
  const next = await api.create({ name: 'noop', delay: never });
  const until = new Date(Date.now() + 1500).toISOString();
  t.equal((await api.post(`/jobs/${next.id}/pause`, { until })).status, 200);
  await api.put(`/jobs/${next.id}`, { delay: '0s' });
  const event = await feed.event(next.id, 'job.resumed');
  t.ok(at(event.timestamp) >= at(until));
  const started = await feed.event(next.id, 'job.started');
  t.ok(at(started.timestamp) >= at(until), 'and not before');
  await api.until(next.id, 'success');
});

t.test('what is named is replaced, null takes it away, a running job may be paused', async (t) => {
  const { id } = await api.create({ name: 'until', delay: never });
  const pause = (body?: unknown) => api.post<Held>(`/jobs/${id}/pause`, body);
  t.match(await pause(), { status: 200, body: { paused: true } }, 'the body is optional');
  t.match(await pause({}), { status: 200 });
  t.match((await pause({ until: '2999-01-01T00:00:00Z', reason: 'a' })).body, {
    paused_until: '2999-01-01T00:00:00+00:00',
    pause_reason: 'a',
  });
  t.match((await pause({ reason: 'b' })).body, { paused_until: '2999-01-01T00:00:00+00:00', pause_reason: 'b' });
  const bare = (await pause({ until: null, reason: null })).body;
  t.match(bare, { paused: true });
  t.notOk('paused_until' in bare || 'pause_reason' in bare);
  t.match(await api.post(`/jobs/${id}/resume`), { status: 200 });
  t.match(await api.post(`/jobs/${id}/resume`), { status: 200 }, 'and again: unchanged');
  const past = await pause({ until: '2000-01-01T00:00:00Z' });
  t.equal(past.status, 200);
  await api.until(id, (job) => !('paused' in job));
  const running = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 600_000 } });
  await api.until(running.id, 'running');
  t.match(await api.post(`/jobs/${running.id}/pause`), { status: 200, body: { status: 'running', paused: true } });
  t.match(await api.delete(`/jobs/${running.id}`), { status: 200 });
  t.notOk('paused' in (await shown(running.id)), 'what has finished is not paused');
  await api.delete(`/jobs/${id}`);
});

t.test('bad bodies are refused, with all that is wrong', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: never });
  const cases: [path: string, body: unknown, paths: string[]][] = [
    [`/jobs/${id}/pause`, { until: 'soon', reason: 'x'.repeat(501) }, ['/until', '/reason']],
    [`/jobs/${id}/pause`, { until: 5, why: 'x' }, ['/until', '/why']],
    [`/jobs/${id}/pause`, [], ['']],
    ['/pause', { reason: 5 }, ['/reason']],
    ['/pause', { until: '2999-01-01T00:00:00Z' }, ['/until']],
    ['/job-types/noop/pause', { reason: {} }, ['/reason']],
    ['/job-types/noop/pause', 'null', ['']],
  ];
  for (const [path, body, paths] of cases) {
    const found = problem(t, await api.post(path, body), 400, 'validation_failed', path);
    t.same(found.errors?.map((error) => error.path).sort(), paths.sort(), path);
  }
  problem(t, await api.post('/pause', '{'), 400, 'malformed_json');
  problem(t, await api.post('/pause', '{}', { 'content-type': 'text/plain' }), 415, 'unsupported_media_type');
  t.notOk('paused' in (await shown(id)));
  t.notOk('paused' in (await api.get('/health')).body);
  await api.delete(`/jobs/${id}`);
});

t.test('slots that pass in a pause are skipped and counted; the next is kept', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: never, is_repeat: true });
  await api.post(`/jobs/${id}/pause`);
  const { trigger_at } = (await api.put(`/jobs/${id}`, { delay: '1s' })).body;
  await new Promise((done) => setTimeout(done, Math.max(0, at(trigger_at) + 1100 - Date.now())));
  t.ok(at((await shown(id)).trigger_at) >= at(trigger_at) + 2000, 'a slot that is left is shown');
  const { body } = await api.post(`/jobs/${id}/resume`);
  t.ok(Number(body.skipped_count) >= 2, `${body.skipped_count} skipped`);
  t.equal((at(body.trigger_at) - at(trigger_at)) % 1000, 0, 'the grid stays');
  t.equal(body.missed_count, 0);
  await api.delete(`/jobs/${id}`);
});

t.test('run: now, or one extra occurrence', async (t) => {
  const single = await api.create({ name: 'noop', delay: never });
  const { status, body } = await api.post(`/jobs/${single.id}/run`);
  t.match({ status, body }, { status: 200, body: { id: single.id, status: 'pending', next_run_in: '0s' } });
  await api.until(single.id, 'success');
  problem(t, await api.post(`/jobs/${single.id}/run`), 409, 'conflict');

  const repeating = await api.create({ name: 'echo', delay: never, is_repeat: true, payload: { a: 1 } });
  await api.post(`/jobs/${repeating.id}/pause`);
  t.equal((await api.post(`/jobs/${repeating.id}/run`)).status, 200);
  const ran = (await api.until(repeating.id, (job) => job.result !== undefined)) as Held;
  t.match(ran, { status: 'pending', trigger_at: repeating.trigger_at, paused: true, skipped_count: 0 });
  await api.delete(`/jobs/${repeating.id}`);

  const failing = await api.create({
    name: 'fail',
    delay: '0s',
    payload: { message: 'x' },
    max_retries: 1,
    retry_delay: never,
  });
  await api.until(failing.id, (job) => job.retry_count === 1 && job.status === 'pending');
  await api.post(`/jobs/${failing.id}/run`);
  await api.until(failing.id, 'failed');
});

t.test('remove: a finished job is gone at once', async (t) => {
  const { id } = await api.create({ name: 'echo', delay: '0s', payload: { a: 1 } });
  await api.until(id, 'success');
  const { total } = await api.list();
  t.match(await api.post(`/jobs/${id}/remove`), { status: 200, body: { id, status: 'success', payload: { a: 1 } } });
  problem(t, await api.get(`/jobs/${id}`), 404, 'not_found');
  problem(t, await api.post(`/jobs/${id}/remove`), 404, 'not_found');
  t.equal((await api.list()).total, total - 1);
});

t.test('a job type is shown, paused and resumed', async (t) => {
  const plain = await api.get<Record<string, unknown>>('/job-types/noop');
  t.match(plain, { status: 200, body: { name: 'noop', max_retries: 3 } });
  const paused = await api.post('/job-types/noop/pause', { reason: 'why' });
  t.match(paused, { status: 200, body: { name: 'noop', paused: true, pause_reason: 'why' } });
  const { items } = (await api.get<{ items: { name: string }[] }>('/job-types')).body;
  t.same(
    items.find(({ name }) => name === 'noop'),
    paused.body,
  );
  const { id } = await api.create({ name: 'noop', delay: '0s' });
  await untilAnotherHasRun(api);
  t.match(await shown(id), { status: 'pending', waiting_for: 'type_paused' });
  await api.post(`/jobs/${id}/run`);
  await untilAnotherHasRun(api);
  t.match(await shown(id), { status: 'pending', waiting_for: 'type_paused' }, 'run does not pass it');
  const resumed = await api.post<Record<string, unknown>>('/job-types/noop/resume');
  t.same({ ...resumed.body, counts: 0, recent: 0 }, { ...plain.body, counts: 0, recent: 0 });
  await api.until(id, 'success');
  for (const path of ['/job-types/nope', '/job-types/n%00']) problem(t, await api.get(path), 404, 'not_found', path);
  for (const path of ['/job-types/nope/pause', '/job-types/nope/resume'])
    problem(t, await api.post(path), 404, 'not_found', path);
});

t.test('a paused server takes everything in and starts nothing', async (t) => {
  const since = Date.now();
  const { status, body } = await api.post<Record<string, string>>('/pause', { reason: 'why' });
  t.match({ status, body }, { status: 200, body: { paused: true, reason: 'why' } });
  t.ok(at(body.since) >= since - 1);
  t.same((await api.post('/pause')).body, body, 'again: what is not named stays');
  t.match(await api.get('/health'), { status: 200, body: { status: 'healthy', paused: true } });
  const { id } = await api.create({ name: 'noop', delay: '0s' });
  t.match(await shown(id), { status: 'pending', waiting_for: 'server_paused' });
  const metrics = (await api.absolute('GET', '/metrics')).text;
  t.match(metrics, /^escapement_server_paused 1$/m);
  t.same((await api.post('/resume')).body, { paused: false });
  t.same((await api.post('/resume')).body, { paused: false });
  await api.until(id, 'success');
  t.notOk('paused' in (await api.get('/health')).body);
});

async function mustHold(t: Test, other: Server, ids: { job: string; typed: string; all: string }): Promise<void> {
  const client = new Client(other);
  t.match(await client.job(ids.job), { status: 'pending', paused: true, pause_reason: 'j', waiting_for: 'paused' });
  t.match(await client.job(ids.typed), { status: 'pending', waiting_for: 'type_paused' });
  t.match(await client.job(ids.all), { status: 'pending', waiting_for: 'server_paused' });
  t.match(await client.get('/health'), { body: { paused: true } });
  t.match(await client.get('/job-types/noop'), { body: { paused: true, pause_reason: 't' } });
}

t.test('kill -9, a backup and a restore lose no pause', onlyOne('backups'), async (t) => {
  const victim = await startServer({ args: ['--timezone', 'UTC'] });
  const client = new Client(victim);
  const job = (await client.create({ name: 'echo', delay: never })).id;
  await client.post('/pause', { reason: 's' });
  await client.post('/job-types/noop/pause', { reason: 't' });
  await client.post(`/jobs/${job}/pause`, { reason: 'j' });
  await client.put(`/jobs/${job}`, { delay: '0s' });
  const typed = (await client.create({ name: 'noop', delay: '0s' })).id;
  const all = (await client.create({ name: 'echo', delay: '0s' })).id;
  const ids = { job, typed, all };
  await mustHold(t, victim, ids);
  await victim.kill('SIGKILL');
  await victim.restart();
  await mustHold(t, victim, ids);
  t.match(victim.output(), /the server is paused/, 'the log of the start says so');

  const copy = join(temporary('backup'), 'copy');
  t.equal((await client.post('/backup', { directory: copy })).status, 200);
  t.equal((await runCli(['check', copy])).code, 0);
  const restored = join(temporary('restored'), 'store');
  t.equal((await runCli(['restore', copy, '--data-dir', restored])).code, 0);
  const second = await startServer({ dataDir: restored, args: ['--timezone', 'UTC'] });
  await mustHold(t, second, ids);
  t.equal(await second.stop(), 0);

  await client.post('/resume');
  await victim.kill('SIGKILL');
  await victim.restart();
  await client.until(all, 'success');
  t.match(await client.job(typed), { waiting_for: 'type_paused' });
  await client.post('/job-types/noop/resume');
  await victim.kill('SIGKILL');
  await victim.restart();
  await client.until(typed, 'success');
  t.match(await client.job(job), { paused: true });
  await client.post(`/jobs/${job}/resume`);
  await victim.kill('SIGKILL');
  await victim.restart();
  await client.until(job, 'success');
  await client.post(`/jobs/${job}/remove`);
  await victim.kill('SIGKILL');
  t.equal((await runCli(['check', victim.dataDir])).code, 0);
  await victim.restart();
  problem(t, await client.get(`/jobs/${job}`), 404, 'not_found');
  t.equal(await victim.stop(), 0);
});
