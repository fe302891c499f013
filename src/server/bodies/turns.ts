/**
 * Work of many that is done a step at a time: all steps wait in one queue, and a turn of the event loop takes some
 * milliseconds of them, however many wait. Whoever needs another step goes to the end of the queue.
 *
 * Steps that each ask for an immediate of their own would all run in the same turn.
 */

export interface TurnsOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back after what is at hand has been done. */
  readonly soon: (turn: () => void) => void;
}

/** A turn's share; what waits beside it may be a request or an event that is due. */
const turnMs = 5;

export class Turns {
  readonly #options: TurnsOptions;
  readonly #waiting: (() => void)[] = [];
  /** A turn is to come: until then this one has done its share. */
  #isToCome = false;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Has the step done: at once, unless others have been doing theirs. */
  add(step: () => void): void {
    this.#waiting.push(step);
    if (!this.#isToCome) this.#work();
  }

  #work(): void {
    this.#isToCome = true;
    this.#options.soon(() => {
      this.#isToCome = false;
      if (this.#waiting.length > 0) this.#work();
    });
    const until = this.#options.now() + turnMs;
    let done = 0;
    try {
      do (this.#waiting[done++] as () => void)();
      while (done < this.#waiting.length && this.#options.now() < until);
    } finally {
      this.#waiting.splice(0, done);
    }
  }
}
