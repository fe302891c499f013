/** Payloads are held against what their handlers declare: when a job is made, by whatever way, and when its payload is changed. */
import { join } from 'node:path';
import t from 'tap';
import { Client, type Job, type Problem } from '../support/client.js';
import { handlersFolder, run, startServer, temporary } from '../support/server.js';
import { problem } from './forms.js';

t.setTimeout(60_000);
const schema = {
  type: 'object',
  properties: {
    order_id: { type: 'string' },
    amount: { $ref: '#/$defs/amount' },
    note: { type: 'string', default: 'none' },
  },
  required: ['order_id'],
  additionalProperties: false,
  $defs: { amount: { type: 'number', exclusiveMinimum: 0 } },
};
const declared = `export const payload = ${JSON.stringify(schema)};`;
const server = await startServer({
  handlers: {
    charge: `export default { options: { description: 'Charges' }, payload: ${JSON.stringify(schema)}, run: (payload) => payload };`,
    beside: `${declared} export default (payload) => payload;`,
  },
});
const api = new Client(server);
const good = { order_id: 'A-1' };
const charge = (payload: unknown): Record<string, unknown> => ({ name: 'charge', delay: '1h', payload });

t.test('a payload that does not fit is refused, with every fault', async (t) => {
  const refused = await api.post<Problem>('/jobs', {
    ...charge({ amount: '5', extra: 1, note: 2 }),
    max_retries: -1,
  });
  t.equal(refused.status, 400);
  t.equal(refused.body.code, 'validation_failed');
  t.same(refused.body.errors!.map(({ path }) => path).sort(), [
    '/max_retries',
    '/payload/amount',
    '/payload/extra',
    '/payload/note',
    '/payload/order_id',
  ]);
  t.same(
    refused.body.errors!.find(({ path }) => path === '/payload/amount'),
    { path: '/payload/amount', message: 'must be a number' },
  );
  const none = await api.post<Problem>('/jobs', { name: 'beside', delay: '1h' });
  t.same(none.body.errors, [{ path: '/payload/order_id', message: 'is required' }], 'an absent payload is {}');
  const wrong = await api.post<Problem>('/jobs', charge([]));
  t.same(wrong.body.errors, [{ path: '/payload', message: 'must be a JSON object' }]);
});

t.test('one that fits is taken as it is: nothing is filled in', async (t) => {
  const { id } = await api.create({ ...charge({ order_id: '7', amount: 5 }), delay: '0s' });
  const done = await api.until(id, 'success');
  t.same(done.result, { order_id: '7', amount: 5 });
  t.same(done.payload, { order_id: '7', amount: 5 });
});

t.test('types that declare nothing take any object', async () => {
  await api.create({ name: 'echo', delay: '1h', payload: { any: ['thing'] } });
});

t.test('a batch is refused whole, by place; where items stand alone, each for itself', async (t) => {
  const items = [charge(good), charge({}), charge({ order_id: 1 })];
  const whole = await api.post<Problem>('/jobs/batch', items);
  t.equal(whole.status, 400);
  t.same(
    whole.body.errors!.map(({ path }) => path),
    ['/1/payload/order_id', '/2/payload/order_id'],
  );
  interface Item {
    status: number;
    job?: Job;
    problem?: Problem;
  }
  const each = await api.post<{ items: Item[] }>('/jobs/batch', items, { prefer: 'handling=lenient' });
  t.same(
    each.body.items.map(({ status }) => status),
    [201, 400, 400],
  );
  t.same(each.body.items[2]!.problem!.errors, [{ path: '/payload/order_id', message: 'must be a string' }]);
  // Long ones are read in steps.
  const many = Array.from({ length: 2000 }, (_, at) => charge(at === 1500 ? { order_id: null } : good));
  const sliced = await api.post<Problem>('/jobs/batch', many);
  t.same(
    sliced.body.errors!.map(({ path }) => path),
    ['/1500/payload/order_id'],
  );
});

t.test('a changed payload is checked, and nothing else about a job is', async (t) => {
  const { id } = await api.create(charge(good));
  const refused = await api.put<Problem>(`/jobs/${id}`, { payload: { order_id: 1 }, timeout: '0s' });
  t.same(refused.body.errors!.map(({ path }) => path).sort(), ['/payload/order_id', '/timeout']);
  t.same((await api.job(id)).payload, good);
  const changed = await api.put(`/jobs/${id}`, { payload: { order_id: 'B-2' } });
  t.equal(changed.status, 200);
  t.same(changed.body.payload, { order_id: 'B-2' });
  t.equal((await api.put(`/jobs/${id}`, { delay: '2h' })).status, 200);
  problem(t, await api.put('/jobs/job_1704182400_a1b2c3d4', { payload: {} }), 404, 'not_found');
});

t.test('GET /job-types shows what is declared, and so does the description', async (t) => {
  const types = await api.get<{ items: Record<string, unknown>[] }>('/job-types');
  const byName = Object.fromEntries(types.body.items.map((item) => [item.name, item]));
  t.same(byName.charge!.payload_schema, schema);
  t.equal(byName.charge!.description, 'Charges');
  t.same(byName.beside!.payload_schema, schema);
  t.notOk('payload_schema' in byName.echo!);
  interface Document {
    components: { schemas: Record<string, { properties: { payload: { anyOf: unknown[] } } }> };
  }
  const { body } = await api.absolute<Document>('GET', '/openapi.json');
  const { schemas } = body.components;
  t.same(schemas['Payload.charge'], {
    title: 'Payload of charge',
    ...schema,
    properties: { ...schema.properties, amount: { $ref: '#/components/schemas/Payload.charge/$defs/amount' } },
  });
  for (const name of ['NewJob', 'JobChange']) {
    t.match(schemas[name]!.properties.payload.anyOf, [
      { $ref: '#/components/schemas/Payload.beside' },
      { $ref: '#/components/schemas/Payload.charge' },
      { type: 'object' },
    ]);
  }
});

t.test('jobs that exist are not checked again', async (t) => {
  const handlers = handlersFolder({ charge: 'export default () => 1;' });
  const own = await startServer({ handlers });
  const client = new Client(own);
  const { id } = await client.create({ ...charge({ free: true }), delay: '1h' });
  await own.stop();
  const strict = await startServer({
    dataDir: own.dataDir,
    handlers: handlersFolder({ charge: `${declared} export default (payload) => payload;` }),
  });
  const later = new Client(strict);
  t.equal((await later.put(`/jobs/${id}`, { delay: '0s' })).status, 200);
  t.same((await later.until(id, 'success')).result, { free: true });
  t.equal((await later.post('/jobs', charge({ free: true }))).status, 400);
  await strict.stop();
});

t.test('a schema that cannot be used refuses the start, with file and place', async (t) => {
  const handlers = handlersFolder({
    charge: "export const payload = { properties: { a: { typ: 'string' } } }; export default () => {};",
  });
  const child = run(['start', '--port', '0', '--data-dir', join(temporary(), 'store'), '--handlers', handlers]);
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const code = await new Promise((done) => child.once('close', done));
  t.equal(code, 1);
  t.match(text, /^escapement: .*charge\.mjs: the payload schema at \/properties\/a has the unknown keyword "typ"\n$/m);
});
