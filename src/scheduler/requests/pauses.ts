/** Deciding what users ask for beside a job's own fields: to pause and to resume it, its type or the server, to run it now, to remove it. */

import { type PauseChange, pause, resume, run } from '../../domain/control/pausing.js';
import { changedType, held, type TypeChange, type TypeSettings } from '../../domain/control/settings.js';
import type { Decision } from '../../domain/decisions.js';
import { Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import { isFinished } from '../../domain/lifecycle.js';
import type { Answer, Request } from '../messages.js';
import { find, permit, type Reply, type RequestContext } from './context.js';

type SettingOf<Kind extends Request['kind']> = Extract<Request, { kind: Kind }>;

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

const done: Answer = { ok: true, jobs: [], replayed: false };

/** A type is given limits, paused or resumed. */
export function setType(
  request: SettingOf<'pauseType' | 'resumeType' | 'setType'>,
  context: RequestContext,
  reply: Reply,
): void {
  const { ledger, handlers, jobsOfType, now } = context;
  const { name } = request;
  if (!handlers.has(name) && jobsOfType(name) === 0)
    throw new Refusal('not_found', 'There is no job type with this name: it has neither a handler nor jobs.');
  const before = ledger.settings.typeOf(name);
  if (request.kind === 'setType') checkReason(before, request.change);
  const change = request.kind === 'setType' ? request.change : changeOfPause(request);
  ledger.settings.setType(name, changedType(before, change, now));
  ledger.answerAfterAll(reply, done);
}

function changeOfPause(request: SettingOf<'pauseType' | 'resumeType'>): TypeChange {
  return request.kind === 'pauseType' ? { paused: true, reason: request.reason } : { paused: null };
}

/** @throws Refusal when there is a reason and no pause */
function checkReason(before: TypeSettings, { paused, reason }: TypeChange): void {
  if (typeof reason !== 'string' || paused !== undefined || before.paused !== undefined) return;
  const path = '/pause_reason';
  const message = 'is only for a type that is paused: add "paused": true';
  throw new Refusal('validation_failed', `${path} ${message}.`, [{ path, message }]);
}

/** The server is paused or resumed. */
export function setServer(
  request: SettingOf<'pauseServer' | 'resumeServer'>,
  context: RequestContext,
  reply: Reply,
): void {
  const { ledger, now } = context;
  const { paused, ...others } = ledger.settings.server;
  if (request.kind === 'pauseServer')
    ledger.settings.setServer({ ...others, paused: held(paused, request.reason, now) });
  else if (paused !== undefined) ledger.settings.setServer(others);
  ledger.answerAfterAll(reply, done);
}
