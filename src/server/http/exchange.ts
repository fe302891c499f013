/**
 * One request and its one answer. The reply is owned here alone: touching it after it was answered or its client has gone
 * throws in uWebSockets.js, so every way to it goes through `#reply`, which is undefined from then on.
 *
 * Invariant: an exchange that outlives its route is in `OpenExchanges` until it is answered or aborted, unless it rests.
 */
import { problemBody } from '../../api/problem.js';
import { Refusal } from '../../domain/errors.js';
import { limits } from '../../domain/limits.js';
import type { RequestSpan } from '../../telemetry/traces/port.js';
import type { Answer, AnswerStream, Reply, StreamEvents } from './http-port.js';
import { internalError, problemHead } from './problem-head.js';
import type { Access } from './tokens.js';

/** What every exchange of a server shares. */
export interface ExchangeContext {
  readonly open: OpenExchanges;
  /** True once the server goes: answers then end their connections. */
  readonly closing: boolean;
  /** Told of what a route threw and nobody may see. */
  failed(error: unknown): void;
  /** The head of an answer has gone out. */
  answered(exchange: Exchange, head: string): void;
  /** An answer that stays open has begun, or is over. */
  streams(change: 1 | -1): void;
}

const noHeaders: readonly string[] = [];
const switchingProtocols = 101;
const exposedHeaders = 'Location, Idempotent-Replayed, Retry-After, Preference-Applied';

export class Exchange {
  /** The path of its route, its method, and when it came, monotonic milliseconds: for the metrics. */
  route = '';
  method = '';
  readonly begunAt: number;
  /** Of its trace, until it has ended; undefined where requests are not traced. */
  span: RequestSpan | undefined;
  /** The decoded parameter of the path; '' where the route has none. */
  parameter = '';
  /** The path as sent. */
  path = '';
  /** Another node of the cluster has passed the request on. */
  fromPeer = false;
  /** It wants to know of these shards of this node only, as it says; undefined: of all, as clients do. */
  peerShards: string | undefined;
  /** The query string as sent, without `?`. */
  query = '';
  idempotencyKey: string | undefined;
  /** What the client would like (RFC 7240), as sent. */
  prefer: string | undefined;
  /** Where a client of an event stream was, as it says; '' counts as absent. */
  lastEventId: string | undefined;
  /** The header, as sent: what the answer may be compressed by. */
  acceptEncoding: string | undefined;
  /** What its sender may do. */
  access: Access = 'none';
  /** The header, as sent. */
  authorization: string | undefined;
  /** The body is one JSON value per line. */
  ndjson = false;
  /** HEAD: the body is measured, not sent. */
  headOnly = false;
  /** The request's origin, if other sites may read the answer. */
  corsOrigin: string | undefined;
  /** Answers depend on the origin, so caches must be told. */
  variesByOrigin = false;
  /** The tick of `OpenExchanges` since which it waits. */
  since = 0;
  /** False while the body is still coming. */
  complete = true;
  /** Bytes of the body that were announced, Infinity for chunks; 0 once nothing more of it is to come. */
  bodyToCome = 0;
  #reply: Reply | undefined;
  /** What is to be done when its client goes, while no deadline ends it. */
  #whenGone: (() => void) | undefined;
  /** It was refused before its body was there: the answer that ends its connection is about to go out, or has. */
  #ending = false;
  /** That answer has gone out, and what the client still sends is read and dropped. */
  #lingers = false;
  /** Bytes of the body that were read and dropped. */
  #dropped = 0;
  /** Bytes of memory that its body takes while it comes. */
  #bodyBytes = 0;
  readonly #context: ExchangeContext;

  /** @param begunAt monotonic milliseconds */
  constructor(reply: Reply, context: ExchangeContext, begunAt: number) {
    this.#reply = reply;
    this.#context = context;
    this.begunAt = begunAt;
  }

  /** True when there is nobody to answer any more. */
  get over(): boolean {
    return this.#reply === undefined || this.#ending;
  }

  /**
   * Answers; does nothing when that is too late.
   *
   * @param head status line and fixed headers, from `responseHead`
   * @param body its memory is free again when this returns
   * @param headers further headers, names and values in turn
   * @param last ends the connection
   */
  answer(head: string, body: string | Buffer, headers: readonly string[] = noHeaders, last = false): void {
    const reply = this.#reply;
    if (reply === undefined) return;
    const answer = this.#answer(head, body, headers);
    this.#release();
    reply.answer(answer, last || this.#context.closing);
  }

  #answer(head: string, body: string | Buffer, given: readonly string[]): Answer {
    const { headOnly, corsOrigin } = this;
    this.#context.answered(this, head);
    let headers = given;
    if (corsOrigin !== undefined)
      headers = [
        ...headers,
        'Access-Control-Allow-Origin',
        corsOrigin,
        'Access-Control-Expose-Headers',
        exposedHeaders,
      ];
    if (this.variesByOrigin) headers = [...headers, 'Vary', 'Origin'];
    for (let at = 1; at < headers.length; at += 2) refuseLineBreaks(headers[at] as string);
    return { head, headers, body, headOnly };
  }

  /**
   * Begins an answer that stays open, which no deadline ends.
   *
   * @returns undefined when there is nothing to be written to: the client has gone, or asked for the head alone
   */
  stream(head: string, { filler, close }: StreamEvents): AnswerStream | undefined {
    const reply = this.#reply;
    if (reply === undefined) return undefined;
    const answer = this.#answer(head, '', noHeaders);
    this.#release();
    const closed = (): void => {
      this.#context.streams(-1);
      close();
    };
    const stream = reply.stream(answer, { filler, close: closed });
    if (stream !== undefined) this.#context.streams(1);
    return stream;
  }

  /** Answers with the refusal's problem document. */
  refuse(refusal: Refusal, headers?: readonly string[]): void {
    // The rest of a small body passes by, and the connection can be used again.
    if (this.bodyToCome > limits.passingBodyBytes || (this.bodyToCome > 0 && this.#context.closing))
      return this.refuseAndEnd(refusal, headers);
    this.answer(problemHead(refusal.code), problemBody(refusal), headers);
  }

  /**
   * Refuses a request that was not read to its end, or could be read in two ways, and ends the connection: nothing behind
   * it is served. A client that is still sending is listened to for a while: a connection that is closed with something
   * unread is reset, and the client loses the answer (RFC 9112, section 9.6).
   *
   * The answer goes out when the bytes at hand have been taken in. uWebSockets.js forgets that a connection is to end as
   * soon as the next request begins, but closes it at once when one begins before the last is answered.
   */
  refuseAndEnd(refusal: Refusal, headers: readonly string[] = noHeaders): void {
    if (this.over) return;
    this.hold();
    this.#ending = true;
    this.#reply?.stop();
    // A body that is being collected is ended by `drop`.
    if (this.complete && this.bodyToCome !== 0)
      this.#reply?.onData((chunk, isLast) => this.drop(chunk.length, isLast), false);
    setImmediate(() => {
      const [head, body] = [problemHead(refusal.code), problemBody(refusal)];
      if (this.bodyToCome === 0) this.answer(head, body, headers, true);
      else this.#answerAndLinger(head, body, headers);
    });
  }

  /** Bytes that came after the refusal. */
  drop(bytes: number, isLast: boolean): void {
    this.#dropped += bytes;
    if (isLast) this.bodyToCome = 0;
    // Not in the middle of a call from below.
    if (this.#lingers && (isLast || this.#dropped > limits.lingerBytes)) setImmediate(() => this.cut());
  }

  /** Sends the answer, and keeps the request open for the rest of its body. */
  #answerAndLinger(head: string, body: string, headers: readonly string[]): void {
    const reply = this.#reply;
    if (reply === undefined) return;
    this.#lingers = true;
    const { open } = this.#context;
    open.delete(this);
    this.reserve(0);
    open.lingering += 1;
    const timer = setTimeout(() => this.cut(), limits.lingerMs);
    reply.onAborted(() => {
      clearTimeout(timer);
      open.lingering -= 1;
      this.abort();
    });
    reply.answerAndLinger(this.#answer(head, body, headers));
  }

  /** Answers for what a route threw: a refusal as it is, anything else as an error of ours that goes to the log. */
  fail(error: unknown): void {
    if (error instanceof Refusal) return this.refuse(error);
    this.#context.failed(error);
    this.refuse(internalError());
  }

  /** Takes memory for so much of the body, in place of what it has; false when all bodies together may not have it. */
  reserve(bytes: number): boolean {
    const { open } = this.#context;
    if (open.bodyBytes - this.#bodyBytes + bytes > limits.unfinishedBodiesBytes) return false;
    open.bodyBytes += bytes - this.#bodyBytes;
    this.#bodyBytes = bytes;
    return true;
  }

  /** Its body is read after its route has returned, and takes memory until then. */
  keepsBody = false;

  /** A copy of the body that lasts until the answer; undefined when all bodies together may not have that memory. */
  keepBody(body: Buffer): Buffer | undefined {
    if (!this.reserve(body.length)) return undefined;
    this.keepsBody = true;
    return Buffer.from(body);
  }

  /** Gives the connection away, to a WebSocket: there is nothing to answer any more. */
  leave(): void {
    this.#reply = undefined;
    this.endSpan(switchingProtocols);
  }

  /** The client has gone. */
  abort(): void {
    this.#release();
    this.#whenGone?.();
    this.span?.aborted();
    this.span = undefined;
  }

  /** Its answer goes out, with this status. */
  endSpan(status: number): void {
    this.span?.answered(status);
    this.span = undefined;
  }

  #release(): void {
    this.#reply = undefined;
    this.#context.open.delete(this);
    if (this.#bodyBytes > 0) this.reserve(0);
  }

  /** Ends the connection without an answer. */
  cut(): void {
    this.#reply?.cut();
  }

  /** The time for an answer begins anew: its request took long to come. */
  renew(): void {
    this.#context.open.delete(this);
    this.#context.open.add(this);
  }

  /** Keeps the exchange for an answer after its route has returned. */
  hold(): void {
    this.#reply?.onAborted(() => this.abort());
    if (!this.#whenGone) this.#context.open.add(this);
  }

  /** No deadline ends it any more: whoever answers it has one of their own. @param whenGone its client has gone */
  rest(whenGone: () => void): void {
    this.#whenGone = whenGone;
    this.#context.open.delete(this);
  }
}

/** An adapter may pass on a line break, and with it whole headers of someone else's making. */
function refuseLineBreaks(value: string): void {
  if (/[\r\n\0]/.test(value)) throw new Error('a line break in a response header');
}

/**
 * Exchanges that wait for an answer, oldest first. Time is counted in ticks of the sweep, so that no request reads a
 * clock or sets a timer.
 */
export class OpenExchanges {
  /** Memory of all bodies that are still coming. */
  bodyBytes = 0;
  /** Those that were refused while their body was coming: they are answered, and about to be closed. */
  lingering = 0;
  readonly #open = new Set<Exchange>();
  #tick = 0;

  get size(): number {
    return this.#open.size;
  }

  add(exchange: Exchange): void {
    exchange.since = this.#tick;
    this.#open.add(exchange);
  }

  delete(exchange: Exchange): void {
    this.#open.delete(exchange);
  }

  /** One tick. Answers those that have waited for `ticks` of them, and ends those whose body never came to its end. */
  sweep(ticks: number): void {
    this.#tick += 1;
    for (const exchange of this.#open) {
      if (this.#tick - exchange.since <= ticks) return;
      if (exchange.complete)
        exchange.refuse(
          new Refusal(
            'timeout',
            'No answer was ready in time. Whether the request took effect is not known: ask for the job before sending it again.',
          ),
        );
      else exchange.cut();
      this.#open.delete(exchange);
    }
  }
}
