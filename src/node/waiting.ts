/**
 * What answers for a node that waits for its database at the start, where it has to wait, until the server itself listens. Who has shown
 * no token hears neither where the database is nor who its user is: the reasons that PostgreSQL and the system give name them.
 */
import type { Logger } from '../log.js';
import type { Access } from '../server/http/tokens.js';

/** A `WaitingServer`. */
interface Listening {
  listen(): Promise<{ readonly urls: readonly string[] }>;
  close(): void;
}

export interface WaitingOptions {
  /** Makes what listens. */
  readonly open: (reason: (access: Access) => string) => Promise<Listening>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** See the head of this file. */
export class Waiting {
  readonly #options: WaitingOptions;
  /** Undefined: the database is there. */
  #why: { readonly where: string; readonly reason: string } | undefined;
  #listening: Promise<Listening | undefined> | undefined;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /** The node waits for the database, for this reason. From the first time on something listens. */
  waits(where: string, reason: string): void {
    this.#why = { where, reason };
    this.#listening ??= this.#listen();
  }

  /** The database is there. */
  over(): void {
    this.#why = undefined;
  }

  /** Nothing listens any more. May be called twice. */
  async end(): Promise<void> {
    const listening = this.#listening;
    this.#listening = undefined;
    (await listening)?.close();
  }

  /** Without an address the node still starts: the server itself says why it cannot listen. */
  async #listen(): Promise<Listening | undefined> {
    const { open, log } = this.#options;
    try {
      const server = await open((access) => this.#reason(access));
      const { urls } = await server.listen();
      log.info({ urls }, 'the server listens meanwhile: /health says what this node waits for');
      return server;
    } catch (error) {
      const { message: reason } = error as Error;
      log.warn({ reason }, 'nothing listens while this node waits');
      return undefined;
    }
  }

  #reason(access: Access): string {
    if (this.#why === undefined) return 'this node starts: PostgreSQL is there';
    const { where, reason } = this.#why;
    return access === 'none'
      ? 'this node waits for PostgreSQL, and serves once that is there: its log says why'
      : `this node waits for PostgreSQL at ${where}, and serves once that is there: ${reason}`;
  }
}
