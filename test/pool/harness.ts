/** A pool over the test handlers, with everything it told kept and awaitable. Checks that no attempt ends twice. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { WorkerPool } from '../../src/pool/pool.js';
import type { Attempt, HandlerInfo, Outcome, PoolOptions } from '../../src/pool/port.js';
import type { LogEntry } from '../../src/pool/shared/log-lines.js';

/** The folder is not compiled: it is the same seen from the sources and from `dist`. */
export const handlersDir = fileURLToPath(new URL('../../../test/support/handlers', import.meta.url));

/** Long enough for a loaded machine; nothing waits for it unless the test fails. */
const patienceMs = 20_000;

type Details = Partial<Omit<Attempt, 'jobSeq' | 'name' | 'payload'>>;

export class PoolHarness {
  readonly pool: WorkerPool;
  readonly outcomes: Outcome[] = [];
  readonly log: LogEntry[] = [];
  /** Times that `room` was told. */
  rooms = 0;
  handlers: readonly HandlerInfo[] = [];
  /** Attempts of which a second outcome came. */
  readonly endedTwice: number[] = [];
  readonly #ended = new Map<number, Outcome>();
  readonly #waiting = new Set<() => void>();
  #seq = 0;

  constructor(options: Partial<PoolOptions> = {}) {
    this.pool = new WorkerPool({
      handlersDir,
      threads: 1,
      threadMemoryMiB: 128,
      graceMs: 300,
      log: (entry) => this.#note(() => this.log.push(entry)),
      events: {
        outcomes: (outcomes) =>
          this.#note(() => {
            for (const outcome of outcomes) this.#take(outcome);
          }),
        room: () => this.#note(() => this.rooms++),
      },
      ...options,
    });
  }

  /** Started, and stopped when the test ends; by then each attempt must have ended, and once. */
  static async start(t: Test, options: Partial<PoolOptions> = {}): Promise<PoolHarness> {
    const harness = new PoolHarness(options);
    t.teardown(async () => {
      await harness.pool.stop();
      // A finished test takes no assertion any more, but fails when its teardown throws.
      assert.deepEqual(harness.endedTwice, [], 'attempts that ended twice');
      assert.equal(harness.pool.inFlight, 0, 'attempts that have not ended');
    });
    harness.handlers = await harness.pool.start();
    await harness.until(() => harness.pool.alive === harness.pool.size, 'all threads are ready');
    return harness;
  }

  /** Dispatches without flushing; returns the attempt's `jobSeq`. */
  dispatch(name: string, payload: object = {}, details: Details = {}): number {
    const jobSeq = ++this.#seq;
    this.pool.dispatch({
      jobSeq,
      fence: 1,
      jobId: `job_1704182400_${jobSeq.toString(16).padStart(8, '0')}`,
      name,
      payload: JSON.stringify(payload),
      attempt: 1,
      scheduledFor: 1_704_182_400_000,
      timeoutMs: 60_000,
      alone: false,
      ...details,
    });
    return jobSeq;
  }

  /** Dispatches and flushes. */
  send(name: string, payload?: object, details?: Details): number {
    const jobSeq = this.dispatch(name, payload, details);
    this.pool.flush();
    return jobSeq;
  }

  /** Dispatches `count` of the same, flushes once. */
  sendMany(count: number, name: string, payload?: object, details?: Details): number[] {
    const seqs = Array.from({ length: count }, () => this.dispatch(name, payload, details));
    this.pool.flush();
    return seqs;
  }

  async outcome(jobSeq: number): Promise<Outcome> {
    await this.until(() => this.#ended.has(jobSeq), `attempt ${jobSeq} ended`);
    return this.#ended.get(jobSeq) as Outcome;
  }

  outcomesOf(jobSeqs: readonly number[]): Promise<Outcome[]> {
    return Promise.all(jobSeqs.map((jobSeq) => this.outcome(jobSeq)));
  }

  /** Sends one attempt and waits for its end. */
  run(name: string, payload?: object, details?: Details): Promise<Outcome> {
    return this.outcome(this.send(name, payload, details));
  }

  /** The outcome so far, if there is one. */
  ended(jobSeq: number): Outcome | undefined {
    return this.#ended.get(jobSeq);
  }

  /** Waits until `count` attempts of `sleep` or `stubborn` have said that they began. */
  begun(count: number): Promise<void> {
    return this.until(() => this.said('begun').length >= count, `${count} attempts have begun`);
  }

  said(message: string | RegExp): LogEntry[] {
    return this.log.filter((entry) =>
      typeof message === 'string' ? entry.message === message : message.test(entry.message),
    );
  }

  /** Waits for a state that only what the pool tells, or a moment's time, can bring about. */
  until(state: () => boolean, what: string): Promise<void> {
    if (state()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const over = (): void => {
        clearInterval(poll);
        clearTimeout(deadline);
        this.#waiting.delete(check);
      };
      const check = (): void => {
        if (!state()) return;
        over();
        resolve();
      };
      const deadline = setTimeout(() => {
        over();
        reject(new Error(`waited in vain until ${what}`));
      }, patienceMs);
      const poll = setInterval(check, 5);
      this.#waiting.add(check);
    });
  }

  /** Keeps outcomes that a test was told of itself. */
  take(outcomes: readonly Outcome[]): void {
    this.#note(() => {
      for (const outcome of outcomes) this.#take(outcome);
    });
  }

  #take(outcome: Outcome): void {
    this.outcomes.push(outcome);
    if (this.#ended.has(outcome.jobSeq)) this.endedTwice.push(outcome.jobSeq);
    this.#ended.set(outcome.jobSeq, outcome);
  }

  #note(what: () => void): void {
    what();
    for (const check of this.#waiting) check();
  }
}
