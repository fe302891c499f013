/** `Idempotency-Key` on POST /jobs. */
import t from 'tap';
import { Client, type Job } from '../support/client.js';
import { startServer } from '../support/server.js';
import { problem } from './forms.js';

t.setTimeout(60_000);
const server = await startServer();
const api = new Client(server);
const body = { name: 'noop', delay: '1h', payload: { order: 7 } };
const post = (key: string | undefined, sent: unknown = body) => api.post('/jobs', sent, { 'idempotency-key': key });

t.test('the same key with the same body answers the first job and makes no second', async (t) => {
  const first = await post('order-7');
  t.equal(first.status, 201);
  t.notOk(first.headers['idempotent-replayed']);
  for (let i = 0; i < 3; i++) {
    const again = await post('order-7');
    t.equal(again.status, 201);
    t.equal(again.headers['idempotent-replayed'], 'true');
    t.equal(again.body.id, first.body.id);
    t.equal(again.headers.location, first.headers.location);
    t.notOk('payload' in again.body);
  }
  t.equal((await api.list()).total, 1);
});

t.test('the same key with another body is a conflict', async (t) => {
  await post('order-8');
  problem(t, await post('order-8', { ...body, delay: '2h' }), 409, 'conflict');
  problem(t, await post('order-8', { ...body, payload: { order: 8 } }), 409, 'conflict');
  t.equal((await post('order-8')).headers['idempotent-replayed'], 'true', 'the first is still known');
});

t.test('another key, or none, makes another job', async (t) => {
  const jobs = [await post('a'), await post('b'), await post('A'), await post(undefined), await post(undefined)];
  t.equal(new Set(jobs.map((answer) => answer.body.id)).size, 5);
});

t.test('many at once make one job', async (t) => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => post('at-once')));
  t.equal(new Set(answers.map((answer) => answer.body.id)).size, 1);
  t.equal(answers.filter((answer) => answer.headers['idempotent-replayed'] === 'true').length, 19);
  for (const answer of answers) t.equal(answer.status, 201);
});

t.test('a key has 1 to 255 visible characters', async (t) => {
  t.equal((await post('k'.repeat(255))).status, 201);
  t.equal((await post('!"#$%&\'()*+,-./:;<=>?@[]^_`{|}~')).status, 201);
  for (const key of ['k'.repeat(256), 'with space', 'tab\there', 'é', ''])
    problem(t, await post(key), 400, 'validation_failed', `key ${JSON.stringify(key).slice(0, 20)}`);
});

t.test('a refused request does not use up its key', async (t) => {
  problem(t, await post('later', { ...body, delay: 'soon' }), 400, 'validation_failed');
  const { status, headers } = await post('later');
  t.equal(status, 201);
  t.notOk(headers['idempotent-replayed']);
});

t.test('a key outlives the job’s run, an update and a restart', async (t) => {
  const first = await post('lasting', { name: 'noop', delay: '0s' });
  await api.until(first.body.id, 'success');
  t.equal((await post('lasting', { name: 'noop', delay: '0s' })).body.id, first.body.id);
  const waiting = await post('waiting');
  await api.put(`/jobs/${waiting.body.id}`, { max_retries: 9 });
  await server.restart();
  for (const [key, sent, id] of [
    ['lasting', { name: 'noop', delay: '0s' }, first.body.id],
    ['waiting', body, waiting.body.id],
  ] as [string, unknown, string][]) {
    const again = await post(key, sent);
    t.equal(again.status, 201);
    t.equal(again.headers['idempotent-replayed'], 'true');
    t.equal((again.body as Job).id, id);
  }
  problem(
    t,
    await post('waiting', { ...body, max_retries: 9 }),
    409,
    'conflict',
    'the first request counts, not the job as it is now',
  );
});
