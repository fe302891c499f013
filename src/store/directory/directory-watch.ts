/**
 * Whether the data directory is still the one that was opened. The files that LMDB holds open work on when their names are
 * gone, so a server whose directory was moved, deleted or replaced would acknowledge jobs that no start finds again.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../log.js';
import { dataFile, lockFile } from '../kv/kv-lmdb.js';
import { journalFile } from '../log/journal-file.js';

/** Tells what is at a path, as `identify` does. */
export type Look = (path: string) => Promise<string>;

export interface DirectoryWatchOptions {
  /** The directory, absolute. */
  readonly path: string;
  /** What `identify` said of it when it was claimed. */
  readonly directory: string;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  /** Called once, with a sentence for the user, when it is not the one that was opened any more. */
  readonly gone: (reason: string) => void;
  /** Default: the file system. */
  readonly identify?: Look;
  /** Calls `run` again and again until the function that it returns is called; default: every second. */
  readonly every?: (run: () => void) => () => void;
}

const lookEveryMs = 1000;
/** What the system says where there is no such file any more; ESTALE is that of NFS. */
const goneCodes: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);

/** Device and inode of a file or directory: the same for each name that it has, another one for every copy. */
export async function identify(path: string): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true });
  return `${dev}:${ino}`;
}

/**
 * Looks once a second. Any failure of a look other than that something is not there (no permission on a folder above, an
 * I/O error, no descriptor) says nothing about the open files, which go on or fail by themselves: it is logged, once.
 */
export class DirectoryWatch {
  readonly #options: DirectoryWatchOptions;
  readonly #identify: Look;
  readonly #opened: ReadonlyMap<string, string>;
  readonly #stop: () => void;
  #closed = false;
  /** The last look failed, which has been logged. */
  #blind = false;
  #looking: Promise<void> | undefined;

  private constructor(options: DirectoryWatchOptions, identify: Look, opened: ReadonlyMap<string, string>) {
    this.#options = options;
    this.#identify = identify;
    this.#opened = opened;
    this.#stop = (options.every ?? everySecond)(() => this.#tick());
  }

  /**
   * Begins, once the store is open.
   *
   * @throws the system's error when the store's files cannot be looked at
   */
  static async start(options: DirectoryWatchOptions): Promise<DirectoryWatch> {
    const { path, directory } = options;
    const look = options.identify ?? identify;
    const opened = new Map([[path, directory]]);
    for (const name of [dataFile, lockFile, journalFile]) {
      const file = join(path, name);
      opened.set(file, await look(file));
    }
    return new DirectoryWatch(options, look, opened);
  }

  /** The look that is under way, or one that is over. */
  get looked(): Promise<void> {
    return this.#looking ?? Promise.resolve();
  }

  /** Ends; nothing is reported from now on. */
  close(): void {
    this.#closed = true;
    this.#stop();
  }

  /** One look at a time: on a file system that hangs they would take up all of Node's threads for files. */
  #tick(): void {
    if (this.#closed) return;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  async #look(): Promise<void> {
    const { path: directory, log, gone } = this.#options;
    for (const [path, before] of this.#opened) {
      const finding = await this.#compare(path, before);
      if (this.#closed) return;
      if (finding === 'same') continue;
      if (typeof finding === 'object') {
        if (!this.#blind)
          log.warn({ path, err: finding }, 'the data directory cannot be looked at: the server goes on');
        this.#blind = true;
        return;
      }
      this.close();
      const what = path === directory ? `the data directory ${path}` : path;
      gone(
        `${what} was ${finding} while the server used it: what it acknowledged is in the files that were there before; put them back, or restore a backup, and start again`,
      );
      return;
    }
    if (this.#blind) log.info({ path: directory }, 'the data directory can be looked at again');
    this.#blind = false;
  }

  async #compare(path: string, before: string): Promise<'same' | 'moved or deleted' | 'replaced by another' | Error> {
    try {
      return (await this.#identify(path)) === before ? 'same' : 'replaced by another';
    } catch (error) {
      return goneCodes.has((error as NodeJS.ErrnoException).code) ? 'moved or deleted' : (error as Error);
    }
  }
}

function everySecond(run: () => void): () => void {
  const timer = setInterval(run, lookEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}
