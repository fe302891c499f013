/** `POST /jobs/batch` from outside: many jobs in one request, all or none. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';

const server = await startServer();
const api = new Client(server);
const job = (n: number): object => ({ name: 'echo', delay: '1h', payload: { n } });

t.test('an array of jobs is made whole, in its order', async (t) => {
  const { status, body } = await api.post('/jobs/batch', [job(1), job(2), job(3)]);
  t.equal(status, 201);
  const { total, items } = body as unknown as { total: number; items: { id: string; status: string }[] };
  t.equal(total, 3);
  t.same(
    items.map((item) => item.status),
    ['pending', 'pending', 'pending'],
  );
  t.equal(new Set(items.map((item) => item.id)).size, 3);
  for (const [i, item] of items.entries()) t.match(await api.job(item.id), { payload: { n: i + 1 } });
});

t.test('lines of JSON are taken too', async (t) => {
  const text = `${JSON.stringify(job(4))}\n\n${JSON.stringify(job(5))}\n`;
  const { status, body } = await api.post('/jobs/batch', text, { 'content-type': 'application/x-ndjson' });
  t.equal(status, 201);
  t.match(body, { total: 2 });
  const broken = await api.post('/jobs/batch', `${JSON.stringify(job(6))}\n{`, {
    'content-type': 'application/x-ndjson',
  });
  t.equal(broken.status, 400);
  t.match(broken.body, { code: 'malformed_json', detail: /^Line 2: / });
});

t.test('lines may be blank or end as on Windows, and a fault is told by its line or its place', async (t) => {
  const ndjson = { 'content-type': 'application/x-ndjson' };
  const line = JSON.stringify(job(9));
  const send = (body: string | Buffer) => api.post('/jobs/batch', body, ndjson);
  const spaced = await send(`\r\n \t \r\n${line}\r\n\n${line}`);
  t.equal(spaced.status, 201);
  t.match(spaced.body, { total: 2 });
  t.match((await send(`${line}\n\u00a0\n`)).body, { detail: /^Line 2: The body is not JSON/ }, 'no blank of JSON');
  const bytes = Buffer.concat([Buffer.from(`${line}\n\n`), Buffer.from([0x22, 0xe4, 0x22, 0x0a]), Buffer.from(line)]);
  t.match((await send(bytes)).body, { code: 'malformed_json', detail: 'Line 3: The body is not valid UTF-8.' });
  t.match((await send(`${line}\n\ufeff${line}`)).body, { detail: /^Line 2: The body begins with a byte order mark/ });
  const odd = `{"name":"echo","delay":"1h","payload":{"__proto__":1}}`;
  t.match((await send(`${line}\n\n${odd}\n`)).body, { errors: [{ path: '/1/payload/__proto__' }] });
});

t.test('one fault refuses all, and is told by its place', async (t) => {
  const before = (await api.get('/jobs')).body as unknown as { total: number };
  const { status, body } = await api.post('/jobs/batch', [job(7), { name: 'echo' }, { name: 'echo', delay: 'x' }]);
  t.equal(status, 400);
  t.match(body, { code: 'validation_failed', errors: [{ path: '/1' }, { path: '/2/delay' }] });
  t.equal(((await api.get('/jobs')).body as unknown as { total: number }).total, before.total);
});

t.test('what is not a list of 1 to 10,000 jobs is refused', async (t) => {
  for (const value of [[], {}, 'x', Array.from({ length: 10_001 }, () => 1)]) {
    const { status, body } = await api.post('/jobs/batch', JSON.stringify(value), {
      'content-type': 'application/json',
    });
    t.equal(status, 400);
    t.match(body, { code: 'validation_failed' });
  }
  t.equal((await api.post('/jobs', '[]', { 'content-type': 'application/x-ndjson' })).status, 415);
  t.equal((await api.get('/jobs/batch')).status, 404, 'a job of that name there is not');
});

t.test('an idempotency key is refused rather than ignored', async (t) => {
  const { status, body } = await api.post('/jobs/batch', [job(8)], { 'idempotency-key': 'k' });
  t.equal(status, 400);
  t.match(body, { errors: [{ path: 'header.Idempotency-Key' }] });
});

t.test('the largest batch', async (t) => {
  const { status, body } = await api.post(
    '/jobs/batch',
    Array.from({ length: 10_000 }, (_, i) => job(i)),
  );
  t.equal(status, 201);
  t.match(body, { total: 10_000 });
});
