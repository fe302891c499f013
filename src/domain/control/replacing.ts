/**
 * What a request makes of the job that has its key already (`if_exists: "replace"`): trigger, payload and options become the request's.
 * The job stays the same one, with its counts, its runs and its pause. What repeats and keeps its schedule keeps due time and retries,
 * so that a program may say at each of its starts what is to run. Pure, as `decisions`.
 */
import { type Decision, ended, fresh } from '../decisions.js';
import { heldAgain, isRepeating, type Job, type JobSpec, type JobState } from '../job.js';
import { isFinished } from '../lifecycle.js';
import { move } from '../move.js';
import { firstSlot, followingSlot, nextSlot, startOf } from '../slots/schedule.js';
import { exhaustedBy, isToStart } from '../update.js';

/** Whether both repeat and have the same slots: those to come stay. An interval stays on its grid. */
function keepsSchedule(before: JobSpec, after: JobSpec): boolean {
  if (!isRepeating(before) || !isRepeating(after) || before.startAt !== after.startAt) return false;
  const [a, b] = [before.trigger, after.trigger];
  if (a.kind === 'cron') return b.kind === 'cron' && a.expression === b.expression && a.timezone === b.timezone;
  return a.kind === 'interval' && b.kind === 'interval' && a.everyMs === b.everyMs;
}

/**
 * Why a job would never run again by the new spec: the bound that leaves no slot. Undefined where it would.
 *
 * @param request the new spec
 */
export function exhaustedByRequest(
  { spec, state }: Job,
  request: JobSpec,
  now: number,
): 'endAt' | 'maxRuns' | undefined {
  const waits = state.status === 'pending' && keepsSchedule(spec, request);
  return exhaustedBy(request, state, waits ? state.nextSlot || state.occurrence : undefined, now);
}

/** A pending job becomes what was asked for. One that has nothing to run for any more is at its end. */
export function replace(job: Job, request: JobSpec, now: number): Decision {
  const { state } = job;
  const spec = merged(job.spec, request);
  if (exhaustedByRequest(job, spec, now)) return { ...ended(state, {}, now), spec };
  const place = placeOf(job, spec, now);
  return {
    spec,
    state: move(state, 'replace', now, place),
    events: [{ type: 'job.updated', triggerAt: place.due ?? state.due, isRepeat: isRepeating(spec) }],
  };
}

/** A repeating job that runs becomes what was asked for when its attempt has ended. */
export function replaceLater({ spec, state }: Job, request: JobSpec, now: number): Decision {
  return { spec: { ...spec, successor: request }, state: move(state, 'replace', now, {}), events: [] };
}

/** A single job that runs loses its key to another one: no further attempt of it follows. */
export function loseKey({ spec, state }: Job, now: number): Decision {
  return { spec: { ...spec, keyLost: true }, state: move(state, 'replace', now, {}), events: [] };
}

/**
 * The attempt of a job has ended: what was asked for meanwhile holds now, even where the job would have come to its end.
 *
 * @param job as it ran
 * @param end what the end of the attempt has made of it, by the spec it ran with
 */
export function takeOver(job: Job, end: Decision, now: number): Decision {
  if (job.spec.successor === undefined || end.state.status === 'cancelled') return end;
  const { successor, ...before } = end.spec ?? job.spec;
  if (successor === undefined) return end;
  const detail = end.detail ?? job.detail;
  if (!isFinished(end.state.status)) {
    const then = replace({ spec: before, state: end.state, detail }, successor, now);
    return { ...end, ...then, detail, events: [...end.events, ...then.events] };
  }
  const spec = merged(before, successor);
  const slot = slotAfter(before, spec, end.state, now);
  if (slot === undefined) return { ...end, spec };
  const due = startOf(spec, slot);
  const { finishedAt, skipped, lastOutcome } = end.state;
  return {
    ...end,
    spec,
    state: move(job.state, 'recur', now, {
      ...fresh,
      ...runsSafely({ due, occurrence: slot }, end.state),
      finishedAt,
      skipped,
      lastOutcome,
      pause: heldAgain(job.state.pause),
      nextSlot: 0,
    }),
    events: [...end.events, { type: 'job.updated', triggerAt: due, isRepeat: isRepeating(spec) }],
  };
}

/** The slot that comes after a job's end by its old spec; undefined where the new one has none either. */
function slotAfter(before: JobSpec, spec: JobSpec, state: JobState, now: number): number | undefined {
  if (!isRepeating(spec)) return firstSlot(spec, now);
  if (exhaustedBy(spec, state, undefined, now)) return undefined;
  return keepsSchedule(before, spec) ? followingSlot(spec, state, now) : nextSlot(spec, now);
}

/** The new spec, with what stays the job's own. */
function merged(before: JobSpec, request: JobSpec): JobSpec {
  const { seq, idSeconds, name, createdAt, idempotencyKey, key, parentId, trigger, alreadyRan, expiresFrom } = before;
  const trace = request.trace ?? before.trace;
  const own = { seq, idSeconds, name, createdAt, idempotencyKey, key, parentId, trace };
  return { ...request, ...own, ...(keepsSchedule(before, request) && { trigger, alreadyRan, expiresFrom }) };
}

/** Where a pending job stands with its new spec. */
function placeOf({ spec: before, state }: Job, spec: JobSpec, now: number): Partial<JobState> {
  if (keepsSchedule(before, spec)) {
    const isMoved = before.jitterMs !== spec.jitterMs && isToStart(before, state, now);
    return isMoved ? { due: startOf(spec, state.occurrence) } : {};
  }
  const occurrence = firstSlot(spec, now);
  const place = runsSafely({ due: startOf(spec, occurrence), occurrence }, state);
  return { ...fresh, ...place, nextSlot: 0, pause: heldAgain(state.pause) };
}

/** A job that has run by a schedule is never due before 1970: its row has no room for that. */
function runsSafely<T extends Pick<JobState, 'due' | 'occurrence'>>(place: T, { runCount, lastOutcome }: JobState): T {
  if (runCount === 0 && lastOutcome === undefined) return place;
  return { ...place, due: Math.max(0, place.due), occurrence: Math.max(0, place.occurrence) };
}
