/**
 * A trial of opening a store, in a process of its own. Where pages of the data file are damaged, LMDB may not report an
 * error but end the process; so after a start that ended while it opened the store, the next one has this go first, and
 * can say why it refuses. It is not done at each start, since it takes as long as the start itself.
 */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { metaKey } from '../format/layout.js';
import type { KvWriter } from '../kv/kv.js';
import { LmdbKv } from '../kv/kv-lmdb.js';
import { KvLog } from '../log/kv-log.js';
import { DamagedRecord } from '../port.js';
import { CommittedState } from '../state/committed-state.js';

const goesWell = 0;
const reported = 1;

/**
 * Opens the store of a directory that is locked. Rejects with the reason of `stopping` when that is aborted meanwhile.
 *
 * @throws DamagedRecord when that ends the process which does it
 */
export async function tryToOpen(directory: string, stopping: AbortSignal): Promise<void> {
  const file = fileURLToPath(new URL('./trial-process.js', import.meta.url));
  const child = fork(file, [directory], { stdio: 'ignore', signal: stopping, killSignal: 'SIGKILL' });
  const how = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', (error) => reject(stopping.aborted ? stopping.reason : error));
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  // An error that LMDB or a checksum reports will be met, and reported, by the start itself.
  if (how === goesWell || how === reported) return;
  throw new DamagedRecord(
    'the store',
    `cannot be opened: the process that tries it ends with ${how}, as the last start did`,
  );
}

/** Lengths of a usual record and spec. What is in them does not matter, as nobody reads them. */
const [recordBytes, specBytes] = [100, 100];

/** What a start reads, and a first commit that is taken back. Run in the process that may end. */
export async function openOnTrial(directory: string): Promise<void> {
  const kv = new UndoneKv(directory);
  const log = new KvLog(kv);
  const state = new CommittedState(kv, log);
  const { counters, position } = state.restore(() => {});
  state.dueIndex.take(1000);
  log.append({
    position: position + 1,
    buffer: new ArrayBuffer(recordBytes + specBytes),
    bytes: recordBytes + specBytes,
    recordBytes,
    specs: [counters.nextSeq, recordBytes, specBytes],
    puts: [{ tree: 'meta', key: metaKey('clean'), value: null }],
  });
  await kv.close();
}

/** Does each transaction, and takes it back instead of making it durable: LMDB touches the same pages. */
class UndoneKv extends LmdbKv {
  override transact<T>(work: (tx: KvWriter) => T): T {
    const undone = new Error('taken back');
    let result: { readonly of: T } | undefined;
    try {
      return super.transact((tx) => {
        result = { of: work(tx) };
        throw undone;
      });
    } catch (error) {
      if (error !== undone || !result) throw error;
      return result.of;
    }
  }
}
