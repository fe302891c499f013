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

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
