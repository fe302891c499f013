/** Stands at the pool of the simulated server and looks at every attempt that is handed to it. */
import { placeOf } from '../../src/domain/control/keys.js';
import { isHeld, isRepeating, type JobSpec, type JobState } from '../../src/domain/job.js';
import { limits } from '../../src/domain/limits.js';
import { deadlineOf } from '../../src/domain/slots/deadline.js';
import { nextOccurrence } from '../../src/domain/slots/trigger.js';
import type { Attempt } from '../../src/pool/port.js';
import type { World } from '../support/world.js';
import type { SimulatedBulks } from './bulks.js';
import { must } from './event-replay.js';
import { LimitsWatch } from './limits.js';
import type { Promised } from './promised.js';

/** The process ends here. */
export class Crash extends Error {}

export class Attendant {
  readonly #promised: Promised;
  readonly #bulks: SimulatedBulks;
  readonly #note: (what: string) => void;
  readonly #limits: LimitsWatch;
  /** How often each job that ends the process has done so, by payload: a key may be given again after a refused write. */
  readonly #kills = new Map<string, number>();
  /** Keys of the jobs that were dispatched last under each number. */
  readonly #places = new Map<number, string | undefined>();
  /** Starts that are under no suspicion and so not counted: after a stop in order, or by a clock that was set. */
  forgiven = 0;
  /** The latest that the clock has shown since nothing was on its way to the disk: by it the last decisions were made. */
  #latest = Number.NEGATIVE_INFINITY;

  /** @param seesAll windows hold all that is due */
  constructor(promised: Promised, bulks: SimulatedBulks, note: (what: string) => void, seesAll = false) {
    this.#limits = new LimitsWatch(promised.typeLimits, bulks, seesAll);
    this.#bulks = bulks;
    this.#promised = promised;
    this.#note = note;
  }

  attend(world: World): void {
    const fences = new Set<string>();
    const look = (attempt: Attempt): void => {
      const fence = `${attempt.jobSeq}/${attempt.fence}`;
      this.#note(`dispatch ${fence} ${attempt.name}`);
      must(!fences.has(fence), () => `fence ${fence} was given twice`);
      fences.add(fence);
      this.#promised.begins(attempt.jobSeq, attempt.fence);
      this.#check(world, attempt);
      if (attempt.name === 'killer') this.#kill(attempt);
    };
    world.pool.onDispatch = look;
    // A start after a stop in order dispatches at once.
    for (const attempt of [...world.pool.attempts.values()]) look(attempt);
  }

  /** Looks at the clock, which may be set back before what is decided by it comes to the pool. */
  readClock({ clock, scheduler, store }: World): void {
    const isStill = scheduler.settled && store.pending === 0;
    this.#latest = isStill ? clock.wall : Math.max(this.#latest, clock.wall);
  }

  #check(world: World, attempt: Attempt): void {
    const { jobSeq } = attempt;
    const known = this.#promised.jobs.get(jobSeq);
    const committed = world.memtable.job(jobSeq);
    // Cancelled and removed while its start was written, it is handed over and taken back.
    if (known?.removing && world.scheduler.state(jobSeq) === undefined) return;
    if (known?.cancelled) throw new Error(`job ${jobSeq} was cancelled and runs`);
    if (!committed) throw new Error(`job ${jobSeq} runs and is not on disk`);
    must(
      attempt.payload === committed.spec.payload,
      () => `job ${jobSeq} runs with another payload than it has on disk`,
    );
    must(world.scheduler.mode.writes === 'at_once', () => `job ${jobSeq} was dispatched while the disk refuses writes`);
    const limited = [...world.pool.attempts.values()].filter(({ name }) => name === 'limited').length;
    must(limited <= 1, () => `${limited} attempts of a type that is limited to one`);
    const state = world.scheduler.state(jobSeq);
    must(state !== undefined, () => `job ${jobSeq} was dispatched and is not there`);
    const isHandled = world.handlers.some(({ name }) => name === attempt.name);
    // A start that was being written when its type lost the handler goes to the pool all the same, which gives it back.
    const wasHandled = (world.lostAt.get(attempt.name) ?? Number.NEGATIVE_INFINITY) >= state.startedAt;
    must(isHandled || wasHandled, () => `job ${jobSeq} runs and has no handler`);
    must(state.due <= state.startedAt, () => `job ${jobSeq} runs ${state.due - state.startedAt} ms early`);
    const now = Math.max(this.#latest, world.clock.wall);
    must(state.due <= now, () => `job ${jobSeq} runs ${state.due - now} ms before any clock said that it is due`);
    this.#checkPauses(attempt, now);
    this.#checkKey(world, committed.spec, attempt);
    checkSchedule(world, committed.spec, attempt);
    checkDeadline(committed.spec, state);
    if (isRepeating(committed.spec)) checkBounds(committed.spec, state, attempt);
    this.#limits.started(world, attempt, committed, isSuspect(world, attempt));
    if (this.#promised.hasFields) this.#checkPriority(world, committed.spec, attempt);
    this.#promised.given.set(`${jobSeq}/${attempt.fence}`, attempt);
    if (isRepeating(committed.spec)) this.#promised.started(jobSeq, attempt.fence, attempt.scheduledFor);
    if (isSuspect(world, attempt)) checkRecorded(world, attempt);
    must(world.pool.free >= 0, 'the pool was given more than it takes');
    const ofType = [...world.pool.attempts.values()].filter(({ name }) => name === attempt.name).length;
    must(
      ofType <= world.pool.placesOf(attempt.name),
      () => `${ofType} attempts of ${attempt.name}, which has fewer places`,
    );
  }

  /** What was paused, and acknowledged as that, does not start. */
  #checkPauses({ jobSeq, name }: Attempt, now: number): void {
    const { jobs, serverPause, typePauses } = this.#promised;
    must(!serverPause.holds(now), () => `job ${jobSeq} starts while the server is paused`);
    must(!typePauses.get(name)?.holds(now), () => `job ${jobSeq} starts while its type is paused`);
    must(!jobs.get(jobSeq)?.pause.holds(now), () => `job ${jobSeq} starts while it is paused`);
  }

  /** No other attempt of its type and key is in a thread. */
  #checkKey(world: World, spec: JobSpec, attempt: Attempt): void {
    const { jobSeq } = attempt;
    const place = placeOf(spec);
    this.#places.set(jobSeq, place);
    if (place === undefined) return;
    // The start of a suspect may be on record with what took its key: it runs by that.
    must(!spec.keyLost || isSuspect(world, attempt), () => `job ${jobSeq} starts and has lost its key`);
    for (const other of world.pool.attempts.keys()) {
      const isOfKey = other !== jobSeq && this.#places.get(other) === place;
      must(!isOfKey, () => `jobs ${other} and ${jobSeq} have the key ${place} and run at once`);
    }
  }

  /** Of jobs that are due and wait, none with a higher priority is passed over. Suspects have an order of their own. */
  #checkPriority(world: World, spec: JobSpec, { jobSeq, name: attemptName }: Attempt): void {
    const { born, sets, memtable, scheduler, clock } = world;
    const maySuspect = (seq: number): boolean => !born.clean && seq < born.firstNewSeq;
    if (maySuspect(jobSeq)) return;
    const priority = spec.priority ?? 0;
    for (const seq of sets.each('pending')) {
      // While a change of it is being written it does not start.
      if (maySuspect(seq) || (this.#promised.jobs.get(seq)?.unanswered.size ?? 0) > 0) continue;
      if (this.#bulks.mayChange(seq)) continue;
      const other = memtable.job(seq);
      if (!other || isHeld(other.state) || (other.spec.priority ?? 0) <= priority || other.state.due > clock.now())
        continue;
      const { name } = other.spec;
      // A pause of its type holds from its decision on.
      const wait = scheduler.waitingFor(other);
      if (world.pool.apart.includes(name) !== world.pool.apart.includes(attemptName)) continue;
      if (name === 'limited' || (wait !== undefined && wait !== 'thread')) continue;
      const now = scheduler.state(seq);
      const { updatedAt, due, fence, attempt } = other.state;
      const isSame = now?.updatedAt === updatedAt && now.due === due && now.fence === fence && now.attempt === attempt;
      // A pause that ends as it begins leaves no trace, and may be on its way to the disk.
      const mayChange = !scheduler.settled && updatedAt === clock.now();
      const isChanging = now?.status !== 'pending' || !isSame || isHeld(now) || mayChange;
      must(
        isChanging,
        () => `job ${jobSeq} of priority ${priority} starts before job ${seq} of ${other.spec.priority}`,
      );
    }
  }

  #kill({ jobSeq, payload }: Attempt): void {
    const kills = (this.#kills.get(payload) ?? 0) + 1;
    this.#kills.set(payload, kills);
    const maxRetries = 1;
    const bound = 1 + this.forgiven + limits.interruptions * (maxRetries + 1);
    must(kills <= bound, () => `job ${jobSeq} has ended the process ${kills} times`);
    throw new Crash(`killed by job ${jobSeq}`);
  }
}

/** A repeating job runs for instants of its schedule, and for those that a client has moved it to. */
function checkSchedule({ queries }: World, spec: JobSpec, { jobSeq, scheduledFor }: Attempt): void {
  if (!isRepeating(spec)) return;
  if (nextOccurrence(spec.trigger, scheduledFor - 1) === scheduledFor) return;
  // Its request has waited until its last slot had passed.
  if (spec.endAt !== undefined && scheduledFor === Math.min(spec.createdAt, spec.endAt)) return;
  const isMoved = queries
    .eventsAfter(0, Number.POSITIVE_INFINITY)
    .events.some(
      (event) => event.jobSeq === jobSeq && event.body.type === 'job.updated' && event.body.triggerAt === scheduledFor,
    );
  must(
    isMoved,
    () => `job ${jobSeq} runs for ${scheduledFor}, an instant that its schedule does not have: ${JSON.stringify(spec)}`,
  );
}

/** Nothing starts that has expired. */
function checkDeadline(spec: JobSpec, state: JobState): void {
  const deadline = deadlineOf(spec, state) ?? Number.POSITIVE_INFINITY;
  must(
    state.startedAt <= deadline,
    () => `job ${spec.seq} starts ${state.startedAt - deadline} ms after it has expired`,
  );
}

/** A repeating job starts within its bounds, but for a run that a user has asked for. */
function checkBounds(spec: JobSpec, state: JobState, { jobSeq, scheduledFor }: Attempt): void {
  const {
    startAt = Number.NEGATIVE_INFINITY,
    endAt = Number.POSITIVE_INFINITY,
    maxRuns = Number.POSITIVE_INFINITY,
  } = spec;
  // A retry of the last run may come after another request has set the bound.
  must(
    state.runCount <= maxRuns || state.attempt > 1,
    () => `job ${jobSeq} has run ${state.runCount} of ${maxRuns} times`,
  );
  // A cancellation that came while its start was being written has forgotten what it runs for.
  if (state.nextSlot !== 0 || state.status !== 'running') return;
  const isIn = scheduledFor >= startAt && scheduledFor <= endAt;
  must(isIn, () => `job ${jobSeq} runs for ${scheduledFor}, which is not in ${startAt} to ${endAt}`);
}

/** Whether a job may be what ended the process before: it was overdue then, or had been tried. */
function isSuspect({ born, scheduler }: World, { jobSeq }: Attempt): boolean {
  const state = scheduler.state(jobSeq);
  return (
    !born.clean &&
    jobSeq < born.firstNewSeq &&
    state !== undefined &&
    (state.occurrence <= born.at || state.attempt > 1)
  );
}

/** A suspect runs only with its start on record. One that is cancelled by the same record is handed over and taken back. */
function checkRecorded(world: World, { jobSeq, fence }: Attempt): void {
  const recorded = world.memtable.state(jobSeq);
  const counted = recorded?.fence === fence && (recorded.status === 'running' || recorded.status === 'cancelled');
  must(counted, () => `job ${jobSeq} may be what ended the process and runs before that is on record`);
}
