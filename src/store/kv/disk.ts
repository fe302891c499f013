/** Telling a full disk from a broken one: LMDB reports both as EIO. And both from a damaged data file. */

import { closeSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { dataFile } from './kv-lmdb.js';
import { damageReason, isDamage } from './lmdb-damage.js';

const roomCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Room that a commit may need beside its own bytes: copied pages of the trees it touches. */
const slackBytes = 2 * 1024 * 1024;

/** Whether a commit of so many bytes would find room, with some to spare. */
export function hasRoom(directory: string, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize >= bytes * 4 + slackBytes;
}

/**
 * Why trying again cannot help when a write of so many bytes failed; undefined where there may only be no room. Written
 * for the last line in the log.
 */
export function whyForGood(error: unknown, directory: string, bytes: number): string | undefined {
  if (isDamage(error))
    return `${join(directory, dataFile)} is damaged (${damageReason(error)}): restore it from a backup`;
  if (error instanceof Error && error.name === 'NewerRecord') return `${directory}: ${error.message}`;
  if (!diskIsBroken(directory, bytes)) return undefined;
  const message = error instanceof Error ? error.message : String(error);
  // What LMDB says of a transaction in which a step failed, where lmdb-js does not tell how. A broken disk says EIO.
  if (/^MDB_BAD_TXN/.test(message))
    return `${join(directory, dataFile)} is damaged or cannot be written (${message}): run "escapement check"`;
  return `the disk refuses writes although it has room: ${message}`;
}

/** True when a write failed although there was room, so that trying again later cannot help. */
function diskIsBroken(directory: string, bytes: number): boolean {
  if (!hasRoom(directory, bytes)) return false;
  const probe = join(directory, '.probe');
  try {
    const file = openSync(probe, 'w');
    try {
      writeSync(file, Buffer.alloc(64 * 1024));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (roomCodes.has((error as NodeJS.ErrnoException).code ?? '')) return false;
  } finally {
    rmSync(probe, { force: true });
  }
  return true;
}
