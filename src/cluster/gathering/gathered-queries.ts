/**
 * Queries over several shards, each of which answers as of one instant of its own. Lists go by the second of the id, then by job number; a
 * cursor has a place for each shard. What takes long is done shard by shard, in steps.
 */
import type { JobFilter } from '../../domain/finding/job-filter.js';
import type { Job } from '../../domain/job.js';
import type { BulkJobs } from '../../store/port.js';
import type {
  FailureGroup,
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
import { outward, outwardEvents } from '../numbered.js';
import type { Shards } from '../shards.js';
import { mergedFailures } from './gathered-failures.js';
import { checkOffset, MergedList, type ShardPage } from './merged-list.js';
import { mergedSearch, type SearchPart } from './merged-search.js';
import { readPages, searchOwn, steps } from './own-lists.js';
import { mergedGroups, mergedTotals } from './sums.js';

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
    const list = this.listInSteps(query);
    for (;;) {
      const { done, value } = list.next();
      if (done) return value;
    }
  }

  *listInSteps(query: ListQuery): Steps<ListPage> {
    checkOffset(query);
    const { limit, behind } = query;
    const offset = behind === undefined ? query.offset : 0;
    const list = new MergedList<Job>(query, this.shards);
    // One more tells whether there is a next page.
    for (const page of yield* steps(this.pages(query, offset + limit + 1))) list.add(page);
    list.takeMany(offset);
    const jobs = list.takeMany(limit).map(({ item }) => item);
    return { total: list.total, jobs, ...(list.hasMore && jobs.length > 0 && { next: list.place() }) };
  }

  /** The first jobs of a list behind its place, at most `count`, in pages of their shards. */
  pages(query: ListQuery, count: number): Steps<ShardPage<Job>[]> {
    return readPages({ owners: this.#shards.all, query, shards: this.shards }, count);
  }

  *search(query: SearchQuery): Steps<SearchPage> {
    const part = yield* steps(this.searchPart(query));
    const shards = this.#shards.all.map(({ numbers }) => numbers.shard);
    const { items, ...rest } = mergedSearch([{ ...part, shards }], query, this.shards);
    return { jobs: items, ...rest };
  }

  /** What a search finds here in its time. */
  searchPart(query: SearchQuery): Steps<SearchPart<Job>> {
    return searchOwn({ owners: this.#shards.all, shards: this.shards }, query);
  }

  *failures(query: FailureQuery): Steps<FailurePage> {
    const parts: FailureGroup[][] = [];
    const all = { limit: Number.MAX_SAFE_INTEGER, ...(query.name !== undefined && { name: query.name }) };
    for (const { queries, numbers } of this.#shards.all) {
      const { groups } = yield* steps(queries.failures(all));
      parts.push(groups.map((each) => ({ ...each, latest: { ...each.latest, seq: numbers.of(each.latest.seq) } })));
    }
    return mergedFailures(parts, query);
  }

  *matching(filter: JobFilter): Steps<readonly BulkJobs[]> {
    const found: BulkJobs[] = [];
    for (const { queries, numbers } of this.#shards.all)
      for (const jobs of yield* steps(queries.matching(filter))) found.push({ ...jobs, shard: numbers.shard });
    return found;
  }

  totals(): Totals {
    return mergedTotals(this.#shards.all.map(({ queries }) => queries.totals()));
  }

  *dueInSteps(now: number): Steps<ReadonlyMap<string, number>> {
    const sums = new Map<string, number>();
    for (const { queries } of this.#shards.all)
      for (const [name, due] of yield* steps(queries.dueInSteps(now))) sums.set(name, (sums.get(name) ?? 0) + due);
    return sums;
  }

  *groupsInSteps(name: string, now: number): Steps<readonly GroupCounts[]> {
    const parts: (readonly GroupCounts[])[] = [];
    for (const { queries } of this.#shards.all) parts.push(yield* steps(queries.groupsInSteps(name, now)));
    return mergedGroups(parts);
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
