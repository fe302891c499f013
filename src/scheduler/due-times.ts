/** What is due next, as the scheduler asks for it: see `DueWindow`, which keeps it. Types only. */
import type { Due } from '../timer/window.js';

export interface DueTimes {
  /** Due time of the first entry; Infinity when nothing is to come, -Infinity while there is more to be read first. */
  readonly nextDue: number;
  /** Nothing that is to come is due before this. Unix milliseconds. */
  readonly earliest: number;
  /** More has to be read before the next can be told. */
  readonly wantsRefill: boolean;
  /** Takes a job whose due time is on disk. */
  add(due: number, seq: number): void;
  /** Takes the first entry if it is due at `now`, in Unix milliseconds. It may be out of date. */
  pop(now: number): Due | undefined;
  /** Reads up to `limit` entries more. @throws DamagedRecord */
  refill(limit: number): void;
  /** What was added so far will be in the store's due index when the merge has ended. */
  mergeBegins(): void;
  mergeEnded(): void;
}
