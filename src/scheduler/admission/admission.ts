/**
 * May this job start now; if not, why, and when is it worth asking again? All that keeps a due job from its thread is decided
 * here, by pure functions of plain values. They are asked from the wide to the narrow, of the server, of the job's type, of
 * the job, so that no job is read that could not start: `dispatch.ts` asks, `waiting-line.ts` and `careful-start.ts` count.
 *
 * Priority, and the turns of types and groups, are the order of the waiting line.
 */

/** What a due job waits for. The words of `waiting_for` where the API has one. */
export type WaitsFor =
  /** The scheduler starts nothing at present: see `modes.ts`. */
  | 'server'
  /** A user has paused the server. */
  | 'server_paused'
  /** A user has paused its type. */
  | 'type_paused'
  /** A user has paused the job. It is not in the line then: a resume, or the end of the pause, brings it there. */
  | 'paused'
  /** Its type has no handler here. */
  | 'handler'
  /** Another job of its type that had its key is in a thread still: see `previous-runs.ts`. */
  | 'previous_run'
  /** The next start of its type has its time. */
  | 'rate'
  /** Its type has as many attempts as it may have. */
  | 'type_concurrency'
  /** Its group has as many attempts as one of its type may have. */
  | 'group_concurrency'
  /** The pool takes no more, or no more of its type. */
  | 'thread'
  /** It may be what ended the last process, and others that may be are being tried: see `careful-start.ts`. */
  | 'trial';

/** Why a job does not start now. */
export interface Wait {
  readonly waitsFor: WaitsFor;
  /**
   * When it is worth asking again although nothing has happened, in monotonic milliseconds. Infinity: what ends the wait gives
   * the scheduler a turn, as the end of an attempt does, or is another reading of the handlers.
   */
  readonly askAgainAt: number;
}

const untilEvent = (waitsFor: WaitsFor): Wait => ({ waitsFor, askAgainAt: Number.POSITIVE_INFINITY });
// Made once: they are asked for at every start.
const server = untilEvent('server');
const serverPaused = untilEvent('server_paused');
const typePaused = untilEvent('type_paused');
const handler = untilEvent('handler');
const typeConcurrency = untilEvent('type_concurrency');
const thread = untilEvent('thread');

/**
 * Why nothing at all starts now; undefined when something may.
 *
 * @param starts whether the scheduler's mode permits it
 * @param isPaused a user has paused the server
 * @param free places in the pool that no attempt has, nor one whose start is being written
 */
export function whyServerWaits(starts: boolean, isPaused: boolean, free: number): Wait | undefined {
  if (!starts) return server;
  if (isPaused) return serverPaused;
  return free > 0 ? undefined : thread;
}

/** A job type as admission sees it. */
export interface TypeUse {
  /** A user has paused it. */
  readonly paused: boolean;
  /** Attempts that may run at once, by its handler or a user; undefined when it has no handler here. */
  readonly concurrency: number | undefined;
  /** Before this its rate lets nothing start, in monotonic milliseconds; -Infinity: it has none. */
  readonly mayStartAt: number;
  /** Attempts that may run at once by the pool. */
  readonly places: number;
  readonly running: number;
}

/**
 * Why no job of a type starts now; undefined when one may.
 *
 * @param now monotonic milliseconds
 */
export function whyTypeWaits(type: TypeUse, now: number): Wait | undefined {
  const { paused, concurrency, mayStartAt, places, running } = type;
  if (paused) return typePaused;
  if (concurrency === undefined) return handler;
  if (mayStartAt > now) return { waitsFor: 'rate', askAgainAt: mayStartAt };
  if (running >= concurrency) return typeConcurrency;
  return running >= places ? thread : undefined;
}

/** How many jobs of a type may start now as far as the type is concerned; where it has a rate, that is one at most. */
export function placesLeft({ paused, concurrency = 0, mayStartAt, places, running }: TypeUse, now: number): number {
  if (paused || mayStartAt > now) return 0;
  const left = Math.max(0, Math.min(concurrency, places) - running);
  return mayStartAt === Number.NEGATIVE_INFINITY ? left : Math.min(left, 1);
}

/** Whether a group with so many attempts may have one more. */
export function groupHasPlace(limit: number, running: number): boolean {
  return running < limit;
}

/** Suspects that run and are not yet held to be harmless. */
export interface Trials {
  readonly running: number;
  /** So many may run at once. */
  readonly wave: number;
  /** One of them runs with no other beside it. */
  readonly byItself: boolean;
  /** When the first of them will be held to be harmless, in monotonic milliseconds; Infinity when none runs. */
  readonly firstEndsAt: number;
}

/**
 * Why a suspect does not start now; undefined when it may, once its start is on record. One that was interrupted twice starts with
 * no other beside it.
 *
 * @param interruptions of the job, in a row
 */
export function whySuspectWaits(interruptions: number, trials: Trials): Wait | undefined {
  const hasPlace = interruptions > 1 ? trials.running === 0 : trials.running < trials.wave;
  if (hasPlace && !trials.byItself) return undefined;
  return { waitsFor: 'trial', askAgainAt: trials.firstEndsAt };
}

/** What answers show of a wait as `waiting_for`. */
export type ShownWait = Exclude<WaitsFor, 'server' | 'trial'>;

/** What keeps a due job waiting, all of it. */
export interface JobCircumstances {
  /** A user has paused the job. */
  readonly paused: boolean;
  readonly type: TypeUse;
  /** A user has paused the server. */
  readonly serverPaused: boolean;
  /** Another job with its key is in a thread. */
  readonly runsBefore: boolean;
  /** Attempts of its group. */
  readonly group: { readonly limit: number; readonly running: number };
  /** Places in the pool. */
  readonly free: number;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/** Why a due job does not start, as answers show it: the first that holds. Undefined while it is about to. */
export function shownWait(job: JobCircumstances): ShownWait | undefined {
  const { type, group } = job;
  if (job.paused) return 'paused';
  if (type.paused) return 'type_paused';
  if (job.serverPaused) return 'server_paused';
  if (type.concurrency === undefined) return 'handler';
  if (job.runsBefore) return 'previous_run';
  const { waitsFor } = whyTypeWaits(type, job.now) ?? {};
  if (waitsFor !== undefined && waitsFor !== 'thread') return waitsFor as ShownWait;
  if (!groupHasPlace(group.limit, group.running)) return 'group_concurrency';
  return waitsFor === 'thread' || job.free <= 0 ? 'thread' : undefined;
}
