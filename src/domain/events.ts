/**
 * What happened, as plain records: they are written to the log with the change they are about, published to subscribers
 * after it is on disk, and replayed to those who missed them.
 */
import type { RunOutcome } from './job.js';
import type { Status } from './lifecycle.js';

export const eventTypes = [
  'job.scheduled',
  'job.started',
  'job.completed',
  'job.failed',
  'job.retrying',
  'job.cancelled',
  'job.updated',
  'job.paused',
  'job.resumed',
] as const;
export type EventType = (typeof eventTypes)[number];

/** The part that differs by type. Instants are Unix milliseconds. */
export type EventBody =
  | { readonly type: 'job.scheduled'; readonly triggerAt: number; readonly isRepeat: boolean }
  | {
      readonly type: 'job.updated';
      readonly triggerAt: number;
      readonly isRepeat: boolean;
      /** Nothing is to come any more, and this is what the job is now. Absent: it is pending. */
      readonly ended?: RunOutcome | undefined;
    }
  | { readonly type: 'job.started'; readonly attempt: number }
  | { readonly type: 'job.completed'; readonly durationMs: number }
  | {
      readonly type: 'job.failed';
      readonly error: string;
      readonly retryCount: number;
      readonly maxRetries: number;
      readonly final: boolean;
    }
  | {
      readonly type: 'job.retrying';
      readonly nextRetryAt: number;
      readonly retryCount: number;
      /** Why another attempt follows: the handler failed, a user asked, the attempt was interrupted, or it asked to wait. */
      readonly cause: 'failure' | 'manual' | 'interruption' | 'snooze';
    }
  | { readonly type: 'job.cancelled'; readonly previousStatus: Status }
  | {
      readonly type: 'job.paused' | 'job.resumed';
      /** Of the job: a pause leaves it. */
      readonly status: 'pending' | 'running';
      /** Of the pause that begins or ends. */
      readonly until?: number | undefined;
      readonly reason?: string | undefined;
    };

/** An event as the log keeps it. `seq` grows by one with every event of the server. */
export interface JobEvent {
  readonly seq: number;
  /** The job's own `seq`, and the second of its public id. */
  readonly jobSeq: number;
  readonly idSeconds: number;
  readonly jobName: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly body: EventBody;
}
