/** A clock that goes on only when a test says so, and may be set. */
import type { Clock, Stretch } from '../../src/clock.js';

export class FakeClock implements Clock {
  wall = Date.UTC(2026, 0, 1);
  mono = 0;
  now(): number {
    return this.wall;
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
