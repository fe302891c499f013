/** Something is done with many jobs: `client.bulk`. */
import { EscapementError } from './errors.js';
import { pages, plain } from './finding.js';
import { pause as sleep, type Transport } from './transport.js';
import type { Bulk, BulkPreview, JobChange, JobFilter, NewBulk } from './types.js';

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;

export class Bulks {
  readonly #transport: Transport;
  readonly #bodyOf: (change: JobChange) => string;

  /** @param bodyOf JSON text of a change */
  constructor(transport: Transport, bodyOf: (change: JobChange) => string) {
    this.#transport = transport;
    this.#bodyOf = bodyOf;
  }

  /** Has something done with all jobs that match now, each once. Resolves when that is accepted: `wait` waits for its end. */
  create(bulk: NewBulk, { signal }: CallOptions = {}): Promise<Bulk> {
    return this.#transport.send('POST', '/bulk', { body: this.#body(bulk), signal });
  }

  /** How many jobs match; nothing is done. */
  preview(bulk: NewBulk, { signal }: CallOptions = {}): Promise<BulkPreview> {
    return this.#transport.send('POST', '/bulk', { body: this.#body(bulk, true), signal, repeatable: true });
  }

  get(id: string, { signal }: CallOptions = {}): Promise<Bulk> {
    return this.#transport.send('GET', pathOf(id), { signal, repeatable: true });
  }

  /** The latest first: those that have not ended, and the last 100 that have. */
  list(options: CallOptions = {}): AsyncGenerator<Bulk, void, undefined> {
    return pages<Bulk>(this.#transport, '/bulk', new URLSearchParams(), options);
  }

  /** Stops one. What has been done stays done. */
  cancel(id: string, { signal }: CallOptions = {}): Promise<Bulk> {
    return this.#transport.send('DELETE', pathOf(id), { signal, repeatable: true });
  }

  /**
   * One once it has ended.
   * @throws EscapementError `wait_timeout` when that takes longer than `timeout`, in milliseconds
   */
  async wait(
    id: string,
    { timeout = Number.POSITIVE_INFINITY, signal }: CallOptions & { readonly timeout?: number } = {},
  ): Promise<Bulk> {
    const end = Date.now() + timeout;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
      const bulk = await this.get(id, { signal });
      if (bulk.status === 'success' || bulk.status === 'cancelled') return bulk;
      const left = end - Date.now();
      if (left <= 0)
        throw new EscapementError('wait_timeout', `Bulk action ${id} is ${bulk.status} after ${timeout} ms.`);
      await sleep(Math.min(pauseMs, left), signal);
    }
  }

  #body({ action, filter, change }: NewBulk, dryRun?: true): string {
    const meant = 'all' in filter ? filter : plain(filter as JobFilter);
    const text = JSON.stringify({ action, filter: meant, dry_run: dryRun });
    return change === undefined ? text : `${text.slice(0, -1)},"change":${this.#bodyOf(change)}}`;
  }
}

const pathOf = (id: string): string => `/bulk/${encodeURIComponent(id)}`;
