/** A server whose jobs are divided over four shards is one server to the outside. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

const shards = 4;
const env = { ESCAPEMENT_TEST_SHARDS: String(shards) };
const waiting = { name: 'noop', delay: '1h', payload: {} };

interface Listed {
  readonly id: string;
}

const handlers = {
  slow: `let running = 0;
    export const options = { concurrency: 2 };
    export default async () => {
      const seen = ++running;
      await new Promise((done) => setTimeout(done, 20));
      running--;
      return { seen };
    };`,
};

const secondOf = (id: string): number => Number(id.split('_')[1]);

t.test('jobs are divided, and lists and totals have all of them', async (t) => {
  const api = new Client(await startServer({ env }));
  const made: string[] = [];
  for (let i = 0; i < 40; i++) made.push((await api.create(waiting)).id);
  const all = await api.list('?limit=100');
  t.equal(all.total, 40);
  t.same(all.items.map(({ id }) => id).sort(), [...made].sort());
  const seconds = all.items.map(({ id }) => secondOf(id));
  t.same(
    seconds,
    [...seconds].sort((a, b) => b - a),
    'the newest second first',
  );
  for (const query of ['', '&order=asc', '&sort=due', '&sort=due&order=desc']) {
    const whole = (await api.list(`?limit=100${query}`)).items.map(({ id }) => id);
    const paged: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await api.list(`?limit=7${query}${cursor}`);
      paged.push(...page.items.map(({ id }) => id));
      if (page.next_cursor === undefined) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    t.same(paged, whole, `page by page${query}`);
    t.same(
      (await api.list(`?limit=5&offset=9${query}`)).items.map(({ id }) => id),
      whole.slice(9, 14),
    );
  }
  t.match((await api.get('/stats')).body, { pending: 40 });
  t.equal((await api.get('/jobs?offset=10001')).status, 400, 'each shard would have to read them all');
});

t.test('a key is taken once, whatever shard has it', async (t) => {
  const api = new Client(await startServer({ env }));
  for (let i = 0; i < 12; i++) {
    const keyed = { ...waiting, key: `k${i}` };
    const answers = await Promise.all(Array.from({ length: 6 }, () => api.post<{ job_id?: string }>('/jobs', keyed)));
    const statuses = answers.map(({ status }) => status).sort();
    t.same(statuses, [201, 409, 409, 409, 409, 409]);
  }
  const { items } = await api.list('?limit=100');
  t.equal(items.length, 12);
  const replaced = await api.post<Listed>('/jobs', { ...waiting, key: 'k3', delay: '2h', if_exists: 'replace' });
  t.equal(replaced.status, 200);
  const requests = Array.from({ length: 6 }, () => api.post<Listed>('/jobs', waiting, { 'idempotency-key': 'one' }));
  t.equal(new Set((await Promise.all(requests)).map(({ body }) => body.id)).size, 1, 'and so is an Idempotency-Key');
});

t.test('limits hold over all shards, and what waits for them is started', async (t) => {
  const server = await startServer({ env, handlers });
  const api = new Client(server);
  const feed = await Subscriber.to(server, { event_types: ['job.completed'] });
  await Promise.all(Array.from({ length: 24 }, () => api.create({ name: 'slow', delay: '0s', payload: {} })));
  await feed.waitFor(() => feed.events().length === 24, 'all of them', 0, 30_000);
  const jobs = await Promise.all(
    (await api.list('?limit=100')).items.map(({ id }) => api.get<{ result: { seen: number } }>(`/jobs/${id}`)),
  );
  t.ok(Math.max(...jobs.map(({ body }) => body.result.seen)) <= 2, 'two at once in a thread at most');
  t.match((await api.get('/stats')).body, { completed: 24, pending: 0, running: 0 });
});

t.test('settings hold everywhere, and a bulk action is one', async (t) => {
  const api = new Client(await startServer({ env }));
  await Promise.all(Array.from({ length: 20 }, () => api.create(waiting)));
  t.match((await api.post('/job-types/noop/pause', { reason: 'why' })).body, { paused: true, counts: { pending: 20 } });
  t.match((await api.post('/pause', {})).body, { paused: true });
  t.match((await api.post('/resume', {})).body, { paused: false });
  const asked = await api.post<Listed>('/bulk', { action: 'cancel', filter: { name: 'noop' } });
  t.match(asked.body, { matched: 20, status: /pending|running|success/ });
  let bulk: { status?: string; done?: number } = {};
  while (bulk.status !== 'success') bulk = (await api.get<typeof bulk>(`/bulk/${asked.body.id}`)).body;
  t.equal(bulk.done, 20);
  t.equal((await api.list('?status=cancelled')).total, 20);
});
