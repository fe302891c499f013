/** How much of what is due is looked at in one turn. */
import type { Job } from '../../domain/job.js';

/**
 * What is looked at in one turn, once when it is due and once when it may start; more waits for the next, so that I/O is not
 * held up. A job counts once, and once more for every so many characters of payload, which have to be read.
 */
export const looksPerTurn = 1024;
const payloadPerLook = 4096;

/** What a job counts. */
export const looksOf = (job: Job | undefined): number =>
  1 + Math.floor((job?.spec.payload.length ?? 0) / payloadPerLook);

/** So many jobs are kept in the line that wait for a thread, to find those behind them that need none. */
export const keptForApart = 65_536;

/** It is pending with this priority: what was known of another one is out of date. */
export function isPending({ spec, state }: Job, priority: number): boolean {
  return state.status === 'pending' && (spec.priority ?? 0) === priority;
}
