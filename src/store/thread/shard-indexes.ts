/** The local indexes of a node's shards, on one thread: the main thread's end of them. */
import { join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { plainThread } from '../../plain-thread.js';
import { within } from '../../within.js';
import { packIndex, unpackIndex } from '../format/batch-index.js';
import type { Put } from '../format/layout.js';
import type { SealedBatch } from '../format/sealing.js';
import { LmdbKv } from '../kv/kv-lmdb.js';
import { UnreadableRecord } from '../port.js';
import type { LogOrder } from '../trees/job-logs.js';
import type { IndexEvents, IndexRecord, LocalIndex } from '../trees/local-index.js';
import type { MergeOrder } from '../trees/storage.js';
import type { FromIndex, LostRecord, OpenIndex, ToIndex } from './index-messages.js';

const closeLimitMs = 5000;

/** The folder of a shard's index in a data directory. */
export const shardFolder = (shard: number): string => `shard-${shard}`;

export class ShardIndexes {
  readonly #directory: string;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #open = new Set<ShardIndex>();
  #isClosing = false;

  /**
   * Starts the thread.
   *
   * @param crashed is called when it ends by itself: all indexes are lost
   */
  constructor(directory: string, crashed: (error: Error) => void) {
    this.#directory = directory;
    this.#worker = new Worker(new URL('./index-thread.js', import.meta.url), plainThread());
    this.#worker.on('error', (error) => crashed(error as Error));
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.once('exit', (code) => {
      const message = `the storage thread ended with code ${code}`;
      for (const index of this.#open) index.end(message);
      if (!this.#isClosing) crashed(new Error(message));
    });
  }

  /**
   * A new index of a shard, to be filled. One that the shard had before must be closed.
   *
   * @param logShare of what is kept of all logs, the part of this shard
   */
  add(shard: number, logShare: number): ShardIndex {
    const { port1, port2 } = new MessageChannel();
    const directory = join(this.#directory, shardFolder(shard));
    const index = new ShardIndex(directory, port1, () => this.#open.delete(index));
    this.#open.add(index);
    const order: OpenIndex = { directory, logShare, port: port2 };
    this.#worker.postMessage(order, [port2]);
    return index;
  }

  /** Closes all of them and ends the thread. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([...this.#open].map((index) => index.close()));
    await this.#worker.terminate();
    await this.#ended;
  }
}

/** A record that the thread could not read. */
class UnreadableInIndex extends UnreadableRecord {
  override readonly name = 'UnreadableInIndex';
  readonly state: UnreadableRecord['state'];

  constructor({ what, how, state }: LostRecord, message: string) {
    super(what, how, message);
    this.state = state;
  }
}

export class ShardIndex implements LocalIndex {
  readonly #directory: string;
  readonly #port: MessagePort;
  readonly #closed: () => void;
  #kv: LmdbKv | undefined;
  #events: IndexEvents | undefined;
  /** Who waits for the answer to a part of a load. */
  #asked: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #lost: Error | undefined;
  #close: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(directory: string, port: MessagePort, closed: () => void) {
    this.#directory = directory;
    this.#port = port;
    this.#closed = closed;
    port.on('message', (message: FromIndex) => this.#take(message));
  }

  /** What it is read through, once it is open. Its log is in there too. */
  get kv(): LmdbKv {
    if (!this.#kv) throw new Error('the index is not open');
    return this.#kv;
  }

  loadPages(puts: readonly Put[]): Promise<void> {
    const packed = packIndex({ specs: [], puts });
    return this.#ask({ kind: 'loadPages', packed }, [packed.buffer]);
  }

  loadRecords(records: readonly IndexRecord[], merged: number): Promise<void> {
    const plain = records.map(({ position, id, bytes }) => ({ position, id, bytes }));
    return this.#ask({ kind: 'loadRecords', records: plain, merged });
  }

  async open(merged: number): Promise<void> {
    await this.#ask({ kind: 'open', merged });
    this.#kv = new LmdbKv(this.#directory, { cache: true });
  }

  listen(events: IndexEvents): void {
    this.#events = events;
    if (this.#lost !== undefined) events.lost(this.#lost.message);
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

  pagesWritten(): void {
    this.#send({ kind: 'pagesWritten' });
  }

  /** Resolves when it is closed, or when that has taken too long. */
  close(): Promise<void> {
    this.#closing ??= this.#doClose();
    return this.#closing;
  }

  /** The thread is gone. */
  end(message: string): void {
    this.#lose(message);
    this.#close?.();
  }

  async #doClose(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#close = resolve;
    });
    this.#send({ kind: 'close', clean: false });
    await within(closeLimitMs, closed);
    await this.#kv?.close();
    this.#port.close();
    this.#closed();
  }

  #ask(message: ToIndex, transfer: ArrayBuffer[] = []): Promise<void> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      this.#send(message, transfer);
    });
  }

  #send(message: ToIndex, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #lose(message: string, record?: LostRecord): void {
    if (this.#lost !== undefined) return;
    this.#lost = record === undefined ? new Error(message) : new UnreadableInIndex(record, message);
    this.#asked?.reject(this.#lost);
    this.#events?.lost(message);
  }

  #take(message: FromIndex): void {
    if (this.#lost !== undefined && message.kind !== 'closed') return;
    switch (message.kind) {
      case 'taken':
      case 'ready':
        return this.#asked?.resolve();
      case 'pages': {
        const { packed, merged, trimBefore, isAll } = message;
        return this.#events?.pages({ puts: unpackIndex(packed).puts, merged, trimBefore, isAll });
      }
      case 'checkpointed':
        return this.#events?.checkpointed(message.position);
      case 'merged':
        return this.#events?.merged(message.position);
      case 'logsWritten':
        return this.#events?.logsWritten(message.bytes);
      case 'logsRefused':
        return this.#events?.logsRefused();
      // What it does not take is durable elsewhere, but the index is behind for good.
      case 'failed':
        return this.#lose(message.message);
      case 'lost':
        return this.#lose(message.message, message.record);
      case 'closed':
        return this.#close?.();
      case 'committed':
      case 'backedUp':
      case 'notBackedUp':
        return;
      default:
        message satisfies never;
    }
  }
}
