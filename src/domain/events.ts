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

/** Events that are not kept: they have no `seq`, go only to those who name them, may be dropped, and are not resumed. */
export const transientTypes = ['job.progress', 'job.log'] as const;
export type TransientType = (typeof transientTypes)[number];

/** All that a subscription can name. */
export const heardTypes = [...eventTypes, ...transientTypes] as const;
export type HeardType = (typeof heardTypes)[number];

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

/** An event as the log keeps it. `seq` grows by one with every event of its shard. */
export interface JobEvent {
  readonly seq: number;
  /** Outside its shard, where there are several: which it is. `jobSeq` is the job's number then. */
  readonly shard?: number;
  /** The job's own `seq`, and the second of its public id. */
  readonly jobSeq: number;
  readonly idSeconds: number;
  readonly jobName: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly body: EventBody;
}

/** The part of an event that is not kept which differs by type. */
export type TransientBody =
  | {
      readonly type: 'job.progress';
      /** JSON text. */
      readonly progress: string;
    }
  | {
      readonly type: 'job.log';
      readonly level: string;
      readonly message: string;
      /** JSON text of an object. */
      readonly fields?: string | undefined;
    };

/** An event that is not kept, of an attempt that runs. */
export interface TransientEvent extends Omit<JobEvent, 'seq' | 'body'> {
  readonly body: TransientBody;
}
