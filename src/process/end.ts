/**
 * The end of the process, in bounded time whatever holds it. `process.exit` waits for every thread, also for one that
 * native code holds (`execSync` in a handler, a write to a pipe that nobody reads). So it is called only once all are
 * known to have ended; else the process ends itself by SIGKILL, when all that matters is on disk.
 */

import { within } from '../within.js';

/** How long threads and the log may take at the end. */
const endLimitMs = 5000;
const logLimitMs = 500;

/** Ends threads of one kind. Resolves true when they are gone, false when something holds one. */
export type EndThreads = () => Promise<boolean>;

export interface ProcessEndOptions {
  /** Waits for the log to be written, up to `limitMs`; resolves false when a write hangs then. */
  readonly logSettled: (limitMs: number) => Promise<boolean>;
  /** Says in the log that something holds the process, which is killed for that. */
  readonly onHeld: () => void;
  /** For tests. */
  readonly exit?: (code: number) => void;
  readonly kill?: () => void;
}

export class ProcessEnd {
  readonly #options: ProcessEndOptions;
  readonly #closeFirst: (() => void)[] = [];
  readonly #threads: EndThreads[] = [];
  #ending: Promise<void> | undefined;

  constructor(options: ProcessEndOptions) {
    this.#options = options;
  }

  /** Called first at the end, in the same turn: for what must not go on meanwhile. */
  first(close: () => void): void {
    this.#closeFirst.push(close);
  }

  /** Threads that the process has from now on. */
  threads(end: EndThreads): void {
    this.#threads.push(end);
  }

  /** Ends the process: with this code, or by SIGKILL where something would hold it. The first call counts. */
  end(code: number): Promise<void> {
    this.#ending ??= this.#end(code);
    return this.#ending;
  }

  async #end(code: number): Promise<void> {
    const { logSettled, onHeld, exit = process.exit, kill = killThisProcess } = this.#options;
    for (const close of this.#closeFirst) close();
    const ended = await within(endLimitMs, Promise.all(this.#threads.map((end) => end().catch(() => false))));
    const held = ended === undefined || ended.includes(false);
    if (held) onHeld();
    const settled = await logSettled(logLimitMs);
    if (held || !settled) kill();
    else exit(code);
  }
}

function killThisProcess(): void {
  process.kill(process.pid, 'SIGKILL');
  // Process 1 of a container is not killed by its own signals, but by the fault that ends an abort.
  process.abort();
}
