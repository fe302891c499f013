/**
 * Queries over several shards, each of which answers as of one instant of its own. Lists go by the second of the id, then by job number; a
 * cursor has a place for each shard. What takes long is done shard by shard, in steps.
 */
import type { JobFilter } from '../../domain/finding/job-filter.js';
import type { Job } from '../../domain/job.js';
import type { BulkJobs } from '../../store/port.js';
import type {
  FailurePage,
  FailureQuery,
  GroupCounts,
  JobLogPage,
  JobLogQuery,
  ListPage,
  ListQuery,
  LogPlace,
  PastEvents,
  Queries,
  RunPage,
  SearchPage,
  SearchQuery,
  Steps,
  Totals,
} from '../../store/queries-port.js';
import { containing } from '../../store/state/finding/search.js';
import { outward, outwardEvents } from '../numbered.js';
import type { OwnedShard, Shards } from '../shards.js';
import { gatheredFailures } from './gathered-failures.js';
import { checkOffset, MergedList, pageQuery } from './merged-list.js';

/** Jobs that a search reads at once of each shard. */
const readAtOnce = 256;
/** How long one request of a search looks, and one step of it. */
const budgetMs = { request: 100, step: 1 } as const;

/** See the head of this file. */
export class GatheredQueries implements Queries {
  readonly #shards: Shards;

  constructor(shards: Shards) {
    this.#shards = shards;
  }

  get shards(): number {
    return this.#shards.count;
  }

  get(id: string): Job | undefined {
    const owner = this.#shards.ofId(id);
    const job = owner?.queries.get(id);
    return owner && job && outward(job, owner.numbers);
  }

  seqOf(id: string): number | undefined {
    return this.get(id)?.spec.seq;
  }

  logs(id: string, query: JobLogQuery): JobLogPage | undefined {
    return this.#shards.ofId(id)?.queries.logs(id, query);
  }

  runs(id: string, query: Parameters<Queries['runs']>[1]): RunPage | undefined {
    return this.#shards.ofId(id)?.queries.runs(id, query);
  }

  list(query: ListQuery): ListPage {
    checkOffset(query);
    const list = new MergedList(query);
    for (const owner of this.#shards.all) list.add(owner, owner.queries.list(pageQuery(query, owner)));
    return list.page();
  }

  *listInSteps(query: ListQuery): Steps<ListPage> {
    checkOffset(query);
    const list = new MergedList(query);
    for (const owner of this.#shards.all)
      list.add(owner, yield* steps(owner.queries.listInSteps(pageQuery(query, owner))));
    return list.page();
  }

  *search({ filter, text, descending, limit, behind, now }: SearchQuery): Steps<SearchPage> {
    const has = containing(text);
    const jobs: Job[] = [];
    const begun = now();
    let [stepBegun, scanned] = [begun, 0];
    let place = behind;
    for (;;) {
      const query: ListQuery = { filter, descending, limit: readAtOnce, offset: 0, ...(place && { behind: place }) };
      const list = new MergedList(query);
      for (const owner of this.#shards.all)
        list.add(owner, yield* steps(owner.queries.listInSteps(pageQuery(query, owner))));
      for (let taken = 0; taken < readAtOnce; taken++) {
        const at = now();
        const isOver = at - begun >= budgetMs.request && scanned > 0;
        if (!list.hasMore) return { jobs, scanned };
        if (jobs.length === limit || isOver) return { jobs, scanned, next: list.place() };
        if (at - stepBegun >= budgetMs.step) {
          yield;
          stepBegun = now();
        }
        const job = list.take() as Job;
        scanned++;
        if (has(job)) jobs.push(job);
      }
      if (!list.hasMore) return { jobs, scanned };
      place = list.place();
    }
  }

  *failures(query: FailureQuery): Steps<FailurePage> {
    const pages: { owner: OwnedShard; page: FailurePage }[] = [];
    const all = { limit: Number.MAX_SAFE_INTEGER, ...(query.name !== undefined && { name: query.name }) };
    for (const owner of this.#shards.all) pages.push({ owner, page: yield* steps(owner.queries.failures(all)) });
    return gatheredFailures(pages, query);
  }

  *matching(filter: JobFilter): Steps<readonly BulkJobs[]> {
    const found: BulkJobs[] = [];
    for (const { queries, numbers } of this.#shards.all)
      for (const jobs of yield* steps(queries.matching(filter))) found.push({ ...jobs, shard: numbers.shard });
    return found;
  }

  totals(): Totals {
    const sums = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
    for (const { queries } of this.#shards.all) {
      const totals = queries.totals();
      for (const name of Object.keys(sums) as (keyof Totals)[]) sums[name] += totals[name];
    }
    return sums;
  }

  *dueInSteps(now: number): Steps<ReadonlyMap<string, number>> {
    const sums = new Map<string, number>();
    for (const { queries } of this.#shards.all)
      for (const [name, due] of yield* steps(queries.dueInSteps(now))) sums.set(name, (sums.get(name) ?? 0) + due);
    return sums;
  }

  *groupsInSteps(name: string, now: number): Steps<readonly GroupCounts[]> {
    const sums = new Map<string, GroupCounts>();
    for (const { queries } of this.#shards.all)
      for (const each of yield* steps(queries.groupsInSteps(name, now))) {
        const { group } = each;
        const { pending = 0, due = 0, running = 0 } = sums.get(group) ?? {};
        sums.set(group, {
          group,
          pending: pending + each.pending,
          due: due + each.due,
          running: running + each.running,
        });
      }
    return [...sums.values()].sort(mostFirst);
  }

  /** Events of all shards that there have been. */
  lastEvent(): number {
    return this.#shards.all.reduce((sum, { queries }) => sum + queries.lastEvent(), 0);
  }

  lastEventOf(shard: number): number {
    return this.#shards.get(shard)?.queries.lastEvent() ?? 0;
  }

  eventsAfter(seq: number, limit: number, from?: LogPlace, shard = 0): PastEvents {
    const owner = this.#shards.get(shard);
    if (owner === undefined) return { events: [], oldest: seq + 1 };
    const { events, ...rest } = owner.queries.eventsAfter(seq, limit, from);
    return { ...rest, events: outwardEvents(events, owner.numbers) };
  }
}

/** A generator goes on only with one; what a shard gives is an iterator. */
function* steps<T>(of: Steps<T>): Generator<undefined, T> {
  for (;;) {
    const { done, value } = of.next();
    if (done) return value;
    yield;
  }
}

function mostFirst(a: GroupCounts, b: GroupCounts): number {
  return b.pending + b.running - (a.pending + a.running) || (a.group < b.group ? -1 : 1);
}
