/**
 * The connections of `/ws`: who may connect, what their messages mean, and when one is closed. What they subscribe to is
 * the feed's business.
 *
 * A reader that is too slow loses messages in uWebSockets.js once its backlog is full, and from then on can be sent
 * nothing at all, not even a close frame. So it is taken off its topics at the first loss and closed with 1013 as soon as
 * it has read enough for that; what it has read until then has no gap.
 */

import { type ClientMessage, readClientMessage } from '../../api/client-message.js';
import type { Clock } from '../../clock.js';
import { Refusal } from '../../domain/errors.js';
import { type Filter, topicCount } from '../../domain/filter.js';
import { limits } from '../../domain/limits.js';
import { formatInstant } from '../../domain/time/instant.js';
import type { Logger } from '../../log.js';
import type { Queries } from '../../store/queries-port.js';
import type { Telemetry } from '../../telemetry/port.js';
import { Turns } from '../bodies/turns.js';
import type { HttpApp } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import type { Gate } from '../http/gate.js';
import type { HttpRequest, Socket } from '../http/http-port.js';
import type { RequestHead } from '../http/request-head.js';
import { Feed, filterBytes, type Listener } from './feed.js';
import { type History, resume } from './resume.js';

export interface WebSocketsOptions {
  readonly telemetry: Telemetry;
  readonly app: HttpApp;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Logger;
  /** IANA name, for instants. */
  readonly timezone: string;
  readonly maxConnections: number;
  /** Number of the latest event before this server began. */
  readonly lastSeq: number;
  /** Past events, for those who resume. */
  readonly queries: Pick<Queries, 'eventsAfter'>;
  /** The statistics as JSON text. */
  readonly stats: () => string;
  readonly bounds?: Partial<WebSocketBounds> | undefined;
}

/** What readers may take of time and memory. */
export interface WebSocketBounds {
  /** A ping goes out when a connection is silent for some time, and one that does not answer is closed after this; at least 8. */
  readonly idleTimeoutSeconds: number;
  /** What may wait for all of them; past it the largest backlogs go. */
  readonly backlogsBytes: number;
  /** What the filters of all may take, as they are kept. */
  readonly filtersBytes: number;
  /** How long a reader that is too slow may take to read up to its close frame. */
  readonly slowGraceMs: number;
}

const defaults: WebSocketBounds = {
  idleTimeoutSeconds: 60,
  backlogsBytes: 512 * 1024 * 1024,
  filtersBytes: limits.filtersBytes,
  slowGraceMs: 30_000,
};

const path = '/ws';
const protocolName = 'escapement.v1';
const tokenProtocol = 'bearer.';

/** Close codes of RFC 6455 and of IANA's registry behind it. */
const closing = { goingAway: 1001, unsupported: 1003, policy: 1008, tryAgainLater: 1013 } as const;

const tooMuch = `more than ${limits.messagesBurstBytes / 1024} KiB of messages at once, or ${limits.messagesBytesPerSecond / 1024} KiB a second`;
/** What may wait for one reader: some seconds of events at full load. */
const maxBacklogBytes = 8 * 1024 * 1024;
const sweepMs = 1000;

/** What a socket carries. uWebSockets.js copies the fields and drops the class, so the connection stands in a field. */
interface SocketData {
  readonly connection: Connection;
}

class Connection implements Listener {
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
  /** How often it has subscribed or unsubscribed: a resumption that a later request has replaced ends. */
  subscriptions = 0;
  /** Since when it is known to be too slow. */
  slowSince: number | undefined;

  constructor(readonly number: number) {}

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
}

export class WebSockets {
  readonly feed: Feed;
  readonly #options: WebSocketsOptions;
  readonly #bounds: WebSocketBounds;
  readonly #history: History;
  readonly #turns: Turns;
  readonly #connections = new Set<Connection>();
  readonly #sweeper: NodeJS.Timeout;
  /** Too slow, and still on their topics. */
  readonly #leaving: Connection[] = [];
  /** Of all connections. */
  #waitingBytes = 0;
  #lastNumber = 0;
  #closedSlow = 0;

  constructor(options: WebSocketsOptions) {
    this.#options = options;
    this.#bounds = { ...defaults, ...options.bounds };
    const { app, clock, timezone, telemetry, lastSeq, queries } = options;
    const publish = (topic: string, message: string): void => {
      this.#leaveSlow();
      app.publish(topic, message);
    };
    this.feed = new Feed({ publish, timezone, telemetry, lastSeq, soon: setImmediate });
    this.#turns = new Turns({ now: () => clock.monotonic(), soon: setImmediate });
    this.#history = { queries, latest: () => this.feed.seq, timezone, turns: this.#turns };
    app.webSocket<SocketData>(
      path,
      {
        maxPayloadLength: limits.frameBytes,
        maxBackpressure: maxBacklogBytes,
        idleTimeout: this.#bounds.idleTimeoutSeconds,
        open: (ws) => this.#open(ws),
        message: (ws, message, isBinary) => this.#receive(ws.getUserData().connection, ws, message, isBinary),
        dropped: (ws) => this.#tooSlow(ws.getUserData().connection),
        drain: (ws) => this.#drained(ws.getUserData().connection),
        close: (ws) => this.#closed(ws.getUserData().connection),
      },
      (exchange, head, accept, request) => this.#upgrade(exchange, head, accept, request),
    );
    app.route({ method: 'GET', path, run: (exchange) => exchange.refuse(notAnUpgrade()) });
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Connections that were closed since they did not read what they had asked for. */
  get closedSlow(): number {
    return this.#closedSlow;
  }

  /** Says goodbye to everybody. */
  close(): void {
    clearInterval(this.#sweeper);
    this.feed.flush();
    for (const { ws } of [...this.#connections]) ws?.end(closing.goingAway, 'the server is shutting down');
  }

  #upgrade(
    exchange: Exchange,
    head: RequestHead,
    accept: (data: SocketData, protocol: string) => void,
    request: HttpRequest,
  ): void {
    const { app, gate, maxConnections } = this.#options;
    const protocols = request
      .getHeader('sec-websocket-protocol')
      .split(',')
      .map((name) => name.trim());
    const access = gate.check(head, { changes: false, guarded: true, open: false, token: offeredToken(protocols) });
    if (access instanceof Refusal) return exchange.refuse(access);
    if (request.getHeader('sec-websocket-version') !== '13')
      return exchange.refuse(notAnUpgrade(), ['Sec-WebSocket-Version', '13']);
    if (app.closing)
      return exchange.refuse(new Refusal('draining', 'The server is shutting down and takes no new connections.'));
    if (this.#connections.size >= maxConnections) {
      return exchange.refuse(
        new Refusal('overloaded', 'All connections are taken; --max-connections sets how many there are.'),
      );
    }
    this.#lastNumber += 1;
    accept({ connection: new Connection(this.#lastNumber) }, protocols.includes(protocolName) ? protocolName : '');
  }

  #open(ws: Socket<SocketData>): void {
    const connection = ws.getUserData().connection;
    connection.ws = ws;
    this.#connections.add(connection);
  }

  #closed(connection: Connection): void {
    connection.ws = undefined;
    this.#connections.delete(connection);
    for (const message of connection.waiting.splice(0)) this.#waitingBytes -= message.length;
    this.feed.forget(connection);
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
    this.#turns.add(() => {
      const bytes = connection.waiting[0];
      if (bytes === undefined) return;
      // It stays in the queue meanwhile, so that a message that comes now does not start another reading.
      if (connection.ws !== undefined) this.#take(connection, connection.ws, bytes);
      // Closed meanwhile, it has nothing waiting any more.
      if (connection.waiting.shift() === undefined) return;
      this.#waitingBytes -= bytes.length;
      if (connection.waiting.length > 0) return this.#read(connection);
      const { ws, farewell } = connection;
      if (farewell !== undefined) ws?.end(farewell.code, farewell.reason);
    });
  }

  #take(connection: Connection, ws: Socket<SocketData>, bytes: Buffer): void {
    const message = readClientMessage(bytes.toString('utf8'));
    if (message.action !== 'invalid') {
      connection.badInARow = 0;
      this.#answer(connection, ws, message);
      return;
    }
    connection.badInARow += 1;
    ws.send(JSON.stringify({ type: 'error', code: message.code, message: message.message }));
    if (connection.badInARow >= limits.badMessagesInARow) ws.end(closing.policy, 'too many bad messages in a row');
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
  ): void {
    switch (message.action) {
      case 'subscribe':
        return this.#subscribe(connection, ws, message.filter, message.since);
      case 'unsubscribe':
        connection.subscriptions += 1;
        this.feed.unsubscribe(connection);
        ws.send('{"type":"unsubscribed"}');
        return;
      case 'ping':
        ws.send(`{"type":"pong","timestamp":"${this.#timestamp()}"}`);
        return;
      case 'get_stats':
        ws.send(`{"type":"stats","timestamp":"${this.#timestamp()}","data":${this.#options.stats()}}`);
        return;
      default:
        message satisfies never;
    }
  }

  #subscribe(connection: Connection, ws: Socket<SocketData>, filter: Filter, since: number | undefined): void {
    const { feed } = this;
    if (since !== undefined && since > feed.seq) {
      const message = `since is ${since}, and the latest event is ${feed.seq}: it is of another server or data directory.`;
      return void ws.send(JSON.stringify({ type: 'error', code: 'validation_failed', message }));
    }
    if (filter.jobIds.length === 0) {
      const cost = topicCount(filter) * limits.topicCostBytes;
      if (!connection.spend(cost, this.#options.clock.monotonic())) return ws.end(closing.policy, tooMuch);
    }
    if (feed.filterBytes + filterBytes(filter) > this.#bounds.filtersBytes) {
      const message =
        'The filters of all connections take all the memory that they may: subscribe to fewer jobs or types.';
      return void ws.send(JSON.stringify({ type: 'error', code: 'overloaded', message }));
    }
    const subscription = ++connection.subscriptions;
    feed.unsubscribe(connection);
    // The answer goes first: what is sent and what is published keeps its order.
    ws.send(`{"type":"subscribed","filter":${renderFilter(filter)},"seq":${feed.seq}}`);
    // A reader that is too slow gets its close frame next, and no events before it.
    if (connection.slowSince !== undefined) return;
    if (since === undefined) return feed.subscribe(connection, filter);
    resume(this.#history, filter, since, {
      send: (message) => void connection.ws?.send(message),
      together: (step) => void connection.ws?.cork(step),
      backlog: () => connection.ws?.getBufferedAmount() ?? 0,
      wanted: () =>
        connection.ws !== undefined && connection.subscriptions === subscription && connection.slowSince === undefined,
      live: () => feed.subscribe(connection, filter),
    });
  }

  #timestamp(): string {
    return formatInstant(this.#options.clock.now(), this.#options.timezone);
  }

  /** Called in the middle of a publish, when no subscription may be changed: that has to wait until it has returned. */
  #tooSlow(connection: Connection): void {
    this.#options.telemetry.eventDropped();
    if (connection.slowSince !== undefined) return;
    connection.slowSince = this.#options.clock.monotonic();
    this.#closedSlow += 1;
    this.#options.log.warn({ connection: connection.number }, 'a subscriber reads too slowly and is closed');
    this.#leaving.push(connection);
    setImmediate(() => this.#leaveSlow());
  }

  /** Nothing more is sent to those who have lost something, or what they read would have a gap. */
  #leaveSlow(): void {
    while (this.#leaving.length > 0) this.feed.unsubscribe(this.#leaving.pop() as Connection);
  }

  #drained({ ws, slowSince }: Connection): void {
    if (slowSince === undefined || ws === undefined || ws.getBufferedAmount() > maxBacklogBytes) return;
    ws.end(closing.tryAgainLater, 'events were lost: read faster, or subscribe to fewer');
  }

  #sweep(): void {
    const now = this.#options.clock.monotonic();
    let total = 0;
    for (const { ws, slowSince } of [...this.#connections]) {
      if (slowSince !== undefined && now - slowSince > this.#bounds.slowGraceMs) ws?.close();
      else total += ws?.getBufferedAmount() ?? 0;
    }
    if (total > this.#bounds.backlogsBytes) this.#cutBacklogs(total);
  }

  #cutBacklogs(total: number): void {
    const sizes = [...this.#connections].map((connection) => ({
      connection,
      bytes: connection.ws?.getBufferedAmount() ?? 0,
    }));
    for (const { connection, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
      if (total <= this.#bounds.backlogsBytes) return;
      total -= bytes;
      if (connection.slowSince === undefined) this.#closedSlow += 1;
      connection.ws?.close();
    }
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

function renderFilter({ jobTypes, eventTypes, jobIds }: Filter): string {
  return JSON.stringify({ job_types: jobTypes, event_types: eventTypes, job_ids: jobIds });
}
