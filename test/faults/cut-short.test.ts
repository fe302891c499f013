/** F10, F11 and F17: attempts that the end of the process cuts short. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { LedgerFile } from '../support/faults.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(180_000);

t.test('F10: killed during an attempt: it runs again at once, uncharged', async (t) => {
  const ledger = new LedgerFile();
  const server = await startServer();
  const api = new Client(server);
  const long = await api.create({ name: 'ledger', delay: '0s', payload: { file: ledger.path, ms: 600_000 } });
  const again = await api.create({ name: 'ledger', delay: '0s', payload: { file: ledger.path, ms: 3000 } });
  await eventually(() => ledger.begun(long.id) === 1 && ledger.begun(again.id) === 1, 'they did not begin');
  await server.kill();
  await server.restart();
  await eventually(() => ledger.begun(long.id) === 2, 'it did not run again');
  t.match(await api.job(long.id), { status: 'running', retry_count: 0 });
  t.match(await api.until(again.id, 'success', 20_000), { retry_count: 0 });
  t.same(ledger.counts(again.id), { begun: 2, ended: 1 });
});

t.test('F10: a retry that was granted stays granted', async (t) => {
  const ledger = new LedgerFile();
  const server = await startServer({
    handlers: {
      second_try: `
        import { appendFileSync } from 'node:fs';
        export default async ({ file }, ctx) => {
          appendFileSync(file, \`\${ctx.jobId} \${ctx.attempt} begin\\n\`);
          if (ctx.attempt === 1) throw new Error('the first fails');
          await new Promise((done) => setTimeout(done, 2000));
        };`,
    },
  });
  const api = new Client(server);
  const { id } = await api.create({
    name: 'second_try',
    delay: '0s',
    retry_delay: '0s',
    payload: { file: ledger.path },
  });
  await eventually(() => ledger.begun(id) === 2, 'the retry did not begin');
  await api.until(id, (job) => job.status === 'running' && job.retry_count === 1);
  await server.kill();
  await server.restart();
  t.match(await api.until(id, 'success', 20_000), { retry_count: 1 }, 'no more, no less');
  t.equal(ledger.begun(id), 3);
});

t.test('F11: a job that kills the process each time is stopped, others run', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const killer = await api.create({ name: 'kill_process', delay: '1s', max_retries: 1, retry_delay: '0s' });
  const others = await Promise.all(
    Array.from({ length: 20 }, () => api.create({ name: 'sleep', delay: '1s', payload: { ms: 50 } })),
  );
  const long = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 2500 } });
  let deaths = 0;
  const most = 12;
  for (;;) {
    const alive = api.until(killer.id, 'failed', 60_000).then(
      () => true,
      () => false,
    );
    const failed = await Promise.race([alive, server.exited.then(() => false)]);
    if (failed) break;
    t.match(await server.exited, { signal: 'SIGKILL' });
    if (++deaths > most) break;
    await server.restart();
  }
  t.equal(deaths, 6, 'three interruptions are a failure; one retry; three more');
  t.match(await api.job(killer.id), { status: 'failed', retry_count: 1, last_error: { code: 'worker_lost' } });
  for (const { id } of [...others, long]) t.match(await api.until(id, 'success', 30_000), { retry_count: 0 });
  const { id } = await api.create({ name: 'noop', delay: '0s' });
  await api.until(id, 'success');
});

t.test('F17: a job that ignores everything, and SIGTERM', async (t) => {
  const graceMs = 1500;
  const server = await startServer({ args: ['--grace', `${graceMs}ms`] });
  const api = new Client(server);
  const jobs = [
    await api.create({ name: 'stubborn', delay: '0s', payload: { ms: 600_000 } }),
    await api.create({ name: 'spin', delay: '0s' }),
    await api.create({ name: 'ledger', delay: '1h', payload: {} }),
  ];
  const [stubborn, spin, waits] = jobs.map(({ id }) => id) as [string, string, string];
  await Promise.all([api.until(stubborn, 'running'), api.until(spin, 'running')]);
  const feed = await Subscriber.to(server);
  const begun = performance.now();
  const code = await server.stop();
  const took = performance.now() - begun;
  t.equal(code, 0);
  // 300 ms for the signal to be heard, and what the threads and the disk take; far from the jobs' own ten minutes.
  t.ok(took < graceMs + 5000, `${took.toFixed()} ms`);
  const { code: closed } = await feed.closed;
  t.equal(closed, 1001);

  await server.restart();
  for (const id of [stubborn, spin]) {
    const job = await api.job(id);
    t.ok(job.status === 'pending' || job.status === 'running', `${job.name} is ${job.status}`);
    t.equal(job.retry_count, 0, `${job.name} is not charged`);
    t.notOk(job.last_error, `${job.name} has no error`);
    await api.until(id, 'running');
  }
  t.equal((await api.job(waits)).status, 'pending');
});
