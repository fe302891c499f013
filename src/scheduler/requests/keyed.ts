/** Deciding requests for jobs with a key: whether it is taken, and what becomes of the request then. */
import { isTaken, placeOf, placeOfJobKey } from '../../domain/control/keys.js';
import { exhaustedByRequest, loseKey, replace, replaceLater } from '../../domain/control/replacing.js';
import { Refusal } from '../../domain/errors.js';
import { type JobNumbers, singleShard } from '../../domain/ids/job-numbers.js';
import { isRepeating, type Job, type JobSpec } from '../../domain/job.js';
import { formatInstant } from '../../domain/time/instant.js';
import type { JobDraft, MadeJob } from '../messages.js';
import { invalid } from './changes.js';
import type { RequestContext } from './context.js';
import { type ForeignJob, HeldElsewhere } from './other-shards.js';

/** Makes what a draft asks for. */
export interface Maker {
  readonly make: () => Job;
  /** What becomes of a job that there is. */
  readonly specFor: (job: Job) => JobSpec;
  /** It is one of a list that has been checked: it must not be refused any more. */
  readonly isChecked?: boolean;
}

/** The job that has the key of `place` now, as it stands; undefined when the key is free. */
export function ownerOf(place: string, { ledger, now, lookAtFirst }: RequestContext): Job | undefined {
  const holder = ledger.keyHolder(place);
  if (holder === undefined) return undefined;
  lookAtFirst(holder.seq);
  return isTaken(holder, ledger.state(holder.seq), now) ? ledger.lookup(holder.seq) : undefined;
}

/**
 * Makes the job that a draft with a key asks for, unless the key is taken.
 *
 * @throws Refusal `conflict` when the key is taken and the draft says nothing else
 */
export function makeKeyed(draft: JobDraft, key: string, context: RequestContext, maker: Maker): MadeJob {
  const place = placeOfJobKey(draft.name, key);
  const owner = ownerOf(place, context);
  const foreign = owner === undefined ? context.others.ownerOf(place, context.now) : undefined;
  // A request by itself waits there; nothing else waits for what may not come to be.
  if (foreign !== undefined && (foreign.isWritten || !maker.isChecked))
    return ownedElsewhere(foreign, draft, context, maker);
  if (owner === undefined) return made(place, context, maker);
  switch (draft.ifExists ?? 'reject') {
    case 'reject':
      throw keyTaken(owner, context);
    case 'return':
      context.ledger.counted.keyKept(draft.name, 'returned');
      return { job: owner, replayed: false, existed: true };
    case 'replace': {
      const replaced = replaceOwner(owner, place, context, maker);
      context.ledger.counted.keyReplaced(draft.name);
      return replaced;
    }
    default:
      throw new Error(`what is to be done about a taken key: ${draft.ifExists}`);
  }
}

/**
 * A job of another shard has the key. A request by itself is decided there; a list is in one shard as a whole, and so are the jobs
 * of an attempt.
 */
function ownedElsewhere(foreign: ForeignJob, draft: JobDraft, context: RequestContext, { isChecked }: Maker): MadeJob {
  const { shard, job } = foreign;
  // Of a list that was checked this came since, and its jobs are not refused any more.
  if (isChecked && draft.ifExists === 'replace' && context.parentId !== undefined)
    throw keyTakenElsewhere(foreign, draft, context);
  if (!isChecked || job === undefined) throw new HeldElsewhere(shard);
  return { job, replayed: false, existed: true, shard };
}

/** What is pending, or repeats, becomes what is asked for. Beside a single job that runs, or is finished, a new one is made. */
function replaceOwner(owner: Job, place: string, context: RequestContext, maker: Maker): MadeJob {
  const { ledger, now } = context;
  const { status } = owner.state;
  if (!isReplaced(owner)) {
    if (status === 'running') ledger.record(owner, loseKey(owner, now), now);
    return made(place, context, maker);
  }
  const request = maker.specFor(owner);
  if (!maker.isChecked) checkRequest(owner, request, context);
  const decision = status === 'running' ? replaceLater(owner, request, now) : replace(owner, request, now);
  const job = ledger.record(owner, decision, now);
  ledger.giveKey(place, request);
  return { job, replayed: false, existed: true };
}

/** @param at JSON pointer of the request in the body. @throws Refusal where the job would never run again */
function checkRequest(owner: Job, request: JobSpec, { now, timezone }: RequestContext, at = ''): void {
  const bound = exhaustedByRequest(owner, request, now);
  if (bound === 'maxRuns') {
    const { runCount } = owner.state;
    throw invalid(`${at}/max_runs`, `must be more than ${runCount}: so often the job with this key has run`);
  }
  if (bound === 'endAt') {
    const end = formatInstant(request.endAt as number, timezone);
    throw invalid(`${at}/end_at`, `leaves nothing to run for: there is no slot up to then, ${end}`);
  }
}

function made(place: string, { ledger }: RequestContext, { make }: Maker): MadeJob {
  const job = make();
  ledger.giveKey(place, job.spec);
  return { job, replayed: false, existed: false };
}

/**
 * Whether a list of jobs can be made as a whole: each sees those before it.
 * @throws Refusal `conflict` at the first that cannot, when its key is taken
 */
export function checkKeys(
  drafts: readonly JobDraft[],
  context: RequestContext,
  specFor: (draft: JobDraft, job: Job) => JobSpec,
): void {
  const before = new Map<string, number>();
  for (const [index, draft] of drafts.entries()) {
    const { name, key, ifExists = 'reject' } = draft;
    if (key === undefined) continue;
    const place = placeOfJobKey(name, key);
    const first = before.get(place);
    if (first === undefined) before.set(place, index);
    const owner = ownerOf(place, context);
    if (ifExists === 'replace' && owner !== undefined && isReplaced(owner))
      checkRequest(owner, specFor(draft, owner), context, `/${index}`);
    const known = owner === undefined ? context.others.ownerOf(place, context.now) : undefined;
    const foreign = known?.isWritten === true ? known : undefined;
    // Whoever has asked finds out more.
    if (foreign !== undefined && foreign.job === undefined) throw new HeldElsewhere(foreign.shard);
    if (foreign !== undefined && ifExists !== 'return')
      throw keyTakenElsewhere(foreign, draft, context, `/${index}/key`);
    if (ifExists !== 'reject') continue;
    if (owner !== undefined) throw keyTaken(owner, context, `/${index}/key`);
    if (first !== undefined) throw keyTwice(`/${index}/key`, first);
  }
}

/** Whether a job becomes what a request with its key asks for; beside others a new one is made. */
const isReplaced = ({ spec, state }: Job): boolean =>
  state.status === 'pending' || (state.status === 'running' && isRepeating(spec));

/** Two of a list have one key. */
function keyTwice(path: string, first: number): Refusal {
  const message = `is the key of the job at /${first}, too`;
  return new Refusal('conflict', `${path} ${message}.`, [{ path, message }]);
}

/** A job that is to begin anew takes its key again. @throws Refusal `conflict` when another has it */
export function takeKeyAgain(job: Job, context: RequestContext): void {
  const place = placeOf(job.spec);
  if (place === undefined) return;
  const foreign = context.others.ownerOf(place, context.now);
  if (foreign !== undefined) throw keyTakenElsewhere(foreign, job.spec, context);
  const owner = ownerOf(place, context);
  if (owner !== undefined && owner.spec.seq !== job.spec.seq) throw keyTaken(owner, context);
  context.ledger.giveKey(place, job.spec);
}

/** A job of another shard has the key, and cannot be replaced from here. @param path as of `keyTaken` */
function keyTakenElsewhere(
  { job }: ForeignJob,
  { name, key }: Pick<JobSpec, 'name' | 'key'>,
  context: RequestContext,
  path?: string,
): Refusal {
  if (job !== undefined) return keyTaken(job, context, path, singleShard);
  context.ledger.counted.keyKept(name, 'rejected');
  return new Refusal(
    'conflict',
    `The key ${key} of job type ${name} is taken by a job of another node. Use another key.`,
  );
}

/**
 * @param path where in the request the key stands, when it is to be told; a JSON pointer
 * @param numbers of the shard of the job; of a foreign one, which has its number, those of a single shard
 */
function keyTaken(
  { spec, state }: Job,
  { ledger }: RequestContext,
  path?: string,
  numbers: JobNumbers = ledger.numbers,
): Refusal {
  ledger.counted.keyKept(spec.name, 'rejected');
  const id = numbers.format(spec.seq, spec.idSeconds);
  const message = `is taken by job ${id}, which is ${state.status}`;
  const detail = `The key ${spec.key} of job type ${spec.name} ${message}. Use another key, or "if_exists": "return" or "replace".`;
  return new Refusal('conflict', detail, path === undefined ? [] : [{ path, message }], id);
}
