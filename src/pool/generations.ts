/**
 * Generations of worker threads: the threads of one have read the handlers folder at the same time. To read it anew, a whole
 * generation is started beside the one there is, which goes on meanwhile. Once all its threads are ready it takes its place.
 *
 *     loading ──all its threads are ready──► loaded ──used──► current ──the next is used──► retired ──its last thread ends──► gone
 *        └─────── a module does not load ──────┴───────────► stopped
 *
 * A retired generation is sent nothing more; each of its threads ends when its attempts have. There may be several.
 */
import type { HandlerInfo } from './port.js';
import type { ElsewhereType } from './shared/messages.js';
import type { Thread } from './thread.js';
import { Threads, type ThreadsOptions } from './threads.js';

/** A generation whose threads are ready, beside the current one. One of the two is to be called. */
export interface LoadedGeneration {
  /** By name, in order. */
  readonly handlers: readonly HandlerInfo[];
  /** From now on attempts go to its threads. */
  use(): void;
  /** Ends its threads. */
  drop(): Promise<void>;
}

export class Generations {
  readonly #options: Omit<ThreadsOptions, 'onGone'>;
  readonly #onRecall: (threads: readonly Thread[]) => void;
  #current: Threads;
  /** Started, and not in use yet. */
  readonly #coming = new Set<Threads>();
  readonly #retired = new Set<Threads>();
  /** What others have handlers for. */
  #elsewhere: readonly ElsewhereType[] = [];
  #stopped = false;

  /** @param onRecall called with threads that are about to be retired: what they have not begun is to go elsewhere */
  constructor(options: Omit<ThreadsOptions, 'onGone'>, onRecall: (threads: readonly Thread[]) => void) {
    this.#options = options;
    this.#onRecall = onRecall;
    this.#current = this.#make();
  }

  /** Threads that can be sent to. */
  get current(): readonly Thread[] {
    return this.#current.ready;
  }

  /** Threads of earlier generations that still have attempts. */
  get retired(): readonly Thread[] {
    return [...this.#retired].flatMap((threads) => threads.ready);
  }

  /** Both: those that can have attempts and are not ending. */
  get ready(): readonly Thread[] {
    return this.#retired.size === 0 ? this.current : [...this.current, ...this.retired];
  }

  /** The same, and those that start or end. */
  get all(): readonly Thread[] {
    return [this.#current, ...this.#retired].flatMap((threads) => threads.all);
  }

  /** As `Threads.know`, of all generations. */
  know(types: readonly ElsewhereType[]): void {
    this.#elsewhere = types;
    for (const threads of [this.#current, ...this.#coming, ...this.#retired]) threads.know(types);
  }

  /** As `Threads.start`, of the first generation. */
  start(): Promise<readonly HandlerInfo[]> {
    return this.#current.start();
  }

  /**
   * Starts another generation. Resolves when all its threads have loaded the handlers.
   *
   * @throws Error that names file and reason when one cannot; nothing has changed then
   */
  async load(): Promise<LoadedGeneration> {
    if (this.#stopped) throw new Error('the pool was stopped');
    const threads = this.#make();
    this.#coming.add(threads);
    try {
      const handlers = await threads.start('all');
      return { handlers, use: () => this.#use(threads), drop: () => this.#drop(threads) };
    } catch (error) {
      this.#coming.delete(threads);
      throw error;
    }
  }

  /** A thread has reported: it may be one that has nothing left to do. */
  reported(thread: Thread): void {
    for (const threads of this.#retired) if (threads.all.includes(thread)) threads.dismissIfIdle(thread);
  }

  /** Ends all threads. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#current, ...this.#coming, ...this.#retired].map((threads) => threads.stop()));
  }

  /** After `stop`: no thread is left. */
  get hasEnded(): boolean {
    return [this.#current, ...this.#coming, ...this.#retired].every(({ hasEnded }) => hasEnded);
  }

  #make(): Threads {
    const threads: Threads = new Threads({
      ...this.#options,
      onGone: () => {
        this.#retired.delete(threads);
        // Frees what Piscina keeps.
        void threads.stop();
      },
    });
    if (this.#elsewhere.length > 0) threads.know(this.#elsewhere);
    return threads;
  }

  #use(threads: Threads): void {
    if (!this.#coming.delete(threads)) return;
    const last = this.#current;
    this.#current = threads;
    this.#retired.add(last);
    this.#onRecall(last.ready);
    last.retire();
  }

  async #drop(threads: Threads): Promise<void> {
    await threads.stop();
    this.#coming.delete(threads);
  }
}
