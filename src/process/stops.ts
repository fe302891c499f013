/**
 * Tells when the whole process stood still (SIGSTOP, a frozen container) from when only the main thread was held: what came
 * due meanwhile was missed in the one case, and is late in the other. A second thread notes every quarter of a second that
 * it runs. The process was stopped while neither thread showed a sign of life.
 */
import { Worker } from 'node:worker_threads';
import { plainThread } from '../plain-thread.js';

/** A stretch of monotonic time, in milliseconds of `performance.now()` on the main thread. */
export interface Stretch {
  readonly from: number;
  readonly until: number;
}

export const signEveryMs = 250;
/** A shorter silence of both threads is the machine being busy. */
const stoppedAfterMs = 1000;

/** Places in the shared memory, each in milliseconds of `process.hrtime`: the latest sign, and the latest silence. */
const place = { sign: 0, silentFrom: 1, silentUntil: 2 } as const;
const places = 3;

const hrtimeMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/** On either thread: it runs now. A silence before that is kept, as the other thread may look later. */
export function noteSign(signs: BigInt64Array): void {
  const now = BigInt(hrtimeMs());
  const last = Atomics.load(signs, place.sign);
  if (last > 0n && now - last > BigInt(stoppedAfterMs)) {
    Atomics.store(signs, place.silentFrom, last);
    Atomics.store(signs, place.silentUntil, now);
  }
  Atomics.store(signs, place.sign, now);
}

/** When the thread whose signs these are was silent last, up to now if it still is; undefined if it never was. */
function lastSilence(signs: BigInt64Array, nowMs: number): Stretch | undefined {
  const sign = Number(Atomics.load(signs, place.sign));
  if (sign === 0) return undefined;
  if (nowMs - sign > stoppedAfterMs) return { from: sign, until: nowMs };
  const until = Number(Atomics.load(signs, place.silentUntil));
  return until > 0 ? { from: Number(Atomics.load(signs, place.silentFrom)), until } : undefined;
}

/** The time that both were silent; undefined where that is not long enough to be a stop. */
export function commonSilence(a: Stretch | undefined, b: Stretch | undefined): Stretch | undefined {
  if (!a || !b) return undefined;
  const both = { from: Math.max(a.from, b.from), until: Math.min(a.until, b.until) };
  return both.until - both.from > stoppedAfterMs ? both : undefined;
}

export interface ProcessStopsOptions {
  /** The second thread runs: stops are noticed from now on. It takes some milliseconds to begin. */
  readonly onWatching?: () => void;
  /** The second thread cannot run, and is tried again: until then no stop is noticed. */
  readonly onFailure?: (error: Error) => void;
  /** The module of the second thread; for tests. */
  readonly witness?: URL;
}

/** A process without descriptors cannot start a thread; it may have some later. */
const tryAgainMs = 10_000;

export class ProcessStops {
  readonly #options: ProcessStopsOptions;
  readonly #mine = new BigInt64Array(new SharedArrayBuffer(places * 8));
  readonly #witness = new BigInt64Array(new SharedArrayBuffer(places * 8));
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #closed = false;
  #lastUntil = 0;

  constructor(options: ProcessStopsOptions = {}) {
    this.#options = options;
  }

  /** Watches from now on: before that, and after `close`, no stop is noticed. */
  start(): void {
    this.#timer = setInterval(() => noteSign(this.#mine), signEveryMs).unref();
    this.#startWitness();
  }

  #startWitness(): void {
    try {
      const worker = new Worker(this.#options.witness ?? new URL('./witness-thread.js', import.meta.url), {
        workerData: { memory: this.#witness.buffer },
        ...plainThread(),
        // It needs next to nothing.
        resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 1, stackSizeMb: 1 },
      });
      this.#worker = worker;
      worker.unref();
      worker.once('message', () => this.#options.onWatching?.());
      worker.once('error', (error: Error) => this.#failed(error));
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    if (this.#closed) return;
    this.#again = setTimeout(() => this.#startWitness(), tryAgainMs).unref();
    this.#options.onFailure?.(error);
  }

  /** Stops since the last call, at most one: the latest. To be asked before anything is decided by the clock. */
  take(): Stretch | undefined {
    const nowMs = hrtimeMs();
    noteSign(this.#mine);
    const stop = commonSilence(lastSilence(this.#mine, nowMs), lastSilence(this.#witness, nowMs));
    if (!stop || stop.from < this.#lastUntil) return undefined;
    this.#lastUntil = stop.until;
    const offset = performance.now() - nowMs;
    return { from: stop.from + offset, until: stop.until + offset };
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    await this.#worker?.terminate();
  }
}
