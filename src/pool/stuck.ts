/**
 * Threads that were stopped and do not end, because native code holds them (a read from a FIFO, `execSync`). Each costs
 * memory until that code returns, so a type of which one is stuck gets only as many attempts as there may be more.
 */
import type { LogEntry } from './shared/log-lines.js';

export interface StuckThread {
  /** Number of the thread. */
  readonly thread: number;
  /** Of the attempt that holds it; undefined if that is not known. */
  readonly jobId?: string | undefined;
  readonly name?: string | undefined;
  /** File and line, if known. */
  readonly at?: string | undefined;
}

export class StuckThreads {
  readonly #limit: number;
  readonly #log: (entry: LogEntry) => void;
  readonly #onFewer: () => void;
  readonly #all = new Set<StuckThread>();

  /** @param limit how many there may be; `onFewer` is called when one has ended after all */
  constructor(limit: number, log: (entry: LogEntry) => void, onFewer: () => void) {
    this.#limit = limit;
    this.#log = log;
    this.#onFewer = onFewer;
  }

  get all(): readonly StuckThread[] {
    return [...this.#all];
  }

  /** Attempts of this type that may run at once; Infinity if none of it is stuck. */
  placesOf(name: string): number {
    if (this.#all.size === 0 || !this.all.some((each) => each.name === name)) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#limit - this.#all.size);
  }

  /** @param gone resolves when the thread has ended after all */
  add(stuck: StuckThread, gone: Promise<void>): void {
    this.#all.add(stuck);
    const { thread, jobId, name, at } = stuck;
    this.#log({
      level: 'error',
      thread,
      message: `a stopped thread does not end: native code holds it. ${this.#all.size} of at most ${this.#limit} are stuck; at the limit no more attempts of this type start`,
      ...(jobId !== undefined && { jobId }),
      ...(name !== undefined && { name }),
      fields: { at, stuck: this.#all.size },
    });
    void gone.then(() => {
      this.#all.delete(stuck);
      this.#log({ level: 'info', thread, message: 'a stuck thread has ended', fields: { stuck: this.#all.size } });
      this.#onFewer();
    });
  }
}

/** For people, as a sentence; undefined if none is stuck. */
export function describeStuck(all: readonly StuckThread[]): string | undefined {
  const [first] = all;
  if (!first) return undefined;
  const by = [first.jobId && `job ${first.jobId}`, first.name && `type ${first.name}`, first.at && `at ${first.at}`];
  const known = by.filter((part) => part !== undefined).join(', ');
  const count = all.length === 1 ? 'a worker thread is' : `${all.length} worker threads are`;
  return `${count} stuck in native code${known && ` (${known})`}: find out what that handler waits for, or restart the server`;
}
