/** The shards of a process as the rest of it knows them: one as it is, several as one. */
import { noSettings } from '../domain/control/settings.js';
import type { HandlerInfo } from '../pool/port.js';
import type { LimitQueue } from '../scheduler/admission/waiting-line.js';
import type { LineKeeper } from '../scheduler/attempts/lines.js';
import type { Requests } from '../scheduler/messages.js';
import { modes } from '../scheduler/modes.js';
import type { ForeignJob, OtherShards } from '../scheduler/requests/other-shards.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import { type Counters, noCounters } from '../store/port.js';
import type { Queries } from '../store/queries-port.js';
import type { CommittedState } from '../store/state/committed-state.js';
import { GatheredQueries } from './gathering/gathered-queries.js';
import type { ClusterNames } from './keys/names.js';
import { outward } from './numbered.js';
import { type ClusterSettings, RoutedRequests } from './routed-requests.js';
import type { Shards } from './shards.js';
import { linesFor, type RunKeeper } from './sharing/shared-pool.js';

/** What the process asks of its schedulers beside requests. */
export type Schedulers = Pick<
  Scheduler,
  | 'mode'
  | 'settings'
  | 'counters'
  | 'firstDue'
  | 'queues'
  | 'runningAttempts'
  | 'settled'
  | 'recovered'
  | 'recover'
  | 'turn'
  | 'drain'
  | 'replaceHandlers'
>;

export interface Together {
  readonly requests: Requests;
  readonly queries: Queries;
  readonly scheduler: Schedulers;
  /** Jobs that this process has made. */
  made(): number;
  /** Of each shard. */
  readonly states: readonly Pick<CommittedState, 'types' | 'sets'>[];
  readonly jobLogs: LineKeeper & RunKeeper & { readonly bytes: number; readonly dropped: number; flush(): void };
}

/**
 * @param shards all of them: those that come later are seen, too, where there are several in all
 * @param settings of the cluster that they are of; absent: there is none
 * @param names of the other nodes of the cluster; absent: all shards are here
 */
export function togetherOf(shards: Shards, settings?: ClusterSettings, names?: ClusterNames): Together {
  const [only] = shards.all;
  if (shards.count === 1 && only !== undefined && settings === undefined) {
    const { scheduler, queries, state, jobLogs } = only;
    const made = (): number => shards.made;
    return { requests: scheduler, queries, scheduler, made, states: [state], jobLogs };
  }
  return {
    requests: new RoutedRequests(shards, settings, names),
    queries: new GatheredQueries(shards),
    scheduler: schedulersOf(shards, settings),
    made: () => shards.made,
    get states() {
      return shards.all.map(({ state }) => state);
    },
    jobLogs: {
      ...linesFor(shards),
      get bytes() {
        return shards.all.reduce((sum, { jobLogs }) => sum + jobLogs.bytes, 0);
      },
      get dropped() {
        return shards.all.reduce((sum, { jobLogs }) => sum + jobLogs.dropped, 0);
      },
      flush: () => {
        for (const { jobLogs } of shards.all) jobLogs.flush();
      },
    },
  };
}

function schedulersOf(shards: Shards, settings: ClusterSettings | undefined): Schedulers {
  const all = (): readonly Scheduler[] => shards.all.map(({ scheduler }) => scheduler);
  return {
    /** That of one that is not well, if there is one. */
    get mode() {
      return (all().find(({ mode }) => mode.health !== undefined) ?? all()[0])?.mode ?? modes.without_shards;
    },
    get settings() {
      return settings?.current ?? all()[0]?.settings ?? noSettings;
    },
    get counters() {
      return all()
        .map(({ counters }) => counters)
        .reduce(sumOf, { ...noCounters, nextSeq: 0 });
    },
    *firstDue() {
      for (const scheduler of all()) yield* scheduler.firstDue();
    },
    *queues() {
      const sums = new Map<string, LimitQueue>();
      for (const scheduler of all())
        for (const queue of scheduler.queues()) {
          const place = `${queue.name} ${queue.waitsFor}`;
          sums.set(place, { ...queue, jobs: queue.jobs + (sums.get(place)?.jobs ?? 0) });
        }
      yield* sums.values();
    },
    get runningAttempts() {
      return all().reduce((sum, { runningAttempts }) => sum + runningAttempts, 0);
    },
    get settled() {
      return all().every(({ settled }) => settled);
    },
    get recovered() {
      return all().every(({ recovered }) => recovered);
    },
    recover: () => {
      for (const scheduler of all()) scheduler.recover();
    },
    turn: () => {
      for (const scheduler of all()) scheduler.turn();
    },
    drain: () => {
      for (const scheduler of all()) scheduler.drain();
    },
    replaceHandlers: (handlers: readonly HandlerInfo[]) => {
      for (const scheduler of all()) scheduler.replaceHandlers(handlers);
    },
  };
}

function sumOf(a: Counters, b: Counters): Counters {
  return {
    ...a,
    nextSeq: a.nextSeq + b.nextSeq,
    idSeconds: Math.max(a.idSeconds, b.idSeconds),
    lastEvent: a.lastEvent + b.lastEvent,
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    cancelled: a.cancelled + b.cancelled,
    jobs: a.jobs + b.jobs,
  };
}

/** What is beside the shards of a process. */
export interface Beside {
  readonly typeElsewhere?: OtherShards['typeElsewhere'] | undefined;
  /** What is written is held against the names of a whole cluster: who writes first has a key, whatever is decided. */
  readonly hasClaims: boolean;
}

/** The other shards of the same process, as one of them asks. */
export function othersOf(
  shards: Shards,
  own: number,
  { typeElsewhere = () => undefined, hasClaims }: Beside,
): OtherShards {
  const others = () => shards.all.filter(({ numbers }) => numbers.shard !== own);
  return {
    jobsOfType: (name) => others().reduce((sum, { store }) => sum + store.jobsOfType(name), 0),
    ownerOf: (place): ForeignJob | undefined => {
      for (const { numbers, scheduler, store } of others()) {
        const job = scheduler.keys.ownerOf(place);
        if (job === undefined) continue;
        const isWritten = !hasClaims || store.state(job.spec.seq) !== undefined;
        return { shard: numbers.shard, job: outward(job, numbers), isWritten };
      }
      return undefined;
    },
    typeElsewhere,
    shardOfRequest: (key) => others().find(({ scheduler }) => scheduler.keys.hasRequest(key))?.numbers.shard,
  };
}
