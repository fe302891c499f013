/**
 * The numbers that stand for words on disk. They are tables of their own, so that the lists of the domain can be put in another order
 * or grow in the middle: a number that was ever written keeps its meaning, and new words take numbers that were never used.
 */
import type { EventBody, EventType } from '../../domain/events.js';
import type { Overlap, Trigger } from '../../domain/job.js';
import type { Status } from '../../domain/lifecycle.js';

/** Words by their numbers; a hole where a number has none. */
type Words<T extends string> = readonly (T | undefined)[];

function wordsOf<T extends string>(codes: Readonly<Record<T, number>>): Words<T> {
  const words: (T | undefined)[] = [];
  for (const [word, code] of Object.entries(codes) as [T, number][]) {
    if (words[code] !== undefined) throw new Error(`${word} has the number of ${words[code]}`);
    words[code] = word;
  }
  return words;
}

/** In specs. */
export const overlapCodes = { skip: 1, queue: 2, cancel_running: 3 } as const satisfies Record<Overlap, number>;
export const overlapOfCode: Words<Overlap> = wordsOf(overlapCodes);

/** In rows; 0 is that there is no job. */
export const statusCodes = {
  pending: 1,
  running: 2,
  success: 3,
  failed: 4,
  cancelled: 5,
} as const satisfies Record<Status, number>;
export const statusOfCode: Words<Status> = wordsOf(statusCodes);

/** In events about a status. */
export const previousStatusCodes = {
  pending: 0,
  running: 1,
  success: 2,
  failed: 3,
  cancelled: 4,
} as const satisfies Record<Status, number>;
export const previousStatusOfCode: Words<Status> = wordsOf(previousStatusCodes);

/** The sets of jobs: that of all, one for each status, and from `firstType` on one for each type of jobs. */
export const allJobs = 0;
export const statusSets = {
  pending: 1,
  running: 2,
  success: 3,
  failed: 4,
  cancelled: 5,
} as const satisfies Record<Status, number>;
export const firstType = 16;
export const statusOfSet: Words<Status> = wordsOf(statusSets);

export const eventCodes = {
  'job.scheduled': 0,
  'job.started': 1,
  'job.completed': 2,
  'job.failed': 3,
  'job.retrying': 4,
  'job.cancelled': 5,
  'job.updated': 6,
  'job.paused': 7,
  'job.resumed': 8,
} as const satisfies Record<EventType, number>;
export const eventOfCode: Words<EventType> = wordsOf(eventCodes);

type Cause = Extract<EventBody, { type: 'job.retrying' }>['cause'];
/** Why another attempt follows. */
export const causeCodes = { failure: 0, manual: 1, interruption: 2, snooze: 3 } as const satisfies Record<
  Cause,
  number
>;
export const causeOfCode: Words<Cause> = wordsOf(causeCodes);

export const triggerCodes = { once: 0, cron: 1, interval: 2 } as const satisfies Record<Trigger['kind'], number>;
export const triggerOfCode: Words<Trigger['kind']> = wordsOf(triggerCodes);

/** In entries of the journal. */
export const treeCodes = {
  meta: 0,
  log: 1,
  specs: 2,
  states: 3,
  details: 4,
  due: 5,
  bitmaps: 6,
  finished: 7,
  keys: 8,
  keyExpiry: 9,
  jobKeys: 10,
  labels: 11,
  runs: 12,
  bulk: 13,
  logs: 14,
} as const;
export const treeOfCode: Words<keyof typeof treeCodes> = wordsOf(treeCodes);
