/** One timer for all shards of a process: it gives a turn to those whose instant has come. */
import type { Clock } from '../../clock.js';
import { TimerWaker, type Waker } from '../../timer/waker.js';

interface Sleeper {
  readonly turn: () => void;
  isSoon: boolean;
  instant: number;
}

/** See the head of this file. */
export class SharedWaker {
  readonly #clock: Clock;
  readonly #timer: TimerWaker;
  readonly #sleepers = new Set<Sleeper>();
  /** When it was looked at last, by the wall clock: where that was set back, all say anew how long they wait. */
  #lookedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedAt = clock.now();
    this.#timer = new TimerWaker(clock, () => this.#wake());
  }

  /** The waker of one that is given turns, until it is ended. */
  for(turn: () => void): Waker & { end(): void } {
    const sleeper: Sleeper = { turn, isSoon: false, instant: Number.POSITIVE_INFINITY };
    this.#sleepers.add(sleeper);
    return {
      soon: () => {
        sleeper.isSoon = true;
        this.#timer.soon();
      },
      at: (instant) => {
        sleeper.instant = instant;
        this.#sleep();
      },
      end: () => {
        this.#sleepers.delete(sleeper);
      },
    };
  }

  /** Wakes nobody any more. */
  stop(): void {
    this.#timer.stop();
  }

  #wake(): void {
    const now = this.#clock.now();
    const wasSetBack = now < this.#lookedAt;
    this.#lookedAt = now;
    for (const sleeper of this.#sleepers) {
      const { isSoon, instant } = sleeper;
      if (!isSoon && instant > now && !(wasSetBack && instant !== Number.POSITIVE_INFINITY)) continue;
      sleeper.isSoon = false;
      // One that had its turn before may have ended it.
      if (!this.#sleepers.has(sleeper)) continue;
      if (instant <= now) sleeper.instant = Number.POSITIVE_INFINITY;
      sleeper.turn();
    }
    this.#sleep();
  }

  #sleep(): void {
    let first = Number.POSITIVE_INFINITY;
    for (const { instant } of this.#sleepers) first = Math.min(first, instant);
    this.#timer.at(first);
  }
}
