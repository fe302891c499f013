/** Two pools as one: attempts of the type `http` go to the thread of their own, all others to those of the handlers folder. */
import type { LoadedGeneration } from '../pool/generations.js';
import type { WorkerPool } from '../pool/pool.js';
import type { AbortReason, Attempt, HandlerInfo, Pool } from '../pool/port.js';
import type { StuckThread } from '../pool/stuck.js';
import type { HttpPool } from './http-pool.js';
import { httpTypeName } from './rules.js';

/** All that a pool is asked. */
type Workers = Pick<WorkerPool, keyof WorkerPool>;

export class PoolsByType implements Workers, Pool {
  readonly apart = [httpTypeName];
  readonly #handlers: Workers;
  readonly #http: HttpPool;
  /** For messages. */
  readonly #folder: string;

  constructor(handlers: Workers, http: HttpPool, folder: string) {
    this.#handlers = handlers;
    this.#http = http;
    this.#folder = folder;
  }

  get #both(): readonly Workers[] {
    return [this.#handlers, this.#http.workers];
  }

  async start(): Promise<readonly HandlerInfo[]> {
    try {
      const [handlers, http] = await Promise.all([this.#handlers.start(), this.#http.start()]);
      return this.#together(handlers, http);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async load(): Promise<LoadedGeneration> {
    const loaded = await this.#handlers.load();
    let http: LoadedGeneration | undefined;
    try {
      http = await this.#http.load();
      return {
        handlers: this.#together(loaded.handlers, http?.handlers[0] ?? this.#http.info),
        use: () => {
          loaded.use();
          http?.use();
        },
        drop: async () => {
          await Promise.all([loaded.drop(), http?.drop()]);
        },
      };
    } catch (error) {
      await Promise.all([loaded.drop(), http?.drop()]);
      throw error;
    }
  }

  know(types: Parameters<Workers['know']>[0]): void {
    this.#handlers.know(types);
  }

  #together(handlers: readonly HandlerInfo[], http: HandlerInfo): readonly HandlerInfo[] {
    if (handlers.some(({ name }) => name === http.name))
      throw new Error(
        `the handlers folder ${this.#folder} has a handler ${http.name}, which is the name of the type that --http-target brings: rename the file, or leave the option out`,
      );
    return [...handlers, http].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#both.map((pool) => pool.stop()));
  }

  get hasEnded(): boolean {
    return this.#both.every(({ hasEnded }) => hasEnded);
  }

  get size(): number {
    return sum(this.#both.map(({ size }) => size));
  }

  get alive(): number {
    return sum(this.#both.map(({ alive }) => alive));
  }

  get busy(): number {
    return sum(this.#both.map(({ busy }) => busy));
  }

  get retired(): number {
    return sum(this.#both.map(({ retired }) => retired));
  }

  get inFlight(): number {
    return sum(this.#both.map(({ inFlight }) => inFlight));
  }

  get stuck(): readonly StuckThread[] {
    return this.#both.flatMap(({ stuck }) => stuck);
  }

  /** Of the handlers folder. */
  get free(): number {
    return this.#handlers.free;
  }

  placesOf(name: string): number {
    return name === httpTypeName ? this.#http.places : this.#handlers.placesOf(name);
  }

  dispatch(attempt: Attempt): void {
    if (attempt.name === httpTypeName) this.#http.dispatch(attempt);
    else this.#handlers.dispatch(attempt);
  }

  flush(): void {
    for (const pool of this.#both) pool.flush();
  }

  deadlineMoved(): void {
    for (const pool of this.#both) pool.deadlineMoved();
  }

  abort(jobSeq: number, fence: number, reason: AbortReason): void {
    for (const pool of this.#both) pool.abort(jobSeq, fence, reason);
  }

  abortAll(reason: AbortReason): void {
    for (const pool of this.#both) pool.abortAll(reason);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
