/**
 * Traces: one from the client's request through the commit to the attempt and to what the attempt calls, also when the server was
 * killed in between. The SDK is the real one, loaded as users load it.
 */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SpanContext, SpanStatus } from '@opentelemetry/api';
import t from 'tap';
import { type Server, startServer, temporary } from '../support/server.js';
import { onlyAlone } from '../support/shards.js';
import { testedNodes } from '../support/tested-nodes.js';
import { Subscriber } from '../support/ws.js';

const preload = fileURLToPath(new URL('../../../test/support/tracing.mjs', import.meta.url));
const api = JSON.stringify(import.meta.resolve('@opentelemetry/api'));

const kinds = { internal: 0, server: 1, consumer: 4 };
const statuses = { unset: 0, error: 2 };

/** A span as `tracing.mjs` writes it. */
interface SpanLine {
  readonly threadId: number;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent?: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly links: readonly SpanContext[];
  readonly status: SpanStatus;
}

/** Calls what its payload names, within a span of its own. */
const caller = `
  import { context, propagation, trace } from ${api};
  export default async ({ url }, ctx) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    ctx.log.info('about to call');
    return trace.getTracer('test').startActiveSpan('call', async (span) => {
      const headers = {};
      propagation.inject(context.active(), headers);
      await (await fetch(url, { headers })).text();
      span.end();
    });
  };`;

/** A file of spans, and what the environment has to have for it. */
function spansFile() {
  const file = join(temporary('spans'), 'spans');
  const read = (): SpanLine[] => {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as SpanLine]));
  };
  return {
    /** Those that there are now. */
    all: read,
    env: { NODE_OPTIONS: `--import ${preload}`, TEST_SPANS: file },
    /** Waits until so many spans have this name. */
    async named(name: string, count = 1): Promise<SpanLine[]> {
      for (;;) {
        const found = read().filter((span) => span.name === name);
        if (found.length >= count) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

const json = { 'Content-Type': 'application/json' };
const client = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const traceparent = `00-${client.traceId}-${client.spanId}-01`;

interface Created {
  readonly id: string;
}

async function create(url: string, job: object, headers: Record<string, string> = {}): Promise<Created> {
  const body = JSON.stringify(job);
  const answer = await fetch(`${url}/jobs`, { method: 'POST', headers: { ...json, ...headers }, body });
  t.equal(answer.status, 201);
  return (await answer.json()) as Created;
}

/** The first line of the log with this message. */
function logged(server: Server, message: string): unknown {
  const lines = server.output().split('\n');
  return JSON.parse(lines.find((line) => line.includes(`"msg":"${message}"`)) ?? '{}');
}

t.test(
  'one trace from the request to what the handler calls, across a SIGKILL',
  onlyAlone('one span for each request'),
  async (t) => {
    const heard: (string | undefined)[] = [];
    const called = createServer(({ headers }, response) => {
      heard.push(headers.traceparent as string | undefined);
      response.end();
    }).listen(0, '127.0.0.1');
    t.teardown(() => called.close());
    await once(called, 'listening');
    const url = `http://127.0.0.1:${(called.address() as AddressInfo).port}`;
    const spans = spansFile();
    const server = await startServer({ handlers: { caller }, env: spans.env });

    const job = await create(
      server.api,
      { name: 'caller', delay: '1h', payload: { url } },
      { traceparent, tracestate: 'vendor=1' },
    );
    const [request] = await spans.named('POST /api/v1/jobs');
    t.match(request, {
      kind: kinds.server,
      ...{ traceId: client.traceId, parent: client.spanId },
      status: { code: statuses.unset },
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/api/v1/jobs',
        'http.response.status_code': 201,
        'url.path': '/api/v1/jobs',
        'url.scheme': 'http',
        'server.address': '127.0.0.1',
        'server.port': server.port,
      },
    });
    const commits = await spans.named('commit');
    const commit = commits.find(({ links }) => links.length > 0);
    t.match(commit, {
      kind: kinds.internal,
      traceId: client.traceId,
      parent: request?.spanId,
      links: [{ spanId: request?.spanId }],
      attributes: { 'escapement.commit.jobs': 1, 'escapement.commit.requests': 1 },
    });

    await server.kill();
    await server.restart();
    const moved = await fetch(`${server.api}/jobs/${job.id}`, {
      method: 'PUT',
      headers: json,
      body: '{"delay": "0s"}',
    });
    t.equal(moved.status, 200);

    const [attempt] = await spans.named('process caller');
    t.match(attempt, {
      kind: kinds.consumer,
      ...{ traceId: client.traceId, parent: request?.spanId },
      links: [{ traceId: client.traceId, spanId: request?.spanId }],
      status: { code: statuses.unset },
      attributes: {
        'messaging.system': 'escapement',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'caller',
        'messaging.message.id': job.id,
        'escapement.attempt': 1,
        'escapement.outcome': 'succeeded',
      },
    });
    const [call] = await spans.named('call');
    t.match(call, { traceId: client.traceId, parent: attempt?.spanId });
    t.ok((call?.threadId as number) > 0, 'in a worker thread');
    t.same(heard, [`00-${client.traceId}-${call?.spanId}-01`], 'what it calls is told');
    t.equal(await server.stop(), 0);
    t.match(logged(server, 'about to call'), { jobId: job.id, trace_id: client.traceId, span_id: attempt?.spanId });
  },
);

t.test('attempts of a job that repeats begin a trace each, linked to the request', async (t) => {
  const spans = spansFile();
  const server = await startServer({ env: spans.env });
  const job = await create(server.api, { name: 'noop', delay: '10ms', is_repeat: true }, { traceparent });
  const [request] = await spans.named('POST /api/v1/jobs');
  const attempts = (await spans.named('process noop', 2)).slice(0, 2);
  const traces = new Set([client.traceId, ...attempts.map(({ traceId }) => traceId)]);
  t.equal(traces.size, 3);
  for (const { parent, links, attributes } of attempts) {
    t.equal(parent, undefined);
    t.match(links, [{ traceId: client.traceId, spanId: request?.spanId }]);
    t.equal(attributes['messaging.message.id'], job.id);
  }
  t.equal(await server.stop(), 0);
});

t.test(
  'a failure, a handler that ends its thread, a malformed traceparent, a path that is not there, a WebSocket',
  async (t) => {
    const spans = spansFile();
    const server = await startServer({ env: spans.env });
    const malformed = `00-${client.traceId}-xyz-01`;
    await create(server.api, { name: 'fail', delay: '0s', max_retries: 0 }, { traceparent: malformed });
    const [request] = await spans.named('POST /api/v1/jobs');
    t.not(request?.traceId, client.traceId);
    t.equal(request?.parent, undefined);
    const [failed] = await spans.named('process fail');
    t.match(failed, {
      traceId: request?.traceId,
      status: { code: statuses.error, message: /./ },
      attributes: { 'error.type': 'handler_error', 'escapement.outcome': 'failed' },
    });

    await create(server.api, { name: 'exit', delay: '0s', max_retries: 0 });
    const [lost] = await spans.named('process exit');
    t.match(lost, { status: { code: statuses.error }, attributes: { 'error.type': 'worker_lost' } });

    await fetch(`${server.url}/nowhere`);
    const [unknown] = await spans.named('GET');
    t.match(unknown?.attributes, { 'url.path': '/nowhere', 'http.response.status_code': 404 });
    t.equal(unknown?.attributes['http.route'], undefined);

    const feed = await Subscriber.to(server);
    const [upgrade] = await spans.named('GET /ws');
    t.equal(upgrade?.attributes['http.response.status_code'], 101);
    await feed.close();
    t.equal(await server.stop(), 0);
    const places = { trace_id: failed?.traceId, span_id: failed?.spanId };
    t.match(logged(server, 'the attempt failed for good; no retry follows'), places);
  },
);

t.test('a stop sends what the SDKs of all threads have gathered; threads that run no handlers load none', async (t) => {
  const called = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  t.teardown(() => called.close());
  await once(called, 'listening');
  const url = `http://127.0.0.1:${(called.address() as AddressInfo).port}`;
  const spans = spansFile();
  const server = await startServer({
    args: ['--threads', '2'],
    handlers: { caller },
    env: { ...spans.env, TEST_SPANS_KEPT: '1' },
  });
  const { id } = await create(server.api, { name: 'caller', delay: '0s', payload: { url } });
  for (let status = ''; status !== 'success'; )
    ({ status } = (await (await fetch(`${server.api}/jobs/${id}`)).json()) as { status: string });
  t.same(
    spans.all().filter(({ name }) => name !== 'preloaded'),
    [],
    'they are kept',
  );
  t.equal(await server.stop(), 0);
  const names = new Set(spans.all().map(({ name }) => name));
  for (const name of ['POST /api/v1/jobs', 'commit', 'process caller', 'call']) t.ok(names.has(name), name);
  const processes = testedNodes ?? 1;
  const preloaded = spans.all().filter(({ name }) => name === 'preloaded').length;
  t.equal(preloaded, 3 * processes, 'the main thread and two for handlers');
});

t.test('without an SDK nothing is kept', async (t) => {
  const spans = spansFile();
  const server = await startServer({ env: { TEST_SPANS: spans.env.TEST_SPANS } });
  const { id } = await create(server.api, { name: 'noop', delay: '1h' }, { traceparent });
  await server.stop();
  const traced = await startServer({ dataDir: server.dataDir, env: spans.env });
  await fetch(`${traced.api}/jobs/${id}`, { method: 'PUT', headers: json, body: '{"delay": "0s"}' });
  const [attempt] = await spans.named('process noop');
  t.not(attempt?.traceId, client.traceId);
  t.same(attempt?.links, []);
  t.equal(await traced.stop(), 0);
});

t.test('a job that a handler enqueues is in the trace of its attempt', async (t) => {
  const spans = spansFile();
  const handlers = {
    parent: `export default (payload, ctx) => ctx.enqueue({ name: 'child', delay: '0s' });`,
    child: 'export default () => {};',
  };
  const server = await startServer({ handlers, env: spans.env });
  await create(server.api, { name: 'parent', delay: '0s' }, { traceparent });
  const [child] = await spans.named('process child');
  const [parent] = await spans.named('process parent');
  t.match(parent, { traceId: client.traceId });
  t.match(child, { traceId: client.traceId, parent: parent?.spanId });
});
