/** `ctx.enqueue`: jobs that an attempt makes with its success. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(60_000);
const server = await startServer({
  handlers: {
    parent: `export default async ({ jobs, fails, tries }, ctx) => {
      for (const job of jobs) {
        try { ctx.enqueue(job) } catch (error) {
          if (!tries) throw error
          return { name: error.name, message: error.message, code: error.code, errors: error.errors } } }
      if (fails) throw new Error('after all')
      return 'done' }`,
    step: `export default async ({ left }, { enqueue }) => {
      if (left > 0) enqueue({ name: 'step', delay: '0s', payload: { left: left - 1 } })
      return left }`,
    checked: `export const payload = { type: 'object', properties: { amount: { type: 'number', exclusiveMinimum: 0 } } }
      export default () => {}`,
  },
});
const api = new Client(server);
const feed = await Subscriber.to(server);
const parent = (payload: object, more: object = {}) => api.create({ name: 'parent', delay: '0s', payload, ...more });

t.test('they are there when the attempt has succeeded, and name their parent', async (t) => {
  const job = { name: 'noop', delay: '1h', payload: { n: 1 }, tags: ['child'], priority: 3 };
  const { id } = await parent({ jobs: [job, { ...job, payload: { n: 2 } }] });
  await feed.event(id, 'job.completed');
  const { items } = await api.list('?name=noop&status=pending');
  t.match(items, [{ parent_id: id, tags: ['child'], priority: 3, retry_count: 0 }, { parent_id: id }]);
  t.match(await api.job(items[0]!.id), { parent_id: id, payload: { n: 2 } });
  t.notOk('parent_id' in (await api.job(id)));
  for (const item of items) await api.delete(`/jobs/${item.id}`);
});

t.test('a delay counts from the success', async (t) => {
  const { id } = await parent({ jobs: [{ name: 'noop', delay: '0s' }] });
  await feed.event(id, 'job.completed');
  // Not by their order: within a second that is one of shards.
  const { items } = await api.list('?name=noop');
  const made = items.filter((item) => (item as { parent_id?: string }).parent_id === id);
  t.equal(made.length, 1);
  await api.until(made[0]!.id, 'success');
});

t.test('an attempt that fails makes none', async (t) => {
  const before = (await api.list('?name=noop')).total;
  const { id } = await parent({ jobs: [{ name: 'noop', delay: '0s' }], fails: true }, { max_retries: 0 });
  await feed.event(id, 'job.failed');
  t.equal((await api.list('?name=noop')).total, before);
});

t.test('what would be a 400 is thrown at once, with the same words', async (t) => {
  const faults = async (job: object): Promise<unknown> => {
    const { id } = await parent({ jobs: [job], tries: true });
    const thrown = (await api.until(id, 'success')).result as { code: string; message: string; errors: unknown };
    const refused = await api.post<{ code: string; detail: string; errors: unknown }>('/jobs', job);
    t.equal(refused.status, 400);
    t.equal(thrown.code, refused.body.code);
    t.equal(thrown.message, `ctx.enqueue: ${refused.body.detail}`);
    t.same(thrown.errors, refused.body.errors);
    return thrown;
  };
  await faults({ name: 'noop' });
  await faults({ name: 'nope', delay: '0s' });
  await faults({ name: 'checked', delay: '0s', payload: { amount: 0 } });
  await faults({ name: 'noop', delay: '0s', payload: [], extra: 1 });
  await faults({ name: 'noop', cron_expr: '61 * * * * *' });
});

t.test('not caught, it fails the attempt', async (t) => {
  const { id } = await parent({ jobs: [{ name: 'noop', delay: 'soon' }] }, { max_retries: 0 });
  t.match(await api.until(id, 'failed'), {
    last_error: { name: 'EnqueueError', message: /^ctx\.enqueue: \/delay is not a duration/, code: 'handler_error' },
  });
});

t.test('a chain of jobs goes on over restarts, each step once', async (t) => {
  const { id } = await api.create({ name: 'step', delay: '0s', payload: { left: 300 } });
  await feed.event(id, 'job.completed');
  await server.kill();
  await server.restart();
  const isOver = async () => (await api.list('?name=step&status=success')).total === 301;
  await eventually(isOver, () => 'the chain did not come to its end', 30_000);
  const steps: { parent_id?: string }[] = [];
  for (let offset = 0; offset <= 300; offset += 100) {
    steps.push(...((await api.list(`?name=step&limit=100&offset=${offset}`)).items as typeof steps));
  }
  t.equal(steps.length, 301);
  t.equal(new Set(steps.map((step) => step.parent_id)).size, 301, 'each is the only child of its parent');
});
