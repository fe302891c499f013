/** Watches the handlers folder, with all that is below it but dependencies and what is hidden, for `--watch`. */
import { relative, sep } from 'node:path';
import type { Logger } from '../log.js';

export interface FolderWatchOptions {
  /** Absolute path. */
  readonly folder: string;
  /** When the folder was read, Unix milliseconds: a file that is newer has changed. */
  readonly readAt: number;
  /** Called once a while has passed without a change. */
  readonly onChange: () => void;
  readonly log: Logger;
}

/** An editor, a compiler or a checkout writes several files, one after the other. */
const settledMs = 100;

export class FolderWatch {
  readonly #options: FolderWatchOptions;
  #watcher: import('chokidar').FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  /** Resolves when changes are noticed. */
  static async start(options: FolderWatchOptions): Promise<FolderWatch> {
    const watch = new FolderWatch(options);
    await watch.#start();
    return watch;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#watcher?.close();
  }

  async #start(): Promise<void> {
    const { folder, readAt, log } = this.#options;
    const { watch } = await import('chokidar');
    const watcher = watch(folder, { alwaysStat: true, ignored: (path) => isIgnored(relative(folder, path)) });
    this.#watcher = watcher;
    let isReady = false;
    watcher.on('all', (event, _, stats) => {
      if (event === 'addDir' || event === 'unlinkDir') return;
      // It first reports each file that is already there.
      if (isReady || (stats?.mtimeMs ?? 0) > readAt) this.#changed();
    });
    watcher.on('error', (err) => log.warn({ err }, 'the handlers folder cannot be watched: a change may go unnoticed'));
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
    isReady = true;
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#options.onChange, settledMs);
  }
}

/** @param path below the folder, '' for the folder itself */
function isIgnored(path: string): boolean {
  return (
    path !== '' && path.split(sep).some((part) => part === 'node_modules' || (part.startsWith('.') && part !== '..'))
  );
}
