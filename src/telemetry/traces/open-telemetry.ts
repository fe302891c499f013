/**
 * Traces by OpenTelemetry, with the tracer that the user's SDK has registered. Loaded only where there is one (`sdk`).
 *
 * Which trace a span is in: a request's in that of its client. A commit's in that of its request when it carries one; with several it
 * begins a trace and is linked to them. An attempt's in that of the request that made its job, whenever it runs; attempts of a job
 * that repeats begin a trace each. Attempts are linked to that request either way.
 *
 * Attributes are those of the semantic conventions for HTTP and for messaging; what these lack begins with `escapement.`.
 */
import {
  context,
  isSpanContextValid,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { TraceContext } from '../../domain/job.js';
import { within as limited } from '../../within.js';
import { flush, spanContextOf, within } from './around.js';
import type {
  CommitSpan,
  RequestSpan,
  TracedAttempt,
  TracedCommit,
  TracedOutcome,
  TracedRequest,
  Traces,
} from './port.js';

/** How long the end of the process waits for the SDK. */
const flushLimitMs = 2000;
/** What is passed on of a `tracestate`: more need not be (W3C Trace Context, 3.3.1.5). */
const stateChars = 512;

const methods = ['get', 'head', 'post', 'put', 'delete', 'options', 'patch'];

const headers: TextMapGetter<TracedRequest> = {
  get: (request, name) => request.header(name.toLowerCase()) || undefined,
  // No propagator of the standard's asks for these.
  keys: () => [],
};

/** See the head of this file. */
export class OpenTelemetryTraces implements Traces {
  readonly #tracer: Tracer;
  /** Of attempts without an outcome, by job. */
  readonly #attempts = new Map<number, { readonly fence: number; readonly span: Span }>();

  constructor(version: string) {
    this.#tracer = trace.getTracer('escapement', version);
  }

  request(request: TracedRequest): RequestSpan {
    const { route, method, path, secure } = request;
    const isKnown = methods.includes(method);
    const shown = isKnown ? method.toUpperCase() : '_OTHER';
    const isRouted = route !== '/*';
    // An instrumentation of Node's HTTP may have made a span already.
    const active = context.active();
    const parent = trace.getSpan(active) ? active : propagation.extract(active, request, headers);
    const name = isKnown ? shown : 'HTTP';
    const span = this.#tracer.startSpan(
      isRouted ? `${name} ${route}` : name,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': shown,
          ...(!isKnown && { 'http.request.method_original': method }),
          'url.path': path,
          'url.scheme': secure ? 'https' : 'http',
          ...(isRouted && { 'http.route': route }),
          ...hostOf(request.header('host')),
          ...optional('user_agent.original', request.header('user-agent')),
        },
      },
      parent,
    );
    return new OpenRequest(span);
  }

  commit({ jobs, events, requested, requests }: TracedCommit): CommitSpan {
    const [only] = requests;
    const parent = requested === 1 && only !== undefined ? within(only) : ROOT_CONTEXT;
    const span = this.#tracer.startSpan(
      'commit',
      {
        attributes: {
          'escapement.commit.jobs': jobs,
          'escapement.commit.events': events,
          'escapement.commit.requests': requested,
        },
        links: requests.map(linkTo),
      },
      parent,
    );
    return {
      written: () => span.end(),
      refused: () => {
        span.setAttribute('error.type', 'storage_unavailable');
        span.setStatus({ code: SpanStatusCode.ERROR, message: 'the disk took no writes' });
        span.end();
      },
    };
  }

  attemptStarted(attempt: TracedAttempt): TraceContext | undefined {
    const { jobSeq, fence, jobId, name, latenessMs, repeats, created } = attempt;
    const span = this.#tracer.startSpan(
      `process ${name}`,
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          'messaging.system': 'escapement',
          'messaging.operation.type': 'process',
          'messaging.operation.name': 'process',
          'messaging.destination.name': name,
          'messaging.message.id': jobId,
          'escapement.attempt': attempt.attempt,
          'escapement.lateness_ms': latenessMs,
        },
        links: created === undefined ? [] : [linkTo(created)],
      },
      created === undefined || repeats ? ROOT_CONTEXT : within(created),
    );
    this.#attempts.set(jobSeq, { fence, span });
    return placeOf(span);
  }

  attemptEnded({ jobSeq, fence, kind, code, name, message }: TracedOutcome): TraceContext | undefined {
    const open = this.#attempts.get(jobSeq);
    if (open?.fence !== fence) return undefined;
    this.#attempts.delete(jobSeq);
    const { span } = open;
    span.setAttribute('escapement.outcome', kind);
    if (code !== undefined) span.setAttribute('error.type', code);
    if (kind === 'failed') {
      span.recordException({ name: name ?? 'Error', message: message ?? '' });
      span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
    }
    span.end();
    return placeOf(span);
  }

  async flush(): Promise<void> {
    await limited(flushLimitMs, flush());
  }
}

class OpenRequest implements RequestSpan {
  readonly context: TraceContext | undefined;
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
    this.context = placeOf(span);
  }

  answered(status: number): void {
    this.#span.setAttribute('http.response.status_code', status);
    // What the client did wrong is no error of a server (semantic conventions).
    if (status >= 500) this.#failed(String(status));
    this.#span.end();
  }

  aborted(): void {
    this.#failed('aborted');
    this.#span.end();
  }

  #failed(type: string): void {
    this.#span.setAttribute('error.type', type);
    this.#span.setStatus({ code: SpanStatusCode.ERROR });
  }
}

/** What is kept of a span; undefined for one without ids, of which an SDK that suppresses traces makes some. */
function placeOf(span: Span): TraceContext | undefined {
  const place = span.spanContext();
  if (!isSpanContextValid(place)) return undefined;
  const { traceId, spanId, traceFlags: flags, traceState } = place;
  const state = traceState?.serialize() ?? '';
  return state === '' || state.length > stateChars ? { traceId, spanId, flags } : { traceId, spanId, flags, state };
}

function linkTo(place: TraceContext): Link {
  return { context: spanContextOf(place) };
}

/** Name and port of a Host header. */
function hostOf(host: string): Record<string, string | number> {
  const { name, port } = /^(?<name>.+?)(?::(?<port>\d{1,5}))?$/.exec(host)?.groups ?? {};
  return { ...optional('server.address', name ?? ''), ...(port !== undefined && { 'server.port': Number(port) }) };
}

function optional(name: string, value: string): Record<string, string> {
  return value === '' ? {} : { [name]: value };
}
