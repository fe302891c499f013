/**
 * Paths and methods, every route in turn. What GET answers, and HEAD beside it, is in test/conformance/errors.test.ts; the
 * request targets that no client library sends are written by hand here.
 */
import t from 'tap';
import { problem } from '../conformance/forms.js';
import { raw } from '../support/client.js';
import { testedHttp } from '../support/http.js';
import { firstAnswer, Ground } from './ground.js';

t.setTimeout(60_000);
const ground = await Ground.open();
const { api, server } = ground;

const ids = [
  ...['nonsense', '0', '-1', 'job_', 'job_1_00000000', 'job_1704182400_a1b2c3d4', 'JOB_1704182400_A1B2C3D4'],
  ...['job_1704182400_g1b2c3d4', 'job_99999999999999999999_00000000', 'job_-1_00000000', 'job_1e9_00000000'],
  ...['..', '../../x', '%2e%2e%2f', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '..%5c..%5cx', '%252e%252e%252f'],
  ...['%00', 'job_1704182400_a1b2c3d4%00', '%zz', '%', '%2', '%ff', '%c0%af', '%F0%9F%95%B0', '%0d%0aX-Injected:%201'],
  ...['constructor', '__proto__', 'hasOwnProperty', '*', ';', '.', `x${'a'.repeat(10_240)}`],
];
const routes: [method: string, suffix: string][] = [
  ['GET', ''],
  ['PUT', ''],
  ['DELETE', ''],
  ['POST', '/cancel'],
  ['POST', '/retry'],
];

t.test('an id of no job → 404, whatever is asked', async (t) => {
  for (const id of ids) {
    for (const [method, suffix] of routes) {
      const body = method === 'PUT' ? { max_retries: 1 } : undefined;
      const answer = await api.request(method, `/jobs/${id}${suffix}`, { body });
      problem(t, answer, 404, 'not_found', `${method} ${id.slice(0, 40)}${suffix}`);
      t.notOk('x-injected' in answer.headers);
    }
  }
  const { id } = ground.witness;
  for (const other of [`${id}0`, `${id}%20`, ` ${id}`, id.toUpperCase(), id.replace('job_', 'job_0')])
    problem(t, await api.get(`/jobs/${other.replaceAll(' ', '%20')}`), 404, 'not_found', other);
});

const { id } = ground.witness;
const resources: [path: string, methods: string[]][] = [
  ['/api/v1/jobs', ['GET', 'HEAD', 'POST']],
  ['/api/v1/jobs/batch', ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']],
  [`/api/v1/jobs/${id}`, ['GET', 'HEAD', 'PUT', 'DELETE']],
  [`/api/v1/jobs/${id}/cancel`, ['POST']],
  [`/api/v1/jobs/${id}/retry`, ['POST']],
  ['/api/v1/events', ['GET', 'HEAD']],
  ['/api/v1/stats', ['GET', 'HEAD']],
  ['/api/v1/health', ['GET', 'HEAD']],
  ['/api/v1/health/ready', ['GET', 'HEAD']],
  ['/api/v1/health/live', ['GET', 'HEAD']],
  ['/api/v1/job-types', ['GET', 'HEAD']],
  ['/ws', ['GET', 'HEAD']],
  ['/openapi.json', ['GET', 'HEAD']],
  ['/docs', ['GET', 'HEAD']],
  ['/docs/swagger-ui.css', ['GET', 'HEAD']],
];

t.test('a wrong method → 405 and Allow', async (t) => {
  for (const [path, methods] of resources.filter(([path]) => !path.endsWith('/batch'))) {
    for (const method of [
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'DELETE',
      'PATCH',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'M-SEARCH',
    ]) {
      if (methods.includes(method)) continue;
      const answer = await api.absolute(method, path);
      t.equal(answer.headers.allow, methods.join(', '), `${method} ${path}: Allow`);
      if (method === 'HEAD') t.same([answer.status, answer.text], [405, ''], `HEAD ${path}`);
      else problem(t, answer, 405, 'method_not_allowed', `${method} ${path}`);
    }
  }
});

t.test('a path of no route → 404; nothing is resolved, trimmed or folded', async (t) => {
  const paths = [
    ...resources.flatMap(([path]) => [`${path}/`, `/${path}`, `${path}/.`, `${path}/..`, path.replace('/', '/./')]),
    ...['//', '/api', '/api/', '/api/v1/', '/API/v1/stats', '/api/v1/Stats', '/api/v1/stats%20', '/api/v1/stat%73'],
    ...['/api/v2/stats', '/api/v1//stats', '/api/v1/stats/..%2fhealth', '/../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd'],
    ...['/ws/', '/WS', '/favicon', '/robots.txt', '/.env', '/metrics/', '/index.html', `/${'x'.repeat(10_000)}`],
  ].filter((path) => path !== `/api/v1/jobs/`);
  for (const path of paths) problem(t, await api.absolute('GET', path), 404, 'not_found', path.slice(0, 60));
});

t.test('request targets that are no paths → refused before they are routed, or nothing is there', async (t) => {
  // uWebSockets.js answers what does not begin with a slash itself: an error of HTTP, after which it closes. Node's own HTTP
  // takes no bytes but those of ASCII, and what it refuses gets a problem document.
  const strict = testedHttp === 'node' ? 'closed' : 404;
  const inputs: [target: string | Buffer, answer: 404 | 'closed'][] = [
    ['*', 'closed'],
    ['http://127.0.0.1/api/v1/health', 'closed'],
    ['http://evil.example/api/v1/jobs', 'closed'],
    ['api/v1/health', 'closed'],
    ['', 'closed'],
    ['/api/v1/jobs\t', 'closed'],
    ['/api/v1/jobs/\0', 'closed'],
    ['/api/v1/jobs/\r', 'closed'],
    ['/api/v1/jobs/ x', 'closed'],
    [`/${'x'.repeat(20_000)}`, 'closed'],
    ['//evil.example/api/v1/health', 404],
    ['/api/v1/health#top', 404],
    ['/api/v1/jobs/\x7f', strict],
    [Buffer.from('/api/v1/jobs/\xff\xfe', 'latin1'), strict],
  ];
  for (const [target, expected] of inputs) {
    const what = JSON.stringify(String(target).slice(0, 40));
    const request = Buffer.concat([
      Buffer.from('GET '),
      Buffer.from(target),
      Buffer.from(' HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
    ]);
    const enough = (text: string): boolean => expected === 404 && text.endsWith('}');
    const answer = await raw(server, request, { ms: 15_000, enough });
    if (expected === 404) {
      problem(t, firstAnswer(answer), 404, 'not_found', what);
      continue;
    }
    t.ok(answer.closed, `${what}: closed`);
    t.ok(answer.statuses.length <= 1, `${what}: one answer at most`);
    if (testedHttp === 'node') problem(t, firstAnswer(answer), 400, 'validation_failed', what);
    else t.notMatch(answer.text, /"status"/, `${what}: not by our code`);
    for (const status of answer.statuses) t.ok(status >= 400 && status !== 500, `${what}: ${status}`);
    t.notMatch(answer.text, /\n\s+at |node_modules|\.js:\d/);
  }
});

t.test('after all that the server is well', (t) => ground.unharmed(t));
