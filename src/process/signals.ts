/**
 * The signals that stop the server: the first stops it in order, a second one at once. They are heard from the first line
 * of the program on, since the default action would end it half started, or, as process 1 of a container, do nothing.
 *
 * SIGHUP says that the terminal is gone to a program that was started in one. To a server without a terminal it says that
 * its files have changed.
 */
import { isatty } from 'node:tty';

const heard = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
export type StopSignal = (typeof heard)[number];

/** Within this time signals count as one: for a Ctrl-C on `npm start`, the terminal sends one and npm another. */
const oneSignalMs = 500;

/** @returns whether one of the standard streams is a terminal */
function hasTerminal(): boolean {
  return [0, 1, 2].some((fd) => isatty(fd));
}

export class StopSignals {
  readonly #hangUpStops: boolean;
  #hungUp = false;
  #onHangUp: (() => void) | undefined;
  readonly #requested = new AbortController();
  #first: StopSignal | undefined;
  #firstAt = 0;
  #repeated = false;
  #onFirst: ((signal: StopSignal) => void) | undefined;
  #onSecond: (() => void) | undefined;

  /** @param hangUpStops whether SIGHUP is one of them */
  constructor(hangUpStops: boolean) {
    this.#hangUpStops = hangUpStops;
  }

  /** Aborted by the first signal. */
  get requested(): AbortSignal {
    return this.#requested.signal;
  }

  /** From now on the signals of this process have no other effect. */
  listen(): void {
    for (const signal of heard) process.on(signal, () => this.take(signal, performance.now()));
  }

  /** What happens on a SIGHUP that does not stop the server. One that has come before this call happens at once. */
  handleHangUp(onHangUp: () => void): void {
    this.#onHangUp = onHangUp;
    if (this.#hungUp) onHangUp();
  }

  /** What happens on the first signal and on the next one. What has come before this call happens at once. */
  handle(onFirst: (signal: StopSignal) => void, onSecond: () => void): void {
    this.#onFirst = onFirst;
    this.#onSecond = onSecond;
    if (this.#first !== undefined) onFirst(this.#first);
    if (this.#repeated) onSecond();
  }

  /** @param nowMs monotonic time */
  take(signal: StopSignal, nowMs: number): void {
    if (signal === 'SIGHUP' && !this.#hangUpStops) {
      this.#hungUp = true;
      this.#onHangUp?.();
      return;
    }
    if (this.#first === undefined) {
      this.#first = signal;
      this.#firstAt = nowMs;
      this.#onFirst?.(signal);
      this.#requested.abort(new Error(`stopped by ${signal}`));
    } else if (nowMs - this.#firstAt >= oneSignalMs && !this.#repeated) {
      this.#repeated = true;
      this.#onSecond?.();
    }
  }
}

/** Those of this process. */
export const stopSignals = new StopSignals(hasTerminal());
