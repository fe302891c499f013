/**
 * One pool for all shards of a process. A job has its number there; what comes back goes to its shard by that. Whose job is next where
 * places are short is for `scheduler/admission/places` to say.
 */
import type { JobNumbers } from '../../domain/ids/job-numbers.js';
import { shardOf } from '../../domain/ids/job-numbers.js';
import type { Outcome, Pool, PoolEvents, ProgressReport } from '../../pool/port.js';
import type { LineKeeper } from '../../scheduler/attempts/lines.js';
import type { Shards } from '../shards.js';

/** The pool as one of the shards sees it. */
export function poolOf(pool: Pool, numbers: JobNumbers): Pool {
  return {
    get free() {
      return pool.free;
    },
    get apart() {
      return pool.apart ?? [];
    },
    placesOf: (name) => pool.placesOf(name),
    dispatch: (attempt) => pool.dispatch({ ...attempt, jobSeq: numbers.of(attempt.jobSeq) }),
    flush: () => pool.flush(),
    abort: (jobSeq, fence, reason) => pool.abort(numbers.of(jobSeq), fence, reason),
  };
}

/** What the pool reports, for the shards. What is of a shard that is not owned any more is dropped. */
export function eventsFor(
  shards: Shards,
): Pick<PoolEvents, 'room'> & Required<Pick<PoolEvents, 'outcomes' | 'progress'>> {
  return {
    outcomes: (outcomes) => {
      for (const [owner, own] of byShard<Outcome>(outcomes, shards)) owner.scheduler.outcomes(own);
    },
    progress: (reports) => {
      for (const [owner, own] of byShard<ProgressReport>(reports, shards)) owner.scheduler.progress(own);
    },
    // A turn of one is a round of all.
    room: () => shards.all[0]?.scheduler.turn(),
  };
}

/** Where lines of handlers are kept, by job number. */
export function linesFor(shards: Shards): LineKeeper {
  return {
    add: (line) => {
      const owner = shards.ofNumber(line.jobSeq);
      owner?.jobLogs.add({ ...line, jobSeq: owner.numbers.slotOf(line.jobSeq) });
    },
    drop: (number, run, count) => {
      const owner = shards.ofNumber(number);
      owner?.jobLogs.drop(owner.numbers.slotOf(number), run, count);
    },
  };
}

function byShard<Item extends { readonly jobSeq: number }>(items: readonly Item[], shards: Shards) {
  const parts = new Map<number, Item[]>();
  for (const item of items) {
    const shard = shardOf(item.jobSeq, shards.count);
    const own = { ...item, jobSeq: Math.floor(item.jobSeq / shards.count) };
    const part = parts.get(shard);
    if (part) part.push(own);
    else parts.set(shard, [own]);
  }
  return [...parts].flatMap(([shard, part]) => {
    const owner = shards.get(shard);
    return owner ? [[owner, part] as const] : [];
  });
}
