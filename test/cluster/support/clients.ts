/** Clients that ask all nodes, one after the other, for all kinds of things, for as long as they are let. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/client.js';
import { Asking } from '../checker/asking.js';
import type { Recorder } from '../checker/recorder.js';
import type { ClusterNode } from './nodes.js';

/** A client that was not answered waits so long before it asks again. */
const pauseMs = 30;
/** Progress is so many requests that were acknowledged, by whichever node. */
const acknowledgedBetween = 10;
const progressMs = 90_000;

export interface ClientsOptions {
  readonly nodes: readonly ClusterNode[];
  readonly recorder: Recorder;
  readonly count?: number;
}

export class Clients {
  readonly asking: Asking;
  readonly #nodes: readonly ClusterNode[];
  readonly #all: Promise<unknown>;
  #acknowledged = 0;
  #isOver = false;

  /** They begin at once. */
  constructor({ nodes, recorder, count = 4 }: ClientsOptions) {
    this.#nodes = nodes;
    this.asking = new Asking(recorder);
    this.#all = Promise.all(Array.from({ length: count }, (_, i) => this.#ask(i)));
    // `end` awaits it; until then its failure must not end the process.
    this.#all.catch(() => {});
  }

  /** Waits until some more requests have been acknowledged. */
  async progress(): Promise<void> {
    const before = this.#acknowledged;
    await eventually(
      () => this.#acknowledged >= before + acknowledgedBetween,
      () => `${this.#acknowledged - before} requests were acknowledged`,
      progressMs,
    );
  }

  /** @throws Error when one of them had an answer that it must not have */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#all;
  }

  async #ask(number: number): Promise<void> {
    for (let i = number; !this.#isOver; i++) {
      const status = await this.asking.next(this.#nodes[i % this.#nodes.length]!.api);
      if (status === 200 || status === 201) this.#acknowledged++;
      // A key that is taken; a node that is not ready, or does not know whether it is done.
      else if (status !== undefined && ![409, 503, 504].includes(status)) throw new Error(`an answer of ${status}`);
      else await sleep(pauseMs);
    }
  }
}
