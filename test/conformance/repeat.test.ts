/** Repeating jobs: the grid of an interval, no overlap, retries that give way, and missed occurrences. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Client, eventually, type Job } from '../support/client.js';
import { stopFor } from '../support/faults.js';
import { startServer, temporary } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at } from './forms.js';

t.setTimeout(90_000);
const server = await startServer();
const api = new Client(server);
const feed = await Subscriber.to(server);
const dues = (id: string) =>
  feed
    .events(id)
    .filter(({ type }) => type === 'job.scheduled')
    .map(({ metadata }) => at(String(metadata.trigger_at)));

t.test('an interval runs on the grid first due + n × delay, never early', async (t) => {
  const job = await api.create({ name: 'noop', delay: '70ms', is_repeat: true });
  await feed.event(job.id, 'job.scheduled', 8);
  await api.delete(`/jobs/${job.id}`);
  const first = at(job.trigger_at);
  t.ok(first >= at(job.created_at) + 70);
  t.same(
    dues(job.id).map((due) => (due - first) % 70),
    dues(job.id).map(() => 0),
  );
  const started = feed.events(job.id).filter(({ type }) => type === 'job.started');
  started.forEach((event, i) => t.ok(at(event.timestamp) >= dues(job.id)[i]!, `occurrence ${i} is not early`));
});

t.test('the shortest interval keeps its grid too', async (t) => {
  const job = await api.create({ name: 'noop', delay: '10ms', is_repeat: true });
  await feed.event(job.id, 'job.scheduled', 15);
  await api.delete(`/jobs/${job.id}`);
  t.same(new Set(dues(job.id).map((due) => (due - at(job.trigger_at)) % 10)), new Set([0]));
  const { skipped_count, missed_count } = await api.job(job.id);
  t.match({ skipped_count, missed_count }, { skipped_count: Number, missed_count: 0 });
});

t.test('occurrences never overlap: those that come due meanwhile are skipped and counted', async (t) => {
  const job = await api.create({ name: 'sleep', delay: '100ms', is_repeat: true, payload: { ms: 350 } });
  await feed.event(job.id, 'job.scheduled', 4);
  const now = await api.job(job.id);
  await api.delete(`/jobs/${job.id}`);
  const types = feed.types(job.id).filter((type) => type === 'job.started' || type === 'job.completed');
  types.forEach((type, i) =>
    t.equal(type, i % 2 === 0 ? 'job.started' : 'job.completed', 'one ends before the next begins'),
  );
  const grid = dues(job.id).map((due) => (due - at(job.trigger_at)) / 100);
  t.same(grid, grid.map(Math.round), 'on the grid');
  for (let i = 1; i < 4; i++) t.ok(grid[i]! - grid[i - 1]! >= 4, `three were skipped: ${grid.join()}`);
  t.ok(now.skipped_count! >= 9);
  t.equal(now.skipped_count! + 3, grid[3]!, 'each occurrence has run or was skipped');
  t.equal(now.missed_count, 0);
});

t.test('a retry gives way to the next occurrence: the failure before it is final', async (t) => {
  const job = await api.create({
    name: 'fail',
    delay: '200ms',
    is_repeat: true,
    payload: { message: 'x' },
    max_retries: 5,
    retry_delay: '1m',
  });
  await feed.event(job.id, 'job.scheduled', 3);
  await api.delete(`/jobs/${job.id}`);
  const occurrence = ['job.scheduled', 'job.started', 'job.failed'];
  t.same(feed.types(job.id).slice(0, 7), [...occurrence, ...occurrence, 'job.scheduled']);
  for (const { metadata } of feed.events(job.id).filter(({ type }) => type === 'job.failed'))
    t.match(metadata, { final: true, retry_count: 0 });
});

t.test('between occurrences a job is pending, with retry_count 0 and what the last one left', async (t) => {
  const job = await api.create({ name: 'echo', delay: '400ms', is_repeat: true, payload: { n: 1 } });
  await feed.event(job.id, 'job.scheduled', 2);
  const between = await api.job(job.id);
  t.match(between, {
    status: 'pending',
    retry_count: 0,
    result: { n: 1 },
    started_at: String,
    finished_at: String,
    next_run_in: String,
  });
  t.equal(at(between.trigger_at), at(job.trigger_at) + 400, 'trigger_at is the next start');
  t.ok(at(between.started_at) >= at(job.trigger_at));
  await api.delete(`/jobs/${job.id}`);
});

/** How often the grid of a job has been passed when it waits for its next occurrence. */
const passed = (job: Job, first: Job, interval: number) => (at(job.trigger_at) - at(first.trigger_at)) / interval;

/** Times that the ledger tells of a job. */
const runs = (file: string, id: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${id} `) && line.includes(' begin ')).length;

t.test('occurrences missed while the server is down', async (t) => {
  const down = await startServer();
  const client = new Client(down);
  const file = join(temporary('ledger'), 'ledger');
  const make = (misfire: string, delay: string) =>
    client.create({ name: 'ledger', delay, is_repeat: true, misfire, payload: { file } });
  const slow = { once: await make('run_once', '3s'), skip: await make('skip', '3s') };
  const quick = { once: await make('run_once', '700ms'), skip: await make('skip', '700ms') };
  const cron = await client.create({
    name: 'ledger',
    cron_expr: '* * * * * *',
    is_repeat: true,
    misfire: 'skip',
    payload: { file },
  });
  const oneShot = await client.create({ name: 'ledger', delay: '500ms', payload: { file } });
  t.equal(await down.stop(), 0);
  // The first occurrences of the slow jobs come to be 1.1 s late, their second is almost 2 s away.
  await sleep(at(slow.skip.trigger_at) + 1100 - Date.now());
  await down.restart();
  const ready = Date.now();

  // On a machine so busy that the second is more than 1 s late too when the server is back, that one is missed as well.
  const expected = ready < at(slow.skip.trigger_at) + 4000 ? [1] : [1, 2, 3];

  const once = await client.until(slow.once.id, (job) => job.status === 'pending' && job.finished_at !== undefined);
  t.ok(expected.includes(once.missed_count!), `run_once: ${once.missed_count} missed`);
  t.ok(runs(file, slow.once.id) >= 1, 'run_once runs one of them at once');
  const skip = await client.until(slow.skip.id, (job) => job.missed_count! >= 1);
  t.ok(expected.includes(skip.missed_count!), `skip: ${skip.missed_count} missed`);
  t.equal(passed(skip, slow.skip, 3000) % 1, 0, 'the next one is on the grid');
  if (skip.finished_at === undefined) t.equal(passed(skip, slow.skip, 3000), skip.missed_count, 'skip runs none');
  t.equal((await client.until(oneShot.id, 'success')).status, 'success', 'one-shot jobs always run');
  t.equal(runs(file, oneShot.id), 1);

  // Every point of the grid was run, skipped or missed; of those missed together run_once has run one.
  for (const [which, job] of Object.entries(quick)) {
    await client.until(job.id, (found) => passed(found, job, 700) * 700 + at(job.trigger_at) > ready + 700);
    let now = await client.job(job.id);
    await eventually(async () => (now = await client.job(job.id)).status === 'pending', 'never at rest');
    await client.delete(`/jobs/${job.id}`);
    const missed = now.missed_count!;
    t.ok(missed >= 4, `${which}: ${missed} missed`);
    const twice = runs(file, job.id) + now.skipped_count! + missed - passed(now, job, 700);
    if (which === 'skip') t.equal(twice, 0, JSON.stringify(now));
    else t.ok(twice >= 1 && twice <= 1 + missed / 4, `${twice} run of those missed: ${JSON.stringify(now)}`);
  }
  const every = await client.until(cron.id, (job) => job.missed_count! >= 2 && job.status === 'pending');
  t.equal(at(every.trigger_at) % 1000, 0);
  const later = await client.until(slow.skip.id, (job) => job.status === 'pending' && job.finished_at !== undefined);
  t.ok(at(later.started_at) >= at(slow.skip.trigger_at) + 3000, 'those after it run, and not early');
  await down.kill();
});

t.test('occurrences missed while the process is stopped', async (t) => {
  const stopped = await startServer({ args: ['--log-level', 'debug'] });
  const client = new Client(stopped);
  const job = await client.create({ name: 'noop', delay: '500ms', is_repeat: true, misfire: 'skip' });
  await client.until(job.id, (found) => found.started_at !== undefined && found.status === 'pending');
  await stopFor(stopped, 2600);
  const after = await client.until(job.id, (found) => found.missed_count! + found.skipped_count! >= 2);
  t.equal(((at(after.trigger_at) - at(job.trigger_at)) % 500) + 0, 0, 'on the grid');
  await stopped.kill();
});
