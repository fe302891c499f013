/** Deciding what users ask for: each request becomes a decision about a job, or a refusal that says why not. */
import * as decisions from '../../domain/decisions.js';
import { Refusal } from '../../domain/errors.js';
import type { Job, JobSpec } from '../../domain/job.js';
import { limits } from '../../domain/limits.js';
import { onGrid } from '../../domain/slots/schedule.js';
import * as updates from '../../domain/update.js';
import type { Creation, JobDraft, JobPatch, Request } from '../messages.js';
import { changeOf, checkBounds, triggerOf } from './changes.js';
import { find, permit, type Reply, type RequestContext } from './context.js';
import { pauseJob, removeJob, resumeJob, runJob, setServer, setType } from './pauses.js';

/** All but lists of jobs, which may take several turns. */
type ShortRequest = Exclude<Request, { kind: 'createMany' | 'createEach' }>;

/** Decides `request` and sees to it that `reply` is called once: when the change is on disk, or with the refusal. */
export function decideRequest(request: ShortRequest, context: RequestContext, reply: Reply): void {
  switch (request.kind) {
    case 'create':
      return create(request, context, reply);
    case 'update':
      return update(request.id, request.patch, context, reply);
    case 'cancel':
      return cancel(request.id, context, reply);
    case 'retry':
      return retry(request.id, context, reply);
    case 'run':
      return runJob(request.id, context, reply);
    case 'pause':
      return pauseJob(request.id, request.change, context, reply);
    case 'resume':
      return resumeJob(request.id, context, reply);
    case 'remove':
      return removeJob(request.id, context, reply);
    case 'pauseType':
    case 'resumeType':
      return setType(request, context, reply);
    case 'pauseServer':
    case 'resumeServer':
      return setServer(request, context, reply);
    default:
      request satisfies never;
  }
}

function create(request: Creation, context: RequestContext, reply: Reply): void {
  const { job, replayed } = createOne(request, context);
  context.ledger.answer(job.spec.seq, reply, { ok: true, jobs: [job], replayed });
}

/**
 * Makes the job that is asked for, or finds the one that its idempotency key has made.
 * @throws Refusal when the key came with something else
 */
export function createOne(
  request: Creation,
  context: RequestContext,
): { readonly job: Job; readonly replayed: boolean } {
  const { ledger, now } = context;
  const { idempotency } = request;
  const used = idempotency && ledger.keyUse(idempotency.key, now);
  const first = used && ledger.lookup(used.seq);
  if (first) {
    if (used.digest !== idempotency?.digest) {
      throw new Refusal(
        'conflict',
        'This Idempotency-Key was used before, with another body. Use a new key for a new job.',
      );
    }
    return { job: first, replayed: true };
  }
  const job = make(request.draft, context, idempotency?.key);
  if (idempotency) ledger.rememberKey(idempotency.key, { seq: job.spec.seq, digest: idempotency.digest, at: now });
  return { job, replayed: false };
}

/** Makes a job of a draft. Also for each of a list: see `Mailbox`. */
export function make(draft: JobDraft, context: RequestContext, idempotencyKey: string | undefined): Job {
  const { ledger, handlers, timezone, now, trace } = context;
  const trigger = onGrid(triggerOf(draft.trigger, draft.isRepeat, timezone, now), draft.startAt);
  const handler = handlers.get(draft.name);
  const { seq, idSeconds } = ledger.takeSeq(now);
  // Every field is written out, also those that are mostly undefined: spreads made this the costliest line of a request.
  const spec: JobSpec = {
    seq,
    idSeconds,
    // The handler's own string, not the one out of the request: every table that looks the type up finds it at once.
    name: handler?.name ?? draft.name,
    payload: draft.payload,
    trigger,
    maxRetries: draft.maxRetries ?? handler?.maxRetries ?? limits.defaultMaxRetries,
    retryDelayMs: draft.retryDelayMs ?? handler?.retryDelayMs ?? limits.defaultRetryDelayMs,
    backoff: draft.backoff ?? 'exponential',
    timeoutMs: draft.timeoutMs ?? handler?.timeoutMs ?? limits.defaultTimeoutMs,
    misfire: draft.misfire ?? 'run_once',
    createdAt: now,
    idempotencyKey,
    trace,
    priority: draft.priority ?? handler?.priority,
    tags: draft.tags,
    group: draft.group,
    expiresAfterMs: draft.expiresAfterMs ?? handler?.expiresAfterMs,
    maxRetryDelayMs: draft.maxRetryDelayMs ?? handler?.maxRetryDelayMs,
    retryJitter: draft.retryJitter ?? handler?.retryJitter,
    startAt: draft.startAt,
    endAt: draft.endAt,
    maxRuns: draft.maxRuns,
    jitterMs: draft.jitterMs,
  };
  if (draft.group !== undefined) noteGroups(spec.name, ledger);
  return ledger.record(undefined, decisions.create(spec, now), now);
}

/** From now on there may be groups of a type that are to have their turn. */
function noteGroups(name: string, ledger: RequestContext['ledger']): void {
  const settings = ledger.typeSettings(name);
  if (settings.hasGroups !== true) ledger.setType(name, { ...settings, hasGroups: true });
}

function update(id: string, patch: JobPatch, context: RequestContext, reply: Reply): void {
  const job = find(id, context);
  permit(job, 'update', 'only a pending job can be updated');
  const change = changeOf(job.spec, patch, context);
  checkBounds(job, patch, change, context);
  if (patch.group !== undefined) noteGroups(job.spec.name, context.ledger);
  const after = context.ledger.record(job, updates.update(job, change, context.now), context.now);
  context.ledger.answer(after.spec.seq, reply, { ok: true, jobs: [after], replayed: false });
}

function cancel(id: string, context: RequestContext, reply: Reply): void {
  const { ledger, now } = context;
  const job = find(id, context);
  const { seq } = job.spec;
  permit(job, 'cancel', 'a finished job cannot be cancelled');
  if (job.state.status === 'cancelled') return ledger.answer(seq, reply, { ok: true, jobs: [job], replayed: false });
  const after = ledger.record(job, decisions.cancel(job, now), now);
  if (job.state.status === 'running') ledger.onEnd({ written: () => context.abort(job) });
  ledger.answer(seq, reply, { ok: true, jobs: [after], replayed: false });
}

function retry(id: string, context: RequestContext, reply: Reply): void {
  const job = find(id, context);
  permit(job, 'retry', 'only a failed job can be retried');
  const after = context.ledger.record(job, decisions.retry(job, context.now), context.now);
  context.ledger.answer(after.spec.seq, reply, { ok: true, jobs: [after], replayed: false });
}
