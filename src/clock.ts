/** Time as a port: wall-clock time says when a job is due, monotonic time how long something took. */
export interface Clock {
  /** Unix milliseconds, whole. */
  now(): number;
  /** Milliseconds since some fixed point; never goes back, unmoved by changes of the wall clock. */
  monotonic(): number;
}

/** A stretch of time, `until` not included. */
export interface Stretch {
  readonly from: number;
  readonly until: number;
}

/** The wall clock was set back. Unix milliseconds. */
export interface SetBack {
  readonly now: number;
  /** By the clock as it was before: since when it had been ahead. */
  readonly aheadSince: number;
  /** What the clock had shown before it was ahead, where that is more than it shows now: slots up to there have run. */
  readonly shownBefore: number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
