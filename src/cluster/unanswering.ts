/**
 * Nodes that beat and do not answer this one: they are told in the log, once each, with what to do. One that has died does not answer
 * either, for as long as it is not known to be dead.
 */
import type { Logger } from '../log.js';
import type { RandomId } from '../store/postgres/database.js';

/** Longer than until a node that does not beat is no more called. Milliseconds. */
const certainAfterMs = 5_000;

const mostKept = 100;

export interface UnansweringOptions {
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Silent {
  readonly since: number;
  isTold: boolean;
}

/** See the head of this file. */
export class Unanswering {
  readonly #options: UnansweringOptions;
  readonly #silent = new Map<RandomId, Silent>();

  constructor(options: UnansweringOptions) {
    this.#options = options;
  }

  answered(node: RandomId): void {
    const silent = this.#silent.get(node);
    if (silent === undefined) return;
    this.#silent.delete(node);
    if (silent.isTold) this.#options.log.info({ node }, 'another node answers this one again');
  }

  /** A node that beats was called in vain. @param address a URL */
  failed(node: RandomId, address: string, reason: string): void {
    const { log, now } = this.#options;
    const silent = this.#silent.get(node) ?? { since: now(), isTold: false };
    // Each start of a node has another id: those that have gone for good are not kept for ever.
    if (this.#silent.size >= mostKept) this.#silent.clear();
    this.#silent.set(node, silent);
    if (silent.isTold || now() - silent.since < certainAfterMs) return;
    silent.isTold = true;
    log.warn(
      { node, address, reason },
      `another node beats and does not answer this one at ${address}: its jobs cannot be reached from here. Set its --advertise to an address at which this node reaches it, and check the network between both`,
    );
  }
}
