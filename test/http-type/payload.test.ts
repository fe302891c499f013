/** What payloads of the type `http` may say, and that its schema says the same as its check. */
import t from 'tap';
import { payloadFaults, payloadSchema } from '../../src/http-type/payload.js';
import type { HttpRules } from '../../src/http-type/rules.js';
import { compilePayloadSchema } from '../../src/schema/payload-check.js';

const rules: HttpRules = {
  origins: ['https://api.example.com', 'http://10.0.0.5:8080'],
  anyPublic: false,
  variables: [{ name: 'API_KEY', origin: 'https://api.example.com', value: 'x' }],
  keys: [],
};
const url = 'https://api.example.com/a?b=c';
const compiled = compilePayloadSchema(payloadSchema);
const pathsOf = (payload: unknown, by = rules): string[] => payloadFaults(payload, by).map(({ path }) => path);

t.test('what a schema can say, it says as the check does', async (t) => {
  if (!('check' in compiled)) return t.fail(`the schema is not right: ${compiled.fault.message}`);
  const cases: [payload: unknown, ...paths: string[]][] = [
    [{ url }],
    [{ url, method: 'GET', headers: {} }],
    [{ url, headers: { 'X-A': 'b', Authorization: { $env: 'API_KEY' } }, body: null }],
    [{ url, body: 'text' }],
    [{ url, headers: { 'X-A': '' } }],
    [{ url, headers: { 'X-A': 'é\t' } }],
    [{}, '/url'],
    [{ url: 5 }, '/url'],
    [{ url: `https://api.example.com/${'a'.repeat(8192)}` }, '/url'],
    [{ url, method: 'get' }, '/method'],
    [{ url, method: 'CONNECT' }, '/method'],
    [{ url, method: null }, '/method'],
    [{ url, query: {} }, '/query'],
    [{ url, 'a/b~c': 1 }, '/a~1b~0c'],
    [{ url, headers: [] }, '/headers'],
    [{ url, headers: { 'X A': 'b' } }, '/headers/X A'],
    [{ url, headers: { '': 'b' } }, '/headers/'],
    [{ url, headers: { 'X-A': 'b\r\nHost: c' } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': 'b\0' } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': '€' } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': 5 } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': null } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': {} } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': { $env: 5 } } }, '/headers/X-A'],
    [{ url, headers: { 'X-A': { $env: 'API_KEY', b: 1 } } }, '/headers/X-A'],
    [{ url, headers: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, 'a'])) }, '/headers'],
  ];
  for (const [payload, ...paths] of cases) {
    const text = JSON.stringify(payload).slice(0, 100);
    t.same(pathsOf(payload), paths, text);
    t.equal(compiled.check(payload, 100).length > 0, paths.length > 0, `by the schema: ${text}`);
  }
});

t.test('what only the server knows: origins, headers of its own, variables', async (t) => {
  const cases: [payload: unknown, ...paths: string[]][] = [
    [{ url: 'http://10.0.0.5:8080/' }],
    [{ url: 'HTTPS://API.example.com:443/' }],
    [{ url: 'https://api.example.com#part' }],
    [{ url: 'http://api.example.com/' }, '/url'],
    [{ url: 'https://api.example.com:8443/' }, '/url'],
    [{ url: 'https://api.example.com.evil.test/' }, '/url'],
    [{ url: 'https://api.example.com@evil.test/' }, '/url'],
    [{ url: 'https://user:pass@api.example.com/' }, '/url'],
    [{ url: 'https://user@api.example.com/' }, '/url'],
    [{ url: 'ftp://api.example.com/' }, '/url'],
    [{ url: 'file:///etc/passwd' }, '/url'],
    [{ url: 'api.example.com' }, '/url'],
    [{ url: '/a' }, '/url'],
    [{ url: '' }, '/url'],
    [{ url, method: 'GET', body: 1 }, '/body'],
    [{ url, method: 'HEAD', body: null }, '/body'],
    [{ url, headers: { a: 'b', A: 'c' } }, '/headers/A'],
    [{ url, headers: { 'X-A': { $env: 'OTHER' } } }, '/headers/X-A/$env'],
    [{ url: 'http://10.0.0.5:8080/', headers: { 'X-A': { $env: 'API_KEY' } } }, '/headers/X-A/$env'],
    ...['Host', 'connection', 'Content-Length', 'transfer-encoding', 'TE', 'Trailer', 'Upgrade', 'Expect', 'Keep-Alive']
      .concat('Webhook-Id', 'webhook-timestamp', 'WEBHOOK-SIGNATURE', 'traceparent', 'Tracestate', 'Proxy-Connection')
      .map((name): [unknown, string] => [{ url, headers: { [name]: 'a' } }, `/headers/${name}`]),
  ];
  for (const [payload, ...paths] of cases) t.same(pathsOf(payload), paths, JSON.stringify(payload));
});

t.test('with *, all that is public may be called, and what is named', async (t) => {
  const any = { ...rules, anyPublic: true };
  for (const good of ['https://example.org/', 'http://8.8.8.8/', 'http://localhost/', 'http://10.0.0.5:8080/'])
    t.same(pathsOf({ url: good }, any), [], good);
  const bad = [
    'http://127.0.0.1/',
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://[::1]/',
  ].concat([
    'http://[::ffff:127.0.0.1]/',
    'http://10.0.0.5/',
    'http://169.254.169.254/latest/',
    'http://0/',
    'http://[64:ff9b::a00:1]/',
  ]);
  for (const each of bad) t.same(pathsOf({ url: each }, any), ['/url'], each);
});

t.test('no payload is an object with other than own fields', async (t) => {
  for (const payload of [null, [], 'a', 5]) t.same(pathsOf(payload), [''], JSON.stringify(payload));
  t.same(pathsOf({ url, constructor: 1 }), ['/constructor']);
});
