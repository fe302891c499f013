/** What the deciding of requests shares: what it is decided with, the job that is named, and whether its status permits it. */
import type { BulkRecord } from '../../domain/control/bulk.js';
import { Refusal } from '../../domain/errors.js';
import type { Job, JobName, TraceContext } from '../../domain/job.js';
import { next, type Step } from '../../domain/lifecycle.js';
import type { HandlerInfo } from '../../pool/port.js';
import { type DamageReports, UnreadableRecord, unreadableRefusal } from '../../store/port.js';
import type { Ledger } from '../ledger.js';
import type { Answer, BulkRequest } from '../messages.js';
import type { OtherShards } from './other-shards.js';

/** Takes in and ends what is done with many jobs. */
export interface BulkRequests {
  accept(request: BulkRequest, context: RequestContext): BulkRecord;
  /** @throws Refusal `not_found` */
  cancel(id: number, context: RequestContext): BulkRecord;
}

export interface RequestContext {
  readonly ledger: Ledger;
  /** What is done with many jobs. */
  readonly bulks: BulkRequests;
  readonly handlers: ReadonlyMap<string, HandlerInfo>;
  /** How many jobs of a type there are. */
  readonly jobsOfType: (name: string) => number;
  readonly others: OtherShards;
  /** IANA name: for cron jobs that name none. */
  readonly timezone: string;
  /** Unix milliseconds. */
  readonly now: number;
  /** Fires the signal of a job's attempt, once the cancellation is on disk. */
  readonly abort: (job: Job) => void;
  /** Puts a job in order that the clock has left in the future, before it is decided about. */
  readonly lookAtFirst: (seq: number) => void;
  /** Of the request that is decided, where that is traced. */
  readonly trace?: TraceContext | undefined;
  /** The job whose attempt has enqueued what is made. */
  readonly parentId?: JobName | undefined;
}

export type Reply = (answer: Answer) => void;

/** The job that `id` names. @throws Refusal `not_found` */
export function find(id: string, { ledger, lookAtFirst }: RequestContext): Job {
  const job = ledger.numbers.find(id, ledger.committed.nextSeq, (seq) => {
    lookAtFirst(seq);
    return ledger.lookup(seq);
  });
  if (!job)
    throw new Refusal('not_found', 'There is no job with this id. It may have been removed after its retention.');
  return job;
}

/** @throws Refusal `conflict` when the lifecycle has no such step from the job's status. */
export function permit(job: Job, step: Step, what: string, { ledger }: Pick<RequestContext, 'ledger'>): void {
  if (next(job.state.status, step)) return;
  const id = ledger.numbers.format(job.spec.seq, job.spec.idSeconds);
  throw new Refusal('conflict', `Job ${id} is ${job.state.status}; ${what}.`);
}

/** What was thrown, as a client is to see it. What is no refusal, and no damage, is thrown on. */
export function asRefusal(error: unknown, damage: DamageReports): Refusal {
  if (error instanceof Refusal) return error;
  if (!(error instanceof UnreadableRecord)) throw error;
  damage.report(error, `a ${error.state} record was asked for`);
  return unreadableRefusal(error);
}
