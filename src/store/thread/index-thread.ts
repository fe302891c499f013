/** The storage thread of a node: local indexes on LMDB, which is not flushed, one for each shard. What fails costs its shard only. */
import { mkdirSync, rmSync } from 'node:fs';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { Refusal } from '../../domain/errors.js';
import { packIndex, unpackIndex } from '../format/batch-index.js';
import { LmdbKv } from '../kv/kv-lmdb.js';
import { UnreadableRecord } from '../port.js';
import { IndexEngine } from '../trees/index-engine.js';
import { EngineHost } from './engine-host.js';
import type { FromIndex, OpenIndex, ToIndex } from './index-messages.js';

if (!parentPort) throw new Error('this file runs in a thread of the server');

class IndexHost {
  readonly #port: MessagePort;
  readonly #kv: LmdbKv;
  readonly #engine: IndexEngine;
  readonly #host: EngineHost;
  #isLost = false;

  constructor({ directory, logShare, port }: OpenIndex) {
    this.#port = port;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    this.#kv = new LmdbKv(directory, { cache: true });
    this.#engine = new IndexEngine(this.#kv, logShare);
    this.#host = new EngineHost({
      directory,
      engine: this.#engine,
      post: (message) => this.#post(message),
      backUp: async () => {
        throw new Refusal('conflict', 'A shard of a cluster is backed up with its database.');
      },
      close: () => this.#kv.close(),
      pages: {
        take: () => this.#engine.takePages(),
        tell: ({ puts, ...rest }) => {
          const packed = packIndex({ specs: [], puts });
          this.#post({ kind: 'pages', packed, ...rest }, [packed.buffer]);
        },
      },
      failed: (error) => this.#lose(error),
    });
  }

  take(message: ToIndex): void {
    if (this.#isLost && message.kind !== 'close') return;
    try {
      this.#take(message);
    } catch (error) {
      this.#lose(error);
    }
  }

  #take(message: ToIndex): void {
    switch (message.kind) {
      case 'loadPages':
        this.#engine.loadPages(unpackIndex(message.packed).puts);
        return this.#post({ kind: 'taken' });
      case 'loadRecords':
        this.#engine.loadRecords(message.records, message.merged);
        return this.#post({ kind: 'taken' });
      case 'open':
        return this.#post({ kind: 'ready', ...this.#engine.open(message.merged) });
      case 'pagesWritten':
        return this.#host.pagesWritten();
      default:
        return this.#host.take(message);
    }
  }

  #post(message: FromIndex, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
    if (message.kind === 'closed') this.#port.close();
  }

  #lose(error: unknown): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof UnreadableRecord)) return this.#post({ kind: 'lost', message });
    const { what, how, state } = error;
    this.#post({ kind: 'lost', message, record: { what, how, state } });
  }
}

parentPort.on('message', (order: OpenIndex) => {
  const { port } = order;
  try {
    const host = new IndexHost(order);
    port.on('message', (message: ToIndex) => host.take(message));
  } catch (error) {
    port.postMessage({ kind: 'lost', message: String(error) } satisfies FromIndex);
    port.close();
  }
});
