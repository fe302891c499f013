/**
 * A trial of opening a store, in a process of its own. Where pages of the data file are damaged, LMDB may not report an
 * error but end the process; so after a start that ended while it opened the store, the next one has this go first, and
 * can say why it refuses. It is not done at each start, since it takes as long as the start itself.
 */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { logKey, metaKey, specKey } from '../format/layout.js';
import { LmdbKv } from '../kv/kv-lmdb.js';
import { openLog } from '../log/open-log.js';
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

/** What a start reads, and a first write that is taken back. Run in the process that may end. */
export async function openOnTrial(directory: string): Promise<void> {
  const kv = new LmdbKv(directory);
  const log = openLog(kv, directory);
  const state = new CommittedState(kv, log);
  const { counters, position } = state.restore(() => {});
  state.dueIndex.take(1000);
  const undone = new Error('taken back');
  try {
    kv.transact((tx) => {
      tx.put('log', logKey(position + 1), Buffer.alloc(100));
      tx.put('specs', specKey(counters.nextSeq), Buffer.alloc(100));
      tx.remove('meta', metaKey('clean'));
      throw undone;
    });
  } catch (error) {
    if (error !== undone) throw error;
  }
  await kv.close();
  log.close();
}
