/** Job types as programs see them, and what can be done with them. */
import { pages } from './finding.js';
import type { Transport } from './transport.js';
import type { JsonObject, Reason } from './types.js';

export interface JobType {
  readonly name: string;
  readonly description?: string;
  readonly timeout?: string;
  /** null is unbounded. */
  readonly concurrency: number | null;
  readonly max_retries?: number;
  readonly retry_delay?: string;
  readonly max_retry_delay?: string;
  readonly retry_jitter?: number;
  readonly expires_after?: string;
  readonly priority?: number;
  /** What payloads of new jobs are held against (JSON Schema 2020-12); absent: any object will do. */
  readonly payload_schema?: JsonObject;
  /** null is unbounded; of `rate`: none. */
  readonly group_concurrency: number | null;
  readonly rate: string | null;
  /** What its handler says of these. null: there is none, and its jobs wait. */
  readonly handler: {
    readonly concurrency: number | null;
    readonly group_concurrency: number | null;
    readonly rate: string | null;
  } | null;
  readonly counts: { readonly pending: number; readonly due: number; readonly running: number };
  /** Of the last minute. */
  readonly recent: {
    readonly span: string;
    readonly started: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly lateness_p99_ms: number | null;
    readonly duration_p50_ms: number | null;
    readonly duration_p99_ms: number | null;
  };
  readonly paused?: true;
  readonly pause_reason?: string;
}

/** What is to be set of a job type; null: as its handler says, and not paused. */
export interface JobTypeChange {
  readonly concurrency?: number | null;
  readonly group_concurrency?: number | null;
  /** At most so many starts in any stretch of a duration: `100/1m`. */
  readonly rate?: string | null;
  readonly paused?: boolean | null;
  readonly pause_reason?: string | null;
}

/** A group of a job type: its jobs that are not finished. */
export interface Group {
  readonly group: string;
  readonly pending: number;
  /** Of those. */
  readonly due: number;
  readonly running: number;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export class JobTypes {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list({ signal }: CallOptions = {}): Promise<readonly JobType[]> {
    const options = { signal, repeatable: true };
    const { items } = await this.#transport.send<{ items: JobType[] }>('GET', '/job-types', options);
    return items;
  }

  get(name: string, { signal }: CallOptions = {}): Promise<JobType> {
    return this.#transport.send('GET', typePathOf(name), { signal, repeatable: true });
  }

  /** Sets limits of a type, or pauses it: at once, and for good. */
  set(name: string, change: JobTypeChange, { signal }: CallOptions = {}): Promise<JobType> {
    return this.#transport.send('PUT', typePathOf(name), { body: JSON.stringify(change), signal });
  }

  /** The groups of a type that have jobs to run, those with most of them first, page by page as they are asked for. */
  async *groups(name: string, { signal }: CallOptions = {}): AsyncGenerator<Group, void, undefined> {
    yield* pages<Group>(this.#transport, '/groups', new URLSearchParams({ name }), { signal });
  }

  /** Nothing of a type starts until it is resumed. */
  pause(name: string, pause: Reason = {}, { signal }: CallOptions = {}): Promise<JobType> {
    return this.#transport.send('POST', `${typePathOf(name)}/pause`, { body: JSON.stringify(pause), signal });
  }

  resume(name: string, { signal }: CallOptions = {}): Promise<JobType> {
    return this.#transport.send('POST', `${typePathOf(name)}/resume`, { signal });
  }
}

const typePathOf = (name: string): string => `/job-types/${encodeURIComponent(name)}`;
