/**
 * A network that fails: a TCP proxy on 127.0.0.1, between a node and its database or between two nodes, that can hold, drop and
 * break what goes through it, in one direction or both, and delay it.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import t from 'tap';

/** `requests` go to the target, `answers` come from there. */
export type Direction = 'requests' | 'answers';

/**
 * `hold`: bytes and new connections wait and go on when it is mended, so what was sent is carried out late. `drop`: bytes are lost
 * without a word, and when it is mended their connections are reset. `break`: connections are reset and new ones as well.
 */
export type Cut = 'hold' | 'drop' | 'break';

/** Beyond that the sender is held back, as by full buffers of a real connection. */
const mostHeldBytes = 1024 * 1024;

export class TcpProxy {
  readonly port: number;
  /** How many connections were made over its life. */
  accepted = 0;
  delayMs = 0;
  readonly #server: Server;
  readonly #target: () => number;
  readonly #links = new Set<Link>();
  readonly #cuts = new Map<Direction, Cut>();

  private constructor(server: Server, target: () => number) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** @param target its port, asked for at each connection, so that what is there may restart */
  static async to(target: () => number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server, target);
    t.teardown(() => proxy.close());
    return proxy;
  }

  /** Connections that are there now. */
  get connections(): number {
    return this.#links.size;
  }

  cut(how: Cut, direction?: Direction): void {
    for (const each of direction === undefined ? (['requests', 'answers'] as const) : [direction])
      this.#cuts.set(each, how);
    if (how === 'break') this.#reset(() => true);
  }

  mend(): void {
    this.#cuts.clear();
    this.#reset((link) => link.lossy);
    for (const link of this.#links) link.goOn();
  }

  /** Resets all connections, once; new ones go through. */
  reset(): void {
    this.#reset(() => true);
  }

  async close(): Promise<void> {
    this.#reset(() => true);
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  cutOf(direction: Direction): Cut | undefined {
    return this.#cuts.get(direction);
  }

  #accept(socket: Socket): void {
    this.accepted++;
    socket.on('error', () => {}); // its close follows
    if ([...this.#cuts.values()].includes('break')) {
      socket.resetAndDestroy();
      return;
    }
    const link = new Link(this, socket, this.#target, () => this.#links.delete(link));
    this.#links.add(link);
    link.goOn();
  }

  #reset(which: (link: Link) => boolean): void {
    for (const link of [...this.#links].filter(which)) link.reset();
  }
}

/** One connection through the proxy: two sockets. */
class Link {
  /** Bytes of it were lost, so it cannot go on. */
  lossy = false;
  readonly #proxy: TcpProxy;
  readonly #client: Socket;
  readonly #targetPort: () => number;
  readonly #closed: () => void;
  readonly #requests: Flow;
  #upstream: Socket | undefined;
  #answers: Flow | undefined;

  constructor(proxy: TcpProxy, client: Socket, targetPort: () => number, closed: () => void) {
    this.#proxy = proxy;
    this.#client = client;
    this.#targetPort = targetPort;
    this.#closed = closed;
    this.#requests = new Flow(proxy, 'requests', client, () => this.#upstream, this.#lose);
    client.on('close', () => this.#end());
  }

  /** Connects, if it could not yet, and sends what was held. */
  goOn(): void {
    if (this.#upstream === undefined) this.#connect();
    this.#requests.pump();
    this.#answers?.pump();
  }

  reset(): void {
    this.#client.resetAndDestroy();
    this.#upstream?.resetAndDestroy();
    this.#end();
  }

  #connect(): void {
    const cut = this.#proxy.cutOf('requests');
    if (cut === 'drop') this.lossy = true;
    if (cut !== undefined) return;
    const upstream = connect({ port: this.#targetPort(), host: '127.0.0.1', allowHalfOpen: true });
    this.#upstream = upstream;
    this.#answers = new Flow(this.#proxy, 'answers', upstream, () => this.#client, this.#lose);
    upstream.on('error', () => this.reset());
    upstream.on('close', () => this.#end());
  }

  readonly #lose = (): void => {
    this.lossy = true;
  };

  #end(): void {
    this.#closed();
    // What has closed in order has ended in both directions before.
    if (!this.#client.destroyed) this.#client.destroy();
    if (this.#upstream !== undefined && !this.#upstream.destroyed) this.#upstream.destroy();
    this.#requests.stop();
    this.#answers?.stop();
  }
}

/** What goes one way over a connection. */
class Flow {
  readonly #proxy: TcpProxy;
  readonly #direction: Direction;
  readonly #from: Socket;
  readonly #to: () => Socket | undefined;
  /** What waits, in order; null is the end. */
  readonly #waiting: { readonly bytes: Buffer | null; readonly from: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(proxy: TcpProxy, direction: Direction, from: Socket, to: () => Socket | undefined, lost: () => void) {
    this.#proxy = proxy;
    this.#direction = direction;
    this.#from = from;
    this.#to = to;
    const take = (bytes: Buffer | null): void => {
      if (this.#proxy.cutOf(direction) === 'drop') return lost();
      this.#waiting.push({ bytes, from: performance.now() + this.#proxy.delayMs });
      this.pump();
    };
    from.on('data', take);
    from.on('end', () => take(null));
    from.resume();
  }

  /** Passes on what may go. */
  pump(): void {
    const to = this.#to();
    while (to !== undefined && !to.destroyed && this.#proxy.cutOf(this.#direction) === undefined) {
      const next = this.#waiting[0];
      if (next === undefined) break;
      const waits = next.from - performance.now();
      if (waits > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.pump();
        }, waits);
        break;
      }
      this.#waiting.shift();
      if (next.bytes === null) to.end();
      else to.write(next.bytes);
    }
    const held = this.#waiting.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
    if (held > mostHeldBytes) this.#from.pause();
    else if (this.#from.isPaused()) this.#from.resume();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }
}
