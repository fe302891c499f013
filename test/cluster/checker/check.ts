/**
 * The checker: says whether what was promised holds of a recorded history. Pure. It knows nothing of servers, so one checker
 * judges one node, a cluster and what the simulation makes of them.
 */
import { due, once, outcome } from './attempts.js';
import { events } from './events.js';
import { History } from './history.js';
import { acknowledged, cancelled, children, keys, settled } from './jobs.js';
import type { Line } from './lines.js';

/** Each with the sentence that a report begins with. */
export const promises = {
  acknowledged: 'What was acknowledged is there.',
  cancelled: 'What was cancelled stays cancelled.',
  keys: 'A key, and an Idempotency-Key, makes one job.',
  children: 'Children are there with their parent, or not at all.',
  due: 'No attempt begins before its time.',
  once: 'A recorded success never runs again.',
  outcome: 'No outcome of an older attempt counts.',
  events: 'Events have no gap in their shard.',
  settled: 'What was due has come to its end.',
} as const;
export type PromiseName = keyof typeof promises;

const checks: Readonly<Record<PromiseName, (history: History) => Iterable<string>>> = {
  acknowledged,
  cancelled,
  keys,
  children,
  due,
  once,
  outcome,
  events,
  settled,
};

export interface Violation {
  readonly promise: PromiseName;
  readonly what: string;
}

/** What was in the history: one that has little of something says little about it. */
export interface Counts {
  readonly requests: number;
  /** Without an answer. */
  readonly unknown: number;
  readonly jobs: number;
  readonly attempts: number;
  /** Attempts that a stop of their node excuses, if they began beside another. */
  readonly excused: number;
  readonly events: number;
  readonly shards: number;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly counts: Counts;
}

/** @throws Error where the history has no end: without a last look nothing can be said about what is there */
export function check(lines: readonly Line[]): Verdict {
  const history = new History(lines);
  if (!history.complete)
    throw new Error(
      'the history has no line "complete": all jobs must be looked at in the end, or nothing can be said of them',
    );
  const violations = Object.entries(checks).flatMap(([promise, find]) =>
    [...find(history)].map((what) => ({ promise: promise as PromiseName, what })),
  );
  return { violations, counts: countsOf(history) };
}

function countsOf(history: History): Counts {
  const attempts = [...history.attempts.values()].flat();
  const shards = [...history.eventsByShard()];
  return {
    requests: history.requests.length,
    unknown: history.requests.filter(({ told }) => told === undefined).length,
    jobs: history.found.size,
    attempts: attempts.length,
    excused: attempts.filter(({ excused }) => excused).length,
    events: shards.reduce((sum, [, events]) => sum + events.length, 0),
    shards: shards.length,
  };
}

/** The verdict as text, the first violations of each promise. */
export function report({ violations, counts }: Verdict, most = 10): string {
  const lines = Object.entries(promises).flatMap(([promise, sentence]) => {
    const found = violations.filter((violation) => violation.promise === promise);
    if (found.length === 0) return [`ok     ${sentence}`];
    const more = found.length > most ? [`       and ${found.length - most} more`] : [];
    return [`WRONG  ${sentence}`, ...found.slice(0, most).map(({ what }) => `       ${what}`), ...more];
  });
  const { requests, unknown, jobs, attempts, excused, events: told, shards } = counts;
  return [
    ...lines,
    `${requests} requests (${unknown} without an answer), ${jobs} jobs, ${attempts} attempts (${excused} just after a stop), ${told} events of ${shards} shards`,
  ].join('\n');
}
