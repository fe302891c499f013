/**
 * Records a history of real servers, into files that outlive them: clients that note what they ask before they ask it, a
 * subscriber that resumes wherever it was cut off, and the handler `witness`, which notes its calls.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, type Client, eventually, type Job, type JobList } from '../../support/client.js';
import { each } from '../../support/faults.js';
import { temporary } from '../../support/server.js';
import { check, type Verdict } from './check.js';
import { type Asked, type Job as FoundJob, type Line, type NodeFault, now, parseLines, type Run } from './lines.js';
import { Watcher } from './watcher.js';

/** How long a look at all jobs waits for owners of shards. */
const patienceMs = 30_000;
const mostLooks = 10;

/** A line without what the recorder adds. */
type Unstamped<Of extends Line = Line> = Of extends Line ? Omit<Of, 'at'> : never;

/** What a `witness` is to do; see test/support/handlers/witness.mjs. */
export interface Work {
  readonly children?: number;
  readonly ms?: number;
  readonly fails?: number;
}

export class Recorder {
  readonly #file = join(temporary('history'), 'clients.jsonl');
  /** Where handlers note their calls. */
  readonly witnessFile = join(temporary('history'), 'handlers.jsonl');
  readonly #watchers: Watcher[] = [];

  constructor() {
    writeFileSync(this.#file, '');
  }

  note(line: Unstamped): void {
    appendFileSync(this.#file, `${JSON.stringify({ at: now(), ...line })}\n`);
  }

  /** Something is being done to a server. A stop is noted before its signal is sent, a continuation after. */
  fault(server: { readonly pid: number }, what: NodeFault['what']): void {
    this.note({ line: 'node', node: String(server.pid), what });
  }

  /** A job for the handler `witness`, to be made by `create` or `batch`. */
  job(work: Work, fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    const payload = { token: randomUUID(), file: this.witnessFile, ...work };
    return { name: 'witness', delay: '0s', ...fields, payload };
  }

  /** @returns undefined where the connection broke before the answer */
  create(
    api: Client,
    job: Readonly<Record<string, unknown>>,
    idempotencyKey?: string,
  ): Promise<Answer<Job> | undefined> {
    const headers = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
    const asked = { action: 'create' as const, jobs: [wanted(job, idempotencyKey)] };
    return this.#ask(
      asked,
      () => api.post<Job>('/jobs', job, headers),
      (body) => [body],
    );
  }

  batch(
    api: Client,
    jobs: readonly Readonly<Record<string, unknown>>[],
  ): Promise<Answer<{ items: Job[] }> | undefined> {
    const asked = { action: 'create' as const, jobs: jobs.map((job) => wanted(job)) };
    return this.#ask(
      asked,
      () => api.post<{ items: Job[] }>('/jobs/batch', jobs),
      ({ items }) => items,
    );
  }

  cancel(api: Client, job: string): Promise<Answer<Job> | undefined> {
    return this.#ask({ action: 'cancel', job }, () => api.delete<Job>(`/jobs/${job}`));
  }

  change(api: Client, job: string, fields: Readonly<Record<string, unknown>>): Promise<Answer<Job> | undefined> {
    return this.#ask({ action: 'change', job }, () => api.put<Job>(`/jobs/${job}`, fields));
  }

  remove(api: Client, job: string): Promise<Answer | undefined> {
    return this.#ask({ action: 'remove', job }, () => api.post<Record<string, unknown>>(`/jobs/${job}/remove`));
  }

  /** Subscribes to everything, from the next event on, and stays: across cuts and restarts. Ends with `lastLook`. */
  async watch(server: { readonly port: number }): Promise<Watcher> {
    const subscriber = `subscriber ${this.#watchers.length + 1}`;
    const watcher = new Watcher(server, (message) => this.note({ line: 'heard', subscriber, message }));
    this.#watchers.push(watcher);
    await watcher.subscribed;
    return watcher;
  }

  /**
   * Waits until what is due has come to its end and until the subscribers have heard of it, and looks at all jobs.
   *
   * @param settleMs how long that may take at most; what is not at its end then is for the checker to say
   */
  async lastLook(api: Client, settleMs = 60_000): Promise<void> {
    const settled = Date.now();
    const open = async (): Promise<boolean> => {
      const { total } = await list(api, `?status=pending&due_before=${new Date(settled).toISOString()}&limit=1`);
      return total > 0 || (await list(api, '?status=running&limit=1')).total > 0;
    };
    await eventually(async () => !(await open()), 'it settles', settleMs).catch(() => undefined);
    await Promise.all(this.#watchers.map((watcher) => watcher.settle()));
    for (const watcher of this.#watchers) watcher.stop();
    let found: Unstamped[] = [];
    for (let looks = 0; looks < mostLooks; looks++) {
      found = [];
      const ids = await allIds(api);
      await each(ids, async (id) => {
        const answer = await patiently(() => api.get<Job>(`/jobs/${id}`));
        if (answer.status !== 200) return;
        const runs = await patiently(() => api.get<{ items: Run[] }>(`/jobs/${id}/runs?limit=100`));
        found.push({ line: 'found', job: answer.body as unknown as FoundJob, runs: runs.body.items });
      });
      // An attempt that was to be tried again later may have ended meanwhile, and made others: its parts would be of different times.
      if ((await allIds(api)).length === ids.length) break;
    }
    for (const line of found) this.note(line);
    this.note({ line: 'complete', settled });
  }

  lines(): Line[] {
    const handlers = existsSync(this.witnessFile) ? readFileSync(this.witnessFile, 'utf8') : '';
    return [...parseLines(readFileSync(this.#file, 'utf8'), this.#file), ...parseLines(handlers, this.witnessFile)];
  }

  /** How many calls of handlers have been noted so far. */
  attempts(): number {
    return existsSync(this.witnessFile) ? readFileSync(this.witnessFile, 'utf8').split('\n').length - 1 : 0;
  }

  verdict(): Verdict {
    return check(this.lines());
  }

  async #ask<Body>(
    asked: Pick<Asked, 'action' | 'jobs' | 'job'>,
    send: () => Promise<Answer<Body>>,
    jobsOf: (body: Body) => readonly Job[] = () => [],
  ): Promise<Answer<Body> | undefined> {
    const request = randomUUID();
    this.note({ line: 'asked', request, ...asked });
    const answer = await send().catch((error: NodeJS.ErrnoException) => {
      if (error.code === undefined) throw error;
      return undefined;
    });
    if (answer === undefined) return undefined;
    const { status, headers, body } = answer;
    const isNew = status === 201 && headers['idempotent-replayed'] === undefined;
    const jobs = status < 300 ? jobsOf(body) : [];
    this.note({
      line: 'told',
      request,
      status,
      jobs: jobs.map(({ id, trigger_at: due }) => ({ id, ...(isNew && { due: Date.parse(due) }) })),
    });
    return answer;
  }
}

function wanted(job: Readonly<Record<string, unknown>>, idempotencyKey?: string): NonNullable<Asked['jobs']>[number] {
  const {
    name,
    key,
    if_exists: ifExists,
    payload,
  } = job as {
    name: string;
    key?: string;
    if_exists?: 'reject' | 'return' | 'replace';
    payload: { token: string };
  };
  return { token: payload.token, type: name, key, ifExists, idempotencyKey };
}

/** Asks again while some shard has no owner just now. */
async function patiently<Body>(ask: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer.status !== 503 || performance.now() > end) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function list(api: Client, query: string): Promise<JobList> {
  const answer = await patiently(() => api.get<JobList>(`/jobs${query}`));
  if (answer.status !== 200) throw new Error(`a list was answered with ${answer.status}: ${answer.text}`);
  return answer.body;
}

/** Ids of all jobs that are there, page by page. */
async function allIds(api: Client): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(api, `?limit=100${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return ids;
}
