/** Jobs that have failed, by what they failed of: counted in steps of about a millisecond. */
import { foldMessage } from '../../../domain/finding/error-group.js';
import type { Job, JobState } from '../../../domain/job.js';
import { blockOf, blockSize } from '../../format/trees/set-block.js';
import type { FailureGroup, FailurePage, FailureQuery } from '../../queries-port.js';
import type { JobSets } from '../../trees/job-sets.js';
import type { FailedJobs } from '../../trees/labels/failed-jobs.js';
import { countOf, type Postings, SeqSet } from '../../trees/labels/seq-set.js';
import { First, type Place } from './first.js';

/** What is looked into. */
export interface FailuresGround {
  readonly failed: FailedJobs;
  readonly sets: JobSets;
  readonly typeOf: (name: string) => number | undefined;
  readonly job: (seq: number) => Job | undefined;
  readonly state: (seq: number) => JobState | undefined;
}

/** Groups, or entries of the order of failures, that are looked at in one step. */
const looksPerStep = 8192;

/** The most first; of groups of one size in order of their numbers. */
const mostFirst = (a: Place, count: number, group: number): number => count - a.by || a.of - group;

export function* countFailures(
  ground: FailuresGround,
  { name, limit, behind }: FailureQuery,
): Generator<undefined, FailurePage> {
  const { failed } = ground;
  const typeId = name === undefined ? undefined : ground.typeOf(name);
  if (name !== undefined && typeId === undefined) return { total: 0, groups: [] };
  const first = new First(mostFirst, limit + 1);
  let [total, looks] = [0, 0];
  // Copied: while it is looked at in steps, groups come and go.
  for (const [group, jobs] of [...failed.groups()]) {
    if (++looks % looksPerStep === 0) yield;
    if (typeId !== undefined && !isOfType(ground.sets, typeId, anyOf(jobs))) continue;
    const count = countOf(jobs);
    if (count === 0) continue;
    total++;
    if (behind !== undefined && mostFirst({ by: behind.count, of: behind.group }, count, group) >= 0) continue;
    first.add(count, group);
  }
  const places = first.sorted();
  const groups: FailureGroup[] = [];
  for (const { of: group } of places.slice(0, limit)) {
    yield;
    const found = yield* describe(ground, group);
    if (found) groups.push(found);
  }
  const last = places[limit - 1];
  if (places.length <= limit || last === undefined) return { total, groups };
  return { total, groups, next: { count: last.by, group: last.of } };
}

/** Undefined when nobody is left in it. */
function* describe(ground: FailuresGround, group: number): Generator<undefined, FailureGroup | undefined> {
  const jobs = ground.failed.group(group);
  if (jobs === undefined) return undefined;
  const ends = jobs instanceof SeqSet ? yield* endsInOrder(ground, jobs) : endsOf(ground, jobs);
  const latest = ends && ground.job(ends.latest);
  if (!ends || !latest) return undefined;
  const { spec, detail } = latest;
  return {
    name: spec.name,
    group,
    message: foldMessage(detail.lastError?.message ?? ''),
    count: countOf(ground.failed.group(group)),
    firstAt: ends.firstAt,
    lastAt: ends.lastAt,
    latest: { seq: spec.seq, idSeconds: spec.idSeconds },
  };
}

interface Ends {
  readonly firstAt: number;
  readonly lastAt: number;
  readonly latest: number;
}

/** Of a few: each is looked at. */
function endsOf({ state }: FailuresGround, jobs: number | readonly number[]): Ends | undefined {
  let ends: Ends | undefined;
  for (const seq of typeof jobs === 'number' ? [jobs] : jobs) {
    const at = state(seq)?.finishedAt;
    if (at === undefined) continue;
    const { firstAt, lastAt, latest } = ends ?? { firstAt: at, lastAt: at, latest: seq };
    ends = { firstAt: Math.min(firstAt, at), lastAt: Math.max(lastAt, at), latest: at >= lastAt ? seq : latest };
  }
  return ends;
}

/** Of many: they are looked for from both ends of the order in which all jobs failed. */
function* endsInOrder(
  { failed: { order }, state }: FailuresGround,
  jobs: SeqSet,
): Generator<undefined, Ends | undefined> {
  function* search(
    from: number,
    to: number,
    step: 1 | -1,
  ): Generator<undefined, { seq: number; at: number } | undefined> {
    for (let number = from, looks = 0; number !== to; number += step) {
      if (++looks % looksPerStep === 0) yield;
      const entry = order.entry(number);
      // A job that has failed before, and again since, stands there twice.
      if (entry && jobs.has(entry.seq) && state(entry.seq)?.finishedAt === entry.at) return entry;
    }
    return undefined;
  }
  const first = yield* search(order.first, order.end, 1);
  const last = yield* search(order.end - 1, order.first - 1, -1);
  return first && last && { firstAt: first.at, lastAt: last.at, latest: last.seq };
}

function anyOf(jobs: Postings): number {
  if (typeof jobs === 'number') return jobs;
  if (!(jobs instanceof SeqSet)) return jobs[0] as number;
  const [block] = jobs.blocks();
  return (block as number) * blockSize + (jobs.bitmap(block as number)?.minimum() ?? 0);
}

function isOfType(sets: JobSets, typeId: number, seq: number): boolean {
  return sets.bitmap(blockOf(seq), { typeId })?.has(seq % blockSize) ?? false;
}
