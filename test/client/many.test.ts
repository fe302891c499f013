/** What the client does with many jobs: filters of lists, bulk actions, failures. */
import t from 'tap';
import { Escapement } from '../../src/client/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(60_000);
const server = await startServer();
const client = new Escapement({ url: `http://127.0.0.1:${server.port}` });

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

t.test('lists take filters, several values as arrays and instants as dates', async (t) => {
  for (let i = 0; i < 3; i++)
    await client.jobs.create({ name: 'noop', delay: '1h', tags: i === 0 ? ['x', 'y'] : ['x'] });
  const count = async (filter: Parameters<typeof client.jobs.list>[0]): Promise<number> =>
    (await all(client.jobs.list(filter))).length;
  t.equal(await count({ tag: ['x', 'y'] }), 1);
  t.equal(await count({ status: ['pending', 'failed'], name: 'noop', is_repeat: false }), 3);
  t.equal(await count({ due_before: new Date(Date.now() + 60_000) }), 0);
  t.equal(await count({ due_after: new Date(), sort: 'due', order: 'desc' }), 3);
  t.equal(await count({ q: 'nothing has this' }), 0);
});

t.test('a bulk action is made, waited for, listed and stopped', async (t) => {
  t.same(await client.bulk.preview({ action: 'cancel', filter: { all: true } }), { action: 'cancel', matched: 3 });
  const made = await client.bulk.create({ action: 'update', filter: { tag: 'x' }, change: { retry_delay: 2000 } });
  const ended = await client.bulk.wait(made.id);
  t.match(ended, { status: 'success', matched: 3, done: 3 });
  t.match(await client.bulk.get(made.id), ended);
  t.same(await client.bulk.cancel(made.id), ended);
  t.same(await all(client.bulk.list()), [ended]);
  t.match((await all(client.jobs.list()))[0], { retry_delay: '2s' });
  await t.rejects(client.bulk.create({ action: 'retry', filter: {} }), { code: 'validation_failed' });
});

t.test('failures', async (t) => {
  const { id } = await client.jobs.create({ name: 'fail', delay: 0, max_retries: 0, payload: { message: 'no 7' } });
  await client.jobs.wait(id);
  t.match(await all(client.failures({ name: 'fail' })), [{ message: 'no #', count: 1, job_id: id }]);
  t.same(await all(client.failures({ name: 'noop' })), []);
});
