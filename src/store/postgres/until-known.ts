/**
 * Statements whose end must be known before anything follows. One that ended without a word may have been carried out, or may be yet: so
 * the node's connections are ended first, and then the very same statement is sent again. It must be one that may be carried out twice.
 */
import { type Database, type RandomId, UnknownEnd } from './database.js';

/** How long is waited where the database refuses, or cannot be reached. */
const retryMs = 250;

export interface UntilKnownPorts {
  readonly database: Pick<Database, 'endBackends'>;
  /** The one that sends. */
  readonly node: RandomId;
  readonly pause: (ms: number) => Promise<void>;
}

/** `refused`: it was never carried out. `dropped`: nobody waits for it any more, and it may have been. */
export type Known<T> =
  | { readonly end: 'known'; readonly said: T }
  | { readonly end: 'refused'; readonly error: Error }
  | { readonly end: 'dropped' };

export class UntilKnown {
  readonly #ports: UntilKnownPorts;
  readonly #dropped: Promise<{ readonly end: 'dropped' }>;
  #drop: () => void = () => {};
  #isDropped = false;

  constructor(ports: UntilKnownPorts) {
    this.#ports = ports;
    this.#dropped = new Promise((resolve) => {
      this.#drop = () => resolve({ end: 'dropped' });
    });
  }

  /** Ends the wait of all that was sent; nothing is sent any more. What was sent may be carried out yet. */
  drop(): void {
    this.#isDropped = true;
    this.#drop();
  }

  get isDropped(): boolean {
    return this.#isDropped;
  }

  /** Sends a statement until its end is known. Never rejects. */
  send<T>(statement: () => Promise<T>): Promise<Known<T>> {
    return Promise.race([this.#dropped, this.#send(statement)]);
  }

  async #send<T>(statement: () => Promise<T>): Promise<Known<T>> {
    for (let isUnknown = false; !this.#isDropped; ) {
      try {
        return { end: 'known', said: await statement() };
      } catch (error) {
        if (error instanceof UnknownEnd) {
          isUnknown = true;
          await this.#endBackends();
          // An earlier one may have been carried out: that this one was not says nothing of it.
        } else if (!isUnknown) return { end: 'refused', error: error as Error };
        else await this.#ports.pause(retryMs);
      }
    }
    return { end: 'dropped' };
  }

  async #endBackends(): Promise<void> {
    const { database, node, pause } = this.#ports;
    while (!this.#isDropped) {
      try {
        return await database.endBackends(node);
      } catch {
        await pause(retryMs);
      }
    }
  }
}
