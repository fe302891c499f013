/** The spans that are made of what is told, with the real SDK: their traces, parents, links and attributes. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import t from 'tap';
import { around } from '../../src/telemetry/traces/around.js';
import type { TracedAttempt, TracedRequest, Traces } from '../../src/telemetry/traces/port.js';
import { loadThreadTraces, loadTraces } from '../../src/telemetry/traces/sdk.js';

const exporter = new InMemorySpanExporter();
let traces: Traces;

t.before(async () => {
  t.equal(await loadTraces('1.2.3'), undefined, 'without an SDK there is nothing to call');
  t.equal(await loadThreadTraces(), undefined);
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
  traces = (await loadTraces('1.2.3')) as Traces;
  t.ok(await loadThreadTraces());
});

const seen = new Set<string>();
t.beforeEach(() => exporter.reset());
t.afterEach(() => ended().forEach(({ attributes }) => Object.keys(attributes).forEach((name) => seen.add(name))));

const ended = () => exporter.getFinishedSpans();

const client = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

function request(headers: Record<string, string> = {}, more: Partial<TracedRequest> = {}): TracedRequest {
  const header = (name: string) => headers[name] ?? '';
  return { route: '/api/v1/jobs/:id', method: 'get', path: '/api/v1/jobs/job_1', secure: true, header, ...more };
}

function attempt(more: Partial<TracedAttempt> = {}): TracedAttempt {
  const made = { jobSeq: 1, fence: 1, jobId: 'job_1', name: 'greet', attempt: 2, latenessMs: 3 };
  return { ...made, repeats: false, created: undefined, ...more };
}

t.test('a request is in the trace of its client', async (t) => {
  const traceparent = `00-${client.traceId}-${client.spanId}-01`;
  const span = traces.request(
    request({ traceparent, tracestate: 'a=1,b=2', host: '[::1]:8080', 'user-agent': 'test/1' }),
  );
  t.match(span.context, { traceId: client.traceId, flags: 1, state: 'a=1,b=2' });
  span.answered(404);
  const [made] = ended();
  t.match(made, {
    name: 'GET /api/v1/jobs/:id',
    kind: SpanKind.SERVER,
    parentSpanContext: { spanId: client.spanId, isRemote: true },
    status: { code: SpanStatusCode.UNSET },
    instrumentationScope: { name: 'escapement', version: '1.2.3' },
  });
  t.same(made?.attributes, {
    'http.request.method': 'GET',
    'url.path': '/api/v1/jobs/job_1',
    'url.scheme': 'https',
    'http.route': '/api/v1/jobs/:id',
    'server.address': '[::1]',
    'server.port': 8080,
    'user_agent.original': 'test/1',
    'http.response.status_code': 404,
  });
});

t.test('what is no traceparent is ignored', async (t) => {
  for (const traceparent of ['', 'x', `00-${'0'.repeat(32)}-${client.spanId}-01`, `ff-${client.traceId}-x-01`]) {
    const span = traces.request(request({ traceparent }));
    t.ok(span.context);
    t.not(span.context?.traceId, client.traceId);
    span.answered(200);
  }
  t.ok(ended().every(({ parentSpanContext }) => parentSpanContext === undefined));
});

t.test('a request whose client has gone, one that failed here, one of a strange method', async (t) => {
  traces.request(request()).aborted();
  traces.request(request()).answered(503);
  traces.request(request({}, { method: 'brew', route: '/*', path: '/pot' })).answered(404);
  const [aborted, failed, strange] = ended();
  t.match(aborted, { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'aborted' } });
  t.match(failed, { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': '503' } });
  t.match(strange, {
    name: 'HTTP',
    attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'brew' },
  });
  t.equal(strange?.attributes['http.route'], undefined);
});

t.test('a span that an instrumentation of HTTP has made is the parent', async (t) => {
  const outer = trace.getTracer('http').startSpan('outer') as Span;
  context.with(trace.setSpan(context.active(), outer), () => traces.request(request()).answered(200));
  t.equal(ended()[0]?.parentSpanContext?.spanId, outer.spanContext().spanId);
});

t.test('a commit of one request is in its trace; of several it is linked to each', async (t) => {
  const one = { ...client, flags: 1 };
  const two = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), flags: 1, state: 'a=1' };
  traces.commit({ jobs: 1, events: 2, requested: 1, requests: [one] }).written();
  traces.commit({ jobs: 3, events: 4, requested: 300, requests: [one, two] }).refused();
  traces.commit({ jobs: 1, events: 1, requested: 0, requests: [] }).written();
  const [alone, many, none] = ended();
  t.match(alone, { name: 'commit', kind: SpanKind.INTERNAL, parentSpanContext: { spanId: client.spanId } });
  t.match(alone?.links, [{ context: client }]);
  t.equal(many?.parentSpanContext, undefined);
  t.same(
    many?.links.map((link) => [link.context.spanId, link.context.traceState?.serialize()]),
    [
      [one.spanId, undefined],
      [two.spanId, 'a=1'],
    ],
  );
  t.match(many, {
    status: { code: SpanStatusCode.ERROR },
    attributes: {
      'error.type': 'storage_unavailable',
      'escapement.commit.jobs': 3,
      'escapement.commit.events': 4,
      'escapement.commit.requests': 300,
    },
  });
  t.same(none?.links, []);
});

t.test('an attempt is in the trace of the request that made its job, unless that repeats', async (t) => {
  const created = { ...client, flags: 1, state: 'a=1' };
  const place = traces.attemptStarted(attempt({ created }));
  t.match(place, { traceId: client.traceId, state: 'a=1' });
  t.same(traces.attemptEnded({ jobSeq: 1, fence: 1, kind: 'succeeded' }), place);
  traces.attemptStarted(attempt({ created, repeats: true }));
  const error = { code: 'timeout', name: 'TimeoutError', message: 'too long' };
  traces.attemptEnded({ jobSeq: 1, fence: 1, kind: 'failed', ...error });
  const [child, root] = ended();
  t.match(child, { name: 'process greet', kind: SpanKind.CONSUMER, parentSpanContext: client });
  t.same(child?.attributes, {
    'messaging.system': 'escapement',
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'process',
    'messaging.destination.name': 'greet',
    'messaging.message.id': 'job_1',
    'escapement.attempt': 2,
    'escapement.lateness_ms': 3,
    'escapement.outcome': 'succeeded',
  });
  t.equal(root?.parentSpanContext, undefined);
  t.match(root, {
    status: { code: SpanStatusCode.ERROR, message: 'too long' },
    attributes: { 'error.type': 'timeout', 'escapement.outcome': 'failed' },
    events: [{ name: 'exception', attributes: { 'exception.type': 'TimeoutError', 'exception.message': 'too long' } }],
  });
  for (const span of [child, root]) t.match(span?.links, [{ context: client }]);
});

t.test('an outcome of another attempt ends nothing', async (t) => {
  traces.attemptStarted(attempt({ fence: 7 }));
  t.equal(traces.attemptEnded({ jobSeq: 1, fence: 6, kind: 'succeeded' }), undefined);
  t.equal(traces.attemptEnded({ jobSeq: 2, fence: 7, kind: 'succeeded' }), undefined);
  t.same(ended(), []);
  t.ok(traces.attemptEnded({ jobSeq: 1, fence: 7, kind: 'interrupted' }));
  t.match(ended(), [{ status: { code: SpanStatusCode.UNSET }, attributes: { 'escapement.outcome': 'interrupted' } }]);
});

t.test('what runs within a place is in its trace, also when it has waited', async (t) => {
  await around({ ...client, flags: 1, state: 'a=1' }, async () => {
    await new Promise(setImmediate);
    const headers: Record<string, string> = {};
    propagation.inject(context.active(), headers);
    t.same(headers, { traceparent: `00-${client.traceId}-${client.spanId}-01`, tracestate: 'a=1' });
  });
  t.equal(trace.getSpan(context.active()), undefined);
});

t.test('of a long tracestate no more than must be is kept, and where the SDK makes no ids nothing is', async (t) => {
  const traceparent = `00-${client.traceId}-${client.spanId}-01`;
  const many = Array.from({ length: 30 }, (_, index) => `vendor${index}=${'x'.repeat(20)}`).join(',');
  const { state = '' } = traces.request(request({ traceparent, tracestate: many })).context ?? {};
  t.ok(state.length <= 512);
  context.with(suppressTracing(context.active()), () => t.equal(traces.request(request()).context, undefined));
});

t.test('a flush that the SDK cannot do is over all the same', async () => {
  exporter.forceFlush = () => Promise.reject(new Error('no collector'));
  await traces.flush();
});

t.test('without an SDK the package is not even loaded', async (t) => {
  const modules = new URL('../../src/', import.meta.url);
  const script = `
    import { createRequire } from 'node:module';
    for (const file of ['startup.js', 'server/server.js', 'pool/worker/entry.js']) await import(new URL(file, '${modules}'));
    const { loadTraces, loadThreadTraces } = await import(new URL('telemetry/traces/sdk.js', '${modules}'));
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('@opentelemetry'));
    const found = [await loadTraces('1'), await loadThreadTraces()];
    const before = loaded();
    globalThis[Symbol.for('opentelemetry.js.api.1')] = { version: '1.9.1', trace: { getTracer: () => ({}) }, context: {} };
    console.log(...found, before, typeof (await loadTraces('1')), loaded());
    process.exit();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  t.equal(stdout.trim(), 'undefined undefined false object true', stderr);
});

t.test('the document has all attributes, and no others', async (t) => {
  const text = readFileSync(new URL('../../../docs/traces.md', import.meta.url), 'utf8');
  const table = text.slice(text.indexOf('### Attributes'), text.indexOf('## Sampling'));
  const rows = table.split('\n').filter((line) => line.startsWith('|'));
  const written = rows.flatMap((line) =>
    [...(line.split('|')[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  t.same(written.sort(), [...seen].sort());
});
