/** Replies by Node's HTTP: to a request, and to one that asked for an upgrade, which Node gives no response for. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, AnswerStream, Reply, StreamEvents } from '../http/http-port.js';
import type { Connection, Waiting } from './connection.js';
import { headOf, lastAnswer } from './head.js';

const nothing = Buffer.alloc(0);

export class NodeReply implements Reply, Waiting {
  /** The body is taken by somebody. */
  taken = false;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connection: Connection;
  readonly #asksFirst: boolean;
  #aborted: (() => void) | undefined;
  #over = false;

  /** @param asksFirst the client sends its body when it is told to go on */
  constructor(request: IncomingMessage, response: ServerResponse, connection: Connection, asksFirst: boolean) {
    this.#request = request;
    this.#response = response;
    this.#connection = connection;
    this.#asksFirst = asksFirst;
    connection.replies.add(this);
  }

  answer(answer: Answer, last: boolean): void {
    this.#finish();
    if (last) return this.#lastWords(answer);
    const { status, reason, fields } = headOf(answer);
    const { body } = answer;
    this.#response.writeHead(status, reason, fields as string[]);
    if (answer.headOnly || body === '') return void this.#response.end();
    this.#response.end(typeof body === 'string' ? body : Buffer.from(body));
    this.#connection.sent(this.#response, body.length);
  }

  stop(): void {
    this.#connection.ending = true;
  }

  answerAndLinger(answer: Answer): void {
    this.#lastWords(answer);
  }

  stream({ head, headers, headOnly }: Answer, { close }: StreamEvents): AnswerStream | undefined {
    const { status, reason, fields } = headOf({ head, headers, body: '', headOnly: false });
    const response = this.#response;
    response.writeHead(status, reason, fields as string[]);
    if (headOnly) {
      this.#finish();
      response.end();
      return undefined;
    }
    // Until it ends it is an answer that is not there yet, so that the connection is neither idle nor used for another.
    this.#aborted = close;
    this.#connection.isStreaming = true;
    this.#connection.socket.once('end', () => {
      if (!this.#over) this.cut();
    });
    return {
      write: (bytes) => void response.write(bytes),
      getBufferedAmount: () => response.writableLength,
      end: () => {
        this.#connection.isStreaming = false;
        response.end(() => this.gone());
      },
      cut: () => {
        this.cut();
        this.gone();
      },
    };
  }

  onData(take: (chunk: Buffer, isLast: boolean) => void, wanted: boolean): void {
    this.taken = true;
    if (this.#asksFirst && wanted) this.#response.writeContinue();
    const length = this.#request.headers['content-length'];
    // With a length the last piece is known as such, and need not wait for the end of the message.
    let left = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
    let ended = false;
    const hand = (chunk: Buffer): void => {
      left -= chunk.length;
      if (this.#over || ended) return;
      ended = left <= 0;
      take(chunk, ended);
    };
    this.#request.on('data', hand);
    this.#request.on('end', () => {
      this.#connection.progress();
      left = 0;
      hand(nothing);
    });
  }

  onAborted(call: () => void): void {
    this.#aborted = call;
  }

  cut(): void {
    this.#connection.socket.destroy();
  }

  /** Lets a body pass that nobody takes. */
  pass(): void {
    this.#request.once('end', () => this.#connection.progress());
    this.#request.resume();
  }

  get incomplete(): boolean {
    return !this.#request.complete;
  }

  spoil(answer: Answer): void {
    const aborted = this.#aborted;
    this.#finish();
    aborted?.();
    this.#lastWords(answer);
  }

  gone(): void {
    const aborted = this.#aborted;
    this.#finish();
    aborted?.();
  }

  #finish(): void {
    this.#over = true;
    this.#aborted = undefined;
    this.#connection.replies.delete(this);
  }

  /**
   * A response that has ended takes its connection with it, whatever is unread, and the client loses the answer. So this one
   * is written whole and never ended; the connection is.
   */
  #lastWords(answer: Answer): void {
    const connection = this.#connection;
    const { status, reason, fields } = headOf(answer);
    connection.ending = true;
    this.#response.writeHead(status, reason, [...fields, 'Connection', 'close']);
    if (answer.headOnly || answer.body === '') return void this.#response.end();
    const { body } = answer;
    this.#response.write(typeof body === 'string' ? body : Buffer.from(body), () => connection.farewell());
  }
}

/** The reply to a request for an upgrade: any answer is the last. */
export class UpgradeReply implements Reply {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  answer(answer: Answer): void {
    this.#connection.ending = true;
    this.#connection.socket.resume().write(lastAnswer(answer), () => this.#connection.farewell());
  }

  stop(): void {
    this.#connection.ending = true;
  }

  answerAndLinger(answer: Answer): void {
    this.answer(answer);
  }

  stream(): never {
    throw new Error('an upgrade is answered at once');
  }

  onData(): void {
    this.#connection.socket.resume();
  }

  onAborted(call: () => void): void {
    this.#connection.socket.once('close', call);
  }

  cut(): void {
    this.#connection.socket.destroy();
  }
}
