/** When the trees are to be brought up to date, and the order for it. */
import type { Clock } from '../clock.js';
import { limits } from '../domain/limits.js';
import type { Merges } from '../store/port.js';
import type { DueTimes } from '../timer/lanes.js';
import type { Ledger } from './ledger.js';

/** What makes a merge due: the first that is reached. */
export interface MergeBounds {
  /** Jobs changed. */
  readonly rows: number;
  /** Bytes of results and errors among the changes. */
  readonly detailBytes: number;
  readonly ageMs: number;
}

/** Many small merges cost more than few large ones; what bounds them is memory and the time a restart takes. */
export const mergeBounds: MergeBounds = { rows: 50_000, detailBytes: 16 * 1024 * 1024, ageMs: limits.mergeAgeMs };

/** Jobs changed, as many as may wait for a merge that is held. */
const mostHeld = 200_000;

/** Orders merges, one at a time. */
export class Merging {
  readonly #clock: Clock;
  readonly #store: Merges;
  readonly #window: DueTimes;
  readonly #ledger: Ledger;
  readonly #bounds: MergeBounds;
  /** Monotonic milliseconds. */
  #lastAt: number;
  #heldUntil = Number.NEGATIVE_INFINITY;

  constructor(
    ports: { readonly clock: Clock; readonly store: Merges; readonly window: DueTimes; readonly merge?: MergeBounds },
    ledger: Ledger,
  ) {
    this.#clock = ports.clock;
    this.#store = ports.store;
    this.#window = ports.window;
    this.#ledger = ledger;
    this.#bounds = ports.merge ?? mergeBounds;
    this.#lastAt = ports.clock.monotonic();
  }

  /**
   * None is begun before this, in monotonic milliseconds, unless too much waits: another node has loaded the shard, and would have to begin
   * anew.
   */
  hold(until: number): void {
    this.#heldUntil = until;
  }

  /**
   * Orders a merge if one is due and the store is free.
   *
   * @param earliestWaiting due time of the earliest job with a priority in the waiting line, in Unix milliseconds
   */
  beginIfDue(earliestWaiting: (priority: number) => number): void {
    if (this.#ledger.writing || this.#store.merging || !this.#isDue) return;
    this.#lastAt = this.#clock.monotonic();
    const unsaved = this.#ledger.earliestDue;
    const lanes = this.#window.starts.map(({ lane, earliest }) => {
      const waiting = lane === 'deadlines' ? Number.POSITIVE_INFINITY : earliestWaiting(lane);
      return { lane, watermark: Math.min(earliest, waiting, unsaved) };
    });
    const [ordinary, ...others] = lanes;
    this.#window.mergeBegins();
    this.#store.merge({
      watermark: ordinary?.watermark ?? Number.NEGATIVE_INFINITY,
      lanes: others,
      now: this.#clock.now(),
    });
  }

  /** When changes will have waited for long enough, though nothing else happens. Unix milliseconds; Infinity when none wait. */
  get nextAt(): number {
    if (this.#store.changed === 0 || this.#store.merging || this.#ledger.writing) return Number.POSITIVE_INFINITY;
    const held = this.#heldUntil - this.#clock.monotonic();
    return this.#clock.now() + Math.max(1, Math.ceil(Math.max(held, this.#bounds.ageMs - this.#sinceLastMs)));
  }

  get #isDue(): boolean {
    const { changed, changedDetailBytes } = this.#store;
    const { rows, detailBytes, ageMs } = this.#bounds;
    if (changed === 0) return false;
    if (changed < mostHeld && this.#clock.monotonic() < this.#heldUntil) return false;
    return changed >= rows || changedDetailBytes >= detailBytes || this.#sinceLastMs >= ageMs;
  }

  get #sinceLastMs(): number {
    return this.#clock.monotonic() - this.#lastAt;
  }
}
