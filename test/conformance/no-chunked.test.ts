/** `--no-chunked`: bodies in chunks are refused before they have any effect, however their chunks are written. */
import t from 'tap';
import { firstAnswer } from '../inputs/ground.js';
import { Client, raw, rawRequest } from '../support/client.js';
import { runCli, startServer } from '../support/server.js';
import { problem } from './forms.js';

t.setTimeout(90_000);
const server = await startServer({ args: ['--no-chunked'] });
const api = new Client(server);
const body = '{"name":"noop","delay":"1h"}';
const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const chunked = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };

t.test('a body in chunks is a 411, on routes with a body and without', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const requests: [method: string, path: string][] = [
    ['POST', '/api/v1/jobs'],
    ['POST', '/api/v1/jobs/batch'],
    ['PUT', `/api/v1/jobs/${id}`],
    ['DELETE', `/api/v1/jobs/${id}`],
    ['GET', '/api/v1/health'],
    ['POST', '/api/v1/nowhere'],
    ['GET', '/ws'],
  ];
  for (const [method, path] of requests) {
    const answer = await raw(server, [rawRequest(method, path, chunked), chunks], { ms: 20_000 });
    problem(t, firstAnswer(answer), 411, 'length_required', `${method} ${path}`);
    t.ok(answer.closed, `${method} ${path}: the connection ends`);
  }
  t.equal((await api.list('?status=pending')).total, 1, 'nothing was made, and nothing cancelled');
});

t.test('chunk sizes that only this parser takes for numbers carry no second request in', async (t) => {
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const smuggled = rawRequest('DELETE', `/api/v1/jobs/${id}`);
  for (const digit of [':', ';', '<', '=', '>', '?', '@', 'g', 'G']) {
    const size = `0${digit}`;
    const pieces = `${rawRequest('POST', '/api/v1/jobs', chunked)}${size}\r\n${'x'.repeat(16)}\r\n0\r\n\r\n${smuggled}`;
    const { statuses } = await raw(server, pieces, { ms: 20_000 });
    t.ok(statuses.length <= 1 && statuses.every((status) => status >= 400), `${size}: ${statuses}`);
  }
  t.equal((await api.job(id)).status, 'pending', 'it was not cancelled');
});

t.test('a body with its length is taken as ever', async (t) => {
  t.equal((await api.post('/jobs', body)).status, 201);
});

t.test('the variable says true or false', async (t) => {
  for (const [value, status] of [
    ['true', 411],
    ['false', 201],
    ['', 201],
  ] as const) {
    const other = await startServer({ env: { ESCAPEMENT_NO_CHUNKED: value } });
    const answer = await raw(other, [rawRequest('POST', '/api/v1/jobs', chunked), chunks], {
      ms: 20_000,
      enough: (text) => text.includes('}'),
    });
    t.same(answer.statuses, [status], `ESCAPEMENT_NO_CHUNKED=${value}`);
    await other.stop();
  }
  const { code, stderr } = await runCli(['start'], { ESCAPEMENT_NO_CHUNKED: 'perhaps' });
  t.equal(code, 2);
  t.match(stderr, /ESCAPEMENT_NO_CHUNKED.*true or false/);
});
