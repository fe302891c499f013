/** An attempt that the pool has taken and still owes an outcome. */
import type { Attempt } from './messages.js';
import type { SignalReason } from './shared/messages.js';

export class Dispatched {
  /** Its slot on the thread it was sent to; 0 while it waits for a thread. */
  slot = 0;
  /** How long its handler was expected to hold the thread, when it was sent. */
  expectedMs = 0;
  /** Why its signal fired; the first reason stays. */
  signalled: SignalReason | undefined;
  /** When it fired, in `monotonicMs`. */
  signalledMs = 0;
  /** When it was first seen to be through without a report of it, in `monotonicMs`. */
  throughMs: number | undefined;
  /** Its timeout passed while something else held the thread: lateness is not its doing. */
  starved = false;

  constructor(readonly attempt: Attempt) {}
}
