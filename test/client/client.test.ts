/** The client against the real server: what it sends, what comes back, and what it does when that does not come. */
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import t from 'tap';
import { Escapement, EscapementError, type ListedJob } from '../../src/client/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(120_000);
const server = await startServer();
const url = `http://127.0.0.1:${server.port}`;
const client = new Escapement({ url });

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What stands between client and server: passes requests on, after `before` has seen, and perhaps answered or cut, them. */
async function between(
  before: (
    seen: Seen,
    n: number,
  ) => 'pass' | 'cut' | 'cutAfter' | { status: number; headers?: Record<string, string>; body?: string },
): Promise<{ url: string; seen: Seen[]; close: () => void }> {
  const seen: Seen[] = [];
  const proxy: HttpServer = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = {
      method: request.method as string,
      path: request.url as string,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    const how = before(one, seen.push(one));
    if (how === 'cut') return void request.socket.destroy();
    if (typeof how === 'object') {
      response.writeHead(how.status, { 'content-type': 'application/problem+json', ...how.headers });
      return void response.end(how.body ?? '{}');
    }
    const headers = Object.fromEntries(
      ['content-type', 'prefer', 'idempotency-key', 'authorization'].flatMap((name) =>
        request.headers[name] === undefined ? [] : [[name, request.headers[name] as string]],
      ),
    );
    const body = one.body === '' ? {} : { body: one.body };
    const answer = await fetch(url + one.path, { method: one.method, headers, ...body });
    const text = await answer.text();
    if (how === 'cutAfter') return void request.socket.destroy();
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(text);
  });
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  t.teardown(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, close: () => proxy.close() };
}

const total = async (): Promise<number> =>
  ((await (await fetch(`${url}/api/v1/jobs?limit=1`)).json()) as { total: number }).total;

t.test('a job is made, shown, changed, cancelled; numbers are milliseconds and dates are instants', async (t) => {
  const made = await client.jobs.create({ name: 'noop', delay: 3_600_000, retry_delay: 5000, payload: { n: 1 } });
  t.match(made, { name: 'noop', status: 'pending', next_run_in: '1h0m0s', retry_delay: '5s' });
  const at = new Date(Date.now() + 7_200_000);
  const changed = await client.jobs.update(made.id, { trigger_at: at, payload: { n: 2 } });
  t.equal(Date.parse(changed.trigger_at), at.getTime());
  t.match(await client.jobs.get(made.id), { payload: { n: 2 } });
  t.match(await client.jobs.cancel(made.id), { status: 'cancelled' });
  await t.rejects(client.jobs.update(made.id, { delay: '1h' }), {
    name: 'EscapementError',
    code: 'conflict',
    status: 409,
  });
  await t.rejects(client.jobs.get('job_1_00000000'), { code: 'not_found', status: 404 });
  await t.rejects(client.jobs.create({ name: 'noop', delay: 'soon' }), {
    code: 'validation_failed',
    status: 400,
    errors: [{ path: '/delay' }],
  });
  const many = await client.jobs.createMany([1, 2, 3].map((n) => ({ name: 'noop', delay: '1h', payload: { n } })));
  t.equal(many.length, 3);
  t.ok((await client.types.list()).some(({ name }) => name === 'noop'));
  t.ok((await client.stats()).pending >= 3);
});

t.test('jobs, types and the server are paused and resumed; jobs are run now and removed', async (t) => {
  const { id } = await client.jobs.create({ name: 'noop', delay: '1h' });
  const until = new Date(Date.now() + 3_600_000);
  const paused = await client.jobs.pause(id, { until, reason: 'why' });
  t.match(paused, { paused: true, pause_reason: 'why' });
  t.equal(Date.parse(paused.paused_until as string), until.getTime());
  t.notOk('paused_until' in (await client.jobs.pause(id, { until: null })));
  t.match(await client.types.pause('noop', { reason: 'because' }), { paused: true, pause_reason: 'because' });
  t.match(await client.pause(), { paused: true, since: String });
  t.match(await client.jobs.run(id), { waiting_for: 'type_paused' });
  t.match(await client.types.resume('noop'), { name: 'noop' });
  t.match(await client.jobs.get(id), { waiting_for: 'server_paused' });
  t.same(await client.resume(), { paused: false });
  await client.jobs.wait(id);
  t.match(await client.jobs.remove(id), { id, status: 'success' });
  await t.rejects(client.jobs.resume(id), { code: 'not_found' });
  t.match(await client.types.get('noop'), { name: 'noop', max_retries: 3 });
  await t.rejects(client.types.get('nope/x'), { code: 'not_found' });
});

t.test('what a job comes to', async (t) => {
  const ok = await client.jobs.create({ name: 'noop', delay: 0 });
  t.match(await client.jobs.wait(ok.id, { timeout: 20_000 }), { status: 'success' });
  const bad = await client.jobs.create({ name: 'fail', delay: 0, max_retries: 0 });
  t.match(await client.jobs.wait(bad.id), { status: 'failed', last_error: { code: 'handler_error' } });
  t.match(await client.jobs.retry(bad.id), { status: 'pending' });
  const later = await client.jobs.create({ name: 'noop', delay: '1h' });
  await t.rejects(client.jobs.wait(later.id, { timeout: 60 }), {
    code: 'wait_timeout',
    message: /is pending after 60 ms/,
  });
  const stop = new AbortController();
  const waiting = client.jobs.wait(later.id, { signal: stop.signal });
  stop.abort(new Error('enough'));
  await t.rejects(waiting, { message: 'enough' });
});

t.test('lists go on over pages, as far as they are asked for', async (t) => {
  await client.jobs.createMany(Array.from({ length: 230 }, () => ({ name: 'fail', delay: '1h' })));
  const { url: by, seen } = await between(() => 'pass');
  const ids = new Set<string>();
  for await (const { id } of new Escapement({ url: by }).jobs.list({ name: 'fail', status: 'pending' })) ids.add(id);
  t.equal(ids.size, 230);
  t.equal(seen.length, 3);
  for await (const _ of new Escapement({ url: by }).jobs.list()) break;
  t.equal(seen.length, 4, 'no page that nobody wants');
});

t.test('creations travel together, in order, one batch at a time', async (t) => {
  const { url: by, seen } = await between(() => 'pass');
  const some = new Escapement({ url: by });
  const jobs = await Promise.all(
    Array.from({ length: 2500 }, (_, n) => some.jobs.create({ name: 'noop', delay: '1h', payload: { n } })),
  );
  t.same(
    seen.map(({ body }) => (JSON.parse(body) as unknown[]).length),
    [1000, 1000, 500],
  );
  t.ok(seen.every(({ headers }) => headers.prefer === 'handling=lenient'));
  t.match(await client.jobs.get((jobs[1234] as ListedJob).id), { payload: { n: 1234 } });
  const large = Array.from({ length: 6 }, () =>
    some.jobs.create({ name: 'noop', delay: '1h', payload: { text: 'x'.repeat(200_000) } }),
  );
  await Promise.all(large);
  t.ok(seen.length > 4, 'not more than a mebibyte at once');
  t.ok(seen.every(({ body }) => body.length <= 1024 * 1024 + 2));
  const mixed = await Promise.allSettled(
    ['1h', 'soon', '2h'].map((delay) => some.jobs.create({ name: 'noop', delay })),
  );
  t.same(
    mixed.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
    'each ends by its own item',
  );
});

t.test('several batches may be under way, among which those who wait are divided', async (t) => {
  const { url: by, seen } = await between(() => 'pass');
  const sizes = (): number[] => seen.map(({ body }) => (JSON.parse(body) as unknown[]).length).sort((a, b) => b - a);
  const some = new Escapement({ url: by, batchConcurrency: 3 });
  const create = (n: number): Promise<ListedJob> => some.jobs.create({ name: 'noop', delay: '1h', payload: { n } });
  const jobs = await Promise.all(Array.from({ length: 300 }, (_, n) => create(n)));
  t.same(sizes(), [100, 100, 100]);
  t.match(await client.jobs.get((jobs[123] as ListedJob).id), { payload: { n: 123 } });
  seen.length = 0;
  await Promise.all(Array.from({ length: 70 }, (_, n) => create(n)));
  t.same(sizes(), [64, 6], 'few are not divided');
  seen.length = 0;
  await Promise.all(Array.from({ length: 3500 }, (_, n) => create(n)));
  t.equal(
    sizes().reduce((sum, size) => sum + size, 0),
    3500,
  );
  t.ok(sizes().every((size) => size <= 1000));
  for (const batchConcurrency of [0, 1.5, Number.NaN])
    t.throws(() => new Escapement({ url: by, batchConcurrency }), {
      message: `batchConcurrency is ${batchConcurrency}: it must be a whole number, at least 1`,
    });
});

t.test('without batches each creation is a request with a key', async (t) => {
  const { url: by, seen } = await between(() => 'pass');
  const single = new Escapement({ url: by, batch: false });
  await Promise.all([1, 2, 3].map(() => single.jobs.create({ name: 'noop', delay: '1h' })));
  t.equal(new Set(seen.map(({ headers }) => headers['idempotency-key'])).size, 3);
  t.ok(seen.every(({ path }) => path === '/api/v1/jobs'));
  const own = { idempotencyKey: 'order-A-1' };
  const first = await single.jobs.create({ name: 'noop', delay: '1h' }, own);
  t.equal(
    (await client.jobs.create({ name: 'noop', delay: '1h' }, own)).id,
    first.id,
    'a key of ones own, batched or not',
  );
});

t.test('a signal takes back what was not sent', async (t) => {
  const { url: by, seen } = await between(() => 'pass');
  const some = new Escapement({ url: by });
  const stop = new AbortController();
  const before = await total();
  const kept = some.jobs.create({ name: 'noop', delay: '1h' });
  const gone = some.jobs.create({ name: 'noop', delay: '1h' }, { signal: stop.signal });
  stop.abort(new Error('changed my mind'));
  await t.rejects(gone, { message: 'changed my mind' });
  await kept;
  t.equal(await total(), before + 1);
  t.equal(seen.length, 1);
  await t.rejects(
    some.jobs.create({ name: 'noop', delay: '1h' }, { signal: AbortSignal.abort(new Error('at once')) }),
    {
      message: 'at once',
    },
  );
});

t.test('what has no answer is sent again, and made once', async (t) => {
  const before = await total();
  const { url: by, seen } = await between((_, n) => (n === 1 ? 'cut' : n === 2 ? 'cutAfter' : 'pass'));
  const job = await new Escapement({ url: by }).jobs.create({ name: 'noop', delay: '1h' });
  t.equal(seen.length, 3);
  t.match(await client.jobs.get(job.id), { status: 'pending' });
  t.equal(await total(), before + 1, 'the second was carried out, and the third knew its key');
});

t.test('a 503 is waited out as long as it says; others, and what has no key, are not repeated', async (t) => {
  const busy = { status: 503, headers: { 'retry-after': '1' }, body: '{"code":"overloaded","detail":"Later."}' };
  const { url: by, seen } = await between((_, n) => (n === 1 ? busy : 'pass'));
  const begun = Date.now();
  await new Escapement({ url: by }).stats();
  t.equal(seen.length, 2);
  t.ok(Date.now() - begun >= 990, 'Retry-After');
  const always = await between(() => busy);
  const impatient = new Escapement({ url: always.url, retryFor: 0 });
  await t.rejects(impatient.stats(), { code: 'overloaded', status: 503, message: 'Later.' });
  t.equal(always.seen.length, 1);
  const patient = new Escapement({ url: always.url });
  await t.rejects(patient.jobs.createMany([{ name: 'noop', delay: '1h' }]), { code: 'overloaded' });
  await t.rejects(patient.jobs.cancel('job_1_00000000'), { code: 'overloaded' });
  t.equal(always.seen.length, 3, 'neither is repeated');
});

t.test('nobody there, or somebody else', async (t) => {
  const nobody = new Escapement({ url: 'http://127.0.0.1:1', retryFor: 0 });
  await t.rejects(nobody.stats(), {
    name: 'EscapementError',
    code: 'unreachable',
    status: 0,
    message: /ECONNREFUSED|bad port/,
  });
  const other = await between(() => ({ status: 404, body: '<html>' }));
  await t.rejects(new Escapement({ url: other.url }).stats(), { code: 'unexpected_answer', status: 404 });
  t.ok(new EscapementError('code', 'message') instanceof Error);
});

t.test('a token goes along; a url may end in a slash', async (t) => {
  const { url: by, seen } = await between(() => 'pass');
  await new Escapement({ url: `${by}/`, token: 'secret' }).stats();
  t.match(seen[0], { path: '/api/v1/stats', headers: { authorization: 'Bearer secret' } });
});

t.test('all of it is at most 10 KB, gzipped', async (t) => {
  const entry = fileURLToPath(new URL('../../../dist/src/client/client.js', import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  const bytes = gzipSync(outputFiles[0]!.contents).length;
  t.ok(bytes <= 10_240, `${bytes} bytes`);
  t.comment(`${bytes} bytes`);
});
