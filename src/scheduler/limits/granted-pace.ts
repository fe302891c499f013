/** The rate of a type whose starts are allowed by who keeps places for several processes. Instants are monotonic milliseconds. */
import type { StartPace } from '../admission/pacer.js';

/** See the head of this file. */
export class GrantedPace implements StartPace {
  #allowed = 0;
  #validUntil = Number.NEGATIVE_INFINITY;
  #nextAt = Number.NEGATIVE_INFINITY;

  /** What is not allowed yet can be asked for then. */
  get mayStartAt(): number {
    return this.#allowed > 0 ? Number.NEGATIVE_INFINITY : this.#nextAt;
  }

  /** Whether starts that were allowed may still be. */
  isValid(now: number): boolean {
    return this.#allowed > 0 && now <= this.#validUntil;
  }

  /**
   * Some may start now.
   *
   * @param validUntil later they must not
   * @param nextAt when the next ones may be asked for
   */
  allow(count: number, validUntil: number, nextAt: number): void {
    this.#allowed = count;
    this.#validUntil = validUntil;
    this.#nextAt = nextAt;
  }

  /** What was allowed is not used any more. */
  forget(): void {
    this.#allowed = 0;
  }

  started(): void {
    if (this.#allowed > 0) this.#allowed--;
  }

  announced(): void {
    this.started();
  }

  left(): void {}
}
