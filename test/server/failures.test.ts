/** Routes that throw, never answer or refuse; clients that never finish. */
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { Refusal } from '../../src/domain/errors.js';
import { type Problem, rawRequest } from '../support/client.js';
import { job, serve } from './fixture.js';

const fixture = await serve({}, { answerTimeoutMs: 1000 });
const { api, scheduler, queries, log, port } = fixture;
const creation = { name: 'payment_check', delay: '1h' };
const path = '/api/v1/jobs';

t.test('a route that throws answers 500, tells nothing, and logs it', async (t) => {
  queries.list = () => {
    throw new Error('secret in /home/someone');
  };
  const answer = await api.get<Problem>('/jobs');
  t.same([answer.status, answer.body.code], [500, 'internal_error']);
  t.notMatch(answer.text, /secret|home|\n/);
  t.match(log.errors.at(-1), { err: { message: 'secret in /home/someone' } });
  scheduler.decide = () => ({ ok: true, jobs: [], replayed: false });
  t.equal((await api.post('/jobs', creation)).status, 500, 'also when the answer comes later');
});

t.test('a route that never answers: 504 after the time', async (t) => {
  scheduler.silent = true;
  const begun = performance.now();
  const answer = await api.post<Problem>('/jobs', creation);
  const took = performance.now() - begun;
  t.same([answer.status, answer.body.code], [504, 'timeout']);
  t.ok(took >= 950 && took < 10_000, `${took} ms`);
  scheduler.silent = false;
});

t.test('an answer that comes too late, or twice, or to nobody, is dropped', async (t) => {
  const replies: (() => void)[] = [];
  const { request } = scheduler;
  scheduler.request = (_asked, _bytes, reply) =>
    void replies.push(() => reply({ ok: true, jobs: [job()], replayed: false }));
  const late = api.post('/jobs', creation);
  const socket = connect(port, '127.0.0.1');
  socket.write(
    rawRequest(
      'POST',
      path,
      { 'Content-Type': 'application/json', 'Content-Length': '39' },
      '{"name":"payment_check","delay":"100h"}',
    ),
  );
  while (replies.length < 2) await new Promise((done) => setTimeout(done, 5));
  socket.destroy();
  t.equal((await late).status, 504);
  for (const reply of [...replies, ...replies]) reply();
  scheduler.request = request;
  t.equal((await api.get('/health')).status, 200);
});

t.test('refusals of the scheduler are passed on', async (t) => {
  const cases: [ConstructorParameters<typeof Refusal>[0], number, string | undefined][] = [
    ['conflict', 409, undefined],
    ['not_found', 404, undefined],
    ['overloaded', 503, '1'],
    ['storage_unavailable', 503, '5'],
    ['draining', 503, '5'],
  ];
  for (const [code, status, retryAfter] of cases) {
    scheduler.decide = () => ({ ok: false, refusal: new Refusal(code, `about ${code}`) });
    const answer = await api.put<Problem>('/jobs/job_1704180000_00000000', { delay: '1h' });
    t.equal(answer.status, status);
    t.match(answer.body, { code, status, detail: `about ${code}`, type: `/problems/${code}` });
    t.equal(answer.headers['retry-after'], retryAfter);
    t.notOk('errors' in answer.body);
  }
});

t.test('while the scheduler refuses everything it is not asked, and reading goes on', async (t) => {
  scheduler.refusal = new Refusal('draining', 'The server is shutting down.');
  const before = scheduler.asked.length;
  const id = 'job_1704180000_00000000';
  for (const [method, path] of [
    ['POST', '/jobs'],
    ['PUT', `/jobs/${id}`],
    ['DELETE', `/jobs/${id}`],
    ['POST', `/jobs/${id}/retry`],
  ] as const) {
    t.equal((await api.request(method, path, { body: creation })).status, 503, `${method} ${path}`);
  }
  t.equal(scheduler.asked.length, before);
  t.equal((await api.get('/stats')).status, 200);
  scheduler.refusal = undefined;
});

t.test('slow heads and bodies are cut off after about 10 s, others are served meanwhile', async (t) => {
  t.setTimeout(40_000);
  const { api, port } = await serve();
  const drip = async (what: string, head: string, slowly: string): Promise<void> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const begun = performance.now();
    socket.write(head);
    let at = 0;
    const timer = setInterval(() => socket.write(slowly[at++ % slowly.length] as string), 500);
    socket.resume();
    await once(socket, 'close');
    clearInterval(timer);
    const took = performance.now() - begun;
    t.ok(took > 5000 && took < 30_000, `${what}: ${Math.round(took)} ms`);
  };
  const headers = { 'Content-Type': 'application/json', 'Content-Length': '1000' };
  const all = Promise.all([
    drip('nothing', '', ''.padEnd(1, '\r')),
    drip('a head', `POST ${path} HTTP/1.1\r\nX-Header: `, 'x'),
    ...Array.from({ length: 20 }, () => drip('a body', rawRequest('POST', path, headers), 'x')),
    drip(
      'chunks',
      rawRequest('POST', path, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }),
      '1\r\nx\r\n',
    ),
  ]);
  for (let n = 0; n < 10; n += 1) {
    const begun = performance.now();
    t.equal((await api.get('/health')).status, 200);
    t.ok(performance.now() - begun < 3000);
    await new Promise((done) => setTimeout(done, 200));
  }
  await all;
});
