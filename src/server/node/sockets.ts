/**
 * WebSockets of Node's HTTP. The library `ws` shakes hands, reads, pings and closes; text is sent past it, since a message
 * for thousands is framed once here (RFC 6455, section 5.2: what a server sends is not masked) and leaves each socket with
 * all others of the same turn in one system call.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket as Stream } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { limits } from '../../domain/limits.js';
import type { Socket, SocketBehavior } from '../http/http-port.js';

const sweepMs = 1000;
/** How long a client may take to answer a ping. */
const pongSeconds = 8;
/** A client that pings and does not read gets no more pongs than this. */
const pongsBytes = 64 * 1024;

/** All sockets of one server, and their topics. */
export class Sockets<Data> {
  readonly #behavior: SocketBehavior<Data>;
  readonly #server: WebSocketServer;
  readonly #open = new Set<NodeSocket<Data>>();
  readonly #topics = new Map<string, Set<NodeSocket<Data>>>();
  readonly #sweeper: NodeJS.Timeout;
  #corked: NodeSocket<Data>[] = [];
  /** What the handshake under way is to offer. */
  #protocol = '';

  constructor(behavior: SocketBehavior<Data>) {
    this.#behavior = behavior;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: behavior.maxPayloadLength,
      autoPong: false,
      handleProtocols: () => this.#protocol || false,
    });
    this.#sweeper = setInterval(() => {
      for (const socket of this.#open) socket.tick();
    }, sweepMs);
    this.#sweeper.unref();
  }

  /** Shakes hands. Where the request is not in order after all, the client gets a 400 and `opened` is not called. */
  accept(
    request: IncomingMessage,
    stream: Stream,
    head: Buffer,
    { data, protocol }: { readonly data: Data; readonly protocol: string },
    opened: () => void,
  ): void {
    this.#protocol = protocol;
    this.#server.handleUpgrade(request, stream, head, (ws) => {
      opened();
      const socket = new NodeSocket(ws, stream, data, { behavior: this.#behavior, all: this });
      this.#open.add(socket);
      this.#behavior.open(socket);
    });
  }

  publish(topic: string, message: string): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers === undefined) return;
    const frame = frameOf(message);
    for (const socket of subscribers) socket.write(frame);
  }

  join(topic: string, socket: NodeSocket<Data>): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers) subscribers.add(socket);
    else this.#topics.set(topic, new Set([socket]));
  }

  leave(topic: string, socket: NodeSocket<Data>): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers?.delete(socket) && subscribers.size === 0) this.#topics.delete(topic);
  }

  /** It has something to send, which leaves at the end of the turn. */
  corked(socket: NodeSocket<Data>): void {
    if (this.#corked.push(socket) > 1) return;
    setImmediate(() => {
      const sockets = this.#corked;
      this.#corked = [];
      for (const each of sockets) each.flush();
    });
  }

  forget(socket: NodeSocket<Data>): void {
    this.#open.delete(socket);
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const socket of [...this.#open]) socket.close();
  }
}

class NodeSocket<Data> implements Socket<Data> {
  readonly #ws: WebSocket;
  readonly #stream: Stream;
  readonly #data: Data;
  readonly #behavior: SocketBehavior<Data>;
  readonly #all: Sockets<Data>;
  readonly #topics = new Set<string>();
  #over = false;
  #isCorked = false;
  /** Seconds without a sign of life, and what had been read until then. */
  #quiet = 0;
  #heard = 0;

  constructor(
    ws: WebSocket,
    stream: Stream,
    data: Data,
    { behavior, all }: { readonly behavior: SocketBehavior<Data>; readonly all: Sockets<Data> },
  ) {
    this.#ws = ws;
    this.#stream = stream;
    this.#data = data;
    this.#behavior = behavior;
    this.#all = all;
    ws.on('message', (bytes: Buffer, isBinary: boolean) => {
      if (!this.#over) behavior.message(this, bytes, isBinary);
    });
    ws.on('ping', (bytes: Buffer) => {
      if (!this.#over && stream.writableLength <= pongsBytes) ws.pong(bytes);
    });
    ws.on('close', () => this.#gone());
    // What is no WebSocket message: the library has sent the close frame for it.
    ws.on('error', () => this.#part());
    stream.on('drain', () => {
      if (!this.#over) behavior.drain(this);
    });
  }

  getUserData(): Data {
    return this.#data;
  }

  send(message: string): void {
    this.write(frameOf(message));
  }

  /** Sends a frame. */
  write(frame: Buffer): void {
    if (this.#over) return;
    if (this.#stream.writableLength > this.#behavior.maxBackpressure) return this.#behavior.dropped(this);
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#stream.cork();
      this.#all.corked(this);
    }
    this.#stream.write(frame);
  }

  flush(): void {
    this.#isCorked = false;
    this.#stream.uncork();
  }

  getBufferedAmount(): number {
    return this.#stream.writableLength;
  }

  /** What is sent leaves together in any case. */
  cork(step: () => void): void {
    step();
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
    this.#all.join(topic, this);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    this.#all.leave(topic, this);
  }

  end(code: number, reason: string): void {
    if (this.#over) return;
    this.#ws.close(code, reason);
    // The library gives up on a client that does not read this far.
    this.#stream.end();
    this.#gone();
  }

  close(): void {
    this.#ws.terminate();
    this.#gone();
  }

  /** A second has gone by. */
  tick(): void {
    const { idleTimeout } = this.#behavior;
    if (this.#stream.bytesRead !== this.#heard) {
      this.#heard = this.#stream.bytesRead;
      this.#quiet = 0;
      return;
    }
    this.#quiet += 1;
    if (this.#quiet >= idleTimeout) this.close();
    else if (this.#quiet === Math.max(idleTimeout - pongSeconds, idleTimeout >> 1)) this.#ws.ping();
  }

  #part(): void {
    this.#gone();
    this.#stream.end();
    setTimeout(() => this.#stream.destroy(), limits.lingerMs).unref();
  }

  #gone(): void {
    if (this.#over) return;
    this.#over = true;
    for (const topic of this.#topics) this.#all.leave(topic, this);
    this.#all.forget(this);
    this.#behavior.close(this);
  }
}

const finalText = 0x81;

/** A text message in one frame. */
function frameOf(message: string): Buffer {
  const length = Buffer.byteLength(message);
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = finalText;
  if (head === 2) frame[1] = length;
  else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.write(message, head, 'utf8');
  return frame;
}
