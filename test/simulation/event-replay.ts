/** A replay of the events: read in order, they lead to where every job stands. */
import type { JobEvent } from '../../src/domain/events.js';
import type { Status } from '../../src/domain/lifecycle.js';

/** A job as somebody knows it who has heard of nothing but events. Instants are Unix milliseconds, 0: not yet. */
export interface Told {
  status: Status;
  due: number;
  /** The instant of the last occurrence that was told of. */
  scheduledFor: number;
  starts: number;
  startedAt: number;
  /** Unknown after the update of a repeating job: a new schedule forgets the retries, another payload does not. */
  retryCount: number | undefined;
  /** It was updated or replaced: a replacement has had no retries. */
  mayBegin: boolean;
  failedAt: number | undefined;
  error: string | undefined;
  /** Number of the start whose attempt completed last. */
  completedLease: number | undefined;
  /** The pause that it is in. */
  paused: Extract<JobEvent['body'], { type: 'job.paused' | 'job.resumed' }> | undefined;
}

const newlyKnown = (): Told => ({
  status: 'pending',
  due: 0,
  scheduledFor: Number.NEGATIVE_INFINITY,
  starts: 0,
  startedAt: 0,
  retryCount: 0,
  mayBegin: false,
  failedAt: undefined,
  error: undefined,
  completedLease: undefined,
  paused: undefined,
});

/** @param what a function where the text names values: most of a life would be spent on texts that nobody reads */
export function must(holds: boolean, what: string | (() => string)): asserts holds {
  if (!holds) throw new Error(typeof what === 'string' ? what : what());
}

export class EventReplay {
  readonly jobs = new Map<number, Told>();
  /** Totals, as the events tell them. */
  completed = 0;
  failed = 0;
  cancelled = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** Throws at an event that cannot follow those before it. */
  apply(event: JobEvent): void {
    const told = this.jobs.get(event.jobSeq) ?? newlyKnown();
    this.jobs.set(event.jobSeq, told);
    if (event.at < this.#lastAt) this.#forgetSchedules();
    this.#lastAt = event.at;
    apply(told, event);
    const { body } = event;
    if (body.type === 'job.completed') this.completed++;
    if (body.type === 'job.failed' && body.final) this.failed++;
    if (body.type === 'job.cancelled') this.cancelled++;
  }

  /** The clock was set back: what was scheduled by it may be so anew. That no slot is completed twice is checked apart. */
  #forgetSchedules(): void {
    for (const told of this.jobs.values()) told.scheduledFor = Number.NEGATIVE_INFINITY;
  }
}

function apply(told: Told, { seq, jobSeq, at, body }: JobEvent): void {
  const { status } = told;
  switch (body.type) {
    case 'job.scheduled':
      must(
        body.triggerAt > told.scheduledFor,
        () => `event ${seq} schedules job ${jobSeq} for an instant a second time`,
      );
      // A snoozed attempt that gives way to the next occurrence leaves its own without an end.
      must(status !== 'cancelled', () => `event ${seq} schedules a ${status} job`);
      Object.assign(told, { status: 'pending', due: body.triggerAt, scheduledFor: body.triggerAt, retryCount: 0 });
      return;
    case 'job.updated':
      // A job that has come to its end goes on where another request was waiting for that.
      must(status !== 'running' && status !== 'cancelled', () => `event ${seq} updates a ${status} job`);
      if (body.ended !== undefined) {
        told.status = body.ended;
        return;
      }
      Object.assign(told, { status: 'pending', due: body.triggerAt, scheduledFor: Number.NEGATIVE_INFINITY });
      told.mayBegin = true;
      if (body.isRepeat) told.retryCount = undefined;
      return;
    case 'job.started':
      must(status === 'pending', () => `event ${seq} starts a ${status} job`);
      must(
        body.attempt === (told.retryCount ?? body.attempt - 1) + 1 || (told.mayBegin && body.attempt === 1),
        () => `event ${seq} starts attempt ${body.attempt} after ${told.retryCount} retries`,
      );
      Object.assign(told, { status: 'running', starts: told.starts + 1, startedAt: at, retryCount: body.attempt - 1 });
      told.mayBegin = false;
      return;
    case 'job.completed':
      must(status === 'running', () => `event ${seq} completes a ${status} job`);
      Object.assign(told, { status: 'success', completedLease: told.starts });
      return;
    case 'job.failed':
      // One that has expired fails while it waits.
      must(status === 'running' || (status === 'pending' && body.final), () => `event ${seq} fails a ${status} job`);
      Object.assign(told, { status: 'failed', retryCount: body.retryCount, failedAt: at, error: body.error });
      return;
    case 'job.retrying':
      must(status === 'failed' || status === 'running', () => `event ${seq} retries a ${status} job`);
      Object.assign(told, { status: 'pending', due: body.nextRetryAt, retryCount: body.retryCount });
      // What has finished is not paused any more.
      if (body.cause === 'manual') told.paused = undefined;
      return;
    case 'job.cancelled':
      must(body.previousStatus === status, () => `event ${seq} cancels a ${status} job as ${body.previousStatus}`);
      told.status = 'cancelled';
      return;
    case 'job.paused':
    case 'job.resumed':
      must(body.status === status, () => `event ${seq} is of a ${body.status} job ${jobSeq}, which is ${status}`);
      told.paused = body.type === 'job.paused' ? body : undefined;
      return;
    default:
      body satisfies never;
  }
}
