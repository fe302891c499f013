/** Deciding requests for jobs with a key: whether it is taken, and what becomes of the request then. */
import { isTaken, placeOf, placeOfJobKey } from '../../domain/control/keys.js';
import { Refusal } from '../../domain/errors.js';
import { formatId } from '../../domain/id.js';
import type { Job } from '../../domain/job.js';
import type { JobDraft, MadeJob } from '../messages.js';
import type { RequestContext } from './context.js';

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
 * @param make makes it
 * @throws Refusal `conflict` when the key is taken and the draft says nothing else
 */
export function makeKeyed(draft: JobDraft, key: string, context: RequestContext, make: () => Job): MadeJob {
  const place = placeOfJobKey(draft.name, key);
  const owner = ownerOf(place, context);
  if (owner === undefined) return made(place, context, make);
  switch (draft.ifExists) {
    case 'return':
      return { job: owner, replayed: false, existed: true };
    default:
      throw keyTaken(owner);
  }
}

function made(place: string, { ledger }: RequestContext, make: () => Job): MadeJob {
  const job = make();
  ledger.giveKey(place, job);
  return { job, replayed: false, existed: false };
}

/**
 * Whether a list of jobs can be made as a whole: each sees those before it.
 * @throws Refusal `conflict` at the first that cannot, when its key is taken
 */
export function checkKeys(drafts: readonly JobDraft[], context: RequestContext): void {
  const before = new Map<string, number>();
  for (const [index, { name, key, ifExists = 'reject' }] of drafts.entries()) {
    if (key === undefined) continue;
    const place = placeOfJobKey(name, key);
    const first = before.get(place);
    if (first === undefined) before.set(place, index);
    const owner = ownerOf(place, context);
    if (ifExists !== 'reject') continue;
    if (owner !== undefined) throw keyTaken(owner, `/${index}/key`);
    if (first !== undefined) throw keyTwice(`/${index}/key`, first);
  }
}

/** Two of a list have one key. */
function keyTwice(path: string, first: number): Refusal {
  const message = `is the key of the job at /${first}, too`;
  return new Refusal('conflict', `${path} ${message}.`, [{ path, message }]);
}

/** A job that is to begin anew takes its key again. @throws Refusal `conflict` when another has it */
export function takeKeyAgain(job: Job, context: RequestContext): void {
  const place = placeOf(job.spec);
  if (place === undefined) return;
  const owner = ownerOf(place, context);
  if (owner !== undefined && owner.spec.seq !== job.spec.seq) throw keyTaken(owner);
  context.ledger.giveKey(place, job);
}

/** @param path where in the request the key stands, when it is to be told; a JSON pointer */
export function keyTaken({ spec, state }: Job, path?: string): Refusal {
  const id = formatId(spec.seq, spec.idSeconds);
  const message = `is taken by job ${id}, which is ${state.status}`;
  const detail = `The key ${spec.key} of job type ${spec.name} ${message}. Use another key, or "if_exists": "return" or "replace".`;
  return new Refusal('conflict', detail, path === undefined ? [] : [{ path, message }], id);
}
