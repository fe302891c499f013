/** The storage thread of a data directory: the engine on LMDB, with a journal before it. */
import { parentPort, workerData } from 'node:worker_threads';
import { writeBackup } from '../directory/write-backup.js';
import { LmdbKv } from '../kv/kv-lmdb.js';
import { openLog } from '../log/open-log.js';
import { StoreEngine } from '../trees/engine.js';
import { EngineHost, type HostedEngine } from './engine-host.js';
import type { FromStorage, StorageThreadOptions, ToStorage } from './storage-messages.js';

if (!parentPort) throw new Error('this file runs in a thread of the server');
const port = parentPort;
const { directory } = workerData as StorageThreadOptions;

const kv = new LmdbKv(directory);
const log = openLog(kv, directory);
const store = new StoreEngine(kv, log);

const engine: HostedEngine = {
  commit: (batch) => store.commit(batch),
  get checkpointed() {
    return store.checkpointed;
  },
  checkpoint: () => store.checkpoint(),
  get waitingBytes() {
    return log.waitingBytes;
  },
  writeLogs: (order) => store.writeLogs(order),
  startMerge: (order) => store.startMerge(order),
  get merging() {
    return store.merging;
  },
  step: () => store.step(),
  markClean: (clean) => store.markClean(clean),
};

function post(message: FromStorage): void {
  port.postMessage(message);
  if (message.kind === 'closed') port.close();
}

const host = new EngineHost({
  directory,
  engine,
  post,
  backUp: (target) => writeBackup(kv, directory, target),
  close: async () => {
    await kv.close();
    log.close();
  },
});
port.on('message', (message: ToStorage) => host.take(message));
post({ kind: 'ready', ...store.open() });
