/** One request and what comes back of its answer, within bounds. */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as sendHttp } from 'node:http';
import { request as sendHttps } from 'node:https';
import { limits } from '../domain/limits.js';
import type { Connections } from './connections.js';
import { hostOf } from './payload.js';

/** A request, ready to be sent. */
export interface Call {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty: there is none. */
  readonly body: Uint8Array;
  /** The origin was named, so that its address may be any. */
  readonly open: boolean;
}

export interface Answer {
  readonly status: number;
  /** What the server says of it, perhaps nothing. */
  readonly phrase: string;
  readonly headers: IncomingHttpHeaders;
  /** As far as it was read. */
  readonly body: Buffer;
  /** All of it was read. */
  readonly whole: boolean;
}

/** The connection broke, or could not be made, before the answer was there. */
export class Broken extends Error {
  constructor(override readonly cause: NodeJS.ErrnoException) {
    super(reasonOf(cause));
  }
}

/** The body of an answer that is no success only explains it: it is waited for this long. */
const explainedMs = 1000;

export const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/**
 * Sends a request.
 *
 * @throws Broken, or the reason of `signal` when that fires
 */
export async function send(call: Call, connections: Connections, signal: AbortSignal): Promise<Answer> {
  const first = new Exchange(call, connections, signal, true);
  try {
    return await first.answer;
  } catch (error) {
    // A server may close a connection that was kept just when it is used again: nothing has come of that.
    if (!first.wasStale || signal.aborted) throw error;
    return await new Exchange(call, connections, signal, false).answer;
  }
}

class Exchange {
  readonly answer: Promise<Answer>;
  readonly #request: ClientRequest;
  #wasAnswered = false;
  #isStale = false;
  #over = false;

  constructor(call: Call, connections: Connections, signal: AbortSignal, kept: boolean) {
    const { url, method, headers, body, open } = call;
    const { protocol, hostname, port, pathname, search } = url;
    const send = protocol === 'https:' ? sendHttps : sendHttp;
    this.#request = send({
      agent: connections.agent(protocol, open, kept),
      protocol,
      hostname: hostOf(hostname),
      port: port === '' ? undefined : Number(port),
      path: `${pathname}${search}`,
      method,
      headers,
    });
    this.answer = new Promise<Answer>((resolve, reject) => {
      const onAbort = (): void => end(() => reject(signal.reason));
      // What comes of it later, as the end of its connection does, is nothing any more.
      const end = (tell: () => void): void => {
        if (this.#over) return;
        this.#over = true;
        signal.removeEventListener('abort', onAbort);
        tell();
        this.#request.destroy();
      };
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      this.#request.on('error', (error) => {
        this.#isStale = this.#request.reusedSocket && !this.#wasAnswered;
        end(() => reject(new Broken(error)));
      });
      this.#request.on('response', (response) => {
        this.#wasAnswered = true;
        read(response, (body, whole) => {
          const { statusCode: status = 0, statusMessage: phrase = '', headers } = response;
          const answer = { status, phrase, headers, body, whole };
          if (!whole) return end(() => resolve(answer));
          // The connection is kept: it must not be destroyed.
          if (this.#over) return;
          this.#over = true;
          signal.removeEventListener('abort', onAbort);
          resolve(answer);
        });
        response.on('error', (error) => end(() => reject(new Broken(error))));
      });
    });
    this.#request.end(body);
  }

  /** It broke on a connection that was there before, without an answer. */
  get wasStale(): boolean {
    return this.#isStale;
  }
}

/** Reads up to what a result may have. `done` may be called more than once; the first call counts. */
function read(response: IncomingMessage, done: (body: Buffer, whole: boolean) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const cut = (): void => done(Buffer.concat(chunks), false);
  const timer = isSuccess(response.statusCode ?? 0) ? undefined : setTimeout(cut, explainedMs);
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.resultBytes) cut();
    else chunks.push(chunk);
  });
  response.on('end', () => done(Buffer.concat(chunks), true));
  response.on('close', () => clearTimeout(timer));
}

/** Where several addresses were tried, there is an error of each, and none of them all. */
function reasonOf(error: NodeJS.ErrnoException): string {
  const [first] = error instanceof AggregateError ? error.errors : [];
  return (error.message || (first as Error | undefined)?.message) ?? error.code ?? 'unknown';
}
