/** A real server on a free port, with a scheduler and queries that do as the test says. */

import t from 'tap';
import type { Clock } from '../../src/clock.js';
import type { BulkRecord } from '../../src/domain/control/bulk.js';
import { noSettings } from '../../src/domain/control/settings.js';
import type { Refusal } from '../../src/domain/errors.js';
import { formatId } from '../../src/domain/id.js';
import { type Job, type JobSpec, type JobState, noDetail } from '../../src/domain/job.js';
import type { Logger } from '../../src/log.js';
import type { Answer, JobDraft, Request, Requests } from '../../src/scheduler/messages.js';
import { chooseHttp } from '../../src/server/http/http-choice.js';
import type { Health, JobType } from '../../src/server/ports.js';
import { Server, type ServerConfig, type ServerOptions } from '../../src/server/server.js';
import type { ListPage, ListQuery, Queries } from '../../src/store/queries-port.js';
import { noTelemetry } from '../../src/telemetry/port.js';
import { Client } from '../support/client.js';
import { testedHttp } from '../support/http.js';

/** 2024-01-02T15:20:00+08:00, the instant of the original's examples. */
export const exampleNow = 1704180000000;
export const timezone = 'Asia/Shanghai';

const spec: JobSpec = {
  seq: 1,
  idSeconds: 1704180000,
  name: 'payment_check',
  payload: '{"order_id":"ORD-2024-001"}',
  trigger: { kind: 'once', due: exampleNow + 600_000 },
  maxRetries: 3,
  retryDelayMs: 60_000,
  backoff: 'exponential',
  timeoutMs: 300_000,
  misfire: 'run_once',
  createdAt: exampleNow,
};

const state: JobState = {
  status: 'pending',
  due: exampleNow + 600_000,
  occurrence: exampleNow + 600_000,
  updatedAt: exampleNow,
  startedAt: 0,
  finishedAt: 0,
  fence: 0,
  attempt: 0,
  retryCount: 0,
  interruptions: 0,
  skipped: 0,
  missed: 0,
  runCount: 0,
  lastOutcome: undefined,
  pause: null,
  nextSlot: 0,
};

/** A job that differs from a plain one as given. */
export function job(change: { spec?: Partial<JobSpec>; state?: Partial<JobState>; detail?: Job['detail'] } = {}): Job {
  return { spec: { ...spec, ...change.spec }, state: { ...state, ...change.state }, detail: change.detail ?? noDetail };
}

export function idOf({ spec: { seq, idSeconds } }: Job): string {
  return formatId(seq, idSeconds);
}

/** Answers what it is asked by `decide`, in one burst per turn of the event loop, as the scheduler does after a commit. */
export class FakeScheduler implements Requests {
  readonly asked: Request[] = [];
  readonly bytes: number[] = [];
  refusal: Refusal | undefined;
  /** No answer at all. */
  silent = false;
  decide: (request: Request) => Answer = (request) => ({ ok: true, jobs: [this.#make(request)], replayed: false });
  #waiting: (() => void)[] = [];
  #lastSeq = 0;

  request(request: Request, bytes: number, reply: (answer: Answer) => void): void {
    this.asked.push(request);
    this.bytes.push(bytes);
    if (this.silent) return;
    this.#waiting.push(() => reply(this.decide(request)));
    if (this.#waiting.length > 1) return;
    setImmediate(() => {
      for (const answer of this.#waiting.splice(0)) answer();
    });
  }

  refusing(): Refusal | undefined {
    return this.refusal;
  }

  readonly settings = noSettings;
  bulks: readonly BulkRecord[] = [];
  progressOf(): undefined {
    return undefined;
  }
  waitingFor(): undefined {
    return undefined;
  }

  /** The drafts of the creations so far. */
  get drafts(): JobDraft[] {
    return this.asked.flatMap((request) => (request.kind === 'create' ? [request.draft] : []));
  }

  #make(request: Request): Job {
    this.#lastSeq += 1;
    if (request.kind !== 'create') return job();
    const { name, payload, trigger } = request.draft;
    const due =
      trigger.kind === 'delay' ? exampleNow + trigger.delayMs : trigger.kind === 'at' ? trigger.at : exampleNow;
    return job({ spec: { seq: this.#lastSeq, name, payload }, state: { due } });
  }
}

export class FakeQueries implements Queries {
  readonly jobs = new Map<string, Job>();
  readonly asked: ListQuery[] = [];
  page: ListPage = { total: 0, jobs: [] };
  seq = 0;
  readonly shards = 1;

  add(...jobs: Job[]): void {
    for (const each of jobs) this.jobs.set(idOf(each), each);
  }
  get(id: string): Job | undefined {
    return this.jobs.get(id);
  }
  list(query: ListQuery): ListPage {
    this.asked.push(query);
    return this.page;
  }
  *listInSteps(query: ListQuery) {
    yield;
    return this.list(query);
  }
  *matching() {
    yield;
    return [];
  }
  *search() {
    yield;
    return { jobs: [], scanned: 0 };
  }
  *failures() {
    yield;
    return { total: 0, groups: [] };
  }
  *dueInSteps() {
    yield;
    return new Map<string, number>();
  }
  *groupsInSteps() {
    yield;
    return [];
  }
  totals() {
    return { pending: 12, running: 3, completed: 1542, failed: 8, cancelled: 2 };
  }
  lastEvent(): number {
    return this.seq;
  }
  lastEventOf(): number {
    return this.seq;
  }
  logs: Queries['logs'] = (id) =>
    this.jobs.has(id) ? { total: 0, dropped: 0, items: [], next: undefined } : undefined;
  runs: Queries['runs'] = (id) => (this.jobs.has(id) ? { total: 0, runs: [] } : undefined);
  eventsAfter: Queries['eventsAfter'] = () => ({ events: [], oldest: 1 });
  seqOf(id: string): number | undefined {
    return this.jobs.get(id)?.spec.seq;
  }
}

export class FakeLog implements Logger {
  readonly lines: string[] = [];
  readonly errors: unknown[] = [];
  debug(): void {}
  info(): void {}
  warn(fields: object | string, message?: string): void {
    this.lines.push(message ?? String(fields));
  }
  error(fields: object | string, message?: string): void {
    this.errors.push(fields);
    this.lines.push(message ?? String(fields));
  }
}

export const jobTypes: readonly JobType[] = ['payment_check', 'email_send', 'daily_report'].map((name) => ({
  name,
  description: `what ${name} does`,
  concurrency: name === 'email_send' ? 5 : Number.POSITIVE_INFINITY,
  timeoutMs: 300_000,
  maxRetries: 3,
  retryDelayMs: 60_000,
}));

const config: ServerConfig = {
  host: '127.0.0.1',
  port: 0,
  timezone,
  maxBodyBytes: 1024 * 1024,
  maxConnections: 100,
  threads: 2,
  attemptsPerThread: 256,
  tokens: { full: [], read: [] },
  allowedHosts: [],
  corsOrigins: [],
  chunked: true,
  tlsCert: undefined,
  tlsKey: undefined,
};

export interface Fixture {
  readonly server: Server;
  readonly port: number;
  readonly urls: readonly string[];
  readonly api: Client;
  readonly scheduler: FakeScheduler;
  readonly queries: FakeQueries;
  readonly log: FakeLog;
  readonly clock: Clock & { at: number };
  health: Health;
}

/** Starts a server that ends with the test file. */
export async function serve(
  settings: Partial<ServerConfig> = {},
  options: Partial<ServerOptions> = {},
): Promise<Fixture> {
  const scheduler = new FakeScheduler();
  const queries = new FakeQueries();
  const log = new FakeLog();
  const clock = { at: exampleNow, now: () => clock.at, monotonic: () => performance.now() };
  const server = new Server({
    config: { ...config, ...settings },
    http: await chooseHttp(testedHttp, log),
    clock,
    requests: scheduler,
    queries,
    handlers: jobTypes,
    health: () => fixture.health,
    ready: () => fixture.health.status === 'healthy',
    log,
    telemetry: noTelemetry,
    secret: 'a secret of the test',
    ...options,
  });
  t.teardown(() => server.close());
  const { port, urls } = await server.listen();
  const fixture: Fixture = {
    server,
    port,
    urls,
    api: new Client({ port }),
    scheduler,
    queries,
    log,
    clock,
    health: { status: 'healthy' },
  };
  return fixture;
}
