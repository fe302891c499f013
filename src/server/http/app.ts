/**
 * What stands between the HTTP port and the routes: every request passes here first and every fault ends here. A reply that
 * is neither answered nor waited for may end the process, so no route ever sees one; it gets an `Exchange`.
 *
 * The order of a request: its head is read, the gate decides, the body is collected, the route runs, the exchange is held
 * until its answer comes. What routes throw becomes a problem document; what never answers becomes a 504.
 */

import type { Operation } from '../../api/operation.js';
import { nearestPath } from '../../api/paths.js';
import type { Clock } from '../../clock.js';
import { Refusal } from '../../domain/errors.js';
import type { Logger } from '../../log.js';
import type { Telemetry } from '../../telemetry/port.js';
import type { Traces } from '../../telemetry/traces/port.js';
import { collectBody, isNdjson, mediaRefusal } from '../bodies/body.js';
import { Exchange, type ExchangeContext, OpenExchanges } from './exchange.js';
import type { Gate } from './gate.js';
import type { HttpAdapter, HttpPort, HttpRequest, Reply, SocketBehavior } from './http-port.js';
import { RequestHead } from './request-head.js';
import { noContent } from './response-head.js';

/** What a method of a path does. */
export interface Route extends Pick<Operation, 'method' | 'path' | 'open' | 'ndjson'> {
  /**
   * Answers `exchange` now or later, or throws. `body` is there only where `maxBodyBytes` is, and only until this returns:
   * it may be the memory that the next request is read into.
   */
  run(exchange: Exchange, body: Buffer): void;
  /** The route takes a JSON body of at most this size. Without it bodies are ignored. */
  readonly maxBodyBytes?: number;
}

export interface HttpAppOptions {
  readonly http: HttpAdapter;
  readonly gate: Gate;
  readonly log: Logger;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Absent: requests are not traced. */
  readonly traces?: Traces | undefined;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** An exchange is answered with 504 after this time; whole seconds. */
  readonly answerTimeoutMs: number;
  /** Beside WebSockets and streams. One that comes beyond them is closed at once: it has not asked for anything yet. */
  readonly maxConnections: number;
}

const sweepMs = 1000;
const noBody = Buffer.alloc(0);
const astray = new Refusal('misdirected_host', 'This is not the node that is meant, or not any more.');

export class HttpApp implements ExchangeContext {
  readonly open = new OpenExchanges();
  closing = false;
  readonly #port: HttpPort;
  readonly #options: HttpAppOptions;
  readonly #head = new RequestHead();
  readonly #paths = new Map<string, Set<string>>();
  readonly #sweeper: NodeJS.Timeout;
  /** Those that are neither WebSockets nor streams. */
  #connections = 0;
  /** Closed since the last sweep as there were too many. */
  #turnedAway = 0;

  /** @throws when the certificate or its key cannot be used */
  constructor(options: HttpAppOptions) {
    this.#options = options;
    const { http, tls } = options;
    this.#port = http.open({ tls, connections: (change) => this.#count(change) });
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  /** Bytes of answers that their clients have not read. */
  get unsentBytes(): number {
    return this.#port.unsentBytes;
  }

  failed(error: unknown): void {
    this.#options.log.error({ err: error }, 'a route failed');
  }

  answered(exchange: Exchange, head: string): void {
    const { telemetry, clock } = this.#options;
    const { route, method, begunAt } = exchange;
    const status = statusOf(head);
    telemetry.requestAnswered(route, method, status, clock.monotonic() - begunAt);
    exchange.endSpan(status);
  }

  /** As with a WebSocket, a connection that has become a stream counts no longer until that is over. */
  streams(change: 1 | -1): void {
    this.#connections -= change;
  }

  /** Adds a route. GET brings HEAD with it. */
  route(route: Route): void {
    const handle = (request: HttpRequest, reply: Reply): void => this.#accept(route, request, reply);
    const methods = this.#paths.get(route.path) ?? this.#addPath(route.path);
    methods.add(route.method);
    const method = route.method.toLowerCase() as 'get' | 'post' | 'put' | 'delete';
    this.#port.route(method === 'delete' ? 'del' : method, route.path, handle);
    if (method !== 'get') return;
    methods.add('HEAD');
    this.#port.route('head', route.path, handle);
  }

  /**
   * Answers every path that no route has; to be called after the last of them.
   *
   * @param base what the paths of the API begin with
   */
  routeRest(base: string): void {
    this.refuseRest((path) => {
      const meant = nearestPath(path, [...this.#paths.keys()], base);
      const hint = meant === undefined ? '.' : `: did you mean ${meant}?`;
      const detail = `No resource has this path${hint} The API is at ${base}, which lists its resources; events are at /ws and ${base}/events.`;
      return new Refusal('not_found', detail);
    });
  }

  /** Refuses every path that no route has, whatever the method; to be called after the last of them. */
  refuseRest(refusal: (path: string) => Refusal): void {
    this.#port.route('any', '/*', (request, reply) => {
      const path = request.getUrl();
      const run = (exchange: Exchange): void => exchange.refuse(refusal(path));
      this.#accept({ method: 'GET', path: '/*', run }, request, reply);
    });
  }

  /** Adds a WebSocket. `upgrade` gets its request after the framing was checked. */
  webSocket<Data>(
    path: string,
    behavior: SocketBehavior<Data>,
    upgrade: (
      exchange: Exchange,
      head: RequestHead,
      accept: (data: Data, protocol: string) => void,
      request: HttpRequest,
    ) => void,
  ): void {
    this.#port.webSocket<Data>(path, behavior, (request, reply, accept) => {
      const exchange = this.#begin(path, request, reply);
      try {
        const head = this.#head.read(request);
        if (head.hasBody) exchange.bodyToCome = announcedBytes(head);
        const refusal = this.#options.gate.framing(head);
        if (refusal) return exchange.refuseAndEnd(refusal);
        const leaving = (data: Data, protocol: string): void => {
          exchange.leave();
          accept(data, protocol);
        };
        upgrade(exchange, head, leaving, request);
      } catch (error) {
        exchange.fail(error);
      }
    });
  }

  /** Sends a text message to all subscribers of a topic. Only with a WebSocket. */
  publish(topic: string, message: string): void {
    this.#port.publish(topic, message);
  }

  /** @returns the port, or undefined when the address cannot be had. Port 0 takes any. */
  listen(host: string, port: number): Promise<number | undefined> {
    return this.#port.listen(host, port);
  }

  /** Takes no new connections. */
  unlisten(): void {
    this.#port.unlisten();
  }

  /** Takes no new connections, and answers end those there are. */
  windDown(): void {
    this.closing = true;
    this.unlisten();
  }

  /** Ends everything at once. */
  close(): void {
    this.windDown();
    clearInterval(this.#sweeper);
    this.#port.close();
  }

  #count(change: number): boolean {
    this.#connections += change;
    if (change < 0 || this.#connections <= this.#options.maxConnections) return true;
    this.#turnedAway += 1;
    return false;
  }

  #sweep(): void {
    const { answerTimeoutMs, maxConnections, log } = this.#options;
    this.open.sweep(answerTimeoutMs / sweepMs);
    if (this.#turnedAway === 0) return;
    log.warn(
      { connections: this.#turnedAway, limit: maxConnections },
      'connections were closed as they came: --max-connections are open',
    );
    this.#turnedAway = 0;
  }

  /** Registers what answers methods that a path lacks: preflights, else 405. */
  #addPath(path: string): Set<string> {
    const methods = new Set<string>();
    this.#paths.set(path, methods);
    const otherMethods: Route = {
      method: 'GET',
      path,
      run: (exchange) =>
        exchange.refuse(
          new Refusal('method_not_allowed', `This resource has the methods ${[...methods].join(', ')}.`),
          ['Allow', [...methods].join(', ')],
        ),
    };
    this.#port.route('any', path, (request, reply) => {
      if (request.getMethod() === 'options') this.#preflight(otherMethods, methods, request, reply);
      else this.#accept(otherMethods, request, reply);
    });
    return methods;
  }

  #begin(route: string, request: HttpRequest, reply: Reply): Exchange {
    const exchange = new Exchange(reply, this, this.#options.clock.monotonic());
    exchange.route = route;
    exchange.method = request.getMethod();
    exchange.span = this.#options.traces?.request({
      route,
      method: exchange.method,
      path: request.getUrl(),
      secure: this.#options.tls !== undefined,
      header: (name) => request.getHeader(name),
    });
    return exchange;
  }

  #accept(route: Route, request: HttpRequest, reply: Reply): void {
    const exchange = this.#begin(route.path, request, reply);
    try {
      this.#pass(route, exchange, request, reply);
    } catch (error) {
      exchange.fail(error);
    }
    if (!exchange.over) exchange.hold();
  }

  #pass(route: Route, exchange: Exchange, request: HttpRequest, reply: Reply): void {
    const { gate } = this.#options;
    const head = this.#head.read(request);
    const { method } = exchange;
    exchange.headOnly = method === 'head';
    if (head.hasBody) exchange.bodyToCome = announcedBytes(head);
    exchange.variesByOrigin = gate.variesByOrigin;
    const misframed = gate.framing(head);
    if (misframed) return exchange.refuseAndEnd(misframed);
    if (head.origin !== undefined && gate.mayRead(head.origin)) exchange.corsOrigin = head.origin;
    const changes = method !== 'get' && method !== 'head' && method !== 'options';
    const sender = gate.senderOf(head);
    if (sender === 'astray') return exchange.refuse(astray);
    exchange.fromPeer = sender === 'peer';
    if (exchange.fromPeer) exchange.peerShards = head.peerShards;
    // A node has asked the gate of its own.
    const access = exchange.fromPeer
      ? 'full'
      : gate.check(head, { changes, guarded: changes, open: route.open === true });
    if (access instanceof Refusal) return exchange.refuse(access);
    exchange.access = access;
    exchange.authorization = head.authorization;

    if (route.path.includes(':')) {
      exchange.path = request.getUrl();
      exchange.parameter = decode(request.getParameter(0) ?? '');
    }
    exchange.query = request.getQuery() ?? '';
    exchange.idempotencyKey = head.idempotencyKey;
    exchange.prefer = head.prefer;
    exchange.lastEventId = head.lastEventId;
    exchange.acceptEncoding = head.acceptEncoding;
    if (route.maxBodyBytes === undefined) {
      route.run(exchange, noBody);
      // A body that nobody wants passes by.
      if (!exchange.over) exchange.bodyToCome = 0;
      return;
    }
    exchange.ndjson = route.ndjson === true && isNdjson(head);
    const unreadable = mediaRefusal(head, route.maxBodyBytes, route.ndjson === true);
    if (unreadable) return exchange.refuseAndEnd(unreadable);
    collectBody(reply, exchange, route.maxBodyBytes, route);
  }

  #preflight(route: Route, methods: ReadonlySet<string>, request: HttpRequest, reply: Reply): void {
    const head = this.#head.read(request);
    const { origin, requestedMethod, repeated } = head;
    if (origin === undefined || requestedMethod === undefined || repeated !== undefined)
      return this.#accept(route, request, reply);
    const exchange = this.#begin(route.path, request, reply);
    if (!this.#options.gate.mayRead(origin)) {
      return exchange.refuse(
        new Refusal('forbidden', 'Pages of this origin may not do this; --cors-origin allows them to.'),
      );
    }
    exchange.corsOrigin = origin;
    exchange.variesByOrigin = true;
    exchange.answer(noContent, '', [
      'Access-Control-Allow-Methods',
      [...methods].join(', '),
      'Access-Control-Allow-Headers',
      'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, Traceparent, Tracestate',
      'Access-Control-Max-Age',
      '600',
    ]);
  }
}

const zero = '0'.charCodeAt(0);

/** The status code, which a head begins with. Digit by digit: to cut it out and read it takes twice as long. */
function statusOf(head: string): number {
  const [a, b, c] = [head.charCodeAt(0) - zero, head.charCodeAt(1) - zero, head.charCodeAt(2) - zero];
  return a * 100 + b * 10 + c;
}

/** A decoded path segment; what cannot be decoded names nothing. */
function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal('not_found', 'The path is not properly percent-encoded, so there is nothing at it.');
  }
}

/** Infinity for a body in chunks, and for one whose length cannot be read. */
function announcedBytes({ transferEncoding, contentLength }: RequestHead): number {
  const bytes = transferEncoding === undefined ? Number(contentLength) : Number.NaN;
  return Number.isNaN(bytes) ? Number.POSITIVE_INFINITY : bytes;
}
