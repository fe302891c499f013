/**
 * Pages of a shard wait while another node loads them: what it has loaded is of use to it only where none are written until it is given the
 * shard. Commits go on meanwhile, in memory. So the wait is bounded, by time and by what has come since. Who takes longer to load than that has
 * to load the shard anew when it is given it.
 */
import type { Clock } from '../../clock.js';

/** How long pages wait at most, in milliseconds, and for how much: bytes of commits, and of lines of handlers, which are in no commit. */
export const heldAtMost = { ms: 60_000, commitBytes: 16 * 1024 * 1024, lineBytes: 2 * 1024 * 1024 } as const;

export class PageHold {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #until = Number.NEGATIVE_INFINITY;
  #since = Number.NEGATIVE_INFINITY;
  #commitBytes = 0;
  #lineBytes = 0;
  /** The shard is being given away: whatever the bounds say, nothing is written before it is known how that ends. */
  isGiving = false;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Whether pages wait. */
  get isOn(): boolean {
    if (this.isGiving) return true;
    const now = this.#clock.monotonic();
    return (
      now < this.#until &&
      now - this.#since < heldAtMost.ms &&
      this.#commitBytes < heldAtMost.commitBytes &&
      this.#lineBytes < heldAtMost.lineBytes
    );
  }

  /** Another node loads the shard, or has loaded it. What is past its bounds begins anew once nobody has said so in time. */
  extend(until: number): void {
    const now = this.#clock.monotonic();
    if (now >= this.#until) {
      this.#since = now;
      this.#commitBytes = 0;
      this.#lineBytes = 0;
    }
    this.#until = until;
  }

  /** Nobody waits for the shard any more. */
  end(): void {
    this.#until = Number.NEGATIVE_INFINITY;
  }

  committed(bytes: number): void {
    this.#commitBytes += bytes;
  }

  linesCame(bytes: number): void {
    this.#lineBytes += bytes;
  }
}
