/** `escapement/client`: for Node, Bun, Deno and browsers. It needs `fetch`, and for events a WebSocket or `fetch`. */
import { Bulks } from './bulk.js';
import { Creations } from './creations.js';
import { EscapementError } from './errors.js';
import type { EventFilter, EventOf, EventType, Gap, TransientType } from './event-types.js';
import { type EventsOptions, events } from './events.js';
import { pages, queryOf } from './finding.js';
import { JobTypes } from './job-types.js';
import { Live, type LiveOptions } from './live.js';
import { type LogFilter, type LogLine, logsOf } from './logs.js';
import type { Backup, Cluster, CronQuestion, CronTimes, Health, History, HistoryFilter, System } from './overview.js';
import { type JobRun, runsOf } from './runs.js';
import { type SendOptions, pause as sleep, Transport } from './transport.js';
import type {
  Failure,
  Handlers,
  Job,
  JobChange,
  JobPause,
  ListedJob,
  ListFilter,
  NameOf,
  NewJob,
  PayloadOf,
  Reason,
  ResultOf,
  ServerPause,
  Stats,
} from './types.js';

export interface EscapementOptions {
  /** Where the server is, such as `http://127.0.0.1:8080`; without `/api/v1`. */
  readonly url: string;
  readonly token?: string;
  /** How long a request is repeated that had no answer, or a 502, 503 or 504, in milliseconds; default 30,000. 0: not at all. */
  readonly retryFor?: number;
  /** False: each creation is a request of its own. */
  readonly batch?: boolean;
  /**
   * So many batches of creations may be under way at a time; default 1: jobs are made in the order asked for. With more, the client goes on
   * while the server works, and the order is kept within each batch only.
   */
  readonly batchConcurrency?: number;
  /** In place of the global one. */
  readonly fetch?: typeof fetch;
}

interface CallOptions {
  readonly signal?: AbortSignal;
}

interface RequestOptions extends CallOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface CreateOptions extends CallOptions {
  /** Default: one made for this call, so that it can be repeated safely. With your own it can be repeated by you as well. */
  readonly idempotencyKey?: string;
}

interface WaitOptions extends CallOptions {
  /** In milliseconds; default: for ever. */
  readonly timeout?: number;
}

type JobOf<H extends Handlers, Name extends NameOf<H> = NameOf<H>> = {
  [N in Name]: Job<N, PayloadOf<H[N]>, ResultOf<H[N]>>;
}[Name];
type ListedOf<H extends Handlers, Name extends NameOf<H> = NameOf<H>> = {
  [N in Name]: ListedJob<N, ResultOf<H[N]>>;
}[Name];

const firstPauseMs = 50;
const longestPauseMs = 1000;
/** The most that the server allows. */
const longestWaitSeconds = 60;
const finished: ReadonlySet<string> = new Set(['success', 'failed', 'cancelled']);

/**
 * A client. With the handlers' types, or a map of them, payloads and results are typed:
 *
 *     const client = new Escapement<typeof import('./workers')>({ url: 'http://127.0.0.1:8080' });
 *     const job = await client.jobs.create({ name: 'payment_check', delay: '10m', payload: { order_id: 'A-1' } });
 */
export class Escapement<H extends Handlers = Record<string, unknown>> {
  readonly jobs: Jobs<H>;
  readonly types: JobTypes;
  /** What is done with many jobs at once. */
  readonly bulk: Bulks;
  readonly #transport: Transport;

  /** @throws RangeError */
  constructor({ url, token, retryFor = 30_000, batch = true, batchConcurrency = 1, fetch: by }: EscapementOptions) {
    const transport = new Transport({ url, token, retryFor, fetch: by ?? ((...all) => fetch(...all)) });
    this.#transport = transport;
    this.jobs = new Jobs<H>(transport, batch ? new Creations(transport, batchConcurrency) : undefined);
    this.types = new JobTypes(transport);
    this.bulk = new Bulks(transport, bodyOf);
  }

  /** The server starts nothing until it is resumed, and takes everything in. */
  pause(pause: Reason = {}, { signal }: CallOptions = {}): Promise<ServerPause> {
    return this.#transport.send('POST', '/pause', { body: bodyOf(pause), signal });
  }

  resume({ signal }: CallOptions = {}): Promise<ServerPause> {
    return this.#transport.send('POST', '/resume', { signal });
  }

  /** What happened over the last three hours in steps of ten seconds, or seven days in steps of five minutes. */
  history(filter: HistoryFilter = {}, { signal }: CallOptions = {}): Promise<History> {
    return this.#transport.send('GET', `/history?${queryOf(filter)}`, { signal, repeatable: true });
  }

  /** What a cron expression means, and when it fires next. */
  cron(expr: string, question: CronQuestion = {}, { signal }: CallOptions = {}): Promise<CronTimes> {
    return this.#transport.send('GET', `/cron?${queryOf({ ...question, expr })}`, { signal, repeatable: true });
  }

  /**
   * Writes a backup while the server goes on. Resolves when it is on disk; it is never repeated by itself.
   *
   * @param directory a new or empty one on the machine of the server; an absolute path
   */
  backup(directory: string, { signal }: CallOptions = {}): Promise<Backup> {
    return this.#transport.send('POST', '/backup', { body: JSON.stringify({ directory }), signal });
  }

  /** All that the server counts, in the text format of Prometheus. */
  async metrics({ signal }: CallOptions = {}): Promise<string> {
    return (await this.#transport.open('GET', '/metrics', { signal, repeatable: true })).text();
  }

  /** What the server is made of, what it was told, and how its parts are. */
  system({ signal }: CallOptions = {}): Promise<System> {
    return this.#transport.send('GET', '/system', { signal, repeatable: true });
  }

  /** The nodes and shards of a cluster. Of a server that is none it is refused: `not_found`. */
  cluster({ signal }: CallOptions = {}): Promise<Cluster> {
    return this.#transport.send('GET', '/cluster', { signal, repeatable: true });
  }

  /** What jobs have failed of, the most frequent first, page by page as they are asked for. */
  failures(
    filter: { readonly name?: NameOf<H> } = {},
    options: CallOptions = {},
  ): AsyncGenerator<Failure, void, undefined> {
    return pages<Failure>(this.#transport, '/failures', queryOf(filter), options);
  }

  /** Whether the server can do its work. One that cannot says so and is no error. */
  health({ signal }: CallOptions = {}): Promise<Health> {
    return this.#transport.send('GET', '/health', { signal, repeatable: true, alsoStatus: 503 });
  }

  /** Figures of the whole server. */
  stats(options: CallOptions = {}): Promise<Stats> {
    return this.#transport.send<Stats>('GET', '/stats', { ...options, repeatable: true });
  }

  /**
   * Events as they happen, without an end. When a connection ends, the client connects again, and what it missed comes first. Events that
   * the server no longer has are reported as a gap. It connects at the first `next()`.
   */
  events<Type extends EventType | TransientType = EventType>(
    filter: EventFilter<NameOf<H>, Type> = {},
    options: EventsOptions = {},
  ): AsyncIterableIterator<EventOf<Type> | Gap> {
    return events(this.#transport, filter, options);
  }

  /**
   * One connection for all that a screen shows: events whose filter may be changed while it is open, and figures when asked for. It
   * needs a WebSocket. Events are not iterated over but handed to `onEvent`, and it says when the connection is lost and there again.
   */
  live(options: LiveOptions = {}): Live {
    return new Live(this.#transport, options);
  }

  /**
   * Sends a request for which the client has no method.
   *
   * @param path below `/api/v1`, with the query: `/cron?expr=@daily`
   * @returns the body of the answer, parsed. @throws EscapementError
   */
  request<Body = unknown>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    { body, headers, signal }: RequestOptions = {},
  ): Promise<Body> {
    const options: SendOptions = {
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(headers && { headers }),
      signal,
      repeatable: method === 'GET',
    };
    return this.#transport.send<Body>(method, path, options);
  }
}

export class Jobs<H extends Handlers> {
  readonly #transport: Transport;
  readonly #creations: Creations | undefined;
  /** Keys of this client: random, and a number. */
  readonly #keys = crypto.randomUUID();
  #made = 0;

  constructor(transport: Transport, creations: Creations | undefined) {
    this.#transport = transport;
    this.#creations = creations;
  }

  /** Makes a job, or with `if_exists` returns or replaces the one that has its key. Resolves once that is on the server's disk. */
  async create<Name extends NameOf<H>>(job: NewJob<H, Name>, options: CreateOptions = {}): Promise<ListedOf<H, Name>> {
    const { signal, idempotencyKey: key = `${this.#keys}-${++this.#made}` } = options;
    const made = this.#creations
      ? this.#creations.add(bodyOf({ ...job, idempotency_key: key }), signal)
      : this.#transport.send<ListedJob>('POST', '/jobs', {
          body: bodyOf(job),
          headers: { 'Idempotency-Key': key },
          signal,
          repeatable: true,
        });
    return (await made) as ListedOf<H, Name>;
  }

  /** Makes up to 10,000 jobs, all of them or none. It is never repeated by itself. */
  async createMany<Name extends NameOf<H>>(
    jobs: readonly NewJob<H, Name>[],
    { signal }: CallOptions = {},
  ): Promise<readonly ListedOf<H, Name>[]> {
    const body = `[${jobs.map(bodyOf).join()}]`;
    const { items } = await this.#transport.send<{ items: ListedOf<H, Name>[] }>('POST', '/jobs/batch', {
      body,
      signal,
    });
    return items;
  }

  get(id: string, { signal }: CallOptions = {}): Promise<JobOf<H>> {
    return this.#transport.send('GET', pathOf(id), { signal, repeatable: true });
  }

  /** All jobs that match, in order, page by page as they are asked for. */
  async *list<Name extends NameOf<H>>(
    filter: ListFilter<Name> = {},
    { signal }: CallOptions = {},
  ): AsyncGenerator<ListedOf<H, Name>, void, undefined> {
    yield* pages<ListedOf<H, Name>>(this.#transport, '/jobs', queryOf(filter), { signal });
  }

  /** Changes a pending job. */
  update(id: string, change: JobChange, { signal }: CallOptions = {}): Promise<JobOf<H>> {
    return this.#transport.send('PUT', pathOf(id), { body: bodyOf(change), signal });
  }

  cancel(id: string, { signal }: CallOptions = {}): Promise<JobOf<H>> {
    return this.#transport.send('POST', `${pathOf(id)}/cancel`, { signal });
  }

  /** Runs a job again that has failed. */
  retry(id: string, { signal }: CallOptions = {}): Promise<JobOf<H>> {
    return this.#transport.send('POST', `${pathOf(id)}/retry`, { signal });
  }

  /** Nothing of a job starts until it is resumed. */
  pause(id: string, pause: JobPause = {}, { signal }: CallOptions = {}): Promise<JobOf<H>> {
    return this.#transport.send('POST', `${pathOf(id)}/pause`, { body: bodyOf(pause), signal });
  }

  resume(id: string, { signal }: CallOptions = {}): Promise<JobOf<H>> {
    return this.#transport.send('POST', `${pathOf(id)}/resume`, { signal });
  }

  /** Runs a pending job now; a repeating one gets an extra occurrence. */
  run(id: string, { signal }: CallOptions = {}): Promise<JobOf<H>> {
    return this.#transport.send('POST', `${pathOf(id)}/run`, { signal });
  }

  /** The runs of a job that the server has kept, the newest first: how each attempt ended, and which times were skipped and why. */
  runs(id: string, { signal }: CallOptions = {}): AsyncGenerator<JobRun, void, undefined> {
    return runsOf(this.#transport, pathOf(id), signal);
  }

  /** What its handlers have written (`ctx.log`), the oldest first, of one attempt or all. Pages are fetched as they are asked for. */
  logs(id: string, filter: LogFilter = {}, { signal }: CallOptions = {}): AsyncGenerator<LogLine, void, undefined> {
    return logsOf(this.#transport, pathOf(id), filter, signal);
  }

  /** Removes a finished job. Resolves to the job as it was. */
  remove(id: string, { signal }: CallOptions = {}): Promise<JobOf<H>> {
    return this.#transport.send('POST', `${pathOf(id)}/remove`, { signal });
  }

  /**
   * The job once it has finished, whatever its status.
   * @throws EscapementError `wait_timeout` when that takes longer than `timeout`
   */
  async wait(id: string, { timeout = Number.POSITIVE_INFINITY, signal }: WaitOptions = {}): Promise<JobOf<H>> {
    const end = Date.now() + timeout;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
      const asked = Date.now();
      const seconds = Math.min(Math.floor((end - asked) / 1000), longestWaitSeconds);
      const headers: Record<string, string> = seconds > 0 ? { Prefer: `wait=${seconds}` } : {};
      const job = await this.#transport.send<JobOf<H>>('GET', pathOf(id), { headers, signal, repeatable: true });
      if (finished.has(job.status)) return job;
      const left = end - Date.now();
      if (left <= 0) throw new EscapementError('wait_timeout', `Job ${id} is ${job.status} after ${timeout} ms.`);
      // One that had to answer at once is not asked again at once.
      const waited = Date.now() - asked;
      if (waited < pauseMs) await sleep(Math.min(pauseMs - waited, left), signal);
    }
  }
}

const pathOf = (id: string): string => `/jobs/${encodeURIComponent(id)}`;

const durations: ReadonlySet<string> = new Set([
  'delay',
  'retry_delay',
  'timeout',
  'expires_after',
  'max_retry_delay',
  'jitter',
  'key_ttl',
]);

/** JSON text of a request. Numbers of milliseconds become durations; a `Date` writes itself. */
function bodyOf(fields: object): string {
  const body = Object.entries(fields).map(([name, value]: [string, unknown]) => [
    name,
    durations.has(name) && typeof value === 'number' ? `${value}ms` : value,
  ]);
  return JSON.stringify(Object.fromEntries(body));
}

export { EscapementError, type Fault } from './errors.js';
export type { EventPlace } from './event-place.js';
export type {
  EventFilter,
  EventOf,
  EventType,
  Gap,
  JobEvent,
  LogEvent,
  LogLevel,
  ProgressEvent,
  TransientType,
} from './event-types.js';
export type { EventsOptions } from './events.js';
export type { Group, JobType, JobTypeChange, JobTypes } from './job-types.js';
export type { Live, LiveOptions, LiveState } from './live.js';
export type { LogFilter, LogLine } from './logs.js';
export type {
  Backup,
  Cluster,
  ClusterNode,
  ClusterShard,
  CronQuestion,
  CronTimes,
  Health,
  History,
  HistoryFilter,
  HistoryPoint,
  System,
} from './overview.js';
export type { JobRun, RunOutcome } from './runs.js';
export type {
  Bulk,
  BulkAction,
  BulkPreview,
  Duration,
  Failure,
  Handlers,
  Instant,
  Job,
  JobChange,
  JobFilter,
  JobPause,
  JobStatus,
  JsonObject,
  ListedJob,
  ListFilter,
  NewBulk,
  NewJob,
  Overlap,
  PayloadOf,
  Reason,
  ResultOf,
  ServerPause,
  Stats,
} from './types.js';
