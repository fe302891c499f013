/** The read side: lists, totals, single jobs and past events, from what is on disk. */

import { findById } from '../../domain/find-job.js';
import { isRepeating, type Job } from '../../domain/job.js';
import { runsOfState } from '../../domain/runs/rows.js';
import { isPassedOver, type NumberedRun, runsKept } from '../../domain/runs/run.js';
import type { TypeDictionary } from '../format/type-dictionary.js';
import { EventLog } from '../log/event-log.js';
import { type Counters, type DamageReports, UnreadableRecord, unreadableRefusal } from '../port.js';
import type { ListPage, ListQuery, LogPlace, PastEvents, Queries, RunPage, Totals } from '../queries-port.js';
import type { JobSets } from '../trees/job-sets.js';
import type { StoreReader } from '../trees/reader.js';
import { runsIn } from '../trees/runs.js';
import type { CommittedState } from './committed-state.js';
import type { Memtable } from './memtable.js';
import type { RecentCommits } from './recent-commits.js';

export class StoreQueries implements Queries {
  readonly #memtable: Memtable;
  readonly #sets: JobSets;
  readonly #types: TypeDictionary;
  readonly #log: EventLog;
  readonly #reader: StoreReader;
  readonly #recent: RecentCommits;
  readonly #counters: () => Counters;
  readonly #damage: DamageReports;

  /** @param counters as they are on disk now */
  constructor(parts: {
    readonly state: CommittedState;
    readonly counters: () => Counters;
    readonly damage: DamageReports;
  }) {
    this.#memtable = parts.state.memtable;
    this.#sets = parts.state.sets;
    this.#types = parts.state.types;
    this.#log = new EventLog(parts.state.log, parts.state.types);
    this.#reader = parts.state.reader;
    this.#recent = parts.state.recent;
    this.#counters = parts.counters;
    this.#damage = parts.damage;
  }

  get(id: string): Job | undefined {
    return this.#whole(() => findById(id, this.#counters().nextSeq, (seq) => this.#memtable.job(seq)));
  }

  seqOf(id: string): number | undefined {
    return this.get(id)?.spec.seq;
  }

  runs(
    id: string,
    { limit, before = Number.POSITIVE_INFINITY }: { readonly limit: number; readonly before?: number | undefined },
  ): RunPage | undefined {
    const job = this.get(id);
    if (!job) return undefined;
    const all = this.#whole(() => this.#runs(job));
    const from = all.filter(({ number }) => number < before);
    const runs = from.slice(0, limit);
    const last = runs.at(-1);
    return { total: all.length, runs, ...(from.length > limit && last && { nextBefore: last.number }) };
  }

  /** All rows that there are, the newest first. */
  #runs(job: Job): NumberedRun[] {
    const { spec, state } = job;
    const rows = new Map(runsIn(this.#reader.kv, spec.seq).map((row) => [row.number, row]));
    for (const row of this.#recent.runs.of(spec.seq)) rows.set(row.number, row);
    const sorted = [...rows.values()].sort((a, b) => b.number - a.number);
    // The trees may have a commit that has not been reported yet: the state is as it was before.
    const ended = state.status === 'running' ? state.fence - 1 : state.fence;
    const ahead = sorted.findLastIndex(({ run }) => !isPassedOver(run) && run.run > ended);
    const known = sorted.slice(ahead + 1);
    const last = known[0]?.number ?? 0;
    const ofState = runsOfState(job, last > 0).map((run, at) => ({ number: last + 1 + at, run }));
    return [...ofState.reverse(), ...known.filter(({ number }) => number > last - runsKept(isRepeating(spec)))];
  }

  list(query: ListQuery): ListPage {
    const typeId = query.name === undefined ? undefined : this.#types.find(query.name);
    if (query.name !== undefined && typeId === undefined) return { total: 0, jobs: [] };
    const { limit, offset, before } = query;
    // One more than asked for tells whether there is a next page.
    const seqs = this.#sets.page(query.status, typeId, {
      limit: limit + 1,
      offset: before === undefined ? offset : 0,
      ...(before !== undefined && { before }),
    });
    const jobs = this.#whole(() => seqs.slice(0, limit).map((seq) => this.#require(seq)));
    const last = jobs.at(-1);
    return {
      total: this.#sets.total(query.status, typeId),
      jobs,
      ...(seqs.length > limit && last && { nextBefore: last.spec.seq }),
    };
  }

  totals(): Totals {
    const { completed, failed, cancelled } = this.#counters();
    return { pending: this.#sets.count('pending'), running: this.#sets.count('running'), completed, failed, cancelled };
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

  #require(seq: number): Job {
    const job = this.#memtable.job(seq);
    if (!job) throw new Error(`job ${seq} is in a set but not in the trees`);
    return job;
  }
}
