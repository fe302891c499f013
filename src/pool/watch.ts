/**
 * Decides what to do about attempts that run past their time, from one look at a thread. No clock of its own: whoever
 * looks says what time it is. All of it is monotonic.
 *
 * A thread that shows life lets its handlers be asked: the signal fires, and the grace period follows. A thread that has
 * been silent for a while is held by some handler; no signal reaches it, so it is stopped, but only for the sake of an
 * attempt that may be the one that holds it. An attempt whose timeout passes while another holds the thread is starved:
 * it waits until that one returns or reaches its own timeout, and then has a moment to take in what came meanwhile.
 */

/** Without a sign of life for this long, a thread is held. Handlers that hold it for less are not noticed. */
export const silentAfterMs = 150;
/** A held thread is stopped when an attempt is this long past its timeout. */
const heldLimitMs = 250;
/** After a silence, attempts have this long to settle before their timeouts are looked at. */
const recoveryMs = 100;

/** Remembers one thread's signs of life: how long it has been silent, and since when it has shown life again. */
export class Pulse {
  #beats = 0;
  #signMs = 0;
  #recoveredMs = Number.NEGATIVE_INFINITY;

  /** A thread without work shows nothing: its silence counts from here. */
  startCounting(nowMs: number): void {
    this.#signMs = nowMs;
  }

  /** Nothing could be seen of the thread for a while: as if a silence had just ended. */
  reset(nowMs: number): void {
    this.#signMs = nowMs;
    this.#recoveredMs = nowMs;
  }

  /** @param beats a count that changes with each sign of life */
  observe(beats: number, nowMs: number): { readonly silentMs: number; readonly recoveredForMs: number } {
    if (beats !== this.#beats) {
      this.#beats = beats;
      if (nowMs - this.#signMs >= silentAfterMs) this.#recoveredMs = nowMs;
      this.#signMs = nowMs;
    }
    return { silentMs: nowMs - this.#signMs, recoveredForMs: nowMs - this.#recoveredMs };
  }
}

/** A running attempt. */
export interface Watched {
  readonly slot: number;
  /** Past its timeout by so much; negative before. */
  readonly overdueMs: number;
  /** Since its signal fired, for whatever reason; undefined if it has not. */
  readonly signalledForMs: number | undefined;
}

/** A thread and all that runs on it. */
export interface WatchedThread {
  /** Since its last sign of life. */
  readonly silentMs: number;
  /** Since the last silence ended; Infinity if there was none. */
  readonly recoveredForMs: number;
  /** The slot whose handler is being called, 0 for none. */
  readonly current: number;
  readonly running: readonly Watched[];
}

export interface Review {
  /** Slots whose timeout signal is to fire. */
  readonly signal: readonly number[];
  /** Slots that are late because something else may hold the thread. */
  readonly starved: readonly number[];
  /** The slot over which the thread is to be stopped, 0 for none. */
  readonly stopFor: number;
}

/** @param heldMs a held thread is stopped when an attempt is this long past its timeout */
export function review(thread: WatchedThread, graceMs: number, heldMs = heldLimitMs): Review {
  const signal: number[] = [];
  const starved: number[] = [];
  let stopFor = 0;
  const silent = thread.silentMs >= silentAfterMs;
  for (const each of thread.running) {
    const heldByOther = silent && thread.current !== 0 && thread.current !== each.slot;
    if (each.overdueMs >= 0 && each.signalledForMs === undefined) {
      if (!silent && thread.recoveredForMs >= recoveryMs) signal.push(each.slot);
      else if (thread.running.length > 1 && thread.current !== each.slot) starved.push(each.slot);
    }
    const graceOver = each.signalledForMs !== undefined && each.signalledForMs >= graceMs;
    const holds = each.overdueMs >= heldMs && thread.silentMs >= heldMs;
    if (stopFor === 0 && (graceOver || holds) && !heldByOther) stopFor = each.slot;
  }
  return { signal, starved, stopFor };
}
