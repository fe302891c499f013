/** F11: jobs that take the whole process down, with others beside them. */
import t from 'tap';
import { Client } from '../support/client.js';
import { type Server, startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(180_000);

/** False if it was killed before anybody could connect: recovered jobs do not wait for that. */
async function startsAgain(server: Server): Promise<boolean> {
  try {
    await server.restart();
    return true;
  } catch (error) {
    if (!/ended with SIG(KILL|ABRT) before it listened/.test(String(error))) throw error;
    return false;
  }
}

t.test('F11: a job that kills the process each time is stopped, others run', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const killer = await api.create({ name: 'kill_process', delay: '1s', max_retries: 1, retry_delay: '0s' });
  const others = await Promise.all(
    Array.from({ length: 20 }, () => api.create({ name: 'sleep', delay: '1s', payload: { ms: 50 } })),
  );
  const long = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 2500 } });
  // Three interruptions are a failure; one retry; three more.
  const counted = 6;
  let deaths = 0;
  for (let isUp = true; deaths <= counted + 1; isUp = await startsAgain(server)) {
    const failed = api.until(killer.id, 'failed', 60_000).then(
      () => true,
      () => false,
    );
    if (isUp && (await Promise.race([failed, server.exited.then(() => false)]))) break;
    t.match(await server.exited, { signal: 'SIGKILL' });
    deaths++;
  }
  const feed = await Subscriber.connect(server);
  feed.send({ action: 'subscribe', since: 0, filter: { job_ids: [killer.id] } });
  await feed.event(killer.id, 'job.failed');
  t.equal(feed.types(killer.id).filter((type) => type === 'job.started').length, counted, 'starts that are on disk');
  // The first start's record is written beside the attempt, so that a death at once may come before it. After a crash
  // the record comes first, so that it is that one at most.
  t.ok(deaths === counted || deaths === counted + 1, `it killed the process ${deaths} times`);
  t.match(await api.job(killer.id), { status: 'failed', retry_count: 1, last_error: { code: 'worker_lost' } });
  for (const { id } of [...others, long]) t.match(await api.until(id, 'success', 30_000), { retry_count: 0 });
  const { id } = await api.create({ name: 'noop', delay: '0s' });
  await api.until(id, 'success');
});

t.test(
  'one allocation far beyond the memory of a thread ends the process: three deaths, and the job has failed',
  async (t) => {
    const server = await startServer({
      handlers: { hoard: 'export default () => new Array(2 ** 27).fill({}).length;' },
      args: ['--thread-memory', '32MiB'],
    });
    const api = new Client(server);
    const other = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 500 } });
    const { id } = await api.create({ name: 'hoard', delay: '1s', max_retries: 0 });
    let deaths = 0;
    for (let isUp = true; deaths <= 4; isUp = await startsAgain(server)) {
      const failed = api.until(id, 'failed', 60_000).then(
        () => true,
        () => false,
      );
      if (isUp && (await Promise.race([failed, server.exited.then(() => false)]))) break;
      t.match(await server.exited, { signal: 'SIGABRT' });
      deaths++;
    }
    // As above: the first may come before the record of its start.
    t.ok(deaths === 3 || deaths === 4, `it ended the process ${deaths} times`);
    t.match(await api.job(id), { status: 'failed', last_error: { code: 'worker_lost' } });
    t.match(await api.until(other.id, 'success'), { retry_count: 0 });
  },
);
