/** What there is to be counted of job types: here, and over the nodes of a cluster, each of which sends its part. */
import type { Queries, Steps } from '../../../store/queries-port.js';
import type { Gathered } from '../../peers/gathering.js';
import type { JobsOfTypes, RecentOfType } from '../../ports.js';

/** Jobs of a type. */
export interface TypeCounts {
  /** In any status. */
  readonly jobs: number;
  readonly pending: number;
  /** Of those. */
  readonly due: number;
  readonly running: number;
}

/** By name. It can be sent to another node as it is. */
export interface CountedTypes {
  /** Of types that have jobs, or had some. */
  readonly counts: Readonly<Record<string, TypeCounts>>;
  /** Of the node. */
  readonly recent: Readonly<Record<string, RecentOfType>>;
}

const noJobs: TypeCounts = { jobs: 0, pending: 0, due: 0, running: 0 };

export function countsOf({ counts }: CountedTypes, name: string): TypeCounts {
  return Object.hasOwn(counts, name) ? (counts[name] as TypeCounts) : noJobs;
}

export function recentOf({ recent }: CountedTypes, name: string): RecentOfType | undefined {
  return Object.hasOwn(recent, name) ? recent[name] : undefined;
}

/** @param names those that are wanted; absent: all @param now Unix milliseconds */
export function* countTypes(
  queries: Pick<Queries, 'dueInSteps'>,
  jobs: JobsOfTypes,
  now: number,
  names: readonly string[] = jobs.names(),
): Generator<undefined, CountedTypes> {
  const due = yield* generated(queries.dueInSteps(now));
  const counts = names.map((name) => [
    name,
    {
      jobs: jobs.count(name),
      pending: jobs.pending(name),
      due: due.get(name) ?? 0,
      running: jobs.running(name),
    },
  ]);
  const recent = names.flatMap((name) => {
    const known = jobs.recent(name);
    return known === undefined ? [] : [[name, known]];
  });
  return { counts: Object.fromEntries(counts), recent: Object.fromEntries(recent) };
}

export function mergedTypes(parts: readonly Gathered<CountedTypes>[]): CountedTypes {
  const counts = new Map<string, TypeCounts>();
  const recent = new Map<string, RecentOfType>();
  const nodes = new Set<string>();
  for (const { node, part } of parts) {
    for (const [name, each] of Object.entries(part.counts)) counts.set(name, sumOf(counts.get(name) ?? noJobs, each));
    if (nodes.has(node)) continue;
    nodes.add(node);
    for (const [name, each] of Object.entries(part.recent)) {
      const before = recent.get(name);
      recent.set(name, before === undefined ? each : recentSum(before, each));
    }
  }
  return { counts: Object.fromEntries(counts), recent: Object.fromEntries(recent) };
}

function sumOf(a: TypeCounts, b: TypeCounts): TypeCounts {
  return {
    jobs: a.jobs + b.jobs,
    pending: a.pending + b.pending,
    due: a.due + b.due,
    running: a.running + b.running,
  };
}

function recentSum(a: RecentOfType, b: RecentOfType): RecentOfType {
  return {
    started: a.started + b.started,
    succeeded: a.succeeded + b.succeeded,
    failed: a.failed + b.failed,
    lateness: a.lateness.map((count, at) => count + (b.lateness[at] ?? 0)),
    duration: a.duration.map((count, at) => count + (b.duration[at] ?? 0)),
  };
}

function* generated<T>(of: Steps<T>): Generator<undefined, T> {
  for (;;) {
    const { done, value } = of.next();
    if (done) return value;
    yield;
  }
}
