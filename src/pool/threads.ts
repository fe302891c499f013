/**
 * The worker threads: one Piscina pool of fixed size with one task per thread, and a replacement for each that ends. A
 * thread that cannot start is tried again ever more slowly, so that a broken folder does not become a hot loop.
 */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Telemetry } from '../telemetry/port.js';
import { within } from '../within.js';
import type { HandlerInfo } from './port.js';
import { type LogEntry, shareOfLog } from './shared/log-lines.js';
import type { BuiltIn, ElsewhereType, JobCheck, Report } from './shared/messages.js';
import { Thread } from './thread.js';
import type { ThreadEnd } from './thread-life.js';

/** How many threads have to be ready before a start is over: the first alone, or all. */
export type StartedWhen = 'first' | 'all';

export interface ThreadsOptions {
  /** Absolute path. */
  readonly handlersDir: string;
  /** What threads load in place of the folder, asked for at the start of each; absent: the folder. */
  readonly builtIn?: (() => BuiltIn) | undefined;
  /** What the jobs are held against that handlers enqueue. */
  readonly jobCheck?: JobCheck | undefined;
  /** Memory of the deadline of all attempts. */
  readonly deadline?: SharedArrayBuffer | undefined;
  readonly threads: number;
  readonly threadMemoryMiB: number;
  /** Attempts that one thread may hold. */
  readonly attemptsPerThread: number;
  /** For the import of one module. */
  readonly importLimitMs: number;
  /** Least level that is logged. */
  readonly logLevel: string;
  /** Least level of lines that are kept with their job. */
  readonly jobLogLevel: string;
  readonly log: (entry: LogEntry) => void;
  readonly telemetry: Telemetry;
  /** A thread can be sent to. */
  readonly onReady: () => void;
  readonly onReport: (thread: Thread, report: Report) => void;
  /** A thread is gone and its attempts need outcomes; `message` says why in words for the user. */
  readonly onEnded: (thread: Thread, end: ThreadEnd, message: string) => void;
  /** A thread that was stopped goes on, outside of JavaScript; before `onEnded`. */
  readonly onLingering: (thread: Thread) => void;
  /** They were retired, and the last has ended. */
  readonly onGone: () => void;
}

interface Starting {
  readonly when: StartedWhen;
  readonly resolve: (handlers: readonly HandlerInfo[]) => void;
  readonly reject: (error: Error) => void;
}

const entry = fileURLToPath(new URL('./worker/entry.js', import.meta.url));

/** Until a new thread begins to load its first module. */
const startLimitMs = 15_000;
const firstBackoffMs = 100;
const maxBackoffMs = 10_000;
const destroyLimitMs = 500;
/** What Node sets the number of a thread to at its end. */
const ended = -1;
const stoppedMeanwhile = 'the pool was stopped while it started';
/** How long a stop waits for threads to send their traces. */
const flushLimitMs = 1000;
/** How long a stop waits for threads that still load. */
const loadLimitMs = 2000;

export class Threads {
  readonly #options: ThreadsOptions;
  readonly #live: (Thread | undefined)[];
  readonly #timers = new Set<NodeJS.Timeout>();
  #piscina: Piscina | undefined;
  /** Those there were when the pool was stopped. */
  #workers: readonly Worker[] = [];
  /** Numbers of threads that were lost and have not been replaced yet. */
  readonly #lost = new Set<number>();
  /** What reads the options of handlers. */
  #reader: typeof import('./incoming/handler-options.js') | undefined;
  #failedStarts = 0;
  #stopped = false;
  #stopping: Promise<void> | undefined;
  /** Until as many threads are ready as there are to be, or one has failed. */
  #starting: Starting | undefined;
  /** Whether no attempts come any more. */
  #retired = false;
  /** Threads that were ended since they had nothing left to do. */
  readonly #dismissed = new WeakSet<Thread>();
  /** What others have handlers for. */
  #elsewhere: readonly ElsewhereType[] = [];

  constructor(options: ThreadsOptions) {
    this.#options = options;
    this.#live = new Array<Thread | undefined>(options.threads).fill(undefined);
  }

  /** Those that can be sent to. */
  get ready(): readonly Thread[] {
    return this.#live.filter((thread): thread is Thread => thread?.state === 'ready');
  }

  /** All that have not ended. */
  get all(): readonly Thread[] {
    return this.#live.filter((thread) => thread !== undefined);
  }

  /** Handlers may enqueue jobs of these types as well, from now on and on threads that start later. */
  know(types: readonly ElsewhereType[]): void {
    this.#elsewhere = types;
    for (const thread of this.all) thread.know(types);
  }

  /** Resolves once the first thread has loaded the handlers, or all have; rejects when one cannot, and then all are stopped. */
  async start(when: StartedWhen = 'first'): Promise<readonly HandlerInfo[]> {
    const { threads, threadMemoryMiB } = this.#options;
    if (this.#stopped || this.#piscina) throw new Error('a pool starts once, and not after its stop');
    this.#piscina = new Piscina({
      filename: entry,
      minThreads: threads,
      maxThreads: threads,
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: threadMemoryMiB },
    });
    this.#piscina.on('error', (error: Error) => {
      this.#options.log({ level: 'error', message: `a worker thread failed outside of any task: ${error.message}` });
    });
    try {
      // Read while the threads come up, which takes them longer.
      this.#reader = await import('./incoming/handler-options.js');
      if (this.#stopped) throw new Error(stoppedMeanwhile);
      return await new Promise<readonly HandlerInfo[]>((resolve, reject) => {
        this.#starting = { when, resolve, reject };
        for (let number = 1; number <= threads; number++) this.#startThread(number);
      });
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** True once all threads are gone: native code may hold one beyond the stop. */
  get hasEnded(): boolean {
    return this.#workers.every(({ threadId }) => threadId === ended);
  }

  /** A thread that is ended while it links modules can take the process with it (a fatal error of V8): it may finish that. */
  async #allLoaded(): Promise<void> {
    const end = performance.now() + loadLimitMs;
    while (this.all.some(({ state }) => state === 'starting') && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Ends all threads; `onEnded` has been called for each when it resolves. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    this.#starting?.reject(new Error(stoppedMeanwhile));
    this.#starting = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#allLoaded();
    await within(flushLimitMs, Promise.all(this.all.map((thread) => thread.flushTraces())));
    const live = this.all;
    this.#workers = this.#piscina?.threads ?? [];
    for (const thread of live) thread.expectEnd();
    const destroyed = this.#piscina?.destroy();
    await Promise.all(live.map((thread) => thread.over));
    // It waits for the exit of each thread; one that native code holds would hold the stop.
    if (destroyed) await within(destroyLimitMs, destroyed);
  }

  /** No more attempts come: each thread ends once it has none left, and nothing takes its place. */
  retire(): void {
    this.#retired = true;
    // Piscina would put a fresh thread in the place of each that ends.
    if (this.#piscina) this.#piscina.options.minThreads = 0;
    for (const thread of this.all) this.dismissIfIdle(thread);
    // All may have been lost, and none could be started since.
    if (this.all.length === 0) this.#options.onGone();
  }

  /** Ends a thread of those that were retired, if it has nothing left to do. One that still loads is ended when it has: see `#allLoaded`. */
  dismissIfIdle(thread: Thread): void {
    if (!this.#retired || this.#stopped || thread.state !== 'ready' || thread.inFlight > 0) return;
    this.#dismissed.add(thread);
    thread.stop();
  }

  #startThread(number: number): void {
    const reader = this.#reader;
    if (this.#stopped || this.#retired || !this.#piscina || !reader) return;
    const { handlersDir, builtIn, jobCheck, deadline, importLimitMs, logLevel, jobLogLevel, threads } = this.#options;
    let refusal: string | undefined;
    // Beyond the limit that the thread itself keeps: for a module that holds it with a loop.
    const limitMs = importLimitMs * 1.5;
    const refuse = (): void => {
      refusal = `${moduleOf(handlersDir, thread)} did not load within ${limitMs / 1000} s`;
      thread.stop();
    };
    let limit = this.#after(Math.max(limitMs, startLimitMs), refuse);
    const thread = new Thread(
      number,
      this.#piscina,
      this.#options.attemptsPerThread,
      {
        handlersDir,
        builtIn: builtIn?.(),
        importLimitMs,
        log: shareOfLog(logLevel, threads, jobLogLevel),
        jobCheck,
        deadline,
      },
      {
        loading: () => {
          this.#cancel(limit);
          limit = this.#after(limitMs, refuse);
        },
        read: (declared) => reader.readHandlers(handlersDir, declared),
        ready: (_, handlers) => {
          this.#cancel(limit);
          this.#failedStarts = 0;
          if (this.#elsewhere.length > 0) thread.know(this.#elsewhere);
          if (this.#lost.delete(number)) this.#options.telemetry.threadReplaced();
          this.#ready(handlers);
          this.dismissIfIdle(thread);
          this.#options.onReady();
        },
        unusable: (_, reason) => {
          refusal = reason;
          thread.stop();
        },
        report: this.#options.onReport,
        ended: (_, end) => {
          this.#cancel(limit);
          this.#live[number - 1] = undefined;
          if (thread.state === 'lingering') this.#options.onLingering(thread);
          this.#ended(thread, end, refusal);
        },
      },
    );
    this.#live[number - 1] = thread;
  }

  #ready(handlers: readonly HandlerInfo[]): void {
    if (!this.#starting || (this.#starting.when === 'all' && this.ready.length < this.#options.threads)) return;
    this.#starting.resolve(handlers);
    this.#starting = undefined;
  }

  #ended(thread: Thread, end: ThreadEnd, refusal: string | undefined): void {
    const { log, onEnded, threadMemoryMiB, handlersDir, telemetry } = this.#options;
    onEnded(thread, end, `the handler ${describeEnd(end, threadMemoryMiB)}`);
    if (this.#stopped) return;
    if (thread.wasReady && !this.#dismissed.has(thread)) telemetry.threadLost(end.kind);
    if (this.#retired) {
      if (this.all.length === 0) this.#options.onGone();
      return;
    }
    if (thread.wasReady && this.#starting) {
      // Others still load. Should that go on and on, there would never be as many as there are to be.
      const ended = describeEnd(end, threadMemoryMiB);
      return this.#refuseStart(`the handlers folder ${handlersDir}: a handler ${ended} as soon as all were loaded`);
    }
    if (thread.wasReady) {
      this.#lost.add(thread.number);
      this.#startThread(thread.number);
      return;
    }
    const reason =
      refusal ?? `${moduleOf(handlersDir, thread)} ${describeEnd(end, threadMemoryMiB)} while it was loaded`;
    if (this.#starting) return this.#refuseStart(reason);
    const backoffMs = Math.min(firstBackoffMs * 2 ** this.#failedStarts++, maxBackoffMs);
    log({
      level: 'error',
      thread: thread.number,
      message: `a worker thread cannot start: ${reason}`,
      fields: { backoffMs },
    });
    this.#after(backoffMs, () => this.#startThread(thread.number));
  }

  #refuseStart(reason: string): void {
    this.#starting?.reject(new Error(reason));
    this.#starting = undefined;
  }

  #after(delayMs: number, action: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}

/** The module that is to blame for a failed start, as far as known. */
function moduleOf(folder: string, thread: Thread): string {
  return thread.module === undefined ? `the handlers folder ${folder}` : join(folder, thread.module);
}

/** As the predicate of a sentence about whoever ended the thread. */
function describeEnd(end: ThreadEnd, memoryMiB: number): string {
  switch (end.kind) {
    case 'stopped':
      return 'was stopped with its thread';
    case 'memory':
      return `exhausted its thread's memory (limit ${memoryMiB} MiB)`;
    case 'exit':
      return `ended its thread (exit code ${end.exitCode})`;
    case 'error':
      return `lost its thread (${end.message})`;
    default:
      return end satisfies never;
  }
}
