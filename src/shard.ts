/**
 * A shard: all that owns one log, as one value. That is the committed state, the window of what is due, the store on the thread
 * that decides, the scheduler, and the queries that read beside it. How many a process has, its start
 * says; nothing here knows.
 */
import { Scheduler } from './scheduler/scheduler.js';
import type { SchedulerPorts } from './scheduler/scheduler-ports.js';
import type { KvReader } from './store/kv/kv.js';
import type { LogSource } from './store/log/record-log.js';
import { CommittedState } from './store/state/committed-state.js';
import { CommittedStore } from './store/state/committed-store.js';
import { JobLogs, type JobLogsOptions } from './store/state/job-logs.js';
import { StoreQueries } from './store/state/queries.js';
import type { Storage } from './store/trees/storage.js';
import { DueLanes } from './timer/lanes.js';

/** An open store: what it is read through, and what writes to it. */
export interface ShardStorage {
  readonly kv: KvReader;
  readonly log: LogSource;
  readonly storage: Storage;
  /** It is new, or was left in order. */
  readonly clean: boolean;
  /** Its owner before has lost it, and lives: what that ran then was interrupted by no fault. Absent: it has ended. */
  readonly planned?: boolean;
}

/** What a scheduler needs beside what its shard makes for it. */
export interface ShardPorts extends Omit<SchedulerPorts, 'store' | 'sets' | 'window'> {
  /** Entries that the window holds, where not as usual. */
  readonly windowCapacity?: number | undefined;
  /** What is kept of lines of handlers; absent: nothing is. */
  readonly jobLogs?: Pick<JobLogsOptions, 'maxBytes' | 'later' | 'isMirrored'> | undefined;
}

export interface Shard {
  readonly state: CommittedState;
  /** Wants to hear what the storage says. */
  readonly store: CommittedStore;
  readonly window: DueLanes;
  readonly scheduler: Scheduler;
  readonly queries: StoreQueries;
  readonly jobLogs: JobLogs;
}

/**
 * Reads what is on disk and makes a shard of it. Nothing runs yet: the scheduler is to `recover`, and then to have its first turn.
 *
 * @throws DamagedRecord
 */
export function makeShard({ kv, log, storage, clean, planned }: ShardStorage, ports: ShardPorts): Shard {
  const state = new CommittedState(kv, log);
  const window = new DueLanes((lane) => state.dueIndexOf(lane), ports.windowCapacity);
  const restored = state.restore((due, seq, lane) => window.add(due, seq, lane));
  window.open(restored.lanes);
  const store = new CommittedStore(storage, state, restored, ports);
  const scheduler = new Scheduler({ ...ports, store, sets: state.sets, window }, { ...restored, clean, planned });
  store.listen(scheduler);
  const jobLogs = new JobLogs({
    ...(ports.jobLogs ?? { maxBytes: 0, later: () => {} }),
    storage,
    kv,
    exists: (seq) => state.memtable.state(seq) !== undefined,
  });
  store.keepLines(jobLogs);
  const queries = new StoreQueries({
    state,
    counters: () => scheduler.counters,
    damage: ports.damage,
    jobLogs,
    numbers: ports.numbers,
  });
  return { state, store, window, scheduler, queries, jobLogs };
}
