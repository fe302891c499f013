/** What dispatch needs of others. Types only. */
import type { Clock } from '../clock.js';
import type { Pool } from '../pool/port.js';
import type { CommittedJobs, JobsByStatus } from '../store/port.js';
import type { Telemetry } from '../telemetry/port.js';
import type { Traces } from '../telemetry/traces/port.js';
import type { DueTimes } from '../timer/lanes.js';
import type { Waker } from '../timer/waker.js';
import type { Places } from './admission/places.js';

/** See the head of this file. */
export interface DispatchPorts {
  readonly clock: Clock;
  readonly pool: Pool;
  readonly window: DueTimes;
  readonly store: Pick<CommittedJobs, 'pendingOfType'>;
  readonly sets: Pick<JobsByStatus, 'count'>;
  readonly telemetry: Telemetry;
  /** Gives the scheduler a turn. */
  readonly waker: Pick<Waker, 'soon'>;
  /** Shared with the other shards of the process; absent: there are none. */
  readonly places?: Places | undefined;
  /** Absent: nothing is traced. */
  readonly traces?: Traces | undefined;
}
