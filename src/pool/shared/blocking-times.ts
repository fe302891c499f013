/**
 * How long handlers hold their thread: a moving average by job type of the synchronous part of the call. What a handler
 * awaits does not count, since others run meanwhile. Batches are cut by it, so that nothing waits behind a slow one.
 */

/** A type that has not run yet counts as this. */
const unknownMs = 1;
/** Weight of the newest run: a slow first call (the compiler warms up) is forgotten after some twenty. */
const weight = 0.2;
/** The average over all types moves slower, so that one slow run does not shut the pool. */
const overallWeight = 0.02;

export class BlockingTimes {
  readonly #byName = new Map<string, number>();
  #overallMs = unknownMs;

  /** Expected milliseconds of the next run. */
  of(name: string): number {
    return this.#byName.get(name) ?? unknownMs;
  }

  /** Expected milliseconds of a run of whatever comes. */
  get overallMs(): number {
    return this.#overallMs;
  }

  observe(name: string, ranMs: number): void {
    const before = this.#byName.get(name);
    this.#byName.set(name, before === undefined ? ranMs : before + (ranMs - before) * weight);
    this.#overallMs += (ranMs - this.#overallMs) * overallWeight;
  }
}
