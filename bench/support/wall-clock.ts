/**
 * The wall clock finer than a millisecond, for lateness. `Date.now()` is the clock that due times are compared with, but
 * it counts whole milliseconds; the monotonic clock is fine, but drifts against it. So the monotonic clock is shifted such
 * that it always lies within the millisecond that `Date.now()` shows: a value of this is never below a whole millisecond
 * that has not come yet.
 */

let offset = performance.timeOrigin;
/** Two readings further apart than this were torn by the system's scheduler. */
const tornMs = 0.05;

/** Unix milliseconds with a fraction; `Math.floor` of it is `Date.now()`. */
export function wallMs(): number {
  let before = performance.now();
  let floor = Date.now();
  let after = performance.now();
  for (let tries = 0; after - before > tornMs && tries < 3; tries++) {
    before = performance.now();
    floor = Date.now();
    after = performance.now();
  }
  const guess = after + offset;
  const inside = Math.min(Math.max(guess, floor), floor + 0.999);
  offset += inside - guess;
  return inside;
}
