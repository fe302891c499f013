/** Deciding what users ask for beside a job's own fields: to pause and to resume it, to run it now, to remove it. */

import { type PauseChange, pause, resume, run } from '../../domain/control/pausing.js';
import type { Decision } from '../../domain/decisions.js';
import { Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import { isFinished } from '../../domain/lifecycle.js';
import { find, permit, type Reply, type RequestContext } from './context.js';

/** Nothing of the job starts until it is resumed. What runs goes on. */
export function pauseJob(id: string, change: PauseChange, context: RequestContext, reply: Reply): void {
  const job = find(id, context);
  permit(job, 'pause', 'only a pending or running job can be paused', context);
  enter(job, pause(job, change, context.now), context, reply);
}

export function resumeJob(id: string, context: RequestContext, reply: Reply): void {
  const job = find(id, context);
  permit(job, 'resume', 'only a pending or running job can be resumed', context);
  enter(job, resume(job, context.now), context, reply);
}

/** The job is due now, whatever its own pause says. */
export function runJob(id: string, context: RequestContext, reply: Reply): void {
  const job = find(id, context);
  permit(job, 'run', 'only a pending job can be run now', context);
  enter(job, run(job, context.now), context, reply);
}

/** Where nothing is decided, the job is answered as it is. */
function enter(job: Job, decision: Decision | undefined, { ledger, now }: RequestContext, reply: Reply): void {
  const after = decision ? ledger.record(job, decision, now) : job;
  ledger.answer(job.spec.seq, reply, { ok: true, jobs: [after], replayed: false });
}

/** What is answered is the job as it was. */
export function removeJob(id: string, context: RequestContext, reply: Reply): void {
  const { ledger } = context;
  const job = find(id, context);
  const { seq } = job.spec;
  if (!isFinished(job.state.status)) {
    const named = ledger.numbers.format(seq, job.spec.idSeconds);
    throw new Refusal('conflict', `Job ${named} is ${job.state.status}; only a finished job can be removed.`);
  }
  ledger.remove(job);
  ledger.answer(seq, reply, { ok: true, jobs: [job], replayed: false });
}
