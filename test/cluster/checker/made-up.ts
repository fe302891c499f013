/** Histories of servers that never were and kept all promises, made from a seed: what the checker must find nothing wrong with. */
import { Random } from '../../simulation/random.js';
import type { Job, Line, Run, Wanted } from './lines.js';

const shards = 3;
/** When it all began, Unix milliseconds. Monotonic time begins at 0. */
const epoch = Date.parse('2026-01-01T00:00:00Z');

const iso = (at: number): string => new Date(epoch + at).toISOString();

/** A job as it is being made up. */
interface Made {
  readonly id: string;
  readonly shard: number;
  readonly wanted: Wanted;
  readonly due: number;
  readonly createdAt: number;
  readonly parent?: string;
  status: Job['status'];
  result?: string;
  updatedAt: number;
  readonly runs: Run[];
}

/** @param jobs how many are asked for; some make children */
export function madeUp(seed: number, jobs = 20): Line[] {
  const author = new Author(new Random(seed));
  for (let i = 0; i < jobs; i++) author.job();
  return author.end();
}

class Author {
  readonly #random: Random;
  readonly #lines: Line[] = [];
  readonly #jobs: Made[] = [];
  readonly #seqs = new Map<number, number>();
  #at = 0;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Somebody asks for a job, perhaps more than once, and it lives its life. */
  job(): void {
    const token = this.#name('token');
    const wanted: Wanted = {
      token,
      type: 'witness',
      ...(this.#random.chance(0.4) && { idempotencyKey: `idempotency-${token}` }),
      ...(this.#random.chance(0.3) && { key: `key-${this.#random.between(1, 3)}` }),
    };
    const first = this.#request({ action: 'create', jobs: [wanted] });
    const carriedOut = this.#random.chance(0.9);
    const made = carriedOut ? this.#make(wanted, this.#at + this.#random.between(0, 50)) : undefined;
    if (made !== undefined && this.#random.chance(0.8)) this.#created(first, made);
    if (wanted.idempotencyKey !== undefined && made !== undefined) {
      this.#created(this.#request({ action: 'create', jobs: [wanted] }), made);
    }
    if (made === undefined) return;
    if (this.#random.chance(0.15)) this.#cancel(made);
    else this.#live(made);
  }

  end(): Line[] {
    const at = this.#tick(1000);
    for (const job of this.#jobs) this.#lines.push({ line: 'found', at, job: shown(job), runs: job.runs });
    this.#lines.push({ line: 'complete', at, settled: epoch + at });
    return this.#lines;
  }

  #live(job: Made): void {
    this.#at = Math.max(this.#at, job.due);
    let number = 1;
    for (;;) {
      this.#tick();
      const attempt = this.#name('attempt');
      const startedAt = this.#at;
      const child = this.#random.chance(0.3) ? this.#name('child') : undefined;
      this.#tell(job, 'job.started', { attempt: number });
      const node = `node-${this.#random.between(1, 3)}`;
      this.#lines.push({
        line: 'began',
        at: this.#tick(),
        wall: epoch + this.#at,
        node,
        attempt,
        job: job.id,
        number,
        scheduledFor: epoch + job.due,
        ...(child !== undefined && { children: [child] }),
      });
      this.#tick();
      const run = { scheduled_for: iso(job.due), manual: false, run: job.runs.length + 1, started_at: iso(startedAt) };
      const end = this.#random.pick(['success', 'success', 'failed', 'interrupted'] as const);
      job.runs.unshift({ ...run, outcome: end, finished_at: iso(this.#at) });
      if (end === 'success') {
        if (child !== undefined) this.#make({ token: child, type: 'noop' }, this.#at + 1e6, job.id);
        Object.assign(job, { status: 'success', result: attempt, updatedAt: this.#at });
        this.#tell(job, 'job.completed', { duration_ms: 1 });
        return;
      }
      if (end === 'interrupted') {
        this.#lines.push({ line: 'node', at: this.#tick(), node, what: 'killed' });
        this.#lines.push({ line: 'node', at: this.#tick(), node, what: 'started' });
        this.#tell(job, 'job.retrying', { next_retry_at: iso(this.#at), retry_count: number - 1, interrupted: true });
        continue;
      }
      const final = number === 3;
      const counts = { retry_count: final ? number - 1 : number, max_retries: 2, final };
      this.#tell(job, 'job.failed', counts, { error: `attempt ${attempt} failed` });
      Object.assign(job, { status: 'failed', updatedAt: this.#at });
      if (final) return;
      const retryAt = this.#at + this.#random.between(1, 20);
      this.#tell(job, 'job.retrying', { next_retry_at: iso(retryAt), retry_count: number });
      this.#at = retryAt;
      number++;
    }
  }

  #cancel(job: Made): void {
    const request = this.#request({ action: 'cancel', job: job.id });
    Object.assign(job, { status: 'cancelled', updatedAt: this.#at });
    this.#tell(job, 'job.cancelled', { previous_status: 'pending' });
    this.#lines.push({ line: 'told', at: this.#tick(), request, status: 200 });
  }

  #make(wanted: Wanted, due: number, parent?: string): Made {
    const shard = this.#jobs.length % shards;
    const job: Made = {
      id: `job_${this.#jobs.length + 1}`,
      shard,
      wanted,
      due,
      createdAt: this.#tick(),
      ...(parent !== undefined && { parent }),
      status: 'pending',
      updatedAt: this.#at,
      runs: [],
    };
    this.#jobs.push(job);
    this.#tell(job, 'job.scheduled', { trigger_at: iso(due), is_repeat: false });
    return job;
  }

  #request(asked: { action: 'create' | 'cancel'; jobs?: Wanted[]; job?: string }): string {
    const request = this.#name('request');
    this.#lines.push({ line: 'asked', at: this.#tick(), request, ...asked });
    return request;
  }

  #created(request: string, { id, due }: Made): void {
    this.#lines.push({ line: 'told', at: this.#tick(), request, status: 201, jobs: [{ id, due: epoch + due }] });
  }

  /** Two subscribers hear of everything. */
  #tell(job: Made, type: string, metadata: Record<string, unknown>, data?: { error: string }): void {
    const seq = (this.#seqs.get(job.shard) ?? 0) + 1;
    this.#seqs.set(job.shard, seq);
    const message = {
      type,
      job_id: job.id,
      timestamp: iso(this.#tick()),
      ...(data !== undefined && { data }),
      metadata,
      seq,
      shard: job.shard,
    };
    for (const subscriber of ['first', 'second'])
      this.#lines.push({ line: 'heard', at: this.#tick(), subscriber, message });
  }

  #tick(ms = 1): number {
    this.#at += ms;
    return this.#at;
  }

  #name(what: string): string {
    return `${what}-${++this.#names}`;
  }
}

function shown({ id, wanted, status, due, createdAt, updatedAt, parent, result }: Made): Job {
  return {
    id,
    name: wanted.type,
    status,
    trigger_at: iso(due),
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
    is_repeat: false,
    ...(wanted.key !== undefined && { key: wanted.key }),
    ...(parent !== undefined && { parent_id: parent }),
    payload: { token: wanted.token },
    ...(result !== undefined && { result: { attempt: result } }),
  };
}
