/**
 * The connections of a node, and what becomes of a statement that one of them was given: an answer, a refusal, or an unknown end.
 *
 * Each use has its own, so that an append waits for no merge, and a beat for nothing at all. Statements are never cancelled. One that
 * has no answer in time loses its connection, and its backend is ended; until that has gone it may yet be carried out.
 */
import type { ClientBase, Pool, PoolClient } from 'pg';
import { UnknownEnd } from '../database.js';
import { codeOf, DatabaseRefusal, DatabaseUnusable, endsSession, isFromServer, messageOf } from './errors.js';
import type { Reached } from './reached.js';
import { type Backend, beginSession, sessionName } from './session.js';

/** What connections are used for, and how many there are at most. */
const uses = { appends: 6, pages: 4, control: 2, beats: 1, places: 1 } as const;
export type Use = keyof typeof uses;

export interface ConnectionOptions {
  readonly url: string;
  /** Whose sessions they are: others find them by it. */
  readonly node: string;
  readonly schema: string;
  /** Host and database, for messages. */
  readonly where: string;
  /** How long a statement may be without answer, in milliseconds. */
  readonly answerMs: number;
}

/** Longest time until a connection is made, in milliseconds. */
const connectMs = 5_000;
/**
 * Until a beat is answered: later it is worth nothing, and another connection may be better. The same for making one; but to be let in with
 * a password takes three times the way there and back, so every other try may take as long as those of other uses.
 */
const beatMs = 2_000;
/** A connection that nobody used for so long is closed, in milliseconds. */
const idleMs = 60_000;
/** What the library says where all connections of a use were in use for too long: nothing was asked of PostgreSQL. */
const allBusy = 'timeout exceeded when trying to connect';
/** What it says where a connection was not there in time. */
const tooLate = 'Connection terminated due to connection timeout';
/** Between two looks whether a backend has gone, in milliseconds. */
const goneMs = 10;

export class Connections {
  readonly #options: ConnectionOptions;
  readonly #pools: Readonly<Record<Use, Pool>>;
  readonly #backends = new WeakMap<ClientBase, Backend>();
  /** Whose statements have an unknown end, and who have not been seen to be gone. */
  readonly #lost = new Set<Backend>();
  #closing = false;
  #reached: Reached | undefined;

  private constructor(library: typeof import('pg'), options: ConnectionOptions) {
    this.#options = options;
    const pool = (use: Use): Pool => {
      const made = new library.Pool({
        connectionString: options.url,
        max: uses[use],
        connectionTimeoutMillis: use === 'beats' ? beatMs : connectMs,
        idleTimeoutMillis: use === 'beats' ? 0 : idleMs,
        keepAlive: true,
        keepAliveInitialDelayMillis: 10_000,
        // Not `verify`: whoever is no longer waiting when that ends is given the connection all the same, and nobody gives it back.
        onConnect: (client) => this.#begin(client),
      });
      // An idle connection broke: the next statement makes another.
      made.on('error', () => {});
      return made;
    };
    this.#pools = {
      appends: pool('appends'),
      pages: pool('pages'),
      control: pool('control'),
      beats: pool('beats'),
      places: pool('places'),
    };
  }

  /** Loads the library; nothing is connected yet. */
  static async prepare(options: ConnectionOptions): Promise<Connections> {
    const { default: library } = await import('pg');
    return new Connections(library as unknown as typeof import('pg'), options);
  }

  /** From now on `reached` hears whether connections can be made. */
  watch(reached: Reached): void {
    this.#reached = reached;
  }

  /**
   * Runs `work` on a connection of its own.
   * @param answerMs how long it may take; for `extend`, until the next sign of life
   * @throws DatabaseRefusal when it was not carried out; DatabaseUnusable when this server is not to be used; UnknownEnd
   */
  async run<T>(
    use: Use,
    work: (client: PoolClient, extend: () => void) => Promise<T>,
    answerMs: number = use === 'beats' ? Math.min(beatMs, this.#options.answerMs) : this.#options.answerMs,
  ): Promise<T> {
    const client = await this.#connect(use);
    let unknown: string | undefined;
    const onNotice = (notice: { severity?: string | undefined; message?: string | undefined }): void => {
      // Such as that the wait for a standby was cancelled: it is committed here, and there perhaps not.
      if (notice.severity === 'WARNING') unknown ??= `PostgreSQL warned: ${notice.message}`;
    };
    const timer = setTimeout(() => {
      unknown = `PostgreSQL has not answered for ${answerMs} ms`;
      breakOff(client);
    }, answerMs);
    client.on('notice', onNotice);
    try {
      const result = await work(client, () => timer.refresh());
      if (unknown !== undefined) throw new UnknownEnd(unknown);
      client.release();
      return result;
    } catch (error) {
      if (unknown === undefined && (await this.#isRefusal(client, error))) {
        client.release();
        throw isFromServer(error) ? refusal(error) : error;
      }
      this.#lose(client);
      if (error instanceof UnknownEnd) throw error;
      throw new UnknownEnd(unknown ?? messageOf(error), { cause: error });
    } finally {
      clearTimeout(timer);
      client.off('notice', onNotice);
    }
  }

  /**
   * Ends the backends of a node. For one's own these are the ones with statements of unknown end: the others go on.
   * Resolves when they have gone, and with them what they had begun.
   */
  async endBackends(node: string): Promise<void> {
    if (node === this.#options.node) {
      await Promise.all([...this.#lost].map((backend) => this.#end(backend)));
      return;
    }
    await this.#endAll(
      `FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()
        AND usename = current_user AND pid <> pg_backend_pid()`,
      [sessionName(node)],
    );
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(Object.values(this.#pools).map((pool) => pool.end()));
  }

  /** What the library gives no time limit: the first statements of a connection. */
  async #begin(client: ClientBase): Promise<void> {
    // For as long as it lives: one that breaks while nobody uses it, or after it was given up, would end the process.
    client.on('error', () => {});
    const timer = setTimeout(() => breakOff(client), connectMs);
    try {
      this.#backends.set(client, await beginSession(client, this.#options));
      this.#reached?.made();
    } catch (error) {
      // The pool waits until it has ended, and over a way that is cut an end in order takes many minutes.
      breakOff(client);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #connect(use: Use): Promise<PoolClient> {
    try {
      return await this.#pools[use].connect();
    } catch (error) {
      if (!this.#closing && messageOf(error) !== allBusy) this.#reached?.failed(error);
      if (use === 'beats' && messageOf(error) === tooLate) this.#otherBeatTime();
      if (error instanceof DatabaseUnusable) throw error;
      throw new DatabaseRefusal(`PostgreSQL at ${this.#options.where}: ${messageOf(error)}`, codeOf(error), {
        cause: error,
      });
    }
  }

  /** Which of both times is right is for the way to say: the one that served stays. */
  #otherBeatTime(): void {
    const { options } = this.#pools.beats;
    options.connectionTimeoutMillis = options.connectionTimeoutMillis === beatMs ? connectMs : beatMs;
  }

  /** The server refused, and goes on with the session: what was asked has been taken back. Its word of severity is translated, so ask. */
  async #isRefusal(client: PoolClient, error: unknown): Promise<boolean> {
    if (!isFromServer(error)) return !isBroken(client) && (await answers(client));
    return !endsSession(codeOf(error)) && (await answers(client));
  }

  #lose(client: PoolClient): void {
    breakOff(client);
    client.release(true);
    const backend = this.#backends.get(client);
    if (!backend) return;
    this.#lost.add(backend);
    // It is tried at once; whoever must know that it is gone asks for `endBackends`.
    this.#end(backend).catch(() => {});
  }

  async #end(backend: Backend): Promise<void> {
    await this.#endAll(`FROM pg_stat_activity WHERE pid = $1 AND extract(epoch FROM backend_start)::text = $2`, [
      String(backend.pid),
      backend.start,
    ]);
    this.#lost.delete(backend);
  }

  /** A backend leaves the list after its transaction has ended and its locks are free. */
  async #endAll(which: string, values: readonly string[]): Promise<void> {
    const until = performance.now() + this.#options.answerMs;
    for (;;) {
      const left = await this.run('control', async (client) => {
        const { rowCount } = await client.query(`SELECT pg_terminate_backend(pid) ${which}`, [...values]);
        return rowCount ?? 0;
      });
      if (left === 0) return;
      if (performance.now() > until || this.#closing)
        throw new UnknownEnd(`${left} sessions have not ended, such as one whose system call hangs`);
      await new Promise((resolve) => setTimeout(resolve, goneMs));
    }
  }
}

const refusal = (error: unknown): DatabaseRefusal =>
  new DatabaseRefusal(messageOf(error), codeOf(error), { cause: error });

/** The socket below a client, which the library's types do not show. */
const socketOf = (client: ClientBase): import('node:net').Socket =>
  (client as unknown as { connection: { stream: import('node:net').Socket } }).connection.stream;

const isBroken = (client: ClientBase): boolean => socketOf(client).destroyed;

function breakOff(client: ClientBase): void {
  socketOf(client).destroy();
}

/** Ends a transaction that an error left open, which also shows that the session goes on. */
async function answers(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}
