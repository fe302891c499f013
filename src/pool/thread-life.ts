/**
 * The life of a worker thread, as the main thread knows it:
 *
 *     starting ──it has loaded the handlers──► ready
 *        │                                       │
 *        └───────────────────┬───────────────────┘
 *          stopped, at fault or dead: no more attempts
 *                            ▼
 *                         ending ──it is gone───────────────────► ended
 *                            │                                      ▲
 *                            └──native code──► lingering ──gone─────┘
 *                               still holds it
 *
 * From `lingering` and `ended` on its attempts have outcomes, and a new thread has its number.
 */
import type { Worker } from 'node:worker_threads';

/** Why a thread ended: it was stopped, or what Piscina and the thread itself said. */
export type ThreadEnd =
  | { readonly kind: 'stopped' | 'memory' }
  | { readonly kind: 'exit'; readonly exitCode: number }
  | { readonly kind: 'error'; readonly message: string };

export type ThreadState = 'starting' | 'ready' | 'ending' | 'lingering' | 'ended';

export class ThreadLife {
  #state: ThreadState = 'starting';
  #wasReady = false;

  get state(): ThreadState {
    return this.#state;
  }

  /** True for one that was ready once, whatever it is now. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** True once its attempts have outcomes. */
  get isOver(): boolean {
    return this.#state === 'lingering' || this.#state === 'ended';
  }

  /** It can run attempts; false if its end came first. */
  ready(): boolean {
    if (this.#state !== 'starting') return false;
    this.#state = 'ready';
    this.#wasReady = true;
    return true;
  }

  /** Its end has begun, for whatever reason; more than one may. */
  end(): void {
    if (!this.isOver) this.#state = 'ending';
  }

  /** It is waited for no longer. */
  over(lingers: boolean): void {
    this.#state = lingers ? 'lingering' : 'ended';
  }

  /** It is gone after all. */
  gone(): void {
    this.#state = 'ended';
  }
}

/** Resolves at the end of a thread. */
export function exitOf(worker: Worker): Promise<void> {
  // Node sets it so at the end.
  if (worker.threadId === -1) return Promise.resolve();
  return new Promise((resolve) => worker.once('exit', () => resolve()));
}
