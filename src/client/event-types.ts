/** Events of jobs, as types. Names and forms are those of the API. */
import type { JsonObject } from './types.js';

export type EventType =
  | 'job.scheduled'
  | 'job.updated'
  | 'job.started'
  | 'job.completed'
  | 'job.failed'
  | 'job.retrying'
  | 'job.cancelled'
  | 'job.paused'
  | 'job.resumed';

/** What happened to a job. `seq` grows without a gap over all events of the server; of a server of several shards, over those of `shard`. */
export interface JobEvent {
  readonly type: EventType;
  readonly job_id: string;
  readonly job_name: string;
  readonly status: number;
  readonly timestamp: string;
  readonly data?: JsonObject;
  readonly metadata: JsonObject;
  readonly seq: number;
  /** Of a server of several shards: which one counts by `seq`. */
  readonly shard?: number;
}

/** What an event of a running job has that is not kept: it has no `seq`, may be left out, and comes only where its type is asked for. */
interface Transient {
  readonly job_id: string;
  readonly job_name: string;
  readonly status: number;
  readonly timestamp: string;
  readonly metadata: JsonObject;
}

/** An attempt has said how far it has come (`ctx.progress`). */
export interface ProgressEvent extends Transient {
  readonly type: 'job.progress';
  readonly data: { readonly progress: unknown };
}

/** A handler has written a line (`ctx.log`). */
export interface LogEvent extends Transient {
  readonly type: 'job.log';
  readonly data: { readonly level: LogLevel; readonly message: string; readonly fields: JsonObject };
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Types of events that are not kept: a filter must name them. */
export type TransientType = 'job.progress' | 'job.log';

/** The event of a type. */
export type EventOf<Type extends EventType | TransientType> = Type extends 'job.progress'
  ? ProgressEvent
  : Type extends 'job.log'
    ? LogEvent
    : JobEvent;

/** Events from one number to another are not known any more. */
export interface Gap {
  readonly type: 'gap';
  readonly from: number;
  readonly to: number;
  /** Of a server of several shards: of which one. */
  readonly shard?: number;
  /** The same: where to resume behind it. */
  readonly cursor?: string;
}

/** An event must match all lists that are there, and in each of them one value. */
export interface EventFilter<Name extends string = string, Type extends EventType | TransientType = EventType> {
  readonly job_types?: readonly Name[];
  readonly event_types?: readonly Type[];
  readonly job_ids?: readonly string[];
}
