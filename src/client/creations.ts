/**
 * Jobs that are to be made travel together: those asked for within a turn, or while an answer is awaited, go as one lenient batch. One
 * is under way at a time, so an idle client waits for nothing, a busy one sends as much as the server takes, and jobs are made in the order
 * asked for. Where several may be under way, client and server work at the same time, and the order is kept within each. Each item has
 * an idempotency key, so a batch may be sent again.
 */
import { errorOf } from './errors.js';
import type { Transport } from './transport.js';
import type { ListedJob, Problem } from './types.js';

const mostItems = 1000;
const mostBytes = 1024 * 1024;
/** Fewer are not divided: a request costs as much as some dozens of items. */
const leastItems = 64;

interface Waiting {
  readonly text: string;
  readonly resolve: (job: ListedJob) => void;
  readonly reject: (error: unknown) => void;
  /** It cannot be taken back any more. */
  readonly sent: () => void;
}

type Item = { readonly status: number; readonly job?: ListedJob; readonly problem?: Problem };

const soon: (run: () => void) => void = typeof setImmediate === 'function' ? setImmediate : setTimeout;

export class Creations {
  readonly #transport: Transport;
  readonly #waiting = new Set<Waiting>();
  readonly #most: number;
  /** Batches that have no answer yet. */
  #underWay = 0;
  #isPlanned = false;

  /** @param most so many batches may be under way at a time */
  constructor(transport: Transport, most = 1) {
    if (!Number.isInteger(most) || most < 1)
      throw new RangeError(`batchConcurrency is ${most}: it must be a whole number, at least 1`);
    this.#transport = transport;
    this.#most = most;
  }

  /** @param body JSON text of the job, with its `idempotency_key` */
  add(text: string, signal?: AbortSignal): Promise<ListedJob> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const takeBack = (): void => {
        this.#waiting.delete(one);
        reject(signal?.reason);
      };
      const sent = (): void => signal?.removeEventListener('abort', takeBack);
      const one: Waiting = { text, resolve, reject, sent };
      signal?.addEventListener('abort', takeBack, { once: true });
      this.#waiting.add(one);
      this.#plan();
    });
  }

  /** Sends at the end of the turn. */
  #plan(): void {
    if (this.#isPlanned || this.#waiting.size === 0 || this.#underWay === this.#most) return;
    this.#isPlanned = true;
    soon(() => {
      this.#isPlanned = false;
      while (this.#waiting.size > 0 && this.#underWay < this.#most) {
        const share = Math.ceil(this.#waiting.size / (this.#most - this.#underWay));
        void this.#send(this.#take(Math.min(mostItems, Math.max(leastItems, share))));
      }
    });
  }

  /** What goes next, in the order asked for. */
  #take(most: number): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const one of this.#waiting) {
      // Text is at most three bytes a unit; most of it is one.
      bytes += one.text.length;
      if (batch.length > 0 && (batch.length === most || bytes > mostBytes)) break;
      batch.push(one);
      this.#waiting.delete(one);
      one.sent();
    }
    return batch;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    this.#underWay++;
    try {
      const { items } = await this.#transport.send<{ readonly items: readonly Item[] }>('POST', '/jobs/batch', {
        body: `[${batch.map(({ text }) => text).join()}]`,
        headers: { Prefer: 'handling=lenient' },
        repeatable: true,
      });
      batch.forEach(({ resolve, reject }, index) => {
        const { status, job, problem } = items[index] as Item;
        if (job) resolve(job);
        else reject(errorOf(status, problem));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#underWay--;
    this.#plan();
  }
}
