/**
 * When the server did not run, in wall-clock time: while no process was there, while the process was stopped, and where the
 * wall clock was set ahead over a stretch of time. What came due then was missed; what came due at any other time is at
 * most late, however long it waits for a thread, a limit or the disk.
 *
 * The stretches are on disk with the first record after each. A server that ends soon after its start would hide from the next that
 * none had run before it: what came due then would be late, and run for a slot that a clock which was ahead had passed over.
 */
import type { Clock, SetBack, Stretch } from '../clock.js';
import { limits } from '../domain/limits.js';

/** Within so little time, and as much of it by either clock, nothing has happened. */
const quietMs = 500;
/** A clock that is set back by less only makes jobs wait: by that much. */
const setBackMs = 60_000;
/** Stretches that are remembered. What came due in an earlier one and has not been looked at since is late. */
const remembered = 64;

/** See the head of this file. Instants are Unix milliseconds where nothing else is said. */
export class Downtime {
  readonly #clock: Clock;
  readonly #takeStop: () => Stretch | undefined;
  readonly #ranBefore: (now: number) => number | undefined;
  readonly #startedAt: number;
  #stretches: Stretch[] = [];
  #isNews = false;
  /** What the clock showed when it was set back by less than `setBackMs`. */
  #shown: number[] = [];
  #wall: number;
  #monotonic: number;

  /**
   * @param start `lastSeen`: when a server is known to have run last, in Unix milliseconds; `stretches`: as they were known then
   * @param ranBefore by the log: since when servers had run that are ahead of `now`, in Unix milliseconds
   * @param takeStop the latest time that the process was stopped, in monotonic milliseconds, reported once
   */
  constructor(
    clock: Clock,
    start: {
      readonly lastSeen: number | undefined;
      readonly stretches?: readonly Stretch[];
      readonly ranBefore?: (now: number) => number | undefined;
    },
    takeStop: () => Stretch | undefined = () => undefined,
  ) {
    this.#clock = clock;
    this.#takeStop = takeStop;
    this.#ranBefore = start.ranBefore ?? (() => undefined);
    this.#wall = clock.now();
    this.#monotonic = clock.monotonic();
    this.#startedAt = this.#wall;
    this.#stretches = [...(start.stretches ?? [])];
    if (start.lastSeen !== undefined) this.#add({ from: start.lastSeen, until: this.#wall });
  }

  /** The clock was far ahead when a server ran last, and has been set back while none did. Reported once, before anything is decided. */
  setBackBefore(lastSeen: number | undefined): SetBack | undefined {
    const byMs = (lastSeen ?? this.#startedAt) - this.#startedAt;
    return byMs < setBackMs ? undefined : this.#setBack(this.#startedAt, byMs);
  }

  /** All that is known, to be written with the next record; undefined when nothing is new since this was asked last. */
  takeNews(): readonly Stretch[] | undefined {
    const news = this.#isNews ? this.#stretches : undefined;
    this.#isNews = false;
    return news;
  }

  /** Looks at the clocks; to be called before anything is decided by them. Reports a clock that was set back far. */
  observe(): SetBack | undefined {
    const wall = this.#clock.now();
    const monotonic = this.#clock.monotonic();
    const [passed, shown] = [monotonic - this.#monotonic, wall - this.#wall];
    if (passed < quietMs && shown >= 0 && shown < quietMs) return undefined;
    const wallAtZero = this.#wall - this.#monotonic;
    this.#wall = wall;
    this.#monotonic = monotonic;
    const stop = this.#takeStop();
    if (stop) this.#add({ from: stop.from + wallAtZero, until: stop.until + wallAtZero });
    const jumpMs = shown - passed;
    if (jumpMs > 0) this.#add({ from: wall - jumpMs, until: wall });
    else if (jumpMs < 0) return this.#setBack(wall, -jumpMs);
    return undefined;
  }

  /** When the server ran again after it had not run at `instant`; undefined when it ran then. Unix milliseconds. */
  endOf(instant: number): number | undefined {
    return this.#stretches.find(({ from, until }) => instant >= from && instant < until)?.until;
  }

  /** What lies ahead of `wall` comes again, and the server runs then. */
  #setBack(wall: number, byMs: number): SetBack | undefined {
    const ahead = this.#stretches.find(({ until }) => until > wall);
    this.#stretches = this.#stretches
      .filter(({ from }) => from < wall)
      .map(({ from, until }) => ({ from, until: Math.min(until, wall) }));
    this.#isNews = true;
    if (byMs < setBackMs) {
      this.#shown = [...this.#shown, wall + byMs].slice(-remembered);
      return undefined;
    }
    const aheadSince =
      ahead?.until ?? (wall >= this.#startedAt ? wall : Math.min(this.#startedAt, this.#ranBefore(wall) ?? Infinity));
    this.#shown = this.#shown.filter((shown) => shown < aheadSince);
    return { now: wall, aheadSince, shownBefore: Math.max(wall, ahead?.from ?? wall, ...this.#shown) };
  }

  #add(stretch: Stretch): void {
    const last = this.#stretches.at(-1);
    if (last && stretch.from <= last.until) {
      if (stretch.until <= last.until) return;
      this.#stretches = [...this.#stretches.slice(0, -1), { from: last.from, until: stretch.until }];
    } else {
      if (stretch.until - stretch.from <= limits.misfireAfterMs) return;
      this.#stretches = [...this.#stretches, stretch].slice(-remembered);
    }
    this.#isNews = true;
  }
}
