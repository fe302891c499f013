/** The read side: lists, totals, single jobs and past events, from what is on disk. */

import type { JobFilter } from '../../domain/finding/job-filter.js';
import { type JobNumbers, singleShard } from '../../domain/ids/job-numbers.js';
import type { Job } from '../../domain/job.js';
import { EventLog } from '../log/event-log.js';
import {
  type BulkJobs,
  bulkBlockSize,
  type Counters,
  type DamageReports,
  UnreadableRecord,
  unreadableRefusal,
} from '../port.js';
import type {
  FailurePage,
  FailureQuery,
  GroupCounts,
  JobLogPage,
  JobLogQuery,
  ListPage,
  ListPlace,
  ListQuery,
  LogPlace,
  PastEvents,
  Queries,
  RunPage,
  SearchPage,
  SearchQuery,
  Steps,
  Totals,
} from '../queries-port.js';
import type { JobSets } from '../trees/job-sets.js';
import type { CommittedState } from './committed-state.js';
import { type DuePlace, searchByDue } from './finding/due-search.js';
import type { DueTable } from './finding/due-table.js';
import { countFailures } from './finding/failures.js';
import { Found, find } from './finding/matching.js';
import { search } from './finding/search.js';
import { tallyGroups, tallyTypes } from './finding/tally.js';
import type { JobLogs } from './job-logs.js';
import type { Memtable } from './memtable.js';
import { runPage } from './run-pages.js';

export class StoreQueries implements Queries {
  readonly #memtable: Memtable;
  readonly #sets: JobSets;
  readonly #state: CommittedState;
  readonly #due: DueTable;
  readonly #log: EventLog;
  readonly #counters: () => Counters;
  readonly #damage: DamageReports;
  readonly #jobLogs: Pick<JobLogs, 'page'> | undefined;
  readonly #numbers: JobNumbers;

  /** @param parts `counters`: as they are on disk now; `numbers`: of the shard, absent where there is one only */
  constructor(parts: {
    readonly state: CommittedState;
    readonly counters: () => Counters;
    readonly damage: DamageReports;
    readonly jobLogs?: Pick<JobLogs, 'page'>;
    readonly numbers?: JobNumbers | undefined;
  }) {
    this.#jobLogs = parts.jobLogs;
    this.#numbers = parts.numbers ?? singleShard;
    this.#state = parts.state;
    this.#memtable = parts.state.memtable;
    this.#sets = parts.state.sets;
    this.#due = parts.state.due;
    this.#log = new EventLog(parts.state.log, parts.state.types);
    this.#counters = parts.counters;
    this.#damage = parts.damage;
  }

  get shards(): number {
    return this.#numbers.shards;
  }

  lastEventOf(): number {
    return this.lastEvent();
  }

  get(id: string): Job | undefined {
    return this.#whole(() => this.#numbers.find(id, this.#counters().nextSeq, (seq) => this.#memtable.job(seq)));
  }

  seqOf(id: string): number | undefined {
    return this.get(id)?.spec.seq;
  }

  runs(id: string, query: Parameters<Queries['runs']>[1]): RunPage | undefined {
    const job = this.get(id);
    return job && this.#whole(() => runPage(job, this.#state, query));
  }

  logs(id: string, query: JobLogQuery): JobLogPage | undefined {
    const job = this.get(id);
    const none: JobLogPage = { total: 0, dropped: 0, items: [], next: undefined };
    return job && this.#whole(() => this.#jobLogs?.page(job.spec.seq, query) ?? none);
  }

  list({ filter = {}, descending = true, limit, offset, behind, withPlaces }: ListQuery): ListPage {
    return this.#whole(() => {
      const found = this.#find(filter);
      try {
        // One more than asked for tells whether there is a next page.
        const seqs = found.page({
          newest: descending,
          behind: behind?.seq,
          limit: limit + 1,
          offset: behind === undefined ? offset : 0,
        });
        return this.#page(found.size, seqs, limit, undefined, withPlaces);
      } finally {
        found.dispose();
      }
    });
  }

  *listInSteps(query: ListQuery): Steps<ListPage> {
    const { filter = {}, sort = 'created', limit, offset, behind } = query;
    if (!asksOfDue(query)) return this.list(query);
    const { descending = sort === 'created' } = query;
    const skip = behind === undefined ? offset : 0;
    const keep = skip + limit + 1;
    const place = behind && { seq: behind.seq, due: behind.due ?? Number.NaN };
    const steps = searchByDue(this.#due, () => this.#whole(() => this.#find(filter)), {
      filter,
      sort,
      descending,
      behind: place,
      keep,
    });
    const { total, first } = yield* steps;
    const seqs = first.slice(skip).map(({ seq }) => seq);
    const places = sort === 'due' ? first.slice(skip) : undefined;
    return this.#whole(() => this.#page(total, seqs, limit, places, query.withPlaces));
  }

  matching(filter: JobFilter): Steps<readonly BulkJobs[]> {
    return this.#matching(filter);
  }

  *#matching(filter: JobFilter): Generator<undefined, readonly BulkJobs[]> {
    const find = (): Found => this.#whole(() => this.#find(filter));
    if (asksOfDue({ filter })) {
      const steps = searchByDue(this.#due, find, { filter, sort: 'created', descending: false, keep: 0 }, true);
      return byBlock((yield* steps).all);
    }
    const found = find();
    try {
      return found.parts.map(({ block, bitmap }) => ({ block, places: bitmap.toUint32Array() }));
    } finally {
      found.dispose();
    }
  }

  *search(query: SearchQuery): Steps<SearchPage> {
    const { filter } = query;
    const jobs = asksOfDue({ filter }) ? yield* this.#matching(filter) : undefined;
    const found = jobs === undefined ? this.#whole(() => this.#find(filter)) : Found.of(jobs);
    return yield* search(found, (seq) => this.#whole(() => this.#memtable.job(seq)), query);
  }

  *failures(query: FailureQuery): Steps<FailurePage> {
    const { sets, labels, types } = this.#state;
    const ground = {
      failed: labels.failed,
      sets,
      typeOf: (name: string) => types.find(name),
      job: (seq: number) => this.#whole(() => this.#memtable.job(seq)),
      state: (seq: number) => this.#whole(() => this.#memtable.state(seq)),
    };
    return yield* countFailures(ground, query);
  }

  /** @param due places of these jobs, where the order goes by due time */
  #page(
    total: number,
    seqs: readonly number[],
    limit: number,
    due?: readonly DuePlace[],
    withPlaces = false,
  ): ListPage {
    const shown = seqs.slice(0, limit);
    const jobs: Job[] = [];
    const places: ListPlace[] = [];
    for (const [index, seq] of shown.entries()) {
      const job = this.#memtable.job(seq);
      if (job === undefined) continue;
      jobs.push(job);
      if (withPlaces) places.push(due?.[index] ?? { seq });
    }
    const page = withPlaces ? { total, jobs, places } : { total, jobs };
    const last = shown.at(-1);
    if (seqs.length <= limit || last === undefined) return page;
    return { ...page, next: due?.[limit - 1] ?? { seq: last } };
  }

  #find(filter: JobFilter): Found {
    const { sets, labels, types, creations } = this.#state;
    const { nextSeq } = this.#counters();
    const createdAt = (seq: number): number => this.#memtable.spec(seq).createdAt;
    const seqOf = (id: string): number | undefined =>
      this.#numbers.find(id, nextSeq, (seq) => (sets.has(seq) ? this.#memtable.job(seq) : undefined))?.spec.seq;
    return find({ sets, labels, types, creations, createdAt, seqOf, nextSeq }, filter);
  }

  totals(): Totals {
    const { completed, failed, cancelled } = this.#counters();
    return { pending: this.#sets.count('pending'), running: this.#sets.count('running'), completed, failed, cancelled };
  }

  dueInSteps(now: number): Steps<ReadonlyMap<string, number>> {
    return tallyTypes(this.#state, now);
  }

  groupsInSteps(name: string, now: number): Steps<readonly GroupCounts[]> {
    return tallyGroups(this.#state, name, now);
  }

  lastEvent(): number {
    return this.#counters().lastEvent;
  }

  eventsAfter(seq: number, limit: number, from?: LogPlace): PastEvents {
    return this.#whole(() => this.#log.eventsAfter(seq, limit, from) ?? { events: [], oldest: this.lastEvent() + 1 });
  }

  /** What is damaged is logged, and refused to those who ask for it. */
  #whole<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      this.#damage.report(error, `a ${error.state} record was asked for`);
      throw unreadableRefusal(error);
    }
  }
}

/** @param seqs ascending */
function byBlock(seqs: readonly number[]): BulkJobs[] {
  const blocks = new Map<number, number[]>();
  for (const seq of seqs) {
    const block = Math.floor(seq / bulkBlockSize);
    const places = blocks.get(block);
    if (places) places.push(seq % bulkBlockSize);
    else blocks.set(block, [seq % bulkBlockSize]);
  }
  return [...blocks].map(([block, places]) => ({ block, places: Uint32Array.from(places) }));
}

/** Whether a list has to know due times. */
function asksOfDue({ filter = {}, sort }: Pick<ListQuery, 'filter' | 'sort'>): boolean {
  return sort === 'due' || filter.dueFrom !== undefined || filter.dueBefore !== undefined;
}
