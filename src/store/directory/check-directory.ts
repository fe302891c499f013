/** Checking a directory that no server uses: a stopped one's, or a backup. Nothing in it is changed. */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CheckSummary } from '../check/check.js';
import { checkApart } from '../check/check-apart.js';
import type { DirectoryFacts } from '../format/layout.js';
import { dataFile } from '../kv/kv-lmdb.js';
import { claimDirectory, DirectoryError, markerFile, ownerFile } from './directory.js';
import { exists } from './new-directory.js';

/**
 * Runs `work` while the directory is locked, so that no server can start on it; what locking leaves behind is taken away
 * again.
 *
 * @throws DirectoryError when there is no store, or it is in use
 */
export async function whileStopped<T>(
  directory: string,
  work: (path: string, facts: DirectoryFacts) => Promise<T>,
): Promise<T> {
  const path = resolve(directory);
  const before = await Promise.all(
    [markerFile, dataFile, ownerFile, `${dataFile}-lock`].map((name) => exists(join(path, name))),
  );
  const [marker, data, owner, lockFile] = before;
  if (!marker && !data) {
    throw new DirectoryError(`${path} is no data directory: it has neither ${markerFile} nor ${dataFile}`);
  }
  const lock = await claimDirectory(path);
  try {
    if (lock.facts.unused)
      throw new DirectoryError(`nothing was ever stored in ${path}: no server has been ready on it`);
    return await work(lock.path, lock.facts);
  } finally {
    if (!owner) await rm(join(path, ownerFile), { force: true });
    if (!lockFile) await rm(join(path, `${dataFile}-lock`), { force: true });
    lock.release();
  }
}

/**
 * Checks a directory.
 *
 * @param report is called with one line for each fault
 * @throws DirectoryError
 */
export function checkDirectory(directory: string, report: (line: string) => void): Promise<CheckSummary> {
  return whileStopped(directory, (path, { idKey }) => checkApart(path, idKey, report));
}
