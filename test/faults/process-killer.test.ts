/** F11: a job that takes the whole process down, with others beside it. */
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
    if (!/ended with SIGKILL before it listened/.test(String(error))) throw error;
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
