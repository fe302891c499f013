/** The store on its own thread: the main thread's end of it. */
import { Worker } from 'node:worker_threads';
import type { MergeOrder, SealedBatch, Store, StoreEvents } from './store.js';
import type { FromStorage, StorageThreadOptions, ToStorage } from './thread-messages.js';

export class ThreadedStore implements Store {
  readonly #worker: Worker;
  readonly #closed: Promise<void>;
  #events: StoreEvents | undefined;
  #closing = false;

  /** The directory is new, or was left in order. */
  readonly clean: boolean;

  private constructor(worker: Worker, clean: boolean) {
    this.clean = clean;
    this.#worker = worker;
    this.#closed = new Promise((resolve) => worker.once('exit', () => resolve()));
  }

  /** Opens the directory in a new thread. Rejects with what made that fail. */
  static async open(options: StorageThreadOptions): Promise<ThreadedStore> {
    const worker = new Worker(new URL('./storage-thread.js', import.meta.url), { workerData: options });
    const ready = await new Promise<FromStorage>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the storage thread ended with code ${code}`)));
      worker.once('message', resolve);
    });
    if (ready.kind !== 'ready') throw new Error(`the storage thread said ${ready.kind} before it was ready`);
    return new ThreadedStore(worker, ready.clean);
  }

  /** From now on `events` hears of everything; `crashed` of a thread that ends by itself. */
  listen(events: StoreEvents, crashed: (error: Error) => void): void {
    this.#events = events;
    this.#worker.on('message', (message: FromStorage) => this.#take(message));
    this.#worker.on('error', (error) => crashed(error as Error));
    this.#worker.on('exit', (code) => {
      if (!this.#closing) crashed(new Error(`the storage thread ended with code ${code}`));
    });
  }

  commit(batch: SealedBatch): void {
    this.#send({ kind: 'commit', batch }, [batch.buffer]);
  }

  merge(order: MergeOrder): void {
    this.#send({ kind: 'merge', order });
  }

  async close(clean: boolean): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#send({ kind: 'close', clean });
    }
    await this.#closed;
  }

  #send(message: ToStorage, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #take(message: FromStorage): void {
    switch (message.kind) {
      case 'committed':
        return this.#events?.committed(message.position);
      case 'failed':
        return this.#events?.failed(message.position, message);
      case 'merged':
        return this.#events?.merged(message.position);
      case 'ready':
      case 'closed':
        return;
      default:
        message satisfies never;
    }
  }
}
