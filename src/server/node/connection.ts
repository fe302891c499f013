/**
 * A connection of Node's HTTP, and when it is ended: what is too slow, what says nothing, what does not read. Node's own
 * time-outs bound whole requests; these bound their progress, as uWebSockets.js does.
 *
 *   silent for 10 s before the first request, a head that takes 10 s, a body below 16 KiB a second: ended
 *   silent for 30 s between requests, or without reading its answer: ended
 *   an answer that is not there yet: waited for; the exchange bounds that
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { limits } from '../../domain/limits.js';
import type { Answer } from '../http/http-port.js';

/** How long anything may take to arrive, and what of a body must in that time. */
const arrivalSeconds = 10;
const bodyBytesPerArrival = arrivalSeconds * 16 * 1024;
/**
 * Half of the silence that is borne. Node lets one such time pass after a write of which the system took a part, and only
 * the next one counts.
 */
const idleMs = 15_000;

/** Answers that wait for their clients, of all connections. */
export interface Unsent {
  bytes: number;
}

/** A reply that has not been answered, as its connection sees it. */
export interface Waiting {
  /** Its request is still coming. */
  readonly incomplete: boolean;
  /** Answers in place of the handler, which is told that its client has gone: the request cannot be read to its end. */
  spoil(answer: Answer): void;
  /** The connection is closed. */
  gone(): void;
}

export class Connection {
  /** Those that are not answered, oldest first. */
  readonly replies = new Set<Waiting>();
  /** Whatever comes is not served any more: its last answer is on its way. */
  ending = false;
  /** An answer on it stays open: no request behind it is served, and a client that sends one is disconnected. */
  isStreaming = false;
  /** The latest request. */
  request: IncomingMessage | undefined;
  readonly socket: Socket;
  readonly #unsent: Unsent;
  #waiting = 0;
  /** How often nothing has gone either way for `idleMs` since the latest request. */
  #idles = 0;
  /** Seconds without progress. */
  #quiet = 0;
  /** `bytesRead` where progress was last seen. */
  #seen = 0;

  constructor(socket: Socket, unsent: Unsent) {
    this.socket = socket;
    this.#unsent = unsent;
    socket.setTimeout(idleMs);
    // Whatever is wrong with it, it is closed next.
    socket.on('error', () => {});
    socket.once('close', () => this.#closed());
  }

  /** A request has come. */
  begin(request: IncomingMessage): void {
    this.request = request;
    this.#idles = 0;
    this.progress();
  }

  /** What has come so far is in order. */
  progress(): void {
    this.#quiet = 0;
    this.#seen = this.socket.bytesRead;
  }

  /** A second has gone by. */
  tick(): void {
    const came = this.socket.bytesRead - this.#seen;
    if (this.request === undefined) this.#quiet += 1;
    else if (!this.request.complete) {
      if (came >= bodyBytesPerArrival) this.progress();
      else this.#quiet += 1;
    } else if (this.replies.size > 0 || came === 0) this.progress();
    // The head of another request is on its way.
    else this.#quiet += 1;
    if (this.#quiet > arrivalSeconds) this.socket.destroy();
  }

  /** Nothing has gone either way for `idleMs`. */
  idle(): void {
    this.#idles = this.replies.size > 0 ? 0 : this.#idles + 1;
    // An answer that stays open is not counted in what waits.
    if (this.#waiting > 0 || this.socket.writableLength > 0 || this.#idles > 1) this.socket.destroy();
    else this.socket.setTimeout(idleMs);
  }

  /**
   * An answer was written. Counts what its client has not taken, and ends the connection where there is no room for it.
   *
   * @param bytes of the whole answer
   */
  sent(response: ServerResponse, bytes: number): void {
    if (response.writableLength === 0) return;
    if (this.#unsent.bytes + bytes > limits.unsentBytes) return void this.socket.destroy();
    this.#unsent.bytes += bytes;
    this.#waiting += bytes;
    response.once('finish', () => {
      if (this.socket.destroyed) return;
      this.#unsent.bytes -= bytes;
      this.#waiting -= bytes;
    });
  }

  /** The last answer was written: says so to the client, and reads on for a while, so that the answer is not lost. */
  farewell(): void {
    this.socket.end();
    setTimeout(() => this.socket.destroy(), limits.lingerMs).unref();
  }

  #closed(): void {
    this.#unsent.bytes -= this.#waiting;
    this.#waiting = 0;
    for (const reply of [...this.replies]) reply.gone();
    this.replies.clear();
  }
}
