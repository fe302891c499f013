/** Requests over HTTP: answers read, refusals as errors, and repeated where that is safe. */
import { EscapementError, errorOf } from './errors.js';

export interface TransportOptions {
  /** Where the server is, without `/api/v1`. */
  readonly url: string;
  readonly token?: string | undefined;
  /** How long a request is repeated that had no answer, or a 502, 503 or 504, in milliseconds. */
  readonly retryFor: number;
  readonly fetch: typeof fetch;
}

export interface SendOptions {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** It may be sent twice: it only reads, or the server knows it by a key. */
  readonly repeatable?: boolean;
  /** An answer with this status is none to be thrown, nor repeated. */
  readonly alsoStatus?: number;
}

/** With these the same request may do better: no answer, a proxy's word that the server is away, and the server's own. */
const passing: ReadonlySet<number> = new Set([0, 502, 503, 504]);
const firstWaitMs = 100;
const longestWaitMs = 2000;

export class Transport {
  readonly #options: TransportOptions;
  readonly #base: string;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#base = options.url.replace(/\/+$/, '');
  }

  /** The address of a path of the server. */
  address(path: string): string {
    return this.#base + path;
  }

  /** The same server, asked with more patience, or less. */
  patient(retryFor: number): Transport {
    return new Transport({ ...this.#options, retryFor });
  }

  get token(): string | undefined {
    return this.#options.token;
  }

  /** The body of the answer, parsed. @throws EscapementError; what `signal` was aborted with */
  async send<Body>(method: string, path: string, options: SendOptions = {}): Promise<Body> {
    const response = await this.open(method, `/api/v1${path}`, options);
    return (await response.json()) as Body;
  }

  /** The answer, once its head is there. @throws as `send` */
  async open(method: string, path: string, options: SendOptions = {}): Promise<Response> {
    const end = Date.now() + this.#options.retryFor;
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      const { failure, retryAfterMs } = await this.#once(method, path, options);
      if (!(failure instanceof EscapementError)) return failure;
      const again = options.repeatable === true && passing.has(failure.status);
      const pauseMs = Math.max(retryAfterMs, waitMs * (0.5 + Math.random() / 2));
      if (!again || Date.now() + pauseMs > end) throw failure;
      await pause(pauseMs, options.signal);
    }
  }

  async #once(
    method: string,
    path: string,
    { body, headers = {}, signal, alsoStatus }: SendOptions,
  ): Promise<{ readonly failure: Response | EscapementError; readonly retryAfterMs: number }> {
    const { token, fetch } = this.#options;
    let response: Response;
    try {
      response = await fetch(this.address(path), {
        method,
        headers: {
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body !== undefined && { body }),
        ...(signal && { signal }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      const message = `No answer from ${this.#base}: ${reasonOf(error)}.`;
      return { failure: new EscapementError('unreachable', message, 0, [], { cause: error }), retryAfterMs: 0 };
    }
    if (response.ok || response.status === alsoStatus) return { failure: response, retryAfterMs: 0 };
    const problem: unknown = await response.json().catch(() => undefined);
    const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0;
    return { failure: errorOf(response.status, problem), retryAfterMs };
  }
}

/** Node puts what it knows into the cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

/** Waits. @throws what `signal` is aborted with */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const over = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', over);
      resolve();
    }, ms);
    signal?.addEventListener('abort', over, { once: true });
  });
}
