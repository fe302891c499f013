/**
 * Jobs that are to be made travel together: those asked for within a turn, or while an answer is awaited, go as one lenient batch. One
 * is under way at a time, so an idle client waits for nothing, and a busy one sends as much as the server takes. Each item has an
 * idempotency key, so a batch may be sent again.
 */
import { errorOf } from './errors.js';
import type { Transport } from './transport.js';
import type { ListedJob, Problem } from './types.js';

const mostItems = 1000;
const mostBytes = 1024 * 1024;

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
  #busy = false;

  constructor(transport: Transport) {
    this.#transport = transport;
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
      if (this.#busy) return;
      this.#busy = true;
      soon(() => void this.#sendAll());
    });
  }

  async #sendAll(): Promise<void> {
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) await this.#send(batch);
    this.#busy = false;
  }

  /** What goes next, in the order asked for. */
  #take(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const one of this.#waiting) {
      // Text is at most three bytes a unit; most of it is one.
      bytes += one.text.length;
      if (batch.length > 0 && (batch.length === mostItems || bytes > mostBytes)) break;
      batch.push(one);
      this.#waiting.delete(one);
      one.sent();
    }
    return batch;
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
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
  }
}
