/** Finished jobs are kept for a time and up to a number, then removed; counters do not fall. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { startServer } from '../support/server.js';
import { onlyOne } from '../support/shards.js';
import { Subscriber } from '../support/ws.js';
import { never, problem } from './forms.js';

t.setTimeout(90_000);
const removalMs = 30_000;

t.test(
  '--retain keeps at most that many finished jobs, the latest',
  onlyOne('each shard keeps its part of --retain'),
  async (t) => {
    const server = await startServer({ args: ['--retain', '10'] });
    const api = new Client(server);
    const feed = await Subscriber.to(server);
    const waiting = await api.create({ name: 'noop', delay: never });
    const ids: string[] = [];
    for (let i = 0; i < 30; i++) {
      const { id } = await api.create({ name: 'noop', delay: '0s' });
      await feed.event(id, 'job.completed');
      ids.push(id);
    }
    await eventually(
      async () => (await api.list('?status=success')).total <= 10,
      'too many finished jobs are kept',
      removalMs,
    );
    const kept = await api.list('?status=success');
    t.equal(kept.total, 10);
    t.same(
      kept.items.map(({ id }) => id),
      ids.slice(-10).reverse(),
    );
    problem(t, await api.get(`/jobs/${ids[0]}`), 404, 'not_found', 'a removed job');
    problem(t, await api.post(`/jobs/${ids[0]}/retry`), 404, 'not_found', 'a removed job');
    t.equal((await api.job(waiting.id)).status, 'pending', 'what is not finished stays');
    t.match(await api.stats(), { completed: 30, pending: 1 }, 'the counters do not fall');

    await server.restart();
    t.equal((await api.list()).total, 11, 'a restart brings none back');
    t.match(await api.stats(), { completed: 30, pending: 1, failed: 0, cancelled: 0 });
    await server.kill();
  },
);

t.test('--retention removes what finished longer ago', async (t) => {
  const server = await startServer({ args: ['--retention', '1s', '--retention-failed', '1s'] });
  const api = new Client(server);
  const waiting = await api.create({ name: 'noop', delay: never });
  const repeating = await api.create({ name: 'noop', delay: '100ms', is_repeat: true });
  const done = await api.create({ name: 'noop', delay: '0s' });
  const failed = await api.create({ name: 'fail', delay: '0s', payload: { message: 'x' }, max_retries: 0 });
  const cancelled = await api.create({ name: 'noop', delay: never });
  await api.delete(`/jobs/${cancelled.id}`);
  await api.until(failed.id, 'failed');
  t.equal((await api.until(done.id, 'success')).status, 'success', 'for a second it is there');
  await eventually(async () => (await api.list()).total === 2, 'finished jobs are still there', removalMs);
  for (const { id } of [done, failed, cancelled]) problem(t, await api.get(`/jobs/${id}`), 404, 'not_found');
  t.equal((await api.job(waiting.id)).status, 'pending');
  t.ok(['pending', 'running'].includes((await api.job(repeating.id)).status));
  const stats = await api.stats();
  t.match(stats, { failed: 1, cancelled: 1 });
  t.ok(stats.completed >= 2);
  await server.kill();
});
