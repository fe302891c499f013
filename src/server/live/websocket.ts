/**
 * The connections of `/ws`: who may connect, what their messages mean, and when one is closed for them. What they subscribe
 * to, and what becomes of those who do not read, is for `subscribers`.
 *
 * A reader that is too slow loses messages in uWebSockets.js once its backlog is full, and from then on can be sent
 * nothing at all, not even a close frame. So it is closed with 1013 as soon as it has read enough for that.
 */

import { type ClientMessage, readClientMessage } from '../../api/client-message.js';
import type { Clock } from '../../clock.js';
import { Refusal } from '../../domain/errors.js';
import { type Filter, topicCount } from '../../domain/filter.js';
import { formatCursor, type Heard, isElsewhere } from '../../domain/ids/event-cursor.js';
import { limits } from '../../domain/limits.js';
import { formatInstant } from '../../domain/time/instant.js';
import type { HttpApp } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { type Gate, tokenOf } from '../http/gate.js';
import type { HttpRequest, Socket } from '../http/http-port.js';
import type { RequestHead } from '../http/request-head.js';
import { Subscriber } from './subscriber.js';
import { maxBacklogBytes, type Subscribers } from './subscribers.js';

export interface WebSocketsOptions {
  readonly app: HttpApp;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly subscribers: Subscribers;
  /** IANA name, for instants. */
  readonly timezone: string;
  /** Calls back with the statistics as JSON text, or with what else is to be said. */
  readonly stats: (answer: (text: string) => void, refuse: (refusal: Refusal) => void) => void;
}

const path = '/ws';
const protocolName = 'escapement.v1';
const tokenProtocol = 'bearer.';

/** Close codes of RFC 6455 and of IANA's registry behind it. */
const closing = { goingAway: 1001, unsupported: 1003, policy: 1008, tryAgainLater: 1013 } as const;

const tooMuch = `more than ${limits.messagesBurstBytes / 1024} KiB of messages at once, or ${limits.messagesBytesPerSecond / 1024} KiB a second`;

/** What a socket carries. uWebSockets.js copies the fields and drops the class, so the connection stands in a field. */
interface SocketData {
  readonly connection: Connection;
}

class Connection extends Subscriber {
  /** Messages that wait for their turn. */
  readonly waiting: Buffer[] = [];
  /** It is closed so once what waits has been read; what comes meanwhile is not. */
  farewell: { readonly code: number; readonly reason: string } | undefined;
  /** Bytes that it may say, as of `budgetAt`, monotonic milliseconds; below 0 it is closed. */
  budget: number = limits.messagesBurstBytes;
  budgetAt = 0;
  ws: Socket<SocketData> | undefined;
  badInARow = 0;
  /** Messages since `since`, monotonic milliseconds. */
  messages = 0;
  since = 0;

  get isOpen(): boolean {
    return this.ws !== undefined;
  }

  /** False when it has said more than it may. */
  spend(bytes: number, now: number): boolean {
    const earned = ((now - this.budgetAt) / 1000) * limits.messagesBytesPerSecond;
    this.budget = Math.min(limits.messagesBurstBytes, this.budget + earned) - bytes;
    this.budgetAt = now;
    return this.budget >= 0;
  }

  join(topic: string): void {
    this.ws?.subscribe(topic);
  }

  leave(topic: string): void {
    this.ws?.unsubscribe(topic);
  }

  send(message: string): void {
    this.ws?.send(message);
  }

  together(step: () => void): void {
    this.ws?.cork(step);
  }

  backlog(): number {
    return this.ws?.getBufferedAmount() ?? 0;
  }

  end(): void {
    this.ws?.end(closing.goingAway, 'the server is shutting down');
  }

  revoke(): void {
    this.ws?.end(closing.policy, 'the token of this connection is valid no more');
  }

  cut(): void {
    this.ws?.close();
  }
}

export class WebSockets {
  readonly #options: WebSocketsOptions;
  /** Of all connections. */
  #waitingBytes = 0;

  constructor(options: WebSocketsOptions) {
    this.#options = options;
    const { app, subscribers } = options;
    app.webSocket<SocketData>(
      path,
      {
        maxPayloadLength: limits.frameBytes,
        maxBackpressure: maxBacklogBytes,
        idleTimeout: subscribers.bounds.idleTimeoutSeconds,
        open: (ws) => this.#open(ws),
        message: (ws, message, isBinary) => this.#receive(ws.getUserData().connection, ws, message, isBinary),
        dropped: (ws) => subscribers.tooSlow(ws.getUserData().connection),
        drain: (ws) => this.#drained(ws.getUserData().connection),
        close: (ws) => this.#closed(ws.getUserData().connection),
      },
      (exchange, head, accept, request) => this.#upgrade(exchange, head, accept, request),
    );
    app.route({ method: 'GET', path, run: (exchange) => exchange.refuse(notAnUpgrade()) });
  }

  #upgrade(
    exchange: Exchange,
    head: RequestHead,
    accept: (data: SocketData, protocol: string) => void,
    request: HttpRequest,
  ): void {
    const { app, gate, subscribers } = this.#options;
    const protocols = request
      .getHeader('sec-websocket-protocol')
      .split(',')
      .map((name) => name.trim());
    const offered = offeredToken(protocols);
    const access = gate.check(head, { changes: false, guarded: true, open: false, token: offered });
    if (access instanceof Refusal) return exchange.refuse(access);
    if (request.getHeader('sec-websocket-version') !== '13')
      return exchange.refuse(notAnUpgrade(), ['Sec-WebSocket-Version', '13']);
    if (app.closing)
      return exchange.refuse(new Refusal('draining', 'The server is shutting down and takes no new connections.'));
    const noRoom = subscribers.noRoom();
    if (noRoom) return exchange.refuse(noRoom);
    const connection = new Connection(subscribers.number(), tokenOf(head, offered));
    accept({ connection }, protocols.includes(protocolName) ? protocolName : '');
  }

  #open(ws: Socket<SocketData>): void {
    const connection = ws.getUserData().connection;
    connection.ws = ws;
    this.#options.subscribers.add(connection);
  }

  #closed(connection: Connection): void {
    connection.ws = undefined;
    for (const message of connection.waiting.splice(0)) this.#waitingBytes -= message.length;
    this.#options.subscribers.delete(connection);
  }

  #receive(connection: Connection, ws: Socket<SocketData>, bytes: Buffer, isBinary: boolean): void {
    if (connection.farewell !== undefined) return;
    if (isBinary) return this.#endAfter(connection, ws, closing.unsupported, 'messages must be text');
    if (this.#tooMany(connection))
      return this.#endAfter(
        connection,
        ws,
        closing.policy,
        `more than ${limits.messagesPerSecond} messages in a second`,
      );
    if (!connection.spend(bytes.length, this.#options.clock.monotonic()))
      return this.#endAfter(connection, ws, closing.policy, tooMuch);
    if (this.#waitingBytes + bytes.length > limits.waitingMessagesBytes)
      return ws.end(closing.tryAgainLater, 'the server has too much to read');
    this.#waitingBytes += bytes.length;
    // The memory is only lent.
    if (connection.waiting.push(Buffer.from(bytes)) === 1) this.#read(connection);
  }

  #endAfter(connection: Connection, ws: Socket<SocketData>, code: number, reason: string): void {
    connection.farewell = { code, reason };
    if (connection.waiting.length === 0) ws.end(code, reason);
  }

  /** Reads what waits, a message in a turn: a filter may take a millisecond, and many may come at the same moment. */
  #read(connection: Connection): void {
    this.#options.subscribers.turns.add(() => {
      const bytes = connection.waiting[0];
      if (bytes === undefined) return;
      // It stays in the queue meanwhile, so that a message that comes now does not start another reading.
      const taken = connection.ws && this.#take(connection, connection.ws, bytes);
      if (taken === undefined) this.#taken(connection, bytes);
      else void taken.then(() => this.#taken(connection, bytes));
    });
  }

  #taken(connection: Connection, bytes: Buffer): void {
    // Closed meanwhile, it has nothing waiting any more.
    if (connection.waiting.shift() === undefined) return;
    this.#waitingBytes -= bytes.length;
    if (connection.waiting.length > 0) return this.#read(connection);
    const { ws, farewell } = connection;
    if (farewell !== undefined) ws?.end(farewell.code, farewell.reason);
  }

  /** @returns when what comes behind the message may be read; undefined: now */
  #take(connection: Connection, ws: Socket<SocketData>, bytes: Buffer): Promise<void> | undefined {
    const message = readClientMessage(bytes.toString('utf8'), this.#options.subscribers.feed.latest.length);
    if (message.action !== 'invalid') {
      connection.badInARow = 0;
      return this.#answer(connection, ws, message);
    }
    connection.badInARow += 1;
    ws.send(JSON.stringify({ type: 'error', code: message.code, message: message.message }));
    if (connection.badInARow >= limits.badMessagesInARow) ws.end(closing.policy, 'too many bad messages in a row');
    return undefined;
  }

  #tooMany(connection: Connection): boolean {
    const now = this.#options.clock.monotonic();
    if (now - connection.since >= 1000) {
      connection.since = now;
      connection.messages = 0;
    }
    connection.messages += 1;
    return connection.messages > limits.messagesPerSecond;
  }

  #answer(
    connection: Connection,
    ws: Socket<SocketData>,
    message: Exclude<ClientMessage, { action: 'invalid' }>,
  ): Promise<void> | undefined {
    switch (message.action) {
      case 'subscribe':
        return this.#subscribeWhenKnown(connection, ws, message.filter, message.since);
      case 'unsubscribe':
        this.#options.subscribers.unsubscribe(connection);
        ws.send('{"type":"unsubscribed"}');
        return undefined;
      case 'ping':
        ws.send(`{"type":"pong","timestamp":"${this.#timestamp()}"}`);
        return undefined;
      case 'get_stats':
        this.#options.stats(
          (text) => connection.send(`{"type":"stats","timestamp":"${this.#timestamp()}","data":${text}}`),
          ({ code, message }) => connection.send(JSON.stringify({ type: 'error', code, message })),
        );
        return undefined;
      default:
        return message satisfies never;
    }
  }

  #subscribeWhenKnown(
    connection: Connection,
    ws: Socket<SocketData>,
    filter: Filter,
    since: Heard | undefined,
  ): Promise<void> | undefined {
    const known = this.#options.subscribers.whenKnown();
    if (known === undefined) {
      this.#subscribe(connection, ws, filter, since);
      return undefined;
    }
    return known.then((isKnown) => {
      if (connection.ws === undefined) return;
      if (isKnown) this.#subscribe(connection, ws, filter, since);
      else ws.end(closing.tryAgainLater, 'not all shards have an owner just now');
    });
  }

  #subscribe(connection: Connection, ws: Socket<SocketData>, filter: Filter, since: Heard | undefined): void {
    const { subscribers, clock } = this.#options;
    const { latest, resumeAt } = subscribers.feed;
    if (since !== undefined && !subscribers.mayBeAhead && isElsewhere(since, latest)) {
      const message = `since is ${formatCursor(since.seqs, since.timelines)}, and the latest event is ${resumeAt}: it is of another server or data directory.`;
      return void ws.send(JSON.stringify({ type: 'error', code: 'validation_failed', message }));
    }
    if (filter.jobIds.length === 0) {
      const cost = topicCount(filter) * limits.topicCostBytes;
      if (!connection.spend(cost, clock.monotonic())) return ws.end(closing.policy, tooMuch);
    }
    const noMemory = subscribers.noMemoryFor(filter);
    if (noMemory) return void ws.send(JSON.stringify({ type: 'error', code: noMemory.code, message: noMemory.detail }));
    subscribers.subscribe(connection, filter, since);
  }

  #timestamp(): string {
    return formatInstant(this.#options.clock.now(), this.#options.timezone);
  }

  #drained({ ws, slowSince }: Connection): void {
    if (slowSince === undefined || ws === undefined || ws.getBufferedAmount() > maxBacklogBytes) return;
    ws.end(closing.tryAgainLater, 'events were lost: read faster, or subscribe to fewer');
  }
}

function notAnUpgrade(): Refusal {
  return new Refusal('validation_failed', 'This is a WebSocket: connect with version 13 of the protocol (RFC 6455).');
}

/** Browsers cannot set headers on a WebSocket, so they offer the token as a second protocol. */
function offeredToken(protocols: readonly string[]): string | undefined {
  const offered = protocols.find((name) => name.startsWith(tokenProtocol));
  return offered === undefined
    ? undefined
    : Buffer.from(offered.slice(tokenProtocol.length), 'base64url').toString('utf8');
}
