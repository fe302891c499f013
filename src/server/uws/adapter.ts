/** HTTP and WebSocket by uWebSockets.js. */
import type {
  AppOptions,
  HttpResponse,
  TemplatedApp,
  HttpRequest as UwsRequest,
  us_listen_socket,
  WebSocket,
} from 'uWebSockets.js';
import type {
  HttpAdapter,
  HttpHandler,
  HttpMethod,
  HttpPort,
  HttpPortOptions,
  SocketBehavior,
  UpgradeHandler,
} from '../http/http-port.js';
import { uWS } from './load.js';
import { UwsReply } from './reply.js';
import { UnsentAnswers } from './unsent.js';

/** Heads and bodies that do not arrive in this time, and idle connections, are closed. Upstream has it built in. */
const idleSeconds = 10;

export const uwsHttp: HttpAdapter = {
  name: 'uws',
  // It takes them for the next request, and finds that out when the request has had its effect.
  readsTrailers: false,
  open: (options) => new UwsHttp(options),
};

class UwsHttp implements HttpPort {
  readonly #unsent = new UnsentAnswers();
  readonly #native: TemplatedApp;
  readonly #connections: HttpPortOptions['connections'];
  readonly #sockets: us_listen_socket[] = [];

  constructor({ tls, connections }: HttpPortOptions) {
    this.#native = tls ? uWS.SSLApp(tlsOptions(tls)) : uWS.App();
    this.#connections = connections;
    // Only some builds have this setting; theirs is too long without it.
    const settings = this.#native as { setIdleTimeout?(seconds: number): void };
    settings.setIdleTimeout?.(idleSeconds);
    this.#native.filter((res, change) => {
      if (!connections(change as 1 | -1)) res.close();
    });
  }

  get unsentBytes(): number {
    return this.#unsent.bytes;
  }

  route(method: HttpMethod, pattern: string, handle: HttpHandler): void {
    this.#native[method](pattern, (res: HttpResponse, req: UwsRequest) => handle(req, new UwsReply(res, this.#unsent)));
  }

  webSocket<Data>(path: string, behavior: SocketBehavior<Data>, upgrade: UpgradeHandler<Data>): void {
    const { maxPayloadLength, maxBackpressure, idleTimeout, open, dropped, drain, close, message } = behavior;
    this.#native.ws<Data>(path, {
      maxPayloadLength,
      maxBackpressure,
      idleTimeout,
      sendPingsAutomatically: true,
      open,
      message: (ws: WebSocket<Data>, bytes, isBinary) => message(ws, Buffer.from(bytes), isBinary),
      dropped: (ws) => dropped(ws),
      drain,
      close: (ws) => close(ws),
      upgrade: (res, req, context) => {
        const key = req.getHeader('sec-websocket-key');
        const extensions = req.getHeader('sec-websocket-extensions');
        upgrade(req, new UwsReply(res, this.#unsent), (data, protocol) => {
          // It counts a connection that becomes a WebSocket no further.
          this.#connections(-1);
          res.upgrade(data, key, protocol, extensions, context);
        });
      },
    });
  }

  publish(topic: string, message: string): void {
    this.#native.publish(topic, message);
  }

  async listen(host: string, port: number): Promise<number | undefined> {
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

  unlisten(): void {
    for (const socket of this.#sockets.splice(0)) uWS.us_listen_socket_close(socket);
  }

  close(): void {
    this.unlisten();
    this.#native.close();
  }
}

function tlsOptions({ cert, key }: { readonly cert: string; readonly key: string }): AppOptions {
  return { cert_file_name: cert, key_file_name: key };
}
