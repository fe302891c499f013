/** What the scheduler is made with: the parts that it needs of others, and how the last one left the directory. Types only. */
import type { SetBack, Stretch } from '../clock.js';
import type { Settings } from '../domain/control/settings.js';
import type { JobEvent } from '../domain/events.js';
import type { HandlerInfo, Pool } from '../pool/port.js';
import type { Counters, Handover, JobStore, JobsByStatus, KeptBulks } from '../store/port.js';
import type { DueTimes } from '../timer/lanes.js';
import type { Waker } from '../timer/waker.js';
import type { Places } from './admission/places.js';
import type { AttemptsPorts } from './attempts/attempts.js';
import type { Whereabouts } from './attempts/handing-over.js';
import type { LedgerPorts } from './ledger.js';
import type { MergeBounds } from './merging.js';
import type { OtherShards } from './requests/other-shards.js';
import type { RetentionLimits } from './retention.js';

/** What the scheduler needs of others. */
export interface SchedulerPorts extends LedgerPorts, AttemptsPorts {
  readonly pool: Pool;
  /** Absent: there are none. */
  readonly others?: OtherShards | undefined;
  /** Shared with the other shards of the process; absent: there are none. */
  readonly places?: Places | undefined;
  /** Where attempts run; absent: all run here. */
  readonly whereabouts?: Whereabouts | undefined;
  readonly store: JobStore;
  readonly sets: JobsByStatus;
  readonly window: DueTimes;
  /** Calls `turn`. */
  readonly waker: Waker;
  readonly handlers: readonly HandlerInfo[];
  /** What is set for all shards of a cluster; absent: there is none, and what is set is in the directory. */
  readonly settings?: Settings | undefined;
  readonly timezone: string;
  readonly retention: RetentionLimits;
  /** Jobs that requests may name in one turn, where not as usual. */
  readonly requestedJobsPerTurn?: number;
  /** Jobs that are looked at in one turn after the clock was set back, where not as usual. */
  readonly looksPerTurn?: number | undefined;
  /** When to merge, where not as usual. */
  readonly merge?: MergeBounds;
  /** Notifies subscribers of events that are on disk. */
  readonly publish: (events: readonly JobEvent[]) => void;
  /** The latest time that the process was stopped, in monotonic milliseconds, reported once. Absent: it never is. */
  readonly takeStop?: () => Stretch | undefined;
  /** The disk is broken: the process must end. */
  readonly fatal: (reason: string) => void;
}

/** How the directory was left. */
export interface SchedulerStart {
  readonly counters: Counters;
  /** What users have set. */
  readonly settings: Settings;
  readonly bulks: KeptBulks;
  readonly clean: boolean;
  /** What ran was interrupted by no fault; absent: the process has ended. */
  readonly planned?: boolean | undefined;
  /** When the last commit was made, in Unix milliseconds; undefined when there was none. */
  readonly lastRecordAt: number | undefined;
  /** When no server had run before that, as far as that was known. Unix milliseconds. */
  readonly downtime: readonly Stretch[];
  /** That the clock was set back, where not all jobs had been looked at since. */
  readonly setBack: SetBack | undefined;
  /** When the shard was last given away, and where its last record stands; undefined where it never was. */
  readonly handover?: Handover | undefined;
  readonly position?: number;
}
