/**
 * A store's directory while it is being filled, by a backup or a restore. The marker comes last and whole, and a data file
 * without its marker is refused by everything that opens directories: so the directory is there in full or counts for
 * nothing, wherever the process ends.
 */
import { lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DirectoryFacts } from '../format/layout.js';
import { dataFile, lockFile } from '../kv/kv-lmdb.js';
import { journalFile, makeJournal } from '../log/journal-file.js';
import { DirectoryError, markerFile } from './directory.js';
import { reasonOf } from './system-reason.js';

/** What a marker tells of a directory, and further facts for people to read. */
export type Marker = DirectoryFacts & { readonly [fact: string]: unknown };

export class NewDirectory {
  /** Where the trees go. */
  readonly dataFile: string;

  private constructor(
    readonly path: string,
    /** It was not there, even empty. */
    readonly made: boolean,
  ) {
    this.dataFile = join(path, dataFile);
  }

  /**
   * Makes the directory, readable for its owner only, or takes an empty one. The folder above it must be there: making
   * folders on the way, Node never ends where the system says that there is no such place (/proc).
   *
   * @throws DirectoryError when something is in it, or it cannot be made
   */
  static async claim(path: string): Promise<NewDirectory> {
    try {
      const made = await make(path);
      const [first] = made ? [] : await readdir(path);
      if (first === undefined) return new NewDirectory(path, made);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') {
        throw new DirectoryError(
          (await exists(dirname(path)))
            ? 'the system lets no directory be made there: name another place'
            : 'the folder above the directory does not exist: make it first',
        );
      }
      throw new DirectoryError(`the directory cannot be used: ${reasonOf(error)}`);
    }
    throw new DirectoryError('the directory is not empty: name a new one, or empty it first');
  }

  /** Where the journal goes, if it has one. */
  get journal(): string {
    return join(this.path, journalFile);
  }

  /**
   * Everything is in the data file and, where there is one, the journal: flushes them, then adds the marker. Returns the bytes of the
   * data file.
   */
  async complete(marker: Marker): Promise<number> {
    await rm(join(this.path, lockFile), { force: true });
    if (await exists(this.journal)) await flush(this.journal);
    else if (!marker.backup) makeJournal(this.path);
    const bytes = await flush(this.dataFile);
    const whole = join(this.path, markerFile);
    const file = await open(`${whole}.new`, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(marker, undefined, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${whole}.new`, whole);
    await flushDirectory(this.path);
    if (this.made) await flushDirectory(dirname(this.path));
    return bytes;
  }

  /** Leaves the directory as it was found. */
  async abandon(): Promise<void> {
    for (const name of [markerFile, `${markerFile}.new`, dataFile, lockFile, journalFile, `${journalFile}.new`])
      await rm(join(this.path, name), { force: true });
    // Not when somebody put something there meanwhile.
    if (this.made) await rmdir(this.path).catch(() => {});
  }
}

/** Makes a folder; false when there is something of that name. */
async function make(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Lets the data be read by its owner only and waits until it is on disk; returns its size. */
async function flush(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    await file.chmod(0o600);
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function flushDirectory(path: string): Promise<void> {
  // Windows opens no directories; the others keep new names only once their directory is flushed.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** True when there is something of this name. */
export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
