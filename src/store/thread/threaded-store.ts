/** The store on its own thread: the main thread's end of it. */

import { Worker } from 'node:worker_threads';
import { Refusal } from '../../domain/errors.js';
import { plainThread } from '../../plain-thread.js';
import { within } from '../../within.js';
import { damagedDirectory } from '../directory/directory.js';
import type { BackupDone } from '../directory/write-backup.js';
import { packIndex } from '../format/batch-index.js';
import type { SealedBatch } from '../format/sealing.js';
import type { LogOrder } from '../trees/job-logs.js';
import type { MergeOrder, Storage, StorageEvents } from '../trees/storage.js';
import type { FromStorage, StorageThreadOptions, ToStorage } from './storage-messages.js';

/** The last merge and a backup under way may take so long at the end. */
const closeLimitMs = 5000;
const endLimitMs = 1000;

export class ThreadedStore implements Storage {
  readonly #worker: Worker;
  readonly #closed: Promise<void>;
  #events: StorageEvents | undefined;
  #closing = false;
  #backup: { readonly resolve: (done: BackupDone) => void; readonly reject: (refusal: Refusal) => void } | undefined;

  /** The directory is new, or was left in order. */
  readonly clean: boolean;

  private constructor(worker: Worker, clean: boolean) {
    this.clean = clean;
    this.#worker = worker;
    this.#closed = new Promise((resolve) => worker.once('exit', () => resolve()));
  }

  /** Opens the directory in a new thread. Rejects with what made that fail. */
  static async open(options: StorageThreadOptions): Promise<ThreadedStore> {
    const file = new URL('./storage-thread.js', import.meta.url);
    const worker = new Worker(file, { workerData: options, ...plainThread() });
    const ready = await new Promise<FromStorage>((resolve, reject) => {
      worker.once('error', (error) => reject(damagedDirectory(error, options.directory)));
      worker.once('exit', (code) => reject(new Error(`the storage thread ended with code ${code}`)));
      worker.once('message', resolve);
    });
    if (ready.kind !== 'ready') throw new Error(`the storage thread said ${ready.kind} before it was ready`);
    return new ThreadedStore(worker, ready.clean);
  }

  /** From now on `events` hears of everything; `crashed` of a thread that ends by itself. */
  listen(events: StorageEvents | undefined, crashed: (error: Error) => void): void {
    this.#events = events;
    this.#worker.on('message', (message: FromStorage) => this.#take(message));
    this.#worker.on('error', (error) => crashed(error as Error));
    this.#worker.on('exit', (code) => {
      if (!this.#closing) crashed(new Error(`the storage thread ended with code ${code}`));
    });
  }

  commit({ specs, puts, ...batch }: SealedBatch): void {
    const index = packIndex({ specs, puts });
    this.#send({ kind: 'commit', batch, index }, [batch.buffer, index.buffer]);
  }

  merge(order: MergeOrder): void {
    this.#send({ kind: 'merge', order });
  }

  writeLogs(order: LogOrder): void {
    this.#send({ kind: 'logs', order });
  }

  /**
   * Writes what is committed now into a new or empty directory while commits go on.
   *
   * @param target an absolute path
   * @throws Refusal also while another backup is being written
   */
  async backUp(target: string): Promise<BackupDone> {
    if (this.#closing) throw new Refusal('draining', 'The server is shutting down.');
    if (this.#backup) throw new Refusal('conflict', 'Another backup is being written. Try again when it is done.');
    try {
      return await new Promise<BackupDone>((resolve, reject) => {
        this.#backup = { resolve, reject };
        this.#send({ kind: 'backup', target });
      });
    } finally {
      this.#backup = undefined;
    }
  }

  /**
   * Finishes what was asked for. Resolves when all is on disk and closed, or when that has taken too long: the next start replays
   * the log then.
   *
   * @param clean marks the directory as left in order
   */
  async close(clean: boolean): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#send({ kind: 'close', clean });
    }
    await this.#closedWithin(closeLimitMs);
  }

  /** Ends the thread without more ado. Resolves true when it is gone, false when a write that hangs holds it. */
  end(): Promise<boolean> {
    this.#closing = true;
    void this.#worker.terminate();
    return this.#closedWithin(endLimitMs);
  }

  async #closedWithin(limitMs: number): Promise<boolean> {
    return (
      (await within(
        limitMs,
        this.#closed.then(() => true),
      )) ?? false
    );
  }

  #send(message: ToStorage, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #take(message: FromStorage): void {
    switch (message.kind) {
      case 'committed':
        return this.#events?.committed(message.position);
      case 'checkpointed':
        return this.#events?.checkpointed(message.position);
      case 'failed':
        return this.#events?.failed(message.position, message);
      case 'merged':
        return this.#events?.merged(message.position);
      case 'logsWritten':
        return this.#events?.logsWritten(message.bytes);
      case 'logsRefused':
        return this.#events?.logsRefused();
      case 'backedUp':
        return this.#backup?.resolve(message.done);
      case 'notBackedUp':
        return this.#backup?.reject(new Refusal(message.refused.code, message.refused.detail));
      case 'ready':
      case 'closed':
        return;
      default:
        message satisfies never;
    }
  }
}
