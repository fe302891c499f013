/**
 * What the server needs of HTTP and WebSocket, and all that it knows of them: routes, requests, replies, streams, sockets. Two
 * adapters have it, `uws/` and `node/`; which one serves is decided in `http-choice`. The shapes of requests and sockets are
 * those of uWebSockets.js, whose own objects pass through unwrapped: one per request and one per event are many.
 */

/** The adapters by name, as `--http` takes them. */
export type HttpName = 'uws' | 'node';

/** A request while its handler runs: it may not be touched afterwards. */
export interface HttpRequest {
  /** In lower case. */
  getMethod(): string;
  /** The path as it was sent, without the query. */
  getUrl(): string;
  /** The query as it was sent, without `?`; none is '' or undefined. */
  getQuery(): string | undefined;
  /** What stands for the parameter of the pattern, as it was sent. */
  getParameter(index: number): string | undefined;
  /** A header by its name in lower case; '' when it is not there. */
  getHeader(name: string): string;
  /** Every header line, repeated ones each, with names in lower case. */
  forEach(see: (name: string, value: string) => void): void;
}

/** What an answer is made of. */
export interface Answer {
  /** Status line and fixed headers, from `responseHead`. */
  readonly head: string;
  /** Further headers, names and values in turn. Nothing in them may break a line. */
  readonly headers: readonly string[];
  /** Its memory is free again when the call returns. */
  readonly body: string | Buffer;
  /** HEAD: the body is measured, not sent. */
  readonly headOnly: boolean;
}

/**
 * The way back to who asked. After `answer`, and once its client has gone, it may not be used any more. A handler that
 * neither answers nor calls `onAborted` before it returns ends the process (uWebSockets.js).
 */
export interface Reply {
  /**
   * Sends the whole answer; what the client does not take yet waits, within a bound for all. Where that has no room the
   * connection is cut.
   *
   * @param last ends the connection
   */
  answer(answer: Answer, last: boolean): void;
  /** Nothing that comes behind this request is served: its answer, which ends the connection, is about to come. */
  stop(): void;
  /**
   * Sends the whole answer and says that it was the last, but goes on reading, so that the client gets it (RFC 9112,
   * section 9.6). Ends with `cut`, or when the client goes.
   */
  answerAndLinger(answer: Answer): void;
  /**
   * Begins an answer that stays open: sends its head, and then what is written to the stream. The body is not looked at.
   *
   * @returns undefined for HEAD, where the head is the whole answer
   */
  stream(answer: Answer, events: StreamEvents): AnswerStream | undefined;
  /**
   * Takes the body as it comes; `chunk` is valid during the call only. A body that nobody takes passes by.
   *
   * @param wanted false: a client that asks before it sends its body (`Expect: 100-continue`) is not told to
   */
  onData(take: (chunk: Buffer, isLast: boolean) => void, wanted: boolean): void;
  /** Calls when the client goes before the end of the answer; replaces what was to be called before. */
  onAborted(call: () => void): void;
  /** Ends the connection without a word. */
  cut(): void;
}

/** An answer that stays open. After `end` and `cut`, and after the `close` of its events, it may not be used any more. */
export interface AnswerStream {
  /** Sends some more. What the client does not take yet waits, without a bound: whoever writes looks at how much that is. */
  write(bytes: Buffer): void;
  /** Bytes that wait for the client to read, about. */
  getBufferedAmount(): number;
  /** Ends the answer once what waits has been read; `close` is called then. The connection stays. */
  end(): void;
  /** Ends the connection without a word; `close` is called meanwhile. */
  cut(): void;
}

/** What becomes of an answer that stays open. */
export interface StreamEvents {
  /** What may be sent at any time and means nothing: uWebSockets.js sends the last bytes that it holds only with more behind them. */
  readonly filler: Buffer;
  /** The stream is over: it was ended or cut, or the client has gone, which it has, too, when it shuts its sending side. */
  close(): void;
}

/** Handles a request. */
export type HttpHandler = (request: HttpRequest, reply: Reply) => void;

/** Methods that a route can have; `any` is asked where no other route fits. */
export type HttpMethod = 'get' | 'head' | 'post' | 'put' | 'del' | 'any';

/** An open WebSocket. After `end` or `close`, and after the `close` of its behavior, it may not be used any more. */
export interface Socket<Data> {
  getUserData(): Data;
  /** Sends a text message; past `maxBackpressure` it is lost, and `dropped` is called. */
  send(message: string): void;
  /** Bytes that wait for the client to read. */
  getBufferedAmount(): number;
  /** What is sent in `step` leaves together. */
  cork(step: () => void): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Sends what waits and a close frame, and takes no more messages; `close` of the behavior is called meanwhile. */
  end(code: number, reason: string): void;
  /** Ends the connection without a close frame. */
  close(): void;
}

/** What becomes of WebSockets. */
export interface SocketBehavior<Data> {
  /** A longer message closes the connection, also one in fragments. */
  readonly maxPayloadLength: number;
  readonly maxBackpressure: number;
  /** Seconds without a sign of life, ours being pings; at least 8. */
  readonly idleTimeout: number;
  open(socket: Socket<Data>): void;
  /** `bytes` are valid during the call only. */
  message(socket: Socket<Data>, bytes: Buffer, isBinary: boolean): void;
  /** A message was lost. May come in the middle of a `publish`: subscriptions may not be changed then. */
  dropped(socket: Socket<Data>): void;
  /** Some of what waited was read. */
  drain(socket: Socket<Data>): void;
  close(socket: Socket<Data>): void;
}

/** Decides about an upgrade: answers by `reply`, or accepts. */
export type UpgradeHandler<Data> = (
  request: HttpRequest,
  reply: Reply,
  accept: (data: Data, protocol: string) => void,
) => void;

/** What an adapter is opened with. */
export interface HttpPortOptions {
  /** Files, PEM. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /**
   * A connection has come, or gone; one that becomes a WebSocket has gone.
   *
   * @returns false when one that has come is to be closed at once
   */
  readonly connections: (change: 1 | -1) => boolean;
}

/** An HTTP server: routes first, then addresses to listen on. */
export interface HttpPort {
  /** Bytes of answers that wait for their clients. */
  readonly unsentBytes: number;
  /**
   * Adds a route. A pattern with `/:name` in it comes behind those without, `/*` is everything else; `any` behind all methods.
   */
  route(method: HttpMethod, pattern: string, handle: HttpHandler): void;
  /** Adds the one WebSocket, before the routes of its path: they get what is no upgrade. */
  webSocket<Data>(path: string, behavior: SocketBehavior<Data>, upgrade: UpgradeHandler<Data>): void;
  /** Sends a text message to all subscribers of a topic. Only with a WebSocket. */
  publish(topic: string, message: string): void;
  /** @returns the port, or undefined when the address cannot be had. Port 0 takes any. */
  listen(host: string, port: number): Promise<number | undefined>;
  /** Takes no new connections. */
  unlisten(): void;
  /** Ends everything at once. */
  close(): void;
}

/** An adapter. */
export interface HttpAdapter {
  readonly name: HttpName;
  /** Trailers are read to their end. Where they are not, requests that announce some are refused. */
  readonly readsTrailers: boolean;
  /** @throws when the certificate or its key cannot be used */
  open(options: HttpPortOptions): HttpPort;
}
