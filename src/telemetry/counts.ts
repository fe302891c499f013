/**
 * Telemetry as numbers: each call adds to some, and nothing is made of them before somebody asks (`metrics.ts`). Time is kept in
 * seconds.
 */

import { type BulkAction, bulkActions } from '../domain/control/bulk.js';
import { type FailureCode, failureCodes } from '../domain/job.js';
import { type PassOutcome, passOutcomes } from '../domain/runs/run.js';
import { Histogram } from './histogram.js';
import {
  type AttemptOutcome,
  type BulkOutcome,
  bulkOutcomes,
  type Reloaded,
  type ReloadOutcome,
  type TakenKeyOutcome,
  type Telemetry,
  takenKeyOutcomes,
} from './port.js';

/** Job types that are told apart; there may be 65,536 in a data directory. */
export const maxTypes = 100;
/** Stands for all further ones, and for methods that nobody knows. */
export const other = 'other';

/** From a tenth of a millisecond, which is on time, to an hour. */
export const latenessBounds = [0.0001, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600];
export const attemptBounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const commitBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const commitBytesBounds = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];
const mergeBounds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const requestBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30];

const methods = ['get', 'head', 'post', 'put', 'delete', 'options', 'patch'];

export interface TypeCounts {
  started: number;
  enqueued: number;
  readonly outcomes: Record<AttemptOutcome, number>;
  readonly passedOver: Record<PassOutcome, number>;
  readonly failed: Record<FailureCode, number>;
  readonly takenKeys: Record<TakenKeyOutcome, number>;
  readonly lateness: Histogram;
  readonly duration: Histogram;
}

export interface RouteCounts {
  readonly method: string;
  /** Answers by status. */
  readonly statuses: Map<number, number>;
  readonly duration: Histogram;
}

function zeros<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
}

export class Counts implements Telemetry {
  readonly types = new Map<string, TypeCounts>();
  /** By route, then by method. */
  readonly routes = new Map<string, Map<string, RouteCounts>>();
  readonly commit = new Histogram(commitBounds);
  readonly commitBytes = new Histogram(commitBytesBounds);
  readonly merge = new Histogram(mergeBounds);
  readonly threadsLost = { stopped: 0, memory: 0, exit: 0, error: 0 };
  readonly reloads = { handlers: { done: 0, failed: 0 }, tokens: { done: 0, failed: 0 } };
  /** Jobs that bulk actions came to. */
  readonly bulk = Object.fromEntries(Object.keys(bulkActions).map((action) => [action, zeros(bulkOutcomes)])) as Record<
    BulkAction,
    Record<BulkOutcome, number>
  >;
  committedJobs = 0;
  subscribers = 0;
  sent = 0;
  resumed = 0;
  dropped = 0;
  threadsReplaced = 0;

  /** What a job type is called: itself, or `other` where there are too many. */
  labelOf(type: string): string {
    return this.types.has(type) || this.types.size < maxTypes ? type : other;
  }

  committed(jobs: number, bytes: number, durationMs: number): void {
    this.committedJobs += jobs;
    this.commitBytes.observe(bytes);
    this.commit.observe(durationMs / 1000);
  }

  merged(durationMs: number): void {
    this.merge.observe(durationMs / 1000);
  }

  attemptStarted(type: string, latenessMs: number): void {
    const counts = this.#type(type);
    counts.started += 1;
    counts.lateness.observe(latenessMs / 1000);
  }

  attemptEnded(type: string, outcome: AttemptOutcome, durationMs: number): void {
    const counts = this.#type(type);
    counts.outcomes[outcome] += 1;
    counts.duration.observe(durationMs / 1000);
  }

  runsPassedOver(type: string, reason: PassOutcome, runs: number): void {
    this.#type(type).passedOver[reason] += runs;
  }

  runFailed(type: string, code: FailureCode): void {
    this.#type(type).failed[code] += 1;
  }

  keyTaken(type: string, outcome: TakenKeyOutcome): void {
    this.#type(type).takenKeys[outcome] += 1;
  }

  jobsEnqueued(type: string, jobs: number): void {
    this.#type(type).enqueued += jobs;
  }

  bulkActed(action: BulkAction, outcome: BulkOutcome, jobs: number): void {
    this.bulk[action][outcome] += jobs;
  }

  requestAnswered(route: string, method: string, status: number, durationMs: number): void {
    const counts = this.#route(route, method);
    counts.statuses.set(status, (counts.statuses.get(status) ?? 0) + 1);
    counts.duration.observe(durationMs / 1000);
  }

  subscriberGained(): void {
    this.subscribers += 1;
  }

  subscriberLost(): void {
    this.subscribers -= 1;
  }

  eventsSent(count: number): void {
    this.sent += count;
  }

  eventsResumed(count: number): void {
    this.resumed += count;
  }

  eventDropped(): void {
    this.dropped += 1;
  }

  threadLost(reason: keyof Counts['threadsLost']): void {
    this.threadsLost[reason] += 1;
  }

  threadReplaced(): void {
    this.threadsReplaced += 1;
  }

  reloaded(what: Reloaded, outcome: ReloadOutcome): void {
    this.reloads[what][outcome] += 1;
  }

  #type(type: string): TypeCounts {
    return this.types.get(type) ?? this.#newType(type);
  }

  #newType(type: string): TypeCounts {
    const label = this.labelOf(type);
    const known = this.types.get(label);
    if (known !== undefined) return known;
    const counts = {
      started: 0,
      enqueued: 0,
      outcomes: { succeeded: 0, failed: 0, interrupted: 0, snoozed: 0 },
      passedOver: zeros(passOutcomes),
      failed: zeros(failureCodes),
      takenKeys: zeros(takenKeyOutcomes),
      lateness: new Histogram(latenessBounds),
      duration: new Histogram(attemptBounds),
    };
    this.types.set(label, counts);
    return counts;
  }

  #route(route: string, method: string): RouteCounts {
    let byMethod = this.routes.get(route);
    if (byMethod === undefined) this.routes.set(route, (byMethod = new Map()));
    const known = byMethod.get(method);
    if (known !== undefined) return known;
    // Of the methods there may be any number.
    const label = methods.includes(method) ? method : other;
    let counts = byMethod.get(label);
    if (counts === undefined) {
      const shown = label === other ? other : label.toUpperCase();
      counts = { method: shown, statuses: new Map(), duration: new Histogram(requestBounds) };
      byMethod.set(label, counts);
    }
    return counts;
  }
}
