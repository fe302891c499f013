/**
 * One pool for all shards of a process. A job has its number there; what comes back goes to its shard by that. Whose job is next where
 * places are short is for `scheduler/admission/places` to say.
 */
import type { JobNumbers } from '../../domain/ids/job-numbers.js';
import { shardOf } from '../../domain/ids/job-numbers.js';
import type { Outcome, Pool, PoolEvents, ProgressReport } from '../../pool/port.js';
import type { LineKeeper } from '../../scheduler/attempts/lines.js';
import type { RunLines } from '../../store/state/job-logs.js';
import type { Shards } from '../shards.js';

/** The pool as one of the shards sees it. */
export interface ShardPool extends Pool {
  /** Attempts of the shard have come to their ends. */
  ended(outcomes: readonly Pick<Outcome, 'jobSeq' | 'fence'>[]): void;
  /** Aborts the attempts of a shard that is another's by now. Resolves when each has come to its end. */
  abandon(): Promise<void>;
  /** Slots of jobs with attempts that have no outcome. */
  readonly running: readonly number[];
  /** Those of its attempts that have no outcome: they go on, and are no concern of it any more. */
  release(): readonly Pick<Outcome, 'jobSeq' | 'fence'>[];
}

/** Attempts here whose shards have moved. */
export interface MovedAttempts {
  readonly isEmpty: boolean;
  /** An attempt has ended. Returns false when it is none of these. */
  ended(outcome: Outcome): boolean;
}

/** See `ShardPool`. @param abortElsewhere ends an attempt that runs on another node; returns false when that does not */
export function poolOf(
  pool: Pool,
  numbers: JobNumbers,
  abortElsewhere: (...attempt: Parameters<Pool['abort']>) => boolean = () => false,
): ShardPool {
  /** Attempts without an outcome, by slot: one of a job that was cancelled may be there beside the next. */
  const attempts = new Map<string, Pick<Outcome, 'jobSeq' | 'fence'>>();
  let allEnded: (() => void) | undefined;
  return {
    ended: (outcomes) => {
      for (const outcome of outcomes) attempts.delete(nameOf(outcome));
      if (attempts.size === 0) allEnded?.();
    },
    abandon: () => {
      const ended = new Promise<void>((resolve) => {
        allEnded = resolve;
      });
      for (const { jobSeq, fence } of attempts.values()) pool.abort(numbers.of(jobSeq), fence, 'lease_lost');
      if (attempts.size === 0) allEnded?.();
      return ended;
    },
    get running() {
      return [...attempts.values()].map(({ jobSeq }) => jobSeq);
    },
    release: () => {
      const all = [...attempts.values()];
      attempts.clear();
      return all;
    },
    get free() {
      return pool.free;
    },
    get apart() {
      return pool.apart ?? [];
    },
    placesOf: (name) => pool.placesOf(name),
    dispatch: (attempt) => {
      const { jobSeq, fence } = attempt;
      attempts.set(nameOf(attempt), { jobSeq, fence });
      pool.dispatch({ ...attempt, jobSeq: numbers.of(jobSeq) });
    },
    flush: () => pool.flush(),
    abort: (jobSeq, fence, reason) => {
      if (!abortElsewhere(jobSeq, fence, reason)) pool.abort(numbers.of(jobSeq), fence, reason);
    },
  };
}

/**
 * What the pool reports, for the shards. What is of a shard that is not owned any more is dropped: its attempts only come to their ends.
 *
 * @param pools by shard
 * @param moved absent: there are none
 */
export function eventsFor(
  shards: Shards,
  pools: ReadonlyMap<number, Pick<ShardPool, 'ended'>>,
  moved?: MovedAttempts,
): Pick<PoolEvents, 'room'> & Required<Pick<PoolEvents, 'outcomes' | 'progress'>> {
  // A turn of one is a round of all.
  const room = (): void => shards.all[0]?.scheduler.turn();
  return {
    outcomes: (all) => {
      const outcomes = moved === undefined || moved.isEmpty ? all : all.filter((outcome) => !moved.ended(outcome));
      if (outcomes.length < all.length) room();
      for (const [shard, own] of byShard<Outcome>(outcomes, shards.count)) {
        pools.get(shard)?.ended(own);
        const owner = shards.get(shard);
        if (owner) owner.scheduler.outcomes(own);
        else room();
      }
    },
    progress: (reports) => {
      for (const [shard, own] of byShard<ProgressReport>(reports, shards.count))
        shards.get(shard)?.scheduler.progress(own);
    },
    room,
  };
}

/** Keeps lines of a run that another node has handed over. */
export interface RunKeeper {
  addRun(lines: RunLines): void;
}

/** Where lines of handlers are kept, by job number. */
export function linesFor(shards: Shards): LineKeeper & RunKeeper {
  return {
    add: (line) => {
      const owner = shards.ofNumber(line.jobSeq);
      return owner?.jobLogs.add({ ...line, jobSeq: owner.numbers.slotOf(line.jobSeq) }) ?? true;
    },
    drop: (number, run, count, n) => {
      const owner = shards.ofNumber(number);
      owner?.jobLogs.drop(owner.numbers.slotOf(number), run, count, n);
    },
    addRun: (lines) => {
      const owner = shards.ofNumber(lines.jobSeq);
      owner?.jobLogs.addRun({ ...lines, jobSeq: owner.numbers.slotOf(lines.jobSeq) });
    },
  };
}

const nameOf = ({ jobSeq, fence }: Pick<Outcome, 'jobSeq' | 'fence'>): string => `${jobSeq} ${fence}`;

function byShard<Item extends { readonly jobSeq: number }>(
  items: readonly Item[],
  shards: number,
): ReadonlyMap<number, readonly Item[]> {
  const parts = new Map<number, Item[]>();
  for (const item of items) {
    const shard = shardOf(item.jobSeq, shards);
    const own = { ...item, jobSeq: Math.floor(item.jobSeq / shards) };
    const part = parts.get(shard);
    if (part) part.push(own);
    else parts.set(shard, [own]);
  }
  return parts;
}
