/** A recorded history in order of time, and what of it belongs together. */
import type { Asked, Began, Found, Heard, Job, Line, NodeFault, Run, Told, Wanted } from './lines.js';

/**
 * How long after a SIGCONT an attempt may begin that was allowed to begin before the SIGSTOP: it stood between the check and the
 * handler's call. Nothing that a server does can prevent that; its outcome must not count.
 */
const stopSlackMs = 1_000;

/** A request and what came of it. */
export interface Request {
  readonly asked: Asked;
  /** Undefined: nobody knows whether it was carried out. */
  readonly told?: Told | undefined;
}

/** A call of a handler. */
export interface Attempt extends Began {
  /** It began when its node had just been stopped, so it may begin beside another. */
  readonly excused: boolean;
}

export class History {
  readonly requests: readonly Request[];
  readonly heard: readonly Heard[];
  /** Calls of handlers by job, in the order in which they began. */
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
  readonly attemptByToken: ReadonlyMap<string, Attempt>;
  /** The last look, by id. */
  readonly found: ReadonlyMap<string, Found>;
  /** Until when what was due must have come to its end, in Unix milliseconds; undefined where nobody waited. */
  readonly settled: number | undefined;
  /** All jobs were looked at in the end. */
  readonly complete: boolean;
  /** Jobs that somebody has asked to have another due time, or another run, whether it came to that or not. */
  readonly changed: ReadonlySet<string>;

  constructor(lines: readonly Line[]) {
    const inOrder = [...lines].sort((a, b) => a.at - b.at);
    const of = <Kind extends Line['line']>(kind: Kind): Extract<Line, { line: Kind }>[] =>
      inOrder.filter((line): line is Extract<Line, { line: Kind }> => line.line === kind);
    const answers = new Map(of('told').map((told) => [told.request, told]));
    this.requests = of('asked').map((asked) => ({ asked, told: answers.get(asked.request) }));
    this.heard = of('heard');
    const stops = stopsOf(of('node'));
    const attempts = of('began').map((began) => ({ ...began, excused: isExcused(began, stops) }));
    this.attempts = byJob(attempts);
    this.attemptByToken = new Map(attempts.map((attempt) => [attempt.attempt, attempt]));
    this.found = new Map(of('found').map((found) => [found.job.id, found]));
    const looks = of('complete');
    this.complete = looks.length > 0;
    this.settled = looks.at(-1)?.settled;
    this.changed = changedJobs(this.requests, this.found);
  }

  /** Attempts of a job that began when no stop of their node excuses it. */
  plainAttempts(job: string): readonly Attempt[] {
    return (this.attempts.get(job) ?? []).filter(({ excused }) => !excused);
  }

  /** Events of one shard, each once, in order of `seq`. */
  *eventsByShard(): Iterable<readonly [shard: number, events: readonly Heard[]]> {
    const shards = new Map<number, Map<number, Heard>>();
    for (const heard of this.heard) {
      const { seq, shard = 0, type } = heard.message;
      if (seq === undefined || !type.startsWith('job.')) continue;
      const events = shards.get(shard) ?? new Map<number, Heard>();
      shards.set(shard, events);
      if (!events.has(seq)) events.set(seq, heard);
    }
    for (const [shard, events] of shards)
      yield [shard, [...events].sort(([a], [b]) => a - b).map(([, heard]) => heard)];
  }

  /** What was asked for with its answer, job by job. */
  *wanted(): Iterable<{
    wanted: Wanted;
    request: Request;
    made?: { id: string; due?: number | undefined } | undefined;
  }> {
    for (const request of this.requests) {
      const { asked, told } = request;
      const acknowledged = told !== undefined && told.status >= 200 && told.status < 300;
      for (const [i, wanted] of (asked.jobs ?? []).entries())
        yield { wanted, request, made: acknowledged ? told.jobs?.[i] : undefined };
    }
  }
}

/** What names the request that made a job, from its payload. */
export function tokenOf(job: Job): string | undefined {
  const token = job.payload?.token;
  return typeof token === 'string' ? token : undefined;
}

/** The attempt that a result, or the message of an error, names. */
export function attemptIn(value: unknown): string | undefined {
  if (typeof value === 'string') return /\battempt ([\w-]+)/.exec(value)?.[1];
  const attempt = (value as { attempt?: unknown } | null | undefined)?.attempt;
  return typeof attempt === 'string' ? attempt : undefined;
}

export function hasFinished({ status }: Job): boolean {
  return status === 'success' || status === 'failed' || status === 'cancelled';
}

/** The rows of a job that say success, in order of their start. */
export function successes(found: Found): readonly Run[] {
  return (found.runs ?? [])
    .filter(({ outcome, started_at }) => outcome === 'success' && started_at !== undefined)
    .sort((a, b) => Date.parse(a.started_at!) - Date.parse(b.started_at!));
}

interface Stop {
  readonly node: string;
  readonly from: number;
  readonly to: number;
}

function stopsOf(faults: readonly NodeFault[]): Stop[] {
  const stops: Stop[] = [];
  const open = new Map<string, number>();
  for (const { node, what, at } of faults) {
    if (what === 'stopped') open.set(node, at);
    const from = open.get(node);
    if (what === 'stopped' || from === undefined) continue;
    stops.push({ node, from, to: at });
    open.delete(node);
  }
  return stops;
}

function isExcused({ node, at }: Began, stops: readonly Stop[]): boolean {
  return stops.some((stop) => stop.node === node && at >= stop.from && at <= stop.to + stopSlackMs);
}

function changedJobs(requests: readonly Request[], found: ReadonlyMap<string, Found>): Set<string> {
  const changed = new Set<string>();
  const replacedKeys = new Set<string>();
  for (const { asked } of requests) {
    if (asked.action === 'change' && asked.job !== undefined) changed.add(asked.job);
    for (const { type, key, ifExists } of asked.jobs ?? [])
      if (key !== undefined && ifExists === 'replace') replacedKeys.add(`${type} ${key}`);
  }
  for (const { job } of found.values()) if (replacedKeys.has(`${job.name} ${job.key}`)) changed.add(job.id);
  return changed;
}

function byJob(attempts: readonly Attempt[]): Map<string, Attempt[]> {
  const groups = new Map<string, Attempt[]>();
  for (const attempt of attempts) {
    const group = groups.get(attempt.job);
    if (group === undefined) groups.set(attempt.job, [attempt]);
    else group.push(attempt);
  }
  return groups;
}
