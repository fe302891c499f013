/**
 * Which thread an attempt goes to, as pure arithmetic. What waits on a thread is bounded in number and in expected time:
 * enough that a thread of quick handlers never idles between two messages, little enough that hardly anything waits
 * behind a slow one.
 */
/** What has been sent to a thread and not begun: at most so many, expected to take at most so long, but at least one. */
export const maxQueued = 128;
export const queuedBudgetMs = 4;

/** A thread as placement sees it. */
export interface Load {
  /** False while it starts, stops, is blocked, or is kept for an attempt that runs alone. */
  readonly accepts: boolean;
  /** Sent and not begun. */
  readonly queued: number;
  /** Expected time of those. */
  readonly queuedMs: number;
  /** Slots of attempts that it has, and how many it may have. */
  readonly slotsInUse: number;
  readonly slotCount: number;
}

/** True if one more attempt that is expected to take `expectedMs` may be sent to the thread. */
export function fits(load: Load, expectedMs: number): boolean {
  if (!load.accepts || load.slotsInUse >= load.slotCount) return false;
  return load.queued === 0 || (load.queued < maxQueued && load.queuedMs + expectedMs <= queuedBudgetMs);
}

/** The thread with the least to do that takes an attempt of `expectedMs`; undefined if none does. */
export function choose<Thread extends Load>(threads: readonly Thread[], expectedMs: number): Thread | undefined {
  let best: Thread | undefined;
  for (const thread of threads) {
    if (!fits(thread, expectedMs)) continue;
    if (!best || isLess(thread, best)) best = thread;
  }
  return best;
}

function isLess(a: Load, b: Load): boolean {
  return a.queuedMs === b.queuedMs ? a.slotsInUse < b.slotsInUse : a.queuedMs < b.queuedMs;
}

/** How many attempts that take `expectedMs` each may be sent to the thread. */
export function room(load: Load, expectedMs: number): number {
  if (!load.accepts) return 0;
  const byTime = Math.floor((queuedBudgetMs - load.queuedMs) / Math.max(expectedMs, 1e-3));
  const wanted = Math.max(load.queued === 0 ? 1 : 0, Math.min(byTime, maxQueued - load.queued));
  return Math.max(0, Math.min(wanted, load.slotCount - load.slotsInUse));
}

/**
 * How many threads may be taken by attempts that run alone: all but one, so that a row of suspects, each up to its
 * timeout, does not stop everything else. A pool of one thread gives that one.
 */
export function aloneLimit(threads: number): number {
  return Math.max(1, threads - 1);
}
