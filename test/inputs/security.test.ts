/**
 * Requests of those who may not ask. Which hosts, origins and tokens are accepted, CORS, TLS and what the log leaves out
 * is in test/conformance/security.test.ts, that another address than loopback needs a token in test/conformance/cli.test.ts,
 * the comparison in constant time in src/server/gate.ts. Here: near misses, the order of the checks, and that nothing is
 * done or told before them.
 */
import t from 'tap';
import { problem } from '../conformance/forms.js';
import { raw, rawRequest } from '../support/client.js';
import { testedHttp } from '../support/http.js';
import { firstAnswer, Ground, good } from './ground.js';

t.setTimeout(90_000);
const token = 'correct-horse-battery-staple-0123456789';
const open = await Ground.open({ args: ['--allowed-host', 'jobs.example', '--cors-origin', 'https://app.example'] });
const closed = await Ground.open({ args: ['--token', token] }, { authorization: `Bearer ${token}` });
const enough = { enough: (text: string) => text.endsWith('}'), ms: 10_000 };

/** What a request of these header lines is answered. */
async function ask(ground: Ground, method: string, path: string, lines: string[], body = '') {
  const head = [`${method} ${path} HTTP/1.1`, ...lines, ...(body === '' ? [] : [`Content-Length: ${body.length}`])];
  return raw(ground.server, `${head.join('\r\n')}\r\n\r\n${body}`, enough);
}

t.test('a Host that is not ours → 421, whatever is asked', async (t) => {
  const hosts = [
    ...['evil.example', 'jobs.example.evil.example', 'jobs.example.', 'localhost.', 'localhost.localdomain', 'jobs'],
    ...['2130706433', '0x7f000001', '127.1', '0177.0.0.1', '127.0.0.1.nip.io', '127.0.0.1.', '256.0.0.1', '::1'],
    ...['[::1', '[::1]x', '[evil.example]', '[v1.x]', 'localhost:80:80', 'localhost:x', 'localhost:123456', '*', ''],
    ...[
      'evil.example@localhost',
      'localhost/evil',
      'localhost?x',
      'localhost#x',
      'localhost, evil.example',
      'l\xf6calhost',
    ],
  ];
  for (const host of hosts) {
    for (const [method, path] of [
      ['GET', '/api/v1/health'],
      ['GET', `/api/v1/jobs/${open.witness.id}`],
      ['DELETE', `/api/v1/jobs/${open.witness.id}`],
      ['GET', '/api/v1/nowhere'],
    ] as const) {
      const answer = await ask(open, method, path, [`Host: ${host}`, 'X-Forwarded-Host: localhost']);
      // An empty one is no Host for uWebSockets.js, which refuses that by itself.
      if (host === '') t.ok(answer.closed || answer.statuses[0]! >= 400, 'an empty Host');
      else problem(t, firstAnswer(answer), 421, 'misdirected_host', `${method} ${path} at ${host}`);
    }
  }
});

t.test('an Origin that may not act → 403, and nothing is done', async (t) => {
  const origins = [
    ...[
      'http://evil.example',
      'https://app.example.evil',
      'https://xapp.example',
      'http://app.example',
      'null',
      'NULL',
      '',
    ],
    ...['https://app.example:443', 'https://app.example/', 'https://APP.example', 'https://app.example,http://x', '*'],
    ...[
      'http://127.0.0.1.evil.example',
      'http://localhost@evil.example',
      'file://',
      'http://',
      'localhost',
      '127.0.0.1',
    ],
    ...[
      'http://2130706433',
      'http://0x7f.1',
      'javascript:alert(1)',
      'chrome-extension://abc',
      'http://[::1].evil.example',
    ],
  ];
  const { id } = open.witness;
  for (const origin of origins) {
    const lines = ['Host: 127.0.0.1', `Origin: ${origin}`, 'Content-Type: application/json'];
    for (const [method, path, body] of [
      ['POST', '/api/v1/jobs', JSON.stringify(good)],
      ['POST', '/api/v1/jobs/batch', JSON.stringify([good])],
      ['PUT', `/api/v1/jobs/${id}`, '{"max_retries":9}'],
      ['DELETE', `/api/v1/jobs/${id}`, ''],
      ['POST', `/api/v1/jobs/${id}/cancel`, ''],
      ['POST', `/api/v1/jobs/${id}/retry`, ''],
    ] as const) {
      const answer = firstAnswer(await ask(open, method, path, lines, body));
      problem(t, answer, 403, 'forbidden', `${method} ${path} from ${origin}`);
      t.notOk('access-control-allow-origin' in answer.headers, origin);
    }
  }
});

t.test('no token, or nearly the token → 401 before anything else is looked at', async (t) => {
  const wrong: string[][] = [
    [],
    ['Authorization:'],
    ['Authorization: Bearer'],
    [`Authorization: ${token}`],
    [`Authorization: Bearer ${token} x`],
    [`Authorization: Bearer ${token}\0`],
    [`Authorization: Bearer ${token}${token}`],
    [`Authorization: Bearer ${token.slice(0, -1)}`],
    [`Authorization: Bearer ${token.slice(0, -1)}\xe9`],
    [`Authorization: Bearer "${token}"`],
    [`Authorization: Bearer\t${token}x`],
    [`Authorization: Token ${token}`],
    [`Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`],
    [`X-Authorization: Bearer ${token}`],
    [`Proxy-Authorization: Bearer ${token}`],
    [`Cookie: token=${token}; authorization=Bearer ${token}`],
    [`Sec-WebSocket-Protocol: escapement.v1, bearer.${Buffer.from(token).toString('base64url')}`],
  ];
  const { id } = closed.witness;
  for (const lines of wrong) {
    const what = lines.join().slice(0, 50);
    for (const [method, path, body] of [
      ['GET', '/api/v1/jobs', ''],
      ['GET', `/api/v1/jobs?token=${token}&access_token=${token}`, ''],
      ['GET', `/api/v1/jobs/${id}`, ''],
      ['GET', '/api/v1/jobs/nonsense', ''],
      ['GET', '/api/v1/nowhere', ''],
      ['PATCH', '/api/v1/jobs', ''],
      ['DELETE', `/api/v1/jobs/${id}`, ''],
      ['POST', '/api/v1/jobs', JSON.stringify(good)],
      ['POST', '/api/v1/jobs', '{'],
      ['GET', '/ws', ''],
    ] as const) {
      const raw = await ask(
        closed,
        method,
        path,
        ['Host: 127.0.0.1', ...lines, 'Content-Type: application/json'],
        body,
      );
      const answer = firstAnswer(raw);
      // A NUL in a header is refused before there is a request.
      if (lines.join().includes('\0') && answer.status !== 401) {
        // `ask` does not wait for the end of a connection that has told why.
        if (testedHttp === 'node') {
          problem(t, answer, 400, 'validation_failed', what);
          t.equal(answer.headers.connection, 'close', what);
        } else t.ok(raw.closed && raw.statuses.every((status) => status >= 400), what);
        continue;
      }
      problem(t, answer, 401, 'unauthorized', `${method} ${path.slice(0, 30)}: ${what}`);
      t.match(answer.headers['www-authenticate'], /^Bearer/, what);
      t.notOk(raw.text.includes(token), 'the token is not said');
    }
  }
  const twice = await ask(closed, 'GET', '/api/v1/stats', [
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    'Authorization: Bearer x',
  ]);
  problem(t, firstAnswer(twice), 400, 'validation_failed', 'two Authorization headers');
});

t.test('what needs no token tells no more than that the server is well', async (t) => {
  for (const path of ['/api/v1/health', '/api/v1/health/ready', '/api/v1/health/live']) {
    const answer = firstAnswer(await raw(closed.server, rawRequest('GET', path), enough));
    t.equal(answer.status, 200, path);
    t.notMatch(answer.text, /job_|escapement-|\/tmp/, path);
  }
});

t.test('after all that the servers are well', async (t) => {
  await open.unharmed(t);
  await closed.unharmed(t);
  for (const { server } of [open, closed]) t.notOk(server.output().includes(token), 'no token in the log');
});
