/** Logs how many shards a node runs, whenever that has changed and not since the last look: a move of many is one line. */
import type { Logger } from '../../log.js';

export interface ShardNewsOptions {
  /** How many this node runs just now. */
  readonly own: () => number;
  /** How many the cluster has. */
  readonly all: number;
  readonly log: Pick<Logger, 'info'>;
}

const lookMs = 1_000;

/** See the head of this file. */
export class ShardNews {
  readonly #options: ShardNewsOptions;
  #told = 0;
  #seen = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ShardNewsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), lookMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const { own, all, log } = this.#options;
    const count = own();
    if (count === this.#seen && count !== this.#told) {
      this.#told = count;
      log.info(`this node runs ${count} of ${all} shards`);
    }
    this.#seen = count;
  }
}
