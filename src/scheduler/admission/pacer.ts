/**
 * When the next start of a type may be, by its rate. A restart, and a change of the rate, count as a start: so nothing of it has to be on
 * disk. Instants are monotonic milliseconds.
 */
import { type Pace, paceOf, type Rate } from '../../domain/control/rate.js';

/** What a rate says of starts. */
export interface StartPace {
  /** Before this nothing may start. Infinity: not before one that is being written has left. */
  readonly mayStartAt: number;
  /** One has started. */
  started(now: number): void;
  /** One is to start as soon as that is on disk; `left` must follow. */
  announced(): void;
  /** It has started, or has not: that is taken for a start too. */
  left(now: number): void;
}

/** See the head of this file. */
export class Pacer implements StartPace {
  #pace: Pace;
  /** The place of the next start, had all been on time: a start may be earlier by the tolerance. */
  #place: number;
  #lastAt: number;
  /** Starts that are being written: when they leave is not known. */
  #underWay = 0;

  /** @param now what counts as the first start */
  constructor(rate: Rate, now: number) {
    this.#pace = paceOf(rate);
    this.#lastAt = now;
    this.#place = this.#after(now);
  }

  get mayStartAt(): number {
    return this.#underWay > 0 ? Number.POSITIVE_INFINITY : this.#place - this.#pace.toleranceMs;
  }

  started(now: number): void {
    this.#lastAt = now;
    this.#place = Math.max(now, this.#place) + this.#pace.gapMs;
  }

  announced(): void {
    this.#underWay++;
  }

  left(now: number): void {
    // The rate may have been set meanwhile.
    if (this.#underWay > 0) this.#underWay--;
    this.started(now);
  }

  /** Another rate holds from now on. */
  change(rate: Rate): void {
    this.#pace = paceOf(rate);
    this.#place = this.#after(this.#lastAt);
  }

  /** Where nothing is known of the starts before, all of the tolerance may have been used up. */
  #after(start: number): number {
    return start + this.#pace.gapMs + this.#pace.toleranceMs;
  }
}
