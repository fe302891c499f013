/** What jobs are looked for by. The parts are joined by AND; of a list of values any will do, of tags all are wanted. */

import type { JobNumbers } from '../ids/job-numbers.js';
import { isRepeating, type Job, type RunOutcome } from '../job.js';
import type { Status } from '../lifecycle.js';
import { groupOfJob } from './error-group.js';

/** Without a part that one says nothing. Instants are Unix milliseconds. Plain data: it can be kept as JSON. */
export interface JobFilter {
  readonly statuses?: readonly Status[];
  readonly names?: readonly string[];
  /** Public ids. */
  readonly ids?: readonly string[];
  readonly tags?: readonly string[];
  readonly group?: string;
  readonly key?: string;
  readonly paused?: boolean;
  readonly isRepeat?: boolean;
  readonly lastOutcome?: RunOutcome;
  /** As `error-group` numbers them: of jobs that have failed. */
  readonly errorGroup?: number;
  /** Made at this instant or later; before it. */
  readonly createdFrom?: number;
  readonly createdBefore?: number;
  /** The same of when they are due: of a job to which nothing is to come, of its last start. */
  readonly dueFrom?: number;
  readonly dueBefore?: number;
}

/** Whether a job is among those that a filter looks for. @param numbers of its shard */
export function matches(job: Job, filter: JobFilter, numbers: JobNumbers): boolean {
  const { spec, state } = job;
  const { statuses, names, ids, tags, group, key, paused, isRepeat, lastOutcome, errorGroup } = filter;
  return (
    (statuses === undefined || statuses.includes(state.status)) &&
    (names === undefined || names.includes(spec.name)) &&
    (ids === undefined || ids.includes(numbers.format(spec.seq, spec.idSeconds))) &&
    (tags === undefined || tags.every((tag) => spec.tags?.includes(tag) === true)) &&
    (group === undefined || spec.group === group) &&
    (key === undefined || spec.key === key) &&
    (paused === undefined || (state.pause !== null) === paused) &&
    (isRepeat === undefined || isRepeating(spec) === isRepeat) &&
    (lastOutcome === undefined || state.lastOutcome === lastOutcome) &&
    isWithin(spec.createdAt, filter.createdFrom, filter.createdBefore) &&
    isWithin(state.due, filter.dueFrom, filter.dueBefore) &&
    (errorGroup === undefined || groupOfJob(job) === errorGroup)
  );
}

function isWithin(at: number, from = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY): boolean {
  return at >= from && at < before;
}
