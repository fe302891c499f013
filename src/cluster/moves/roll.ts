/**
 * The roll of attempts that run on other nodes: those nodes are asked now and then which of them they have. A node that lives may have lost
 * one without a word, as where the answer to its last record was lost, and it has dropped the shard as one that was taken from it.
 */
import type { RandomId } from '../../store/postgres/database.js';

/** An attempt, and the shard of its job. */
export interface Called<Attempt> {
  readonly shard: number;
  readonly attempt: Attempt;
}

export interface RollPorts<Attempt> {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Which of these a node has, in their order. Rejects where that is not known. */
  readonly ask: (node: RandomId, asked: readonly Called<Attempt>[]) => Promise<readonly boolean[]>;
  /** These are not where they were said to be. */
  readonly gone: (attempts: readonly Called<Attempt>[]) => void;
}

/** Between two questions to a node, in milliseconds. */
const everyMs = 5000;
/** A question names at most so many; the rest is for the next. */
const mostAsked = 1000;

interface Asked {
  nextAt: number;
  isWaiting: boolean;
}

/** See the head of this file. */
export class Roll<Attempt extends object> {
  readonly #ports: RollPorts<Attempt>;
  readonly #nodes = new Map<RandomId, Asked>();
  /** When each was asked for last. */
  readonly #askedAt = new WeakMap<Attempt, number>();

  constructor(ports: RollPorts<Attempt>) {
    this.#ports = ports;
  }

  /** Asks those nodes whose time has come. @param elsewhere all that run on other nodes, by node */
  call(elsewhere: ReadonlyMap<RandomId, readonly Called<Attempt>[]>): void {
    const now = this.#ports.now();
    for (const node of this.#nodes.keys()) if (!elsewhere.has(node)) this.#nodes.delete(node);
    for (const [node, attempts] of elsewhere) {
      const known = this.#nodes.get(node);
      // What has only just come is there.
      if (known === undefined) this.#nodes.set(node, { nextAt: now + everyMs, isWaiting: false });
      else if (!known.isWaiting && now >= known.nextAt) void this.#ask(node, known, attempts, now);
    }
  }

  async #ask(node: RandomId, known: Asked, attempts: readonly Called<Attempt>[], now: number): Promise<void> {
    const askedAt = ({ attempt }: Called<Attempt>): number => this.#askedAt.get(attempt) ?? Number.NEGATIVE_INFINITY;
    const some = [...attempts].sort((a, b) => askedAt(a) - askedAt(b)).slice(0, mostAsked);
    for (const { attempt } of some) this.#askedAt.set(attempt, now);
    known.nextAt = now + everyMs;
    known.isWaiting = true;
    try {
      const has = await this.#ports.ask(node, some);
      const gone = some.filter((_, index) => has[index] === false);
      if (gone.length > 0) this.#ports.gone(gone);
    } catch {
      // It is asked again, or found to be dead.
    } finally {
      known.isWaiting = false;
    }
  }
}
