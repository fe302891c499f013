/** A relay in front of a server on 127.0.0.1: it holds back, changes or cuts what goes through. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

export interface RelayOptions {
  /** How late each piece arrives, in each direction, in milliseconds. */
  readonly delayMs?: number;
  /** What is made of each piece that the server sends. */
  readonly change?: (piece: Buffer) => Buffer;
}

export interface Relay {
  readonly port: number;
  /** While true, answers of the server are kept back. */
  holdsAnswers: boolean;
  /** Settles when the server has answered while answers are held. */
  held(): Promise<void>;
  /** Breaks all connections. */
  cut(): void;
}

export async function startRelay(t: Test, to: number, options: RelayOptions = {}): Promise<Relay> {
  const { delayMs = 0, change = (piece: Buffer) => piece } = options;
  const sockets = new Set<Socket>();
  let wake = (): void => {};
  let answersHeld = 0;
  const later = (work: () => void): unknown => (delayMs === 0 ? work() : setTimeout(work, delayMs));
  const pass = (from: Socket, into: Socket, isAnswer: boolean): void => {
    from.on('data', (piece) => {
      if (isAnswer && relay.holdsAnswers) {
        answersHeld++;
        wake();
        return;
      }
      later(() => into.write(isAnswer ? change(piece) : piece));
    });
    from.on('error', () => {});
    from.on('close', () => later(() => into.destroy()));
  };
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    pass(client, upstream, false);
    pass(upstream, client, true);
  });
  const relay = {
    port: 0,
    holdsAnswers: false,
    held: async (): Promise<void> => {
      while (answersHeld === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    },
    cut: (): void => {
      for (const socket of sockets) socket.destroy();
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  relay.port = (server.address() as AddressInfo).port;
  t.teardown(() => {
    server.close();
    relay.cut();
  });
  return relay;
}
