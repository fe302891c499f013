/** Deciding what users ask for: each request becomes a decision about a job, or a refusal that says why not. */
import type { BulkRecord } from '../../domain/control/bulk.js';
import * as decisions from '../../domain/decisions.js';
import { Refusal } from '../../domain/errors.js';
import type { Job, JobSpec } from '../../domain/job.js';
import { limits } from '../../domain/limits.js';
import { onGrid } from '../../domain/slots/schedule.js';
import * as updates from '../../domain/update.js';
import type { Creation, JobDraft, JobPatch, MadeJob, Request } from '../messages.js';
import { changeOf, checkBounds, triggerOf } from './changes.js';
import { find, permit, type Reply, type RequestContext } from './context.js';
import { checkKeys, makeKeyed, takeKeyAgain } from './keyed.js';
import { HeldElsewhere } from './other-shards.js';
import { pauseJob, removeJob, resumeJob, runJob } from './pauses.js';
import { setServer, setType } from './settings.js';

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
    case 'setType':
      return setType(request, context, reply);
    case 'pauseServer':
    case 'resumeServer':
      return setServer(request, context, reply);
    case 'bulk':
      return answerBulk(context.bulks.accept(request, context), context, reply);
    case 'cancelBulk':
      return answerBulk(context.bulks.cancel(request.id, context), context, reply);
    default:
      request satisfies never;
  }
}

function answerBulk(bulk: BulkRecord, { ledger }: RequestContext, reply: Reply): void {
  ledger.answerAfterAll(reply, { ok: true, jobs: [], replayed: false, bulk });
}

function create(request: Creation, context: RequestContext, reply: Reply): void {
  const { job, replayed, existed } = createOne(request, context);
  context.ledger.answer(job.spec.seq, reply, { ok: true, jobs: [job], replayed, ...(existed && { existed }) });
}

/**
 * Makes the job that is asked for, or finds the one that its idempotency key has made, or that has its key. An idempotency key stands
 * for a job that was made: a request that is answered with one that there was is carried out again when it is repeated.
 *
 * @throws Refusal when the idempotency key came with something else, or the key is taken
 */
export function createOne(request: Creation, context: RequestContext): MadeJob {
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
    return { job: first, replayed: true, existed: false };
  }
  const elsewhere = idempotency && context.others.shardOfRequest(idempotency.key, now);
  if (elsewhere !== undefined) throw new HeldElsewhere(elsewhere);
  const made = make(request.draft, context, idempotency?.key);
  if (idempotency && !made.existed)
    ledger.rememberKey(idempotency.key, { seq: made.job.spec.seq, digest: idempotency.digest, at: now });
  return made;
}

/**
 * Makes a job of a draft that must not be refused any more: of a list that has been checked, whose keys nothing takes before it is made
 * (see `Mailbox`), or of what an attempt has enqueued.
 */
export function makeChecked(draft: JobDraft, context: RequestContext): MadeJob {
  // Who enqueues a job with a key that is taken has what was asked for.
  const kept = draft.key !== undefined && draft.ifExists !== 'replace';
  return make(kept ? { ...draft, ifExists: 'return' } : draft, context, undefined, true);
}

/** Refuses a list of which not all can be made. @throws Refusal */
export function checkList(drafts: readonly JobDraft[], context: RequestContext): void {
  checkKeys(drafts, context, (draft, job) => specOf(draft, context, job.spec));
}

/** Makes a job of a draft, unless it has a key that is taken. @throws Refusal */
function make(
  draft: JobDraft,
  context: RequestContext,
  idempotencyKey: string | undefined,
  isChecked = false,
): MadeJob {
  if (draft.key === undefined) return { job: makeNew(draft, context, idempotencyKey), replayed: false, existed: false };
  return makeKeyed(draft, draft.key, context, {
    make: () => makeNew(draft, context, idempotencyKey),
    specFor: (job) => specOf(draft, context, job.spec),
    isChecked,
  });
}

function makeNew(draft: JobDraft, context: RequestContext, idempotencyKey: string | undefined): Job {
  const { ledger, now } = context;
  const { seq, idSeconds } = ledger.takeSeq(now);
  const spec = specOf(draft, context, { seq, idSeconds, createdAt: now, idempotencyKey });
  return ledger.record(undefined, decisions.create(spec, now), now);
}

/** What a draft asks for, with what its handler and the product give where it is silent. @param own what is the job's own */
function specOf(
  draft: JobDraft,
  { handlers, others, timezone, now, trace, parentId }: RequestContext,
  own: Pick<JobSpec, 'seq' | 'idSeconds' | 'createdAt' | 'idempotencyKey'>,
): JobSpec {
  const trigger = onGrid(triggerOf(draft.trigger, draft.isRepeat, timezone, now), draft.startAt);
  const handler = handlers.get(draft.name) ?? others.typeElsewhere(draft.name);
  const { seq, idSeconds, createdAt, idempotencyKey } = own;
  // Every field is written out, also those that are mostly undefined: spreads made this the costliest line of a request.
  return {
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
    createdAt,
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
    overlap: draft.overlap,
    key: draft.key,
    keyTtlMs: draft.keyTtlMs,
    parentId,
  };
}

function update(id: string, patch: JobPatch, context: RequestContext, reply: Reply): void {
  const job = find(id, context);
  permit(job, 'update', 'only a pending job can be updated', context);
  const change = changeOf(job.spec, patch, context);
  checkBounds(job, patch, change, context);
  const after = context.ledger.record(job, updates.update(job, change, context.now), context.now);
  context.ledger.answer(after.spec.seq, reply, { ok: true, jobs: [after], replayed: false });
}

function cancel(id: string, context: RequestContext, reply: Reply): void {
  const { ledger, now } = context;
  const job = find(id, context);
  const { seq } = job.spec;
  permit(job, 'cancel', 'a finished job cannot be cancelled', context);
  if (job.state.status === 'cancelled') return ledger.answer(seq, reply, { ok: true, jobs: [job], replayed: false });
  const { detail } = ledger.progress.latestOf(job);
  const decision = decisions.cancel(job, now);
  const after = ledger.record(job, detail === job.detail ? decision : { ...decision, detail }, now);
  if (job.state.status === 'running') ledger.onEnd({ written: () => context.abort(job) });
  ledger.answer(seq, reply, { ok: true, jobs: [after], replayed: false });
}

function retry(id: string, context: RequestContext, reply: Reply): void {
  const job = find(id, context);
  permit(job, 'retry', 'only a failed job can be retried', context);
  takeKeyAgain(job, context);
  const after = context.ledger.record(job, decisions.retry(job, context.now), context.now);
  context.ledger.answer(after.spec.seq, reply, { ok: true, jobs: [after], replayed: false });
}
