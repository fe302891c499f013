/**
 * F1: kill -9 while jobs stream in, again and again on one directory. Clients keep what was acknowledged in a file of
 * their own; after the last kill the server is held against that file, and the handlers' ledger against both.
 */
import t from 'tap';
import { Client, eventually, type Job } from '../support/client.js';
import { Acknowledgements, each, LedgerFile } from '../support/faults.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(600_000);

const rounds = 50;
const clients = 12;

const ledger = new LedgerFile();
const acknowledged = new Acknowledgements();
const server = await startServer();
const api = new Client(server);
let n = 0;

/** Posts, and cancels or updates some of what it posted, until the server is gone. */
async function stream(): Promise<void> {
  for (;;) {
    const mine = n++;
    const kind = (['runs', 'waits', 'cancelled', 'updated'] as const)[mine % 4]!;
    const payload = { n: mine, file: ledger.path };
    try {
      const body = { name: 'ledger', delay: kind === 'runs' ? '5ms' : '1h', payload, max_retries: 1 };
      const { status, body: job, text } = await api.post<Job>('/jobs', body);
      if (status !== 201) throw new Error(`wrong answer ${status}: ${text}`);
      acknowledged.note(job.id, { kind, payload });
      if (kind === 'cancelled' && (await api.delete(`/jobs/${job.id}`)).status === 200) {
        acknowledged.note(job.id, { status: 'cancelled' });
      }
      if (kind === 'updated' && (await api.put(`/jobs/${job.id}`, { max_retries: 7 })).status === 200) {
        acknowledged.note(job.id, { max_retries: 7 });
      }
    } catch (error) {
      if (/wrong answer/.test(String(error))) throw error;
      return;
    }
  }
}

t.test(`F1: ${rounds} kills`, async (t) => {
  /** Begun attempts of jobs whose success was told before a kill: these may not grow any more. */
  const finished = new Map<string, number>();
  const ranAgain: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    const feed = await Subscriber.to(server, { event_types: ['job.completed'] });
    const before = acknowledged.read().size;
    const streams = Promise.all(Array.from({ length: clients }, stream));
    // Varied, so that the kill meets the server in different states; the test rests on none of them.
    await new Promise((done) => setTimeout(done, 20 + ((round * 137) % 300)));
    await eventually(() => acknowledged.read().size > before, 'nothing was acknowledged', 20_000);
    t.match(await server.kill('SIGKILL'), { signal: 'SIGKILL' });
    await streams;
    for (const { job_id: id } of feed.events()) finished.set(id, ledger.begun(id));
    await server.restart();
  }
  for (const [id, begun] of finished) if (ledger.begun(id) > begun) ranAgain.push(id);
  t.same(ranAgain, [], `none of ${finished.size} jobs whose success was told ran again`);

  const all = acknowledged.read();
  const wrong: string[] = [];
  await each(all, async ([id, { kind, payload, status, max_retries: maxRetries }]) => {
    if (kind === 'runs') await api.until(id, 'success', 30_000);
    const answer = await api.get<Job>(`/jobs/${id}`);
    const job = answer.body;
    if (answer.status !== 200) return void wrong.push(`${id}: ${answer.status}`);
    if (JSON.stringify(job.payload) !== JSON.stringify(payload)) wrong.push(`${id}: its payload`);
    if (kind === 'runs' && ledger.counts(id).ended < 1) wrong.push(`${id}: did not run`);
    if (kind === 'runs' && job.retry_count !== 0) wrong.push(`${id}: charged`);
    if (kind === 'waits' && job.status !== 'pending') wrong.push(`${id}: ${job.status}`);
    if (status === 'cancelled' && job.status !== 'cancelled') wrong.push(`${id}: its cancellation`);
    if (maxRetries === 7 && job.max_retries !== 7) wrong.push(`${id}: its update`);
    if (kind !== 'runs' && ledger.begun(id) > 0) wrong.push(`${id}: ran early`);
  });
  t.same(wrong, [], `all of ${all.size} acknowledged jobs are there, with their states`);
  const { total } = await api.list('?limit=1');
  t.ok(total >= all.size && total <= n, `${total} jobs, ${all.size} acknowledged, ${n} posted`);
});
