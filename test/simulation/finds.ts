/** What lists find, against the plain rules: of what is kept for finding nothing is lost, and nothing stays too long. */
import { groupOfJob } from '../../src/domain/finding/error-group.js';
import { type JobFilter, matches } from '../../src/domain/finding/job-filter.js';
import { singleShard } from '../../src/domain/ids/job-numbers.js';
import type { Job } from '../../src/domain/job.js';
import type { World } from '../support/world.js';
import { must } from './event-replay.js';

/** @param jobs all, the newest first */
export function checkFinds({ queries, scheduler, store }: World, jobs: readonly Job[]): void {
  // The store may have a commit that nobody was told of yet: some of what is read is newer then.
  if (!scheduler.settled || store.pending > 0) return;
  const filters: JobFilter[] = [
    { paused: true },
    { isRepeat: true },
    { lastOutcome: 'success' },
    { lastOutcome: 'failed', isRepeat: true },
  ];
  // A few of each kind: some job's tag, key, group and error.
  const tags = jobs.find(({ spec }) => spec.tags !== undefined)?.spec.tags;
  const key = jobs.find(({ spec }) => spec.key !== undefined)?.spec.key;
  const group = jobs.find(({ spec }) => spec.group !== undefined)?.spec.group;
  if (tags !== undefined) filters.push({ tags });
  if (key !== undefined) filters.push({ key });
  if (group !== undefined) filters.push({ group });
  const failed = jobs.find(({ state }) => state.status === 'failed');
  const errorGroup = failed && groupOfJob(failed);
  if (errorGroup !== undefined) filters.push({ errorGroup });
  const middle = jobs[jobs.length >> 1];
  if (middle) filters.push({ createdFrom: middle.spec.createdAt }, { createdBefore: middle.spec.createdAt });
  for (const filter of filters) {
    const { total, jobs: found } = queries.list({ filter, offset: 0, limit: 10_000 });
    const [is, expected] = [found, jobs.filter((job) => matches(job, filter, singleShard))].map((list) =>
      list.map(({ spec }) => spec.seq).join(),
    );
    must(is === expected, () => `a list of ${JSON.stringify(filter)} has the jobs ${is}, and not ${expected}`);
    must(total === found.length, () => `a list of ${JSON.stringify(filter)} counts ${total} of ${found.length} jobs`);
  }
}
