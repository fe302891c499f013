/**
 * A job: what the user asked for (`JobSpec`, changed only by an update) and where it stands (`JobState`, changed only
 * through `lifecycle`). All instants are Unix milliseconds; 0 stands for "not yet".
 */
import type { Status } from './lifecycle.js';

/** When a job is due: once at an instant, on a cron schedule (once or for ever), or on a fixed grid. */
export type Trigger =
  | { readonly kind: 'once'; readonly due: number }
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string; readonly repeat: boolean }
  | { readonly kind: 'interval'; readonly everyMs: number; readonly firstDue: number };

export type Backoff = 'exponential' | 'fixed';
export type Misfire = 'run_once' | 'skip';
/** What becomes of a slot that comes due while the occurrence before it runs. */
export const overlaps = ['skip', 'queue', 'cancel_running'] as const;
export type Overlap = (typeof overlaps)[number];

/** Instants of a schedule, both ends included. Unix milliseconds. */
export interface SlotRange {
  readonly from: number;
  readonly until: number;
}

/** A place in a distributed trace, as W3C Trace Context has it: what a job keeps of the request that made it. */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case, not all zero. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** One byte; its lowest bit says that the trace is recorded. */
  readonly flags: number;
  /** What vendors pass on beside it (`tracestate`), at most 512 characters. */
  readonly state?: string | undefined;
}

/** The headers of a request that belongs to it, as W3C Trace Context has them. */
export function traceHeaders(trace: TraceContext | undefined): Record<string, string> {
  if (trace === undefined) return {};
  const { traceId, spanId, flags, state } = trace;
  const traceparent = `00-${traceId}-${spanId}-${(flags & 0xff).toString(16).padStart(2, '0')}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

/** What a public id is made of. */
export interface JobName {
  /** The job's number. */
  readonly seq: number;
  readonly idSeconds: number;
}

export interface JobSpec {
  /** Sequence number: grows by one with every job, never reused. The public id is derived from it. */
  readonly seq: number;
  /** Second in the public id; never goes back. */
  readonly idSeconds: number;
  readonly name: string;
  /** JSON text of an object. */
  readonly payload: string;
  readonly trigger: Trigger;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly backoff: Backoff;
  readonly timeoutMs: number;
  readonly misfire: Misfire;
  readonly createdAt: number;
  readonly idempotencyKey?: string | undefined;
  /** Of jobs that are due and wait the larger starts first, -100 to 100; absent: 0. */
  readonly priority?: number | undefined;
  /** What users find it by: different words, at least one. */
  readonly tags?: readonly string[] | undefined;
  /** Waiting groups of one type and priority take turns. Absent: it is one of those without a group, which are together one. */
  readonly group?: string | undefined;
  /** No attempt of an occurrence starts later than that after it was due. Absent: it may start at any time. */
  readonly expiresAfterMs?: number | undefined;
  /** A user had it tried again at this instant: what is due earlier expires as if it were due then. */
  readonly expiresFrom?: number | undefined;
  /** Where the growth of the backoff ends; absent: `limits.maxBackoffMs`. */
  readonly maxRetryDelayMs?: number | undefined;
  /** Each retry waits longer by a part of up to this fraction, from 0 to 1. */
  readonly retryJitter?: number | undefined;
  /** Of a repeating job: no slot is before, or after; both included. */
  readonly startAt?: number | undefined;
  readonly endAt?: number | undefined;
  /** Of a repeating job: occurrences that may start. */
  readonly maxRuns?: number | undefined;
  /** Of a repeating job: a slot's start comes later by a part of it. */
  readonly jitterMs?: number | undefined;
  /** Of a repeating job; absent: `skip`. */
  readonly overlap?: Overlap | undefined;
  /** The job whose attempt has enqueued it. */
  readonly parentId?: JobName | undefined;
  /** Slots of a repeating job that are to come by the present clock and have run: by a clock that was ahead. */
  readonly alreadyRan?: readonly SlotRange[] | undefined;
  /** The request that made it, where requests are traced. */
  readonly trace?: TraceContext | undefined;
  /** Names the job within its type: see `control/keys.ts`. Never changes. */
  readonly key?: string | undefined;
  /** How long the key stays taken at least, from the making of the job on. */
  readonly keyTtlMs?: number | undefined;
  /** Another job has taken the key while this one ran: no further attempt follows. */
  readonly keyLost?: true | undefined;
  /** Of a repeating job that runs: what it becomes when the attempt has ended (`if_exists: "replace"`). */
  readonly successor?: JobSpec | undefined;
}

/** A pause that a user has asked for: as long as there is one, nothing of the job starts. */
export interface Pause {
  /** When it ends by itself, in Unix milliseconds; absent: when a user ends it. */
  readonly until?: number | undefined;
  /** What the user said. */
  readonly reason?: string | undefined;
  /** The present occurrence was asked for since (`run`): it starts all the same, and so do its retries. */
  readonly passes?: boolean | undefined;
}

export interface JobState {
  readonly status: Status;
  /** The next start, retries included; once nothing is to come, the last one's due time. */
  readonly due: number;
  /** The instant that the present occurrence was scheduled for; a retry keeps it. */
  readonly occurrence: number;
  readonly updatedAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Number of the latest attempt over the life of the job: a fencing token, which an outcome must bring back. */
  readonly fence: number;
  /** Times that an attempt of this occurrence was started, those interrupted included. */
  readonly attempt: number;
  /** Retries granted in this occurrence. */
  readonly retryCount: number;
  /** Interruptions in a row in this occurrence. */
  readonly interruptions: number;
  readonly skipped: number;
  readonly missed: number;
  /** Of a repeating job: occurrences of its schedule that started. Those that a user has asked for do not count. */
  readonly runCount: number;
  /** Of a repeating job: how the occurrence ended that has run last. */
  readonly lastOutcome: RunOutcome | undefined;
  /** Null: it is not paused. Finished jobs are not. */
  readonly pause: Pause | null;
  /**
   * Of an extra occurrence of a repeating job (`run`): the slot that comes next, which stays, or the instant to which a user has moved
   * the next occurrence. Jitter is not in it. 0 for an occurrence of the schedule.
   */
  readonly nextSlot: number;
}

/** How an occurrence of a repeating job has ended. */
export type RunOutcome = 'success' | 'failed';

/** Why an attempt has failed, or why none is made any more. */
export const failureCodes = ['handler_error', 'timeout', 'worker_lost', 'expired', 'cancelled'] as const;
export type FailureCode = (typeof failureCodes)[number];

/** The latest failure of a job, as answers show it. */
export interface LastError {
  readonly name: string;
  readonly message: string;
  readonly code: FailureCode;
  /** Unix milliseconds. */
  readonly at: number;
}

/** What attempts left behind; absent until there is something. `result` is JSON text. */
export interface JobDetail {
  readonly lastError?: LastError;
  readonly result?: string;
  readonly resultOmitted?: string;
  /** What its latest attempt has said last of its progress; JSON text. */
  readonly progress?: string;
}

export interface Job {
  readonly spec: JobSpec;
  readonly state: JobState;
  readonly detail: JobDetail;
}

export const noDetail: JobDetail = Object.freeze({});

/** True for jobs that have a next occurrence after each. */
export function isRepeating({ trigger }: Pick<JobSpec, 'trigger'>): boolean {
  return trigger.kind === 'interval' || (trigger.kind === 'cron' && trigger.repeat);
}

/** True while a pause keeps the job from starting. */
export function isHeld({ pause }: JobState): boolean {
  return pause !== null && pause.passes !== true;
}

/** The pause when an occurrence is over that it may have let pass. */
export function heldAgain(pause: Pause | null): Pause | null {
  if (pause?.passes !== true) return pause;
  const { passes: _, ...held } = pause;
  return held;
}

/**
 * When time alone makes something of a pending job: it is due, or its pause ends. Unix milliseconds; Infinity when it is paused until
 * a user resumes it. A pause that ended before 1970 ends then: rows of jobs that have run hold no earlier instant.
 */
export function wakesAt(state: JobState): number {
  return isHeld(state) ? Math.max(0, state.pause?.until ?? Number.POSITIVE_INFINITY) : state.due;
}
