/** The dashboard as it is served, and the two routes that are there for it: history and system. */
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import t from 'tap';
import { dashboardRoutes } from '../../src/server/pages/dashboard.js';
import { latenessBounds } from '../../src/telemetry/counts.js';
import { exampleNow, serve } from './fixture.js';

const pages = dashboardRoutes();
const { api, port } = await serve({ tokens: { full: ['secret'], read: ['look'] } }, { pages });

function bytesOf(
  path: string,
  accepts?: string,
): Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }> {
  return new Promise((done, failed) => {
    const headers = accepts === undefined ? {} : { 'accept-encoding': accepts };
    const asked = request({ host: '127.0.0.1', port, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        done({ status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on('error', failed).end();
  });
}

t.test('the build has made it', async (t) => {
  t.ok(pages);
});

t.test('the page loads files of its own alone, by relative addresses, without a token', async (t) => {
  const { status, headers, body } = await bytesOf('/');
  t.equal(status, 200);
  t.match(headers, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  const policy = String(headers['content-security-policy']);
  t.match(policy, /^default-src 'self'; /);
  t.notMatch(policy, /unsafe|https?:|\*|data:/);
  const html = body.toString();
  t.notMatch(html, /<style|\son\w+=|\sstyle=|<script>/);
  const links = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link]) => link!);
  t.ok(links.length >= 4);
  for (const link of links) {
    t.notMatch(link, /^\/|:/, 'relative');
    t.equal((await api.absolute('GET', `/${link}`, { headers: { authorization: 'Bearer secret' } })).status, 200, link);
  }
});

t.test('its files come compressed as the client likes, and may be kept', async (t) => {
  const html = (await bytesOf('/')).body.toString();
  const files = [...html.matchAll(/dashboard\/[\w.-]+/g)].map(([file]) => `/${file}`);
  t.equal(files.length, 2);
  for (const file of files) {
    const plain = await bytesOf(file);
    t.match(file, /-[A-Z0-9]{8}\.(js|css)$/, 'named after what is in it');
    t.match(plain.headers, { 'cache-control': 'public, max-age=31536000, immutable', vary: 'Accept-Encoding' });
    t.equal(plain.headers['content-encoding'], undefined);
    const gzip = await bytesOf(file, 'gzip, deflate');
    t.equal(gzip.headers['content-encoding'], 'gzip');
    t.ok(gunzipSync(gzip.body).equals(plain.body));
    const brotli = await bytesOf(file, 'gzip, deflate, br');
    t.equal(brotli.headers['content-encoding'], 'br');
    t.ok(brotliDecompressSync(brotli.body).equals(plain.body));
    t.equal((await bytesOf(file, 'br;q=0, gzip;q=0.5')).headers['content-encoding'], 'gzip');
  }
  t.equal((await bytesOf('/dashboard/none.js')).status, 404);
  t.equal((await bytesOf('/dashboard/..%2f..%2fpackage.json')).status, 404);
});

t.test('its screens lie behind the #: no path of theirs is one of the server', async (t) => {
  t.equal((await api.absolute('GET', '/jobs', { headers: { authorization: 'Bearer secret' } })).status, 404);
});

t.test('GET /history', async (t) => {
  const point = { created: 3, started: 2, succeeded: 1, failed: 1, pending: 5, running: 0 };
  const lateness = new Array<number>(latenessBounds.length + 1).fill(0);
  const asked: unknown[] = [];
  const { api, server } = await serve(
    {},
    {
      history: (...question) => {
        asked.push(question);
        return [
          { ...point, at: exampleNow, lateness },
          { ...point, at: exampleNow + 10_000, lateness: lateness.map((_, at) => (at === 0 ? 10 : 0)) },
        ];
      },
    },
  );
  t.teardown(() => server.close());
  const { status, body } = await api.get('/history');
  t.equal(status, 200);
  t.same(body, {
    step: '10s',
    items: [
      { at: '2024-01-02T15:20:00+08:00', ...point, lateness_p50_ms: null, lateness_p99_ms: null },
      { at: '2024-01-02T15:20:10+08:00', ...point, lateness_p50_ms: 0.05, lateness_p99_ms: 0.099 },
    ],
  });
  await api.get('/history?step=5m&from=2024-01-02T00:00:00Z&to=2024-01-03T00:00:00Z');
  t.same(asked, [
    ['10s', Number.NEGATIVE_INFINITY, exampleNow],
    ['5m', Date.UTC(2024, 0, 2), Date.UTC(2024, 0, 3)],
  ]);
  const refused = await api.get('/history?step=1h&from=yesterday&until=now');
  t.equal(refused.status, 400);
  t.same((refused.body as { errors: { path: string }[] }).errors.map(({ path }) => path).sort(), [
    'query.from',
    'query.step',
    'query.until',
  ]);
});

t.test('GET /system shows paths to those alone who may know them', async (t) => {
  const system = (trusted: boolean) => ({
    version: 'v1.0.0',
    node: 'v20.20.0',
    started_at: '2024-01-02T15:20:00+08:00',
    threads: {},
    store: {},
    events: {},
    http: {},
    options: { trusted },
  });
  const trusted = async (settings: object, token?: string) => {
    const { api, server } = await serve(settings, { system });
    const { status, body } = await api.absolute('GET', '/api/v1/system', {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    await server.close();
    return status === 200 ? (body as { options: { trusted: boolean } }).options.trusted : status;
  };
  const tokens = { full: ['secret'], read: ['look'] };
  t.equal(await trusted({}), true, 'no tokens: callers are on this machine');
  t.equal(await trusted({ allowedHosts: ['jobs.example'] }), false, 'a proxy lets others in');
  t.equal(await trusted({ tokens }, 'secret'), true);
  t.equal(await trusted({ tokens }, 'look'), false);
  t.equal(await trusted({ tokens }), 401);
});
