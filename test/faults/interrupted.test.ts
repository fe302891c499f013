/** F10 and F17: attempts that the end of the process cuts short. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { LedgerFile } from '../support/faults.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(180_000);

t.test('F10: killed during attempts: they run again at once, uncharged, however long they take', async (t) => {
  const ledger = new LedgerFile();
  const server = await startServer();
  const api = new Client(server);
  const make = (ms: number) => api.create({ name: 'ledger', delay: '0s', payload: { file: ledger.path, ms } });
  // More than start at once after a crash, and than there are threads.
  const long = await Promise.all([1, 2, 3, 4, 5, 6].map(() => make(600_000)));
  const short = await make(1500);
  const all = [...long, short];
  const begun = (times: number) => () => all.every(({ id }) => ledger.begun(id) === times);
  await eventually(begun(1), 'they did not begin', 20_000);
  // A start's record is written beside the attempt: a crash before that is not an interruption.
  for (const { id } of all) await api.until(id, 'running', 20_000);
  await server.kill();
  await server.restart();
  const begunAgain = () => all.filter(({ id }) => ledger.begun(id) === 2).length;
  await eventually(() => begunAgain() >= 4, 'the first four did not run again at once', 4000);
  // The others when those are held to be harmless, after five seconds.
  await eventually(begun(2), 'they did not run again', 15_000);
  for (const { id } of long) t.match(await api.until(id, 'running', 20_000), { retry_count: 0 });
  t.match(await api.until(short.id, 'success', 20_000), { retry_count: 0 });
  t.same(ledger.counts(short.id), { begun: 2, ended: 1 });
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
