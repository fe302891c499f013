/**
 * The storage thread: the engine on LMDB, with a journal before it. Commits go first; between them come checkpoints of the journal,
 * and the merge goes on slice by slice.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Refusal } from '../../domain/errors.js';
import { writeBackup } from '../directory/write-backup.js';
import { unpackIndex } from '../format/batch-index.js';
import type { SealedBatch } from '../format/sealing.js';
import { hasRoom, whyForGood } from '../kv/disk.js';
import { LmdbKv } from '../kv/kv-lmdb.js';
import { openLog } from '../log/open-log.js';
import { StoreEngine } from '../trees/engine.js';
import type { LogOrder } from '../trees/job-logs.js';
import type { FromStorage, StorageThreadOptions, ToStorage } from './storage-messages.js';

if (!parentPort) throw new Error('this file runs in a thread of the server');
const port = parentPort;
const { directory } = workerData as StorageThreadOptions;

/** How long a merge, or checkpointing, waits when it failed: there may be room again. */
const retryMs = 250;
/** A checkpoint comes this long after a commit, or when so much waits for it: readers hold it in memory meanwhile. */
const checkpointAfterMs = 100;
const checkpointBytes = 1024 * 1024;

const kv = new LmdbKv(directory);
const log = openLog(kv, directory);
const engine = new StoreEngine(kv, log);
let stepping = false;
let checkpointing: NodeJS.Timeout | undefined;
let closing = false;
/** What was posted last. */
let checkpointed = 0;
/** The last write was refused. */
let full = false;
/** Ends with the backup that is being written, if one is. */
let backup: Promise<void> = Promise.resolve();

function post(message: FromStorage): void {
  port.postMessage(message);
}

function commit(batch: SealedBatch): void {
  // A small write may still find a free page: taking that for room would start jobs that cannot be written down.
  if (full && !hasRoom(directory, batch.buffer.byteLength)) {
    post({ kind: 'failed', position: batch.position, message: 'there is no room on the disk', broken: false });
    return;
  }
  try {
    engine.commit(batch);
    full = false;
  } catch (error) {
    full = true;
    const why = whyForGood(error, directory, batch.buffer.byteLength);
    const message = why ?? (error instanceof Error ? error.message : String(error));
    post({ kind: 'failed', position: batch.position, message, broken: why !== undefined });
    return;
  }
  post({ kind: 'committed', position: batch.position });
  reportCheckpoint();
  if (engine.checkpointed >= batch.position) return;
  if (log.waitingBytes >= checkpointBytes) setImmediate(checkpoint);
  else checkpointing ??= setTimeout(checkpoint, checkpointAfterMs);
}

/** They may wait: nobody waits for them. */
function writeLogs(order: LogOrder): void {
  try {
    post({ kind: 'logsWritten', bytes: engine.writeLogs(order) });
  } catch (error) {
    failedInBackground(error);
    post({ kind: 'logsRefused' });
  }
  reportCheckpoint();
}

function reportCheckpoint(): void {
  if (engine.checkpointed === checkpointed) return;
  checkpointed = engine.checkpointed;
  post({ kind: 'checkpointed', position: checkpointed });
}

function checkpoint(): void {
  clearTimeout(checkpointing);
  checkpointing = undefined;
  if (closing) return;
  try {
    engine.checkpoint();
  } catch (error) {
    failedInBackground(error);
    checkpointing = setTimeout(checkpoint, retryMs);
    return;
  }
  reportCheckpoint();
}

/** Nothing is lost: what was committed is in the journal or the log, and there may be room later. */
function failedInBackground(error: unknown): void {
  // What will not get better ends this thread, and with it the server, which says why.
  const why = whyForGood(error, directory, 0);
  if (why !== undefined) throw new Error(why);
  full = true;
}

/** One slice per turn of the loop: a commit that has come meanwhile is taken before the next. */
function step(): void {
  stepping = false;
  if (!engine.merging) return;
  let merged: number | undefined;
  try {
    merged = engine.step();
  } catch (error) {
    failedInBackground(error);
    stepping = true;
    setTimeout(step, retryMs);
    return;
  }
  reportCheckpoint();
  if (merged !== undefined) post({ kind: 'merged', position: merged });
  else stepSoon();
}

function stepSoon(): void {
  if (stepping) return;
  stepping = true;
  setImmediate(step);
}

async function backUp(target: string): Promise<void> {
  try {
    engine.checkpoint();
    reportCheckpoint();
    post({ kind: 'backedUp', done: await writeBackup(kv, directory, target) });
  } catch (error) {
    const { code, detail } =
      error instanceof Refusal ? error : { code: 'internal_error' as const, detail: String(error) };
    post({ kind: 'notBackedUp', refused: { code, detail } });
  }
}

async function close(clean: boolean): Promise<void> {
  closing = true;
  clearTimeout(checkpointing);
  try {
    if (clean) {
      while (engine.merging) {
        const merged = engine.step();
        if (merged !== undefined) post({ kind: 'merged', position: merged });
      }
      engine.checkpoint();
      engine.markClean(true);
    }
  } catch {
    // An unmarked directory is replayed and checked at the next start, which is all that is lost.
  }
  // The copy reads from the store that is about to be closed.
  await backup;
  await kv.close();
  log.close();
  post({ kind: 'closed' });
  port.close();
}

port.on('message', (message: ToStorage) => {
  switch (message.kind) {
    case 'commit':
      return commit({ ...message.batch, ...unpackIndex(message.index) });
    case 'logs':
      return writeLogs(message.order);
    case 'merge':
      engine.startMerge(message.order);
      return stepSoon();
    case 'backup':
      backup = backUp(message.target);
      return;
    case 'close':
      return void close(message.clean);
    default:
      message satisfies never;
  }
});

post({ kind: 'ready', ...engine.open() });
