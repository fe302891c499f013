/**
 * Places of job types with limits, where several processes run attempts: each asks for those it could fill, whoever has the best head of its
 * queue comes first, and no more are given than the limits allow. Plain values, as they go to who keeps the places and come back.
 */
import { type Pace, paceOf, type Rate } from './rate.js';
import type { TypeLimits } from './settings.js';

/** Some attempts, or jobs, of one group; null: those without one. */
export type GroupCount = readonly [group: string | null, count: number];

/** The first of the jobs of a type, a group and a priority that wait in one process. */
export interface Head {
  readonly group: string | null;
  /** It may be what ended a process: those come first. */
  readonly suspect: boolean;
  readonly priority: number;
  /** Unix milliseconds. */
  readonly due: number;
  /** Its job number. */
  readonly number: number;
  /** How many could start: this one and others behind it. */
  readonly jobs: number;
}

/** The rate of a type, as it holds over processes whose attempts start somewhat later than they may. Milliseconds. */
export interface NodesPace extends Pace {
  /** As it was written: another one begins anew. */
  readonly rate: string;
  /** A start that was allowed is to follow within this, or not at all. */
  readonly lateMs: number;
  /** Added once behind the starts that are given now, since these may be later than `lateMs`. */
  readonly extraMs: number;
}

/** What a process uses of a type, and what it asks for. */
export interface PlaceAsk {
  readonly type: string;
  /** Attempts that may run at once; null: unbounded. */
  readonly concurrency: number | null;
  /** The same of each group. */
  readonly groupConcurrency: number | null;
  readonly pace: NodesPace | null;
  /** All attempts of it that run here: places that are not in this list are free again. Each group once. */
  readonly uses: readonly GroupCount[];
  readonly heads: readonly Head[];
  /** It says what the last one said, and that is known to have been carried out: as long as nothing is free, nothing needs to be noted. */
  readonly again: boolean;
}

/** What was given for one ask. */
export interface PlaceAnswer {
  readonly type: string;
  /** More attempts that may start. */
  readonly given: readonly GroupCount[];
  /** Places that are taken, all processes together, these included. */
  readonly used: number;
  /** The same of the groups that were asked for. */
  readonly groups: readonly GroupCount[];
  /** When the next start may be by the type's rate, in milliseconds from the answer; null: it has none, or it may be now. */
  readonly startsIn: number | null;
  /** Ids of other processes for which something is free now: they do not know it yet. */
  readonly next: readonly string[];
}

/** Who keeps the places. */
export interface PlaceKeeper {
  /**
   * Takes note of what is used, and gives what is free. An ask that is carried out after a later one changes nothing, and has no answer.
   * Rejects where nothing is known of its end.
   */
  ask(asks: readonly PlaceAsk[]): Promise<readonly PlaceAnswer[]>;
}

/** Whether a type has any limit at all: others need no places. */
export function isLimited({ concurrency, groupConcurrency, rate }: TypeLimits): boolean {
  return Number.isFinite(concurrency) || Number.isFinite(groupConcurrency) || rate !== undefined;
}

/** Most that a start may be later than it was allowed. */
const mostLateMs = 100;
/** The lateness takes no more than this part of a span. */
const latePart = 1 / 40;

/**
 * The pace of a rate over several processes. A start follows at most `lateMs + extraMs` after the instant that it was given for. So in a
 * stretch of the span there are no more starts than were given in one that is longer by that: the gap makes up for `lateMs`, and what is
 * put behind the starts for the rest.
 *
 * @param answersAfter how long answers took lately, in milliseconds
 */
export function nodesPaceOf(rate: Rate, answersAfter: number): NodesPace {
  const { gapMs, toleranceMs } = paceOf(rate);
  const lateMs = Math.min(mostLateMs, rate.spanMs * latePart);
  const extraMs = answersAfter > lateMs ? 2 * answersAfter : 0;
  return { rate: rate.text, gapMs: gapMs + lateMs / rate.starts, toleranceMs, lateMs, extraMs };
}
