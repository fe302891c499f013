/**
 * Whether PostgreSQL takes new connections of a node that has started, and why not: a password that was changed, connections that are used
 * up, another server at the same address. Statements on the connections that there are may go on all the while.
 */
import type { Logger } from '../../../log.js';
import { codeOf, DatabaseUnusable, messageOf, unusable, waitingReason } from './errors.js';

/** A failure that nobody has met again for so long is over: nobody needed a connection since, so nothing is wrong. Milliseconds. */
const lastsMs = 10_000;

/** These are refused until the node starts with other settings, or PostgreSQL has others. */
const refusesNode = new Set(['28P01', '28000']);

export interface ReachedOptions {
  /** Host and database, for messages. */
  readonly where: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** See the head of this file. */
export class Reached {
  readonly #options: ReachedOptions;
  /** What was said since a connection was made last: each reason once. */
  readonly #said = new Set<string>();
  #last: { readonly reason: string; readonly at: number } | undefined;

  constructor(options: ReachedOptions) {
    this.#options = options;
  }

  /** Why no connection could be made just now, a sentence for users without its full stop; undefined: they can be made. */
  get problem(): string | undefined {
    if (this.#last === undefined || this.#options.now() - this.#last.at > lastsMs) return undefined;
    return this.#last.reason;
  }

  /** A connection was made. */
  made(): void {
    this.#last = undefined;
    if (this.#said.size === 0) return;
    this.#said.clear();
    this.#options.log.info(`PostgreSQL at ${this.#options.where} takes connections of this node again`);
  }

  /** A connection could not be made. */
  failed(error: unknown): void {
    const { where, log, now } = this.#options;
    const reason = reasonOf(error, where);
    this.#last = { reason, at: now() };
    if (this.#said.has(reason)) return;
    this.#said.add(reason);
    log.warn(reason);
  }
}

function reasonOf(error: unknown, where: string): string {
  if (error instanceof DatabaseUnusable) return error.message;
  const waitedFor = waitingReason(error);
  if (waitedFor !== undefined) return `PostgreSQL at ${where} takes no new connection of this node: ${waitedFor}`;
  if (refusesNode.has(codeOf(error)))
    return `PostgreSQL at ${where} does not let this node in any more: ${messageOf(error)}. Start the node again with the user and password of today in --store`;
  return unusable(error, where).message;
}
