/** A clock that goes on only when a test says so, and may be set. */
import type { Clock, Stretch } from '../../src/clock.js';

export class FakeClock implements Clock {
  wall = Date.UTC(2026, 0, 1);
  mono = 0;
  #set: { reads: number; readonly byMs: number } | undefined;
  now(): number {
    const set = this.#set;
    if (set && set.reads-- === 0) {
      this.wall += set.byMs;
      this.#set = undefined;
    }
    return this.wall;
  }
  /** Somebody sets the clock after it has been read so many times more: in the middle of a turn. */
  setAfter(reads: number, byMs: number): void {
    this.#set = { reads, byMs };
  }
  get isToBeSet(): boolean {
    return this.#set !== undefined;
  }
  monotonic(): number {
    return this.mono;
  }
  /** When the process was stopped last, in monotonic time: told once. */
  stop: Stretch | undefined;
  advance(ms: number): void {
    this.wall += ms;
    this.mono += ms;
  }
  /** Time passes and the process stands still. */
  stand(ms: number): void {
    this.stop = { from: this.mono, until: this.mono + ms };
    this.advance(ms);
  }
}
