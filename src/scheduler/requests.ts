/** Deciding what users ask for: each request becomes a decision about a job, or a refusal that says why not. */
import * as decisions from '../domain/decisions.js';
import { Refusal } from '../domain/errors.js';
import { findById } from '../domain/find-job.js';
import { formatId } from '../domain/id.js';
import type { Job, JobSpec, TraceContext } from '../domain/job.js';
import { next, type Step } from '../domain/lifecycle.js';
import { limits } from '../domain/limits.js';
import { onGrid } from '../domain/slots/schedule.js';
import * as updates from '../domain/update.js';
import type { HandlerInfo } from '../pool/port.js';
import { changeOf, checkBounds, triggerOf } from './changes.js';
import type { Ledger } from './ledger.js';
import type { Answer, Creation, JobDraft, JobPatch, Request } from './messages.js';

export interface RequestContext {
  readonly ledger: Ledger;
  readonly handlers: ReadonlyMap<string, HandlerInfo>;
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
}

type Reply = (answer: Answer) => void;

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
    expiresAfterMs: draft.expiresAfterMs ?? handler?.expiresAfterMs,
    maxRetryDelayMs: draft.maxRetryDelayMs ?? handler?.maxRetryDelayMs,
    retryJitter: draft.retryJitter ?? handler?.retryJitter,
    startAt: draft.startAt,
    endAt: draft.endAt,
    maxRuns: draft.maxRuns,
    jitterMs: draft.jitterMs,
  };
  return ledger.record(undefined, decisions.create(spec, now), now);
}

/** The job that `id` names. @throws Refusal `not_found` */
function find(id: string, { ledger, lookAtFirst }: RequestContext): Job {
  const job = findById(id, ledger.committed.nextSeq, (seq) => {
    lookAtFirst(seq);
    return ledger.lookup(seq);
  });
  if (!job)
    throw new Refusal('not_found', 'There is no job with this id. It may have been removed after its retention.');
  return job;
}

/** @throws Refusal `conflict` when the lifecycle has no such step from the job's status. */
function permit(job: Job, step: Step, what: string): void {
  if (next(job.state.status, step)) return;
  const id = formatId(job.spec.seq, job.spec.idSeconds);
  throw new Refusal('conflict', `Job ${id} is ${job.state.status}; ${what}.`);
}

function update(id: string, patch: JobPatch, context: RequestContext, reply: Reply): void {
  const job = find(id, context);
  permit(job, 'update', 'only a pending job can be updated');
  const change = changeOf(job.spec, patch, context);
  checkBounds(job, patch, change, context);
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
