/**
 * The mixed load of a soak: jobs one by one and in batches, with keys, repeating, cancelled, changed and retried; handlers
 * that fail, spin and end their thread; subscribers that come and go. All of it drawn from a seed.
 */

import { request } from 'node:http';
import { connect } from 'node:net';
import { sleep } from '../../bench/support/bench.js';
import type { ServerProcess } from '../../bench/support/server-process.js';
import { Random } from '../simulation/random.js';
import type { Observer } from './observer.js';

/** What became of the requests. `unanswered`: the server was being killed. */
export interface Tally {
  created: number;
  refused: number;
  unanswered: number;
}

export class Load {
  readonly tally: Tally = { created: 0, refused: 0, unanswered: 0 };
  readonly wrong: string[] = [];
  /** When the jobs that say when they began, and are left alone, are due. */
  readonly #due = new Map<number, number>();
  readonly #server: ServerProcess;
  readonly #observer: Observer;
  readonly #random: Random;
  readonly #recent: string[] = [];
  #number = 0;

  constructor(server: ServerProcess, observer: Observer, seed: number) {
    this.#server = server;
    this.#observer = observer;
    this.#random = new Random(seed);
  }

  /** Jobs that go on for the whole soak. */
  async begin(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      const trigger = i % 2 === 0 ? { cron_expr: '* * * * * *' } : { delay: `${250 + 50 * i}ms` };
      await this.#post('/jobs', { name: 'noop', ...trigger, is_repeat: true });
    }
  }

  /** About a second's worth: `perSecond` jobs, and what else users do meanwhile. */
  async second(perSecond: number): Promise<void> {
    const begun = performance.now();
    const single = Math.ceil(perSecond / 4);
    await Promise.all(Array.from({ length: 8 }, () => this.#some(Math.ceil(single / 8))));
    await this.#batch(perSecond - single);
    await this.#oddities();
    await sleep(Math.max(0, 1000 - (performance.now() - begun)));
  }

  /**
   * The worst start after its due time among those that are new; NaN when none is. A start before its time is wrong.
   *
   * @param stamps instants in Unix milliseconds
   */
  latenessOf(stamps: readonly { readonly job: number; readonly began: number }[]): number {
    let worst = Number.NaN;
    for (const { job, began } of stamps) {
      const due = this.#due.get(job);
      if (due === undefined) continue;
      this.#due.delete(job);
      if (began < due) this.wrong.push(`job ${job} began ${due - began} ms before its time`);
      if (!(began - due <= worst)) worst = began - due;
    }
    return worst;
  }

  async #some(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const body = this.#body();
      const key = this.#random.chance(0.1) ? `soak-${this.#number}` : undefined;
      const id = await this.#create(body, key);
      if (id === undefined) continue;
      const again = key === undefined ? undefined : await this.#createAgain(body, key);
      if (again !== undefined && again !== id) this.wrong.push(`the key ${key} made ${id} and ${again}`);
      this.#recent.push(id);
      if (this.#recent.length > 500) this.#recent.splice(0, 250);
    }
  }

  async #create(body: object, key?: string): Promise<string | undefined> {
    const made = await this.#createAgain(body, key);
    if (made !== undefined) this.#observer.acknowledged(made);
    return made;
  }

  async #createAgain(body: object, key?: string): Promise<string | undefined> {
    return ((await this.#post('/jobs', body, key)) as { id: string } | undefined)?.id;
  }

  async #batch(count: number): Promise<void> {
    const made = await this.#post(
      '/jobs/batch',
      Array.from({ length: count }, () => this.#body(true)),
    );
    for (const { id } of (made as { items: { id: string }[] } | undefined)?.items ?? [])
      this.#observer.acknowledged(id);
  }

  /** Most do nothing and say when they began; some fail for good, some succeed at the second attempt. */
  #body(leftAlone = false): object {
    const n = this.#number++;
    const delay = `${this.#random.between(0, 4000)}ms`;
    if (this.#random.chance(0.02)) return { name: 'fail', delay, max_retries: 1, retry_delay: '50ms', payload: { n } };
    if (this.#random.chance(0.02)) return { name: 'fail', delay, retry_delay: '50ms', payload: { n, times: 1 } };
    const due = Date.now() + this.#random.between(0, 4000);
    if (leftAlone) this.#due.set(n, due);
    return { name: 'stamp', trigger_at: new Date(due).toISOString(), payload: { n } };
  }

  /** Once a second: a handler that spins, one that ends its thread, a client that goes in mid-sentence, some changes. */
  async #oddities(): Promise<void> {
    if (this.#random.chance(0.2))
      await this.#create({ name: 'exit', delay: '0s', max_retries: 0, payload: { code: 1 } });
    if (this.#random.chance(0.05)) await this.#create({ name: 'spin', delay: '0s', max_retries: 0, timeout: '300ms' });
    this.#reset();
    for (let i = 0; i < 10; i++) {
      const id = this.#recent[this.#random.between(0, this.#recent.length - 1)];
      if (id === undefined) continue;
      // Any of these may come too late, which is an answer too.
      if (i % 2 === 0) await this.#ask('POST', `/jobs/${id}/cancel`);
      else await this.#ask('PUT', `/jobs/${id}`, { delay: '100ms' });
      await this.#ask('GET', `/jobs/${id}`);
    }
    await this.#ask('GET', '/jobs?status=success&limit=100&offset=50');
  }

  #reset(): void {
    const socket = connect(this.#server.port, '127.0.0.1', () => {
      socket.write(
        'POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"na',
      );
      socket.resetAndDestroy();
    });
    socket.on('error', () => {});
  }

  async #post(path: string, body: unknown, key?: string): Promise<unknown> {
    const answer = await this.#ask('POST', path, body, key);
    if (answer === undefined) return undefined;
    if (answer.status === 503) this.tally.refused++;
    else if (answer.status === 200 || answer.status === 201) {
      this.tally.created++;
      return JSON.parse(answer.text);
    }
    return undefined;
  }

  /** Undefined when the server went away before it answered. */
  #ask(
    method: string,
    path: string,
    body?: unknown,
    key?: string,
  ): Promise<{ status: number; text: string } | undefined> {
    const headers = {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(key !== undefined && { 'Idempotency-Key': key }),
    };
    return new Promise((done) => {
      const gone = (): void => {
        this.tally.unanswered++;
        done(undefined);
      };
      const asked = request({ port: this.#server.port, host: '127.0.0.1', method, path: `/api/v1${path}`, headers });
      asked.on('error', gone);
      asked.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('error', gone);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status >= 400 && ![404, 409, 503].includes(status))
            this.wrong.push(`${method} ${path}: ${status} ${text}`);
          done({ status, text });
        });
      });
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
