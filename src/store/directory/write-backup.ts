/**
 * A backup of a store in use: LMDB copies its file as of one instant, on a thread of its own and without holding up
 * commits; only pages in use are copied, so the copy is compact. Everything that was committed before the backup was asked
 * for is in it, and of every commit all or nothing. While it is written, pages that commits free are not used again: the
 * data file grows by what is written meanwhile.
 *
 * A backup is a data directory like any other, left as a crash would leave it.
 */
import { rm, statfs } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { type ErrorCode, Refusal } from '../../domain/errors.js';
import { LmdbKv } from '../kv/kv-lmdb.js';
import { KvLogSource } from '../log/kv-log.js';
import { DirectoryError, readFacts } from './directory.js';
import { NewDirectory } from './new-directory.js';
import { reasonOf } from './system-reason.js';

export interface BackupDone {
  /** Of the data file. */
  readonly bytes: number;
  /** The last log record in it. */
  readonly position: number;
  readonly durationMs: number;
}

/** A refusal as plain data: an `Error` loses its fields on the way between threads. */
export interface BackupRefused {
  readonly code: ErrorCode;
  readonly detail: string;
}

/**
 * Writes a backup.
 *
 * @param kv the store that is open in `source`
 * @param target an absolute path
 * @throws Refusal and leaves nothing behind
 */
export async function writeBackup(kv: LmdbKv, source: string, target: string): Promise<BackupDone> {
  const begun = performance.now();
  const way = relative(source, target);
  if (!way.startsWith('..') && !isAbsolute(way)) {
    throw new Refusal('conflict', 'The directory is inside the data directory and would be lost with it.');
  }
  const directory = await claim(target);
  try {
    await copy(kv, directory.dataFile);
    const position = await lastPosition(directory.path);
    const facts = readFacts(source);
    if (!facts) throw new DirectoryError('the data directory has no marker');
    const backup = { at: new Date().toISOString(), position };
    const bytes = await directory.complete({ ...facts, backup });
    return { bytes, position, durationMs: Math.round(performance.now() - begun) };
  } catch (error) {
    const room = await roomIn(directory.path);
    await directory.abandon();
    // Paths of the server's own are no business of clients.
    const reason =
      error instanceof DirectoryError ? 'the marker of the data directory cannot be read' : reasonOf(error);
    throw new Refusal(
      'storage_unavailable',
      `The backup could not be written: ${reason}${room}. Nothing is left of it.`,
    );
  }
}

async function claim(target: string): Promise<NewDirectory> {
  try {
    return await NewDirectory.claim(target);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    throw new Refusal('conflict', `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`);
  }
}

/**
 * A compact copy; or, where that cannot be, a plain one. LMDB gives up a compact copy when its count of free pages is not
 * right, which hurts nothing else; the plain copy takes the file as it is.
 */
async function copy(kv: LmdbKv, file: string): Promise<void> {
  try {
    await kv.copyTo(file, true);
  } catch (error) {
    if (!/MDB_INCOMPATIBLE/.test(String(error))) throw error;
    await rm(file, { force: true });
    await kv.copyTo(file, false);
  }
}

/** What the copy has, asked of itself: that it can be opened is seen on the way. */
async function lastPosition(directory: string): Promise<number> {
  const kv = new LmdbKv(directory, { readOnly: true });
  try {
    return new KvLogSource(kv).ends()?.last ?? 0;
  } finally {
    await kv.close();
  }
}

async function roomIn(path: string): Promise<string> {
  try {
    const { bavail, bsize } = await statfs(path);
    return `; there are ${Math.floor((bavail * bsize) / 1024 ** 2)} MiB of room where it was to go`;
  } catch {
    return '';
  }
}
