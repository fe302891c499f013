/** An HTTP server that a test tells how to answer, and that keeps what came: what jobs of the type `http` call. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import t from 'tap';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As it came. */
  readonly body: string;
  readonly socket: Socket;
  /** The client has ended it, or it was answered and is over. */
  closed: boolean;
}

export type Respond = (response: ServerResponse, received: Received, request: IncomingMessage) => void;

export class Receiver {
  readonly received: Received[] = [];
  readonly #paths = new Map<string, Respond>();
  readonly #waiting = new Set<() => void>();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    const { method = '', url: path = '', headers, socket } = request;
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received: Received = {
        method,
        path,
        headers,
        body: Buffer.concat(chunks).toString(),
        socket,
        closed: false,
      };
      response.on('close', () => this.#note(() => (received.closed = true)));
      this.#note(() => this.received.push(received));
      const respond = this.#paths.get(path.split('?')[0] ?? '');
      if (respond) respond(response, received, request);
      else response.writeHead(404).end();
    });
  });

  /** Listens on a port of its own of 127.0.0.1, until the test file ends. */
  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', 4096, resolve));
    t.teardown(() => {
      receiver.#server.close();
      receiver.#server.closeAllConnections();
    });
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** From now on this path is answered so. */
  on(path: string, respond: Respond): string {
    this.#paths.set(path, respond);
    return `${this.origin}${path}`;
  }

  /** What came for a path, so far. */
  of(path: string): readonly Received[] {
    return this.received.filter((each) => each.path.split('?')[0] === path);
  }

  /** Waits until `holds`, which only what comes here can bring about. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  #note(what: () => void): void {
    what();
    for (const wake of [...this.#waiting]) wake();
  }
}

/** Answers with JSON. */
export const json =
  (value: unknown, status = 200): Respond =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

/** Never answers. */
export const hang: Respond = () => {};
