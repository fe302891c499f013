/**
 * Whether the others reach this node where it says: it calls itself there, with a word that nobody else knows, and must hear that. Until
 * it has, it takes no shards: nobody could ask it for their jobs.
 */
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Logger } from '../../log.js';
import { peerHeaders } from '../peers.js';

export interface OwnAddressOptions {
  /** A URL: `--advertise`. */
  readonly address: string;
  /** Whether another node that lives has the same. */
  readonly isShared: () => boolean;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Between two calls at most, in milliseconds; between the first ones it is less. */
  readonly retryMs?: number;
  /** How long an answer may take, in milliseconds. */
  readonly answerMs?: number;
}

/** What stands before it may have begun just now, too. */
const firstRetryMs = 50;
/** Whoever it is answers this. */
const path = '/api/v1/health/live';

/** See the head of this file. */
export class OwnAddress {
  readonly #options: OwnAddressOptions;
  readonly #word = randomBytes(16).toString('hex');
  readonly #isOver = new AbortController();
  #isHeard = false;
  #problem: string | undefined;

  constructor(options: OwnAddressOptions) {
    this.#options = options;
  }

  /** It has heard itself. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** Why it has not, as a sentence for users; undefined when it has, or does not know yet. */
  get problem(): string | undefined {
    return this.#isHeard ? undefined : this.#problem;
  }

  /** Takes a word that a request has brought. Returns whether it is this node's own. */
  hear(word: string): boolean {
    if (word !== this.#word) return false;
    this.#isHeard = true;
    return true;
  }

  /** Calls until it hears itself. Never rejects. */
  async start(): Promise<void> {
    const { address, retryMs = 500, log } = this.#options;
    const { signal } = this.#isOver;
    for (let pauseMs = Math.min(firstRetryMs, retryMs); !signal.aborted; pauseMs = Math.min(pauseMs * 2, retryMs)) {
      const failure = await this.#call();
      if (signal.aborted) return;
      if (this.#isHeard) {
        if (this.#problem !== undefined) log.info(`the other nodes reach this one at ${address}`);
        return;
      }
      this.#log(failure);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  stop(): void {
    this.#isOver.abort();
  }

  #log(failure: string | undefined): void {
    const { address, isShared, log } = this.#options;
    const why = isShared()
      ? `another node has the same --advertise, ${address}: give each its own`
      : failure === undefined
        ? `another server answers at ${address}: set --advertise to where the other nodes reach this one`
        : `this node does not reach itself at ${address} (${failure}): ${adviceOn(failure)}`;
    if (why !== this.#problem) log.warn(`${why}. Until then it takes no shards`);
    this.#problem = why;
  }

  /** Why there was no answer; undefined when there was one. */
  #call(): Promise<string | undefined> {
    const { address, answerMs = 2_000 } = this.#options;
    const url = new URL(path, address);
    const headers = { [peerHeaders.node]: this.#word, [peerHeaders.secret]: this.#word };
    return new Promise((resolve) => {
      const signal = AbortSignal.any([this.#isOver.signal, AbortSignal.timeout(answerMs)]);
      const call = (url.protocol === 'https:' ? tlsRequest : request)(url, { headers, agent: false, signal });
      call.once('response', (answer) => {
        answer.resume();
        // What it answers does not matter.
        answer.once('close', () => resolve(undefined));
      });
      call.on('error', ({ name, message }) =>
        resolve(name === 'AbortError' || name === 'TimeoutError' ? `no answer in ${answerMs / 1000} s` : message),
      );
      call.end();
    });
  }
}

/** What to do about a call that failed; Node names what is wrong with a certificate, and not what to do. */
function adviceOn(failure: string): string {
  return /certificate|altnames/i.test(failure)
    ? 'name the file of the authority in NODE_EXTRA_CA_CERTS, and in --advertise the host that its certificate is for'
    : 'set --advertise to where the other nodes reach it';
}
