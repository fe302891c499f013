/** Batches whose items stand alone: `Prefer: handling=lenient` (RFC 7240) on POST /jobs/batch. */
import t from 'tap';
import { Client, type Job } from '../support/client.js';
import { startServer } from '../support/server.js';
import { problem } from './forms.js';

t.setTimeout(60_000);
const server = await startServer();
const api = new Client(server);

interface Item {
  readonly status: number;
  readonly job?: Job;
  readonly replayed?: boolean;
  readonly problem?: { readonly code: string; readonly errors?: readonly { readonly path: string }[] };
}

const post = (items: unknown, prefer = 'handling=lenient') =>
  api.post<{ total: number; items: Item[] }>('/jobs/batch', items, { prefer });
const good = { name: 'noop', delay: '1h' };

t.test('what is right is made, and what is not has its problem in its place', async (t) => {
  const before = (await api.list()).total;
  const { status, headers, body } = await post([
    good,
    { name: 'noop', delay: 'soon' },
    { name: 'nope', delay: '1h' },
    'no object',
    { ...good, payload: { n: 5 } },
    { ...good, idempotency_key: '' },
    { ...good, idempotency_key: 7 },
  ]);
  t.equal(status, 200);
  t.equal(headers['preference-applied'], 'handling=lenient');
  t.equal(body.total, 7);
  t.same(
    body.items.map((item) => item.status),
    [201, 400, 400, 400, 201, 400, 400],
  );
  t.same(
    body.items.flatMap((item) => (item.problem ? [[item.problem.code, item.problem.errors?.[0]?.path]] : [])),
    [
      ['validation_failed', '/delay'],
      ['unknown_job_type', '/name'],
      ['validation_failed', ''],
      ['validation_failed', '/idempotency_key'],
      ['validation_failed', '/idempotency_key'],
    ],
    'a path is that in the item',
  );
  t.equal((await api.list()).total, before + 2);
  const last = body.items[4]?.job as Job;
  t.match(await api.job(last.id), { status: 'pending', payload: { n: 5 } });
});

t.test('a key of an item means what the header does', async (t) => {
  const keyed = { ...good, payload: { order: 1 }, idempotency_key: 'item-1' };
  const single = { name: 'noop', delay: '1h', payload: { order: 2 } };
  const first = await api.post('/jobs', single, { 'idempotency-key': 'single-1' });
  const { body } = await post([
    keyed,
    keyed,
    { ...keyed, delay: '2h' },
    { ...single, idempotency_key: 'single-1' },
    { ...good, idempotency_key: 'item-2' },
  ]);
  t.same(
    body.items.map(({ status, replayed }) => [status, replayed]),
    [
      [201, undefined],
      [201, true],
      [409, undefined],
      [201, true],
      [201, undefined],
    ],
  );
  t.equal(body.items[0]?.job?.id, body.items[1]?.job?.id, 'in order: the second sees the first');
  t.equal(body.items[3]?.job?.id, first.body.id, 'a key that a single job came with');
  t.equal(body.items[2]?.problem?.code, 'conflict');
  const again = await post([keyed]);
  t.match(again.body.items[0], { status: 201, replayed: true, job: { id: body.items[0]?.job?.id } });
  const other = await api.post(
    '/jobs',
    { name: 'noop', delay: '1h', payload: { order: 1 } },
    { 'idempotency-key': 'item-1' },
  );
  t.equal(other.headers['idempotent-replayed'], 'true', 'and a single job knows it');
});

t.test('a replay that is not on disk yet waits for it', async (t) => {
  const items = Array.from({ length: 20 }, (_, n) => ({ ...good, idempotency_key: `race-${n % 4}` }));
  const answers = await Promise.all(Array.from({ length: 6 }, () => post(items)));
  const ids = new Set(answers.flatMap(({ body }) => body.items.map(({ job }) => job?.id)));
  t.equal(ids.size, 4);
  await server.kill();
  await server.restart();
  for (const id of ids) t.equal((await api.job(id as string)).status, 'pending', 'after kill -9');
});

t.test('a fault of the body, or of the headers, is one answer for all', async (t) => {
  problem(t, await post('[{"name":', 'handling=lenient'), 400, 'malformed_json');
  problem(t, await post({}), 400, 'validation_failed');
  problem(t, await post([]), 400, 'validation_failed');
  problem(t, await post(Array.from({ length: 10_001 }, () => 1)), 400, 'validation_failed');
  problem(
    t,
    await api.post('/jobs/batch', [good], { prefer: 'handling=lenient', 'idempotency-key': 'k' }),
    400,
    'validation_failed',
  );
});

t.test('faults that JSON allows concern their item alone', async (t) => {
  const deep = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`;
  const text = `[{"name":"noop","delay":"1h"},{"name":"noop","delay":"1h","payload":${deep}},{"name":"noop","delay":"1h","payload":{"n":1e999}},{"name":"noop","delay":"2h"}]`;
  const { status, body } = await api.post<{ total: number; items: Item[] }>('/jobs/batch', text, {
    'content-type': 'application/json',
    prefer: 'handling=lenient',
  });
  t.equal(status, 200);
  t.same(
    body.items.map((item) => item.status),
    [201, 400, 400, 201],
  );
});

t.test('lines of JSON, and more than are read or shown in one step', async (t) => {
  const lines = Array.from({ length: 3000 }, (_, n) =>
    JSON.stringify(n % 3 === 0 ? { name: 'noop' } : { ...good, payload: { n } }),
  );
  const { status, body } = await api.post<{ total: number; items: Item[] }>('/jobs/batch', lines.join('\n'), {
    'content-type': 'application/x-ndjson',
    prefer: 'handling=lenient',
  });
  t.equal(status, 200);
  const { items } = body;
  t.equal(items.length, 3000);
  t.ok(items.every((item, n) => item.status === (n % 3 === 0 ? 400 : 201)));
  t.match(await api.job(items[2999]?.job?.id as string), { payload: { n: 2999 } });
});

t.test('the preference in the forms that the RFC allows; others mean all or none', async (t) => {
  for (const prefer of [
    'handling=lenient',
    'respond-async, handling=lenient',
    'Handling="lenient"',
    'wait=5,  handling = lenient ;x=1',
    'handling=lenient, handling=strict',
  ])
    t.equal((await post([{ name: 'noop' }], prefer)).status, 200, prefer);
  for (const prefer of [
    'handling=strict',
    'handling',
    'handling=strict, handling=lenient',
    'lenient',
    '"handling=lenient"',
    '',
  ])
    t.equal((await post([{ name: 'noop' }], prefer)).status, 400, prefer);
});
