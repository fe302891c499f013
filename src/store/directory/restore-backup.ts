/**
 * A data directory made from a backup, or from another one whose server is stopped. It gets an identity of its own: from
 * the backup's instant on there are two stories, and what was handed out in the one means nothing in the other. The key of the ids
 * stays: the jobs that are in the backup keep theirs.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CheckSummary } from '../check/check.js';
import { checkApart } from '../check/check-apart.js';
import { dataFile } from '../kv/kv-lmdb.js';
import { journalFile } from '../log/journal-file.js';
import { whileStopped } from './check-directory.js';
import { DirectoryError } from './directory.js';
import { exists, NewDirectory } from './new-directory.js';

/**
 * Copies, then checks the copy; it counts only once it was found whole.
 *
 * @param dataDir a new or empty directory
 * @param report is called with one line for each fault of the backup
 * @throws DirectoryError and leaves nothing behind
 */
export async function restoreBackup(
  backup: string,
  dataDir: string,
  report: (line: string) => void,
): Promise<CheckSummary> {
  return whileStopped(backup, async (source, facts) => {
    const path = resolve(dataDir);
    const directory = await claim(path);
    try {
      await copyFile(join(source, dataFile), directory.dataFile, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      if (await exists(join(source, journalFile))) await copyFile(join(source, journalFile), directory.journal);
      const summary = await checkApart(path, facts.idKey, report);
      if (summary.faults > 0) {
        throw new DirectoryError(`${source} is damaged and was not restored: use another backup`);
      }
      const { schema, createdAt, identity, idKey } = facts;
      const restored = { at: new Date().toISOString(), from: identity, position: summary.position };
      await directory.complete({
        schema,
        identity: randomUUID(),
        ...(idKey !== undefined && { idKey }),
        createdAt,
        restored,
      });
      return summary;
    } catch (error) {
      await directory.abandon();
      throw error;
    }
  });
}

async function claim(path: string): Promise<NewDirectory> {
  try {
    return await NewDirectory.claim(path);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    throw new DirectoryError(`cannot restore to ${path}: ${error.message}`);
  }
}
