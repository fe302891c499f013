/** What a line asks for where places are given by who keeps them for several processes, and how a type stands over all of them. */
import type { Head } from '../../domain/control/limited-places.js';
import type { TypeUse } from '../admission/admission.js';
import type { TypeLane } from '../admission/type-lane.js';
import type { WaitingQueue } from '../admission/waiting-queue.js';

/** Places of a type that are asked for at a time. */
export const mostWanted = 256;
/** Groups of a type that are named at a time. */
const mostHeads = 16;

/** A type as it stands over all processes. */
export function useOf(lane: TypeLane): TypeUse {
  const { elsewhere } = lane.shared;
  if (elsewhere === 0 || lane.concurrency === undefined) return lane;
  const { paused, concurrency, mayStartAt, places, running } = lane;
  return { paused, concurrency: concurrency - elsewhere, mayStartAt, places, running };
}

/**
 * The first of the jobs that wait, of each group, by turn. Groups that have all they may are passed over.
 *
 * @param room how many could start
 * @param suspects whether suspects may
 * @param numberOf the job number of a `seq`
 */
export function headsOf(
  { ordinary, suspects: suspected, groups }: TypeLane,
  room: number,
  suspects: boolean,
  numberOf: (seq: number) => number,
): readonly Head[] {
  const of = (queue: WaitingQueue, suspect: boolean): Head[] => {
    const heads: Head[] = [];
    for (const [priority, { heap, use }] of queue.inTurn()) {
      const jobs = Math.min(heap.size, room, groups.limit - use.running);
      if (jobs <= 0) continue;
      const { name = null } = use;
      heads.push({ group: name, suspect, priority, due: heap.firstDue, number: numberOf(heap.firstSeq), jobs });
      if (heads.length === mostHeads) break;
    }
    return heads;
  };
  return suspects && suspected.size > 0 ? [...of(suspected, true), ...of(ordinary, false)] : of(ordinary, false);
}
