/**
 * The wrapper around uWebSockets.js: every request passes here first and every fault ends here. A native app aborts the
 * process when a route neither answers nor waits, so no route ever sees a native object; it gets an `Exchange`.
 *
 * The order of a request: its head is read, the gate decides, the body is collected, the route runs, the exchange is held
 * until its answer comes. What routes throw becomes a problem document; what never answers becomes a 504.
 */
import type {
  AppOptions,
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_listen_socket,
  WebSocketBehavior,
} from 'uWebSockets.js';
import { Refusal } from '../domain/errors.js';
import type { Logger } from '../log.js';
import { collectBody, isNdjson, mediaRefusal } from './body.js';
import { Exchange, type ExchangeContext, OpenExchanges } from './exchange.js';
import type { Gate } from './gate.js';
import { nearestPath } from './paths.js';
import { RequestHead } from './request-head.js';
import { noContent } from './response-head.js';
import { UnsentAnswers } from './unsent.js';
import { uWS } from './uws.js';

/** A method of a resource. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** A pattern with at most one parameter, `/jobs/:id`. */
  readonly path: string;
  /** Needs no token. */
  readonly open?: boolean;
  /**
   * Answers `exchange` now or later, or throws. `body` is there only where `maxBodyBytes` is, and only until this returns:
   * it may be the memory that the next request is read into.
   */
  run(exchange: Exchange, body: Buffer): void;
  /** The route takes a JSON body of at most this size. Without it bodies are ignored. */
  readonly maxBodyBytes?: number;
  /** It takes `application/x-ndjson` as well. */
  readonly ndjson?: boolean;
}

export interface HttpAppOptions {
  readonly gate: Gate;
  readonly log: Logger;
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** An exchange is answered with 504 after this time; whole seconds. */
  readonly answerTimeoutMs: number;
  /** Beside WebSockets. One that comes beyond them is closed at once: it has not asked for anything yet. */
  readonly maxConnections: number;
}

const sweepMs = 1000;
/** Heads and bodies that do not arrive in this time, and idle connections, are closed. Upstream has it built in. */
const idleSeconds = 10;
const noBody = Buffer.alloc(0);

export class HttpApp implements ExchangeContext {
  readonly open = new OpenExchanges();
  readonly unsent = new UnsentAnswers();
  closing = false;
  readonly #native: TemplatedApp;
  readonly #options: HttpAppOptions;
  readonly #head = new RequestHead();
  readonly #paths = new Map<string, Set<string>>();
  readonly #sockets: us_listen_socket[] = [];
  readonly #sweeper: NodeJS.Timeout;
  /** Those that are not WebSockets. */
  #connections = 0;
  /** Closed since the last sweep as there were too many. */
  #turnedAway = 0;

  /** @throws when the certificate or its key cannot be used */
  constructor(options: HttpAppOptions) {
    this.#options = options;
    this.#native = options.tls ? uWS.SSLApp(tlsOptions(options.tls)) : uWS.App();
    // Only some builds have this setting; theirs is too long without it.
    const settings = this.#native as { setIdleTimeout?(seconds: number): void };
    settings.setIdleTimeout?.(idleSeconds);
    this.#native.filter((res, change) => this.#count(res, change as number));
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  failed(error: unknown): void {
    this.#options.log.error({ err: error }, 'a route failed');
  }

  /** Adds a route. GET brings HEAD with it. */
  route(route: Route): void {
    const handle = (res: HttpResponse, req: HttpRequest): void => this.#accept(route, res, req);
    const methods = this.#paths.get(route.path) ?? this.#addPath(route.path);
    methods.add(route.method);
    switch (route.method) {
      case 'GET':
        methods.add('HEAD');
        this.#native.get(route.path, handle);
        this.#native.head(route.path, handle);
        break;
      case 'POST':
        this.#native.post(route.path, handle);
        break;
      case 'PUT':
        this.#native.put(route.path, handle);
        break;
      case 'DELETE':
        this.#native.del(route.path, handle);
        break;
    }
  }

  /**
   * Answers every path that no route has; to be called after the last of them.
   *
   * @param base what the paths of the API begin with
   */
  routeRest(base: string): void {
    this.#native.any('/*', (res, req) => {
      const path = req.getUrl();
      const run = (exchange: Exchange): void => {
        const meant = nearestPath(path, [...this.#paths.keys()], base);
        const hint = meant === undefined ? '.' : `: did you mean ${meant}?`;
        const detail = `No resource has this path${hint} The API is at ${base}, which lists its resources; events are at /ws.`;
        exchange.refuse(new Refusal('not_found', detail));
      };
      this.#accept({ method: 'GET', path: '/*', run }, res, req);
    });
  }

  /** Adds a WebSocket. `upgrade` gets its request after the framing was checked. */
  webSocket<Data>(
    path: string,
    behavior: WebSocketBehavior<Data>,
    upgrade: (
      exchange: Exchange,
      head: RequestHead,
      accept: (data: Data, protocol: string) => void,
      req: HttpRequest,
    ) => void,
  ): void {
    this.#native.ws<Data>(path, {
      ...behavior,
      upgrade: (res, req, context) => {
        const exchange = new Exchange(res, this);
        try {
          const head = this.#head.read(req);
          if (head.hasBody) exchange.bodyToCome = announcedBytes(head);
          const refusal = this.#options.gate.framing(head);
          if (refusal) return exchange.refuseAndEnd(refusal);
          const key = req.getHeader('sec-websocket-key');
          const extensions = req.getHeader('sec-websocket-extensions');
          const accept = (data: Data, protocol: string): void => {
            exchange.leave();
            // uWebSockets.js counts a connection that becomes a WebSocket no further.
            this.#connections -= 1;
            res.upgrade(data, key, protocol, extensions, context);
          };
          upgrade(exchange, head, accept, req);
        } catch (error) {
          exchange.fail(error);
        }
      },
    });
  }

  /** Sends a text message to all subscribers of a topic. Only with a WebSocket. */
  publish(topic: string, message: string): void {
    this.#native.publish(topic, message);
  }

  /** @returns the port, or undefined when the address cannot be had. Port 0 takes any. */
  listen(host: string, port: number): number | undefined {
    let bound: number | undefined;
    // Without this option a second server could listen on the same port and take half of the connections.
    const exclusive = 1;
    // The declared overloads lack host and options together; the binding takes them.
    const listen = this.#native.listen.bind(this.#native) as unknown as (
      host: string,
      port: number,
      options: number,
      done: (socket: us_listen_socket | false) => void,
    ) => void;
    listen(host, port, exclusive, (socket) => {
      if (!socket) return;
      this.#sockets.push(socket);
      bound = uWS.us_socket_local_port(socket);
    });
    return bound;
  }

  /** Takes no new connections. */
  unlisten(): void {
    for (const socket of this.#sockets.splice(0)) uWS.us_listen_socket_close(socket);
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
    this.#native.close();
  }

  #count(res: HttpResponse, change: number): void {
    this.#connections += change;
    if (change < 0 || this.#connections <= this.#options.maxConnections) return;
    this.#turnedAway += 1;
    res.close();
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
    this.#native.any(path, (res, req) => {
      if (req.getMethod() === 'options') this.#preflight(otherMethods, methods, res, req);
      else this.#accept(otherMethods, res, req);
    });
    return methods;
  }

  #accept(route: Route, res: HttpResponse, req: HttpRequest): void {
    const exchange = new Exchange(res, this);
    try {
      this.#pass(route, exchange, res, req);
    } catch (error) {
      exchange.fail(error);
    }
    if (!exchange.over) exchange.hold();
  }

  #pass(route: Route, exchange: Exchange, res: HttpResponse, req: HttpRequest): void {
    const { gate } = this.#options;
    const head = this.#head.read(req);
    const method = req.getMethod();
    exchange.headOnly = method === 'head';
    if (head.hasBody) exchange.bodyToCome = announcedBytes(head);
    exchange.variesByOrigin = gate.variesByOrigin;
    const misframed = gate.framing(head);
    if (misframed) return exchange.refuseAndEnd(misframed);
    if (head.origin !== undefined && gate.mayRead(head.origin)) exchange.corsOrigin = head.origin;
    const refusal = gate.check(head, {
      guarded: method !== 'get' && method !== 'head' && method !== 'options',
      open: route.open === true,
    });
    if (refusal) return exchange.refuse(refusal);

    if (route.path.includes(':')) exchange.parameter = decode(req.getParameter(0) ?? '');
    exchange.query = req.getQuery() ?? '';
    exchange.idempotencyKey = head.idempotencyKey;
    if (route.maxBodyBytes === undefined) {
      route.run(exchange, noBody);
      // A body that nobody wants passes by.
      if (!exchange.over) exchange.bodyToCome = 0;
      return;
    }
    exchange.ndjson = route.ndjson === true && isNdjson(head);
    const unreadable = mediaRefusal(head, route.maxBodyBytes, route.ndjson === true);
    if (unreadable) return exchange.refuseAndEnd(unreadable);
    collectBody(res, exchange, route.maxBodyBytes, route);
  }

  #preflight(route: Route, methods: ReadonlySet<string>, res: HttpResponse, req: HttpRequest): void {
    const head = this.#head.read(req);
    const { origin, requestedMethod, repeated } = head;
    if (origin === undefined || requestedMethod === undefined || repeated !== undefined)
      return this.#accept(route, res, req);
    const exchange = new Exchange(res, this);
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
      'Authorization, Content-Type, Idempotency-Key',
      'Access-Control-Max-Age',
      '600',
    ]);
  }
}

/** A decoded path segment; what cannot be decoded names nothing. */
function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal('not_found', 'The path is not properly percent-encoded, so that nothing can be there.');
  }
}

/** Infinity for a body in chunks, and for one whose length cannot be read. */
function announcedBytes({ transferEncoding, contentLength }: RequestHead): number {
  const bytes = transferEncoding === undefined ? Number(contentLength) : Number.NaN;
  return Number.isNaN(bytes) ? Number.POSITIVE_INFINITY : bytes;
}

function tlsOptions({ cert, key }: { readonly cert: string; readonly key: string }): AppOptions {
  return { cert_file_name: cert, key_file_name: key };
}
