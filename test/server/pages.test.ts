/** The pages for people: they load nothing from elsewhere, need no token, and work below a path of a proxy's. */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { serve } from './fixture.js';

const { api, port } = await serve({ tokens: { full: ['secret'], read: [] } });

/** The bytes of an answer, as they came. */
function bytesOf(path: string): Promise<{ headers: Record<string, unknown>; body: Buffer }> {
  return new Promise((done, failed) => {
    const asked = request({ host: '127.0.0.1', port, path }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => done({ headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    asked.on('error', failed).end();
  });
}

const linksOf = (html: string): string[] => [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link]) => link!);

for (const path of ['/', '/docs']) {
  t.test(`the page ${path}`, async (t) => {
    const { status, headers, text } = await api.absolute('GET', path);
    t.equal(status, 200);
    t.match(headers, { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff' });
    const policy = String(headers['content-security-policy']);
    t.match(policy, /^default-src 'none'; /);
    t.match(policy, /frame-ancestors 'none'/);
    t.notMatch(policy, /unsafe|https?:|\*/);
    t.notMatch(text, /<script>|\son\w+=|\sstyle=/, 'nothing that the policy forbids');
    for (const [, style] of text.matchAll(/<style>([\s\S]*?)<\/style>/g))
      t.match(policy, `'sha256-${createHash('sha256').update(style!).digest('base64')}'`);
    const links = linksOf(text);
    t.ok(links.length >= 4);
    for (const link of links) {
      t.notMatch(link, /^\/|:/, 'relative');
      const answer = await api.absolute('GET', `/${link}`, { headers: { authorization: 'Bearer secret' } });
      t.equal(answer.status, 200, link);
    }
    t.same([(await api.absolute('HEAD', path)).text, (await api.absolute('POST', path)).status], ['', 401]);
    t.equal((await api.absolute('GET', `${path}?utm=1`)).status, 200, 'a query is ignored');
  });
}

t.test('the first page has no scripts, and says where to go on', async (t) => {
  const { text, headers } = await api.absolute('GET', '/');
  t.notMatch(text, /<script/);
  t.notMatch(headers['content-security-policy'], /script-src/);
  const links = linksOf(text);
  for (const link of ['docs', 'openapi.json', 'asyncapi.json', 'api/v1', 'api/v1/health'])
    t.ok(links.includes(link), link);
});

t.test('the icon is one', async (t) => {
  const { headers, body } = await bytesOf('/favicon.ico');
  t.equal(headers['content-type'], 'image/x-icon');
  t.same([...body.subarray(0, 6)], [0, 0, 1, 0, 1, 0]);
  t.equal(body.subarray(23, 26).toString(), 'PNG');
});

t.test('without a token the host is looked at', async (t) => {
  const { api } = await serve();
  for (const path of ['/', '/docs', '/favicon.ico', '/docs/swagger-ui.css'])
    t.equal((await api.absolute('GET', path, { headers: { host: 'evil.example' } })).status, 421, path);
});

t.test('the files of /docs come compressed, each time', async (t) => {
  for (const [name, type, content] of [
    ['swagger-ui-bundle.js', 'text/javascript', /SwaggerUIBundle/],
    ['swagger-ui.css', 'text/css', /\.swagger-ui/],
    ['docs-page.js', 'text/javascript', /openapi\.json/],
  ] as const) {
    for (const time of ['first', 'second']) {
      const { headers, body } = await bytesOf(`/docs/${name}`);
      t.match(
        headers,
        { 'content-type': `${type}; charset=utf-8`, 'content-encoding': 'gzip' },
        `${name}, ${time} time`,
      );
      t.match(gunzipSync(body).toString(), content);
    }
  }
});

/** Runs the script of `/docs` in a page at `url`, with a server that answers `status`. */
async function runScript(url: string, status: number): Promise<{ asked: string[]; shown: unknown[]; text: string }> {
  const script = gunzipSync((await bytesOf('/docs/docs-page.js')).body).toString();
  const { text } = await api.absolute('GET', '/openapi.json');
  const element = { textContent: '' };
  const [asked, shown]: [string[], unknown[]] = [[], []];
  const page = { baseURI: url, querySelector: () => element };
  const fetch = async (target: URL): Promise<Response> => {
    asked.push(target.href);
    return new Response(text, { status });
  };
  const run = new Function('document', 'fetch', 'SwaggerUIBundle', `return (async () => {${script}})()`);
  await run(page, fetch, (options: unknown) => shown.push(options));
  return { asked, shown, text: element.textContent };
}

t.test('the page /docs asks the server that it came from, also below a path', async (t) => {
  for (const [url, root] of [
    ['http://localhost:8080/docs', 'http://localhost:8080'],
    ['https://example.com/tools/jobs/docs', 'https://example.com/tools/jobs'],
  ] as const) {
    const { asked, shown } = await runScript(url, 200);
    t.same(asked, [`${root}/openapi.json`]);
    const [{ spec, validatorUrl }] = shown as [
      { spec: { servers: unknown; paths: Record<string, { servers?: unknown }> }; validatorUrl: unknown },
    ];
    t.same(spec.servers, [{ url: `${root}/api/v1` }]);
    t.same(spec.paths['/api/v1']?.servers, [{ url: `${root}/` }]);
    t.equal(validatorUrl, null, 'nobody else is asked');
  }
});

t.test('it says what is wrong when the server does not answer well', async (t) => {
  const { shown, text } = await runScript('http://localhost:8080/docs', 503);
  t.same(shown, []);
  t.match(text, /answered 503.*Load this page again/);
});
