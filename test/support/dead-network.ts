/** A network that dies silently, as a mobile one between two cells: what is sent is lost, and no connection reports an end. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t from 'tap';

export interface DeadNetwork {
  readonly port: number;
  /** Connections that were made while it was cut. They stay dead. */
  readonly swallowed: number;
  /** All connections are dead from now on, and those that come. */
  cut(): void;
  /** New ones go through again. */
  mend(): void;
}

/** @param target a port of 127.0.0.1 */
export async function deadNetworkTo(target: number): Promise<DeadNetwork> {
  const sockets = new Set<Socket>();
  const links = new Set<readonly [Socket, Socket]>();
  let isCut = false;
  let swallowed = 0;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {}); // its close follows
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client);
    if (isCut) {
      swallowed += 1;
      client.resume();
      return;
    }
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    keep(upstream);
    const link = [client, upstream] as const;
    links.add(link);
    client.pipe(upstream).pipe(client);
    client.once('close', () => {
      links.delete(link);
      upstream.destroy();
    });
    upstream.once('close', () => links.delete(link) && client.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return {
    port: (server.address() as AddressInfo).port,
    get swallowed() {
      return swallowed;
    },
    cut() {
      isCut = true;
      for (const [client, upstream] of links) {
        client.unpipe(upstream);
        upstream.unpipe(client);
        client.resume();
        upstream.resume();
      }
      links.clear();
    },
    mend() {
      isCut = false;
    },
  };
}
