/**
 * May this job start now; if not, why, and when is it worth asking again? All that keeps a due job from its thread is decided
 * here, by pure functions of plain values. They are asked from the wide to the narrow, of the server, of the job's type, of
 * the job, so that no job is read that could not start: `dispatch.ts` asks, `waiting-line.ts` and `careful-start.ts` count.
 *
 * What comes: a rate is a reason of the type, with an instant to ask again.
 * A group is asked about between type and job, as a type is; priority and the turns of groups are the order of the waiting line.
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
  /** Its type has as many attempts as it may have. */
  | 'type_concurrency'
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
  /** Attempts that may run at once by its handler; undefined when it has none here. */
  readonly concurrency: number | undefined;
  /** Attempts that may run at once by the pool. */
  readonly places: number;
  readonly running: number;
}

/** Why no job of a type starts now; undefined when one may. */
export function whyTypeWaits({ paused, concurrency, places, running }: TypeUse): Wait | undefined {
  if (paused) return typePaused;
  if (concurrency === undefined) return handler;
  if (running >= concurrency) return typeConcurrency;
  return running >= places ? thread : undefined;
}

/** How many jobs of a type may start now as far as the type is concerned. */
export function placesLeft({ paused, concurrency = 0, places, running }: TypeUse): number {
  if (paused) return 0;
  return Math.max(0, Math.min(concurrency, places) - running);
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
export type ShownWait = Extract<WaitsFor, 'paused' | 'type_paused' | 'server_paused' | 'handler' | 'previous_run'>;

/**
 * Why a due job does not start, as answers show it: of what only users or another reading of the handlers end, the first that holds.
 *
 * @param jobPaused a user has paused the job
 * @param serverIsPaused a user has paused the server
 * @param runsBefore another job with its key is in a thread
 */
export function shownWait(
  jobPaused: boolean,
  type: TypeUse,
  serverIsPaused: boolean,
  runsBefore: boolean,
): ShownWait | undefined {
  if (jobPaused) return 'paused';
  if (type.paused) return 'type_paused';
  if (serverIsPaused) return 'server_paused';
  if (type.concurrency === undefined) return 'handler';
  return runsBefore ? 'previous_run' : undefined;
}
