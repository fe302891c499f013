/**
 * HTTP and WebSocket by Node's own `http` and `https`, and the library `ws`: where uWebSockets.js has no binary, or is not
 * wanted. Slower, and stricter with what it reads.
 */
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createListener, type Server as Listener, type Socket } from 'node:net';
import { limits } from '../../domain/limits.js';
import type {
  HttpAdapter,
  HttpHandler,
  HttpMethod,
  HttpPort,
  HttpPortOptions,
  SocketBehavior,
  UpgradeHandler,
} from '../http/http-port.js';
import { Connection } from './connection.js';
import { lastAnswer } from './head.js';
import { parserRefusal, refusalOf } from './refusals.js';
import { NodeReply, UpgradeReply } from './reply.js';
import { NodeRequest } from './request.js';
import { Router } from './router.js';
import { Sockets } from './sockets.js';

const sweepMs = 1000;
const handshakeMs = 10_000;
/** Requests that a connection may have under way at once; the next one ends it. */
const maxPipelined = 100;
/** RFC 6455, section 4.1: 16 bytes. */
const webSocketKey = /^[A-Za-z0-9+/]{22}==$/;

/** No bounds of Node's that `Connection` has, too. */
const parser = {
  maxHeaderSize: limits.headerBytes,
  insecureHTTPParser: false,
  requireHostHeader: false,
  keepAliveTimeout: 0,
  headersTimeout: 0,
  requestTimeout: 0,
  // From Node 24.9 on: it goes on reading HTTP where an upgrade is not on offer. Before, see `#serveUnchanged`.
  shouldUpgradeCallback: (message: IncomingMessage): boolean => message.headers.upgrade?.toLowerCase() === 'websocket',
} as const;

export const nodeHttp: HttpAdapter = {
  name: 'node',
  readsTrailers: true,
  open: (options) => new NodeHttp(options),
};

interface Upgrades<Data> {
  readonly path: string;
  readonly sockets: Sockets<Data>;
  readonly decide: UpgradeHandler<Data>;
}

class NodeHttp implements HttpPort {
  readonly #http: Server;
  /** The event by which it takes a connection that is ready for HTTP. */
  readonly #ready: 'connection' | 'secureConnection';
  readonly #count: HttpPortOptions['connections'];
  readonly #router = new Router();
  readonly #listeners: Listener[] = [];
  /** As they were accepted, by their addresses. */
  readonly #accepted = new Map<string, { readonly socket: Socket; isWebSocket: boolean }>();
  readonly #connections = new Map<Socket, Connection>();
  readonly #unsent = { bytes: 0 };
  readonly #sweeper: NodeJS.Timeout;
  #upgrades: Upgrades<unknown> | undefined;

  constructor({ tls, connections }: HttpPortOptions) {
    this.#count = connections;
    this.#ready = tls ? 'secureConnection' : 'connection';
    this.#http = tls
      ? createHttps({
          ...parser,
          cert: readFileSync(tls.cert),
          key: readFileSync(tls.key),
          handshakeTimeout: handshakeMs,
        })
      : createHttp(parser);
    // Beyond a bound of its own it would leave headers out without a word.
    this.#http.maxHeadersCount = 0;
    // A client that has said all it has to say still gets its answer.
    (this.#http as { httpAllowHalfOpen?: boolean }).httpAllowHalfOpen = true;
    this.#http.prependListener(this.#ready, (socket: Socket) => this.#begin(socket));
    this.#http.on('request', (request, response) => this.#serve(request, response, false));
    this.#http.on('checkContinue', (request, response) => this.#serve(request, response, true));
    this.#http.on('checkExpectation', (request, response) => this.#serve(request, response, false));
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
    this.#http.on('clientError', (error, socket) => this.#unreadable(error, socket as Socket));
    this.#http.on('timeout', (socket) => this.#connections.get(socket)?.idle());
    this.#sweeper = setInterval(() => {
      for (const connection of this.#connections.values()) connection.tick();
    }, sweepMs);
    this.#sweeper.unref();
  }

  get unsentBytes(): number {
    return this.#unsent.bytes;
  }

  route(method: HttpMethod, pattern: string, handle: HttpHandler): void {
    this.#router.add(method, pattern, handle);
  }

  webSocket<Data>(path: string, behavior: SocketBehavior<Data>, decide: UpgradeHandler<Data>): void {
    this.#upgrades = { path, sockets: new Sockets(behavior), decide } as Upgrades<unknown>;
  }

  publish(topic: string, message: string): void {
    this.#upgrades?.sockets.publish(topic, message);
  }

  listen(host: string, port: number): Promise<number | undefined> {
    const listener = createListener({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    return new Promise((done) => {
      // Later ones are of connections that could not be accepted.
      listener.on('error', () => done(undefined));
      listener.listen({ host, port, exclusive: true }, () => {
        this.#listeners.push(listener);
        done((listener.address() as AddressInfo).port);
      });
    });
  }

  unlisten(): void {
    for (const listener of this.#listeners.splice(0)) listener.close();
  }

  close(): void {
    this.unlisten();
    clearInterval(this.#sweeper);
    this.#upgrades?.sockets.close();
    for (const { socket } of [...this.#accepted.values()]) socket.destroy();
    for (const socket of [...this.#connections.keys()]) socket.destroy();
  }

  #accept(socket: Socket): void {
    if (!this.#count(1)) {
      socket.destroy();
      this.#count(-1);
      return;
    }
    const key = addresses(socket);
    const accepted = { socket, isWebSocket: false };
    this.#accepted.set(key, accepted);
    socket.on('error', () => {});
    socket.once('close', () => {
      if (this.#accepted.get(key) === accepted) this.#accepted.delete(key);
      if (!accepted.isWebSocket) this.#count(-1);
    });
    this.#http.emit('connection', socket);
  }

  #begin(socket: Socket): void {
    if (this.#connections.has(socket)) return;
    this.#connections.set(socket, new Connection(socket, this.#unsent));
    socket.once('close', () => this.#connections.delete(socket));
  }

  #serve(message: IncomingMessage, response: ServerResponse, asksFirst: boolean): void {
    const connection = this.#connections.get(message.socket);
    if (connection === undefined || connection.isStreaming || connection.replies.size >= maxPipelined)
      return void message.socket.destroy();
    if (connection.ending) return void message.resume();
    connection.begin(message);
    const reply = new NodeReply(message, response, connection, asksFirst);
    const refusal = refusalOf(message);
    if (refusal) reply.answer(refusal, true);
    else {
      const request = new NodeRequest(message);
      const found = this.#router.find(message.method as string, request.getUrl());
      if (found === undefined) return void message.socket.destroy();
      request.parameter = found.parameter;
      found.handle(request, reply);
    }
    if (!reply.taken) reply.pass();
  }

  #upgrade(message: IncomingMessage, socket: Socket, head: Buffer): void {
    const connection = this.#connections.get(socket);
    const upgrades = this.#upgrades;
    // What comes behind requests that wait for their answers cannot be answered before them.
    if (connection === undefined || connection.replies.size > 0 || connection.ending) return void socket.destroy();
    const request = new NodeRequest(message);
    const isWebSocket =
      message.method === 'GET' &&
      request.getHeader('upgrade').toLowerCase() === 'websocket' &&
      webSocketKey.test(request.getHeader('sec-websocket-key'));
    if (upgrades === undefined || !isWebSocket || request.getUrl() !== upgrades.path)
      return this.#serveUnchanged(message, socket, head);
    const reply = new UpgradeReply(connection);
    const refusal = refusalOf(message);
    if (refusal) return reply.answer(refusal);
    upgrades.decide(request, reply, (data, protocol) => {
      upgrades.sockets.accept(message, socket, head, { data, protocol }, () => {
        socket.setTimeout(0);
        this.#connections.delete(socket);
        const accepted = this.#accepted.get(addresses(socket));
        if (accepted) accepted.isWebSocket = true;
        this.#count(-1);
      });
    });
  }

  /**
   * Serves a request that asks for an upgrade which is not on offer, as RFC 9110, section 7.8, has it: Java's client asks for
   * HTTP/2 with every request. Node has stopped to read HTTP here, so it gets the request again, without that header.
   */
  #serveUnchanged(message: IncomingMessage, socket: Socket, head: Buffer): void {
    const lines = [`${message.method} ${message.url} HTTP/${message.httpVersion}`];
    const { rawHeaders } = message;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] as string;
      if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${rawHeaders[at + 1]}`);
    }
    socket.removeAllListeners('timeout');
    socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
    this.#http.emit(this.#ready, socket);
  }

  #unreadable(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || !socket.writable || !error.code?.startsWith('HPE_')) return void socket.destroy();
    if (connection.ending) return;
    connection.ending = true;
    const answer = parserRefusal(error);
    const spoiled = [...connection.replies].find((reply) => reply.incomplete);
    if (spoiled) return spoiled.spoil(answer);
    // Answers of this turn go out first; behind one that is not there yet nothing can be said.
    setImmediate(() => {
      const { request, replies } = connection;
      if (replies.size > 0 || (request !== undefined && !request.complete)) return void socket.destroy();
      socket.write(lastAnswer(answer), () => connection.farewell());
    });
  }
}

/** No two connections that are open have the same. */
function addresses({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}
