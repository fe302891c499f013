/** What must hold after every step of a simulated life. Each check throws with what it found. */
import { placeOf } from '../../src/domain/control/keys.js';
import type { JobEvent } from '../../src/domain/events.js';
import { isHeld, isRepeating, type Job } from '../../src/domain/job.js';
import { isFinished, type Status, statuses } from '../../src/domain/lifecycle.js';
import { limits } from '../../src/domain/limits.js';
import { nextDueInRun } from '../../src/domain/slots/overlap.js';
import { checkStore } from '../../src/store/check/check.js';
import { overJournal } from '../../src/store/check/with-journal.js';
import type { World } from '../support/world.js';
import type { SimulatedBulks } from './bulks.js';
import { EventReplay, must } from './event-replay.js';
import { checkFinds } from './finds.js';
import type { Promised, PromisedJob } from './promised.js';
import { RunsReplay } from './runs-replay.js';

/** A list of all jobs: more than any life has. */
export const everything = { limit: 10_000, offset: 0 } as const;

/** Looks at one world after every step. The log only grows: each event is read and heard once in a world. */
export class Invariants {
  readonly #world: World;
  readonly #promised: Promised;
  readonly #bulks: SimulatedBulks;
  readonly #events: JobEvent[] = [];
  readonly #replay = new EventReplay();
  readonly #runs: RunsReplay;
  /** Attempts that the events tell to have succeeded, by job and fence. */
  readonly #succeeded = new Set<string>();
  /** What a list of everything has, and the moment it was read at. */
  #jobs: readonly Job[] = [];
  #bySeq: ReadonlyMap<number, Job> = new Map();
  #readAt = '';
  /** How many of the published events have been compared with the log. */
  #compared = 0;

  constructor(world: World, promised: Promised, bulks: SimulatedBulks) {
    this.#bulks = bulks;
    this.#world = world;
    this.#promised = promised;
    this.#runs = new RunsReplay(promised);
  }

  /** All checks of one moment. */
  check(): void {
    const { fatal, logged } = this.#world;
    must(fatal.length === 0, () => `the server gave up: ${fatal}`);
    must(!logged.some((line) => line.includes('damaged')), () => `the server met damage: ${logged}`);
    const isNews = this.#list();
    this.#checkAcknowledged(this.#bySeq);
    this.#checkRunning();
    this.#checkEvents();
    this.#bulks.check(this.#jobs);
    if (!isNews) return;
    checkFinds(this.#world, this.#jobs);
    this.#checkSets(this.#bySeq);
    this.#checkLists(this.#jobs);
    checkKeys(this.#jobs, this.#world.store.isAhead);
    this.#checkReplay(this.#bySeq);
    this.#runs.check(this.#world, this.#bySeq);
    this.#checkChildren(this.#jobs);
  }

  /**
   * Lists everything unless the trees, the table over them and what was told are as they were: four of five steps leave
   * them alone, and a list of everything is what a long life would take most of its time for.
   */
  #list(): boolean {
    const { kv, memtable, events, queries, sets } = this.#world;
    const counts = statuses.map((status) => sets.count(status));
    const moment = [kv.changes, memtable.changed, memtable.merging, events.length, ...counts].join();
    if (moment === this.#readAt) return false;
    this.#readAt = moment;
    this.#jobs = queries.list(everything).jobs;
    this.#bySeq = new Map(this.#jobs.map((job) => [job.spec.seq, job]));
    return true;
  }

  #checkAcknowledged(jobs: ReadonlyMap<number, Job>): void {
    for (const [seq, known] of this.#promised.jobs) {
      const job = jobs.get(seq);
      if (!job) {
        must(this.#promised.retains || known.removing, () => `job ${seq} was acknowledged and is gone`);
        continue;
      }
      must(!known.removed, () => `job ${seq} was removed and is there`);
      const { payload, idSeconds } = job.spec;
      const isReplaced = known.place !== undefined && this.#promised.replacing(known.place).has(payload);
      const isKnown = payload === known.payload || known.unanswered.has(payload) || isReplaced;
      must(isKnown, () => `job ${seq} has another payload than was acknowledged`);
      must(idSeconds === known.idSeconds, () => `job ${seq} has another id than was acknowledged`);
      const { trigger } = job.spec;
      const isCron = trigger.kind === 'cron';
      checkComing(job, known);
      if (known.repeatsByCron && known.place === undefined)
        must(isCron && trigger.repeat, () => `job ${seq} repeated by cron and is now of kind ${trigger.kind}`);
      if (isCron && known.place === undefined)
        must(known.expressions.has(trigger.expression), () => `job ${seq} has a schedule that nobody asked for`);
      const { status } = job.state;
      if (known.cancelled) must(status === 'cancelled', () => `job ${seq} was cancelled and is ${status}`);
    }
  }

  #checkSets(jobs: ReadonlyMap<number, Job>): void {
    const { sets, memtable, scheduler } = this.#world;
    const counted = Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>;
    for (let seq = 1; seq < scheduler.counters.nextSeq; seq++) {
      const status = jobs.get(seq)?.state.status ?? memtable.state(seq)?.status;
      const inSet = sets.statusOf(seq);
      must(status === inSet, () => `job ${seq} is ${status} and in the set of ${inSet}`);
      if (status) counted[status]++;
    }
    let all = 0;
    for (const status of statuses) {
      all += counted[status];
      const [count, total] = [sets.count(status), sets.total(status, undefined)];
      must(count === counted[status], () => `${counted[status]} jobs are ${status}, the set counts ${count}`);
      must(total === counted[status], () => `a list counts ${total} of ${counted[status]} ${status} jobs`);
    }
    const total = sets.total(undefined, undefined);
    must(jobs.size === all && total === all, () => `a list has ${jobs.size} of ${all} jobs and counts ${total}`);
  }

  /** Order of all jobs, and the lists by type. `jobs`: as they are listed. */
  #checkLists(jobs: readonly Job[]): void {
    const { sets, types } = this.#world;
    const byName = new Map<string, Job[]>(this.#promised.names.map((name) => [name, []]));
    let newer: Job | undefined;
    for (const job of jobs) {
      const { seq, idSeconds, payload, name } = job.spec;
      const inOrder = !newer || (seq < newer.spec.seq && idSeconds <= newer.spec.idSeconds);
      must(inOrder, () => `jobs ${newer?.spec.seq} and ${seq} are out of order, or their ids`);
      must(!this.#promised.refused.has(payload), () => `job ${seq} has a payload whose request was refused`);
      const typeId = types.find(name);
      must(typeId !== undefined, () => `job ${seq} is of a type without a number`);
      byName.get(name)?.push(job);
      newer = job;
    }
    for (const [name, ofName] of byName) {
      const typeId = types.find(name);
      if (typeId === undefined) continue;
      const total = sets.total(undefined, typeId);
      must(total === ofName.length, () => `${ofName.length} jobs are of type ${name}, the set counts ${total}`);
      const listed = sets.page(undefined, typeId, everything).join();
      const expected = ofName.map(({ spec }) => spec.seq).join();
      must(listed === expected, () => `of type ${name} are the jobs ${expected}, a list has ${listed}`);
      for (const status of statuses) {
        const both = ofName.filter(({ state }) => state.status === status).length;
        must(sets.total(status, typeId) === both, () => `the number of ${status} jobs of type ${name} is wrong`);
      }
    }
  }

  /** With nothing left to be written, what is running is what the pool runs. */
  #checkRunning(): void {
    const { scheduler, store, pool, sets } = this.#world;
    if (!scheduler.settled || store.pending > 0) return;
    for (const seq of pool.attempts.keys())
      must(scheduler.isRunning(seq), () => `job ${seq} is in the pool and not held to be`);
    const [held, there] = [scheduler.runningAttempts, pool.attempts.size];
    must(held === there, () => `${held} attempts are held to be in the pool, ${there} are`);
    for (const seq of sets.each('running')) must(pool.attempts.has(seq), () => `job ${seq} is running in no worker`);
    checkOvertaken(this.#world);
  }

  /** Events have no gap and are published in order, each once it is in the log; totals are those that they tell. */
  #checkEvents(): void {
    const { queries, events: published, born, sets } = this.#world;
    for (const event of queries.eventsAfter(this.#events.length, Number.POSITIVE_INFINITY).events) {
      // The store may have a commit that nobody was told of yet.
      if (event.seq > queries.lastEvent()) break;
      must(
        event.seq === this.#events.length + 1,
        () => `event ${event.seq} stands at place ${this.#events.length + 1}`,
      );
      this.#events.push(event);
      this.#replay.apply(event);
      this.#runs.apply(event);
      if (event.body.type === 'job.completed') {
        this.#checkSlot(event.jobSeq);
        this.#succeeded.add(`${event.jobSeq}/${this.#replay.jobs.get(event.jobSeq)?.starts}`);
      }
      if (event.body.type === 'job.scheduled') this.#checkExtra(event, event.body.triggerAt);
    }
    must(queries.lastEvent() === this.#events.length, 'the last event has another number than there are events');
    const last = published.at(-1)?.seq ?? born.lastEvent;
    must(last === this.#events.length, () => `event ${this.#events.length} is on disk, ${last} was published last`);
    for (; this.#compared < published.length; this.#compared++) {
      const event = published[this.#compared] as JobEvent;
      const before = published[this.#compared - 1]?.seq ?? born.lastEvent;
      must(event.seq === before + 1, () => `event ${event.seq} was published after ${before}`);
      const logged = this.#events[event.seq - 1];
      const same = logged?.body.type === event.body.type && logged.jobSeq === event.jobSeq && logged.at === event.at;
      must(same, () => `event ${event.seq} was published and is not in the log`);
    }
    const { completed, failed, cancelled, running } = queries.totals();
    must(completed === this.#replay.completed, 'the total of completed is not that of the events');
    must(failed === this.#replay.failed, 'the total of failed is not that of the events');
    must(cancelled === this.#replay.cancelled, 'the total of cancelled is not that of the events');
    must(running === sets.count('running'), 'the total of running is not that of the states');
  }

  /** After an extra occurrence comes the slot that was to come without it, unless that has passed. */
  #checkExtra({ seq, jobSeq, at }: JobEvent, triggerAt: number): void {
    const known = this.#promised.jobs.get(jobSeq);
    const { slot, event } = known?.afterExtra ?? {};
    if (!known || slot === undefined || seq <= Number(event)) return;
    known.afterExtra = undefined;
    const stays = triggerAt === slot || slot <= at;
    must(stays, () => `after an extra occurrence job ${jobSeq} is due at ${triggerAt}, its next slot was ${slot}`);
  }

  /** No slot of a schedule is completed twice. */
  #checkSlot(seq: number): void {
    const fence = this.#replay.jobs.get(seq)?.starts ?? 0;
    const before = this.#promised.completed(seq, fence);
    must(
      before === undefined,
      () =>
        `attempts ${before} and ${fence} of job ${seq} completed the same slot: ${JSON.stringify(this.#bySeq.get(seq))}`,
    );
  }

  /** Events, read in order, lead to the states and details that are there. */
  #checkReplay(jobs: ReadonlyMap<number, Job>): void {
    for (const [seq, told] of this.#replay.jobs) {
      const job = jobs.get(seq);
      if (!job) {
        const mayBeGone = this.#promised.retains || this.#promised.jobs.get(seq)?.removing === true;
        must(isFinished(told.status) && mayBeGone, () => `job ${seq} is gone and was ${told.status}`);
        continue;
      }
      const { status, due, fence, startedAt, retryCount, missed } = job.state;
      must(missed === 0 || this.#promised.mayMiss, () => `job ${seq} missed occurrences while the server ran`);
      must(status === told.status, () => `the events tell that job ${seq} is ${told.status}, it is ${status}`);
      must(fence === told.starts, () => `job ${seq} was started ${told.starts} times, its fence is ${fence}`);
      must(startedAt === told.startedAt, () => `job ${seq} began at ${told.startedAt}, its state has ${startedAt}`);
      const [paused, toldPaused] = [job.state.pause !== null, !isFinished(status) && told.paused !== undefined];
      must(paused === toldPaused, () => `the events tell that job ${seq} is paused: ${toldPaused}, it is: ${paused}`);
      const retries = told.retryCount ?? retryCount;
      must(
        retryCount === retries || (told.mayBegin && retryCount === 0),
        () => `the events tell of ${retries} retries of job ${seq}, its state of ${retryCount}`,
      );
      // One of several missed that is made due at once is not told of.
      const isToldOf = status === 'pending' && missed === 0;
      if (isToldOf) must(due === told.due, () => `job ${seq} is due at ${due}, the events tell ${told.due}`);
      const { lastError, result } = job.detail;
      const sameError = lastError?.at === told.failedAt && lastError?.message === told.error;
      must(sameError, () => `job ${seq} shows another error than was told`);
      this.#checkProgress(job);
      const outcome = told.completedLease === undefined ? undefined : this.#promised.outcome(seq, told.completedLease);
      const expected = outcome?.kind === 'succeeded' ? outcome.result : undefined;
      must(result === expected, () => `job ${seq} shows the result ${result}, its latest success had ${expected}`);
    }
  }

  /** A job shows what its latest attempt has said last, once that has ended or was cancelled; while it runs, that or something older. */
  #checkProgress({ spec: { seq }, state: { fence, status }, detail: { progress, lastError } }: Job): void {
    const said = this.#promised.progress.get(`${seq}/${fence}`);
    if (progress !== undefined)
      must(said !== undefined, () => `job ${seq} shows the progress ${progress} of another attempt`);
    const mayBeLost = this.#promised.lostProgress.has(`${seq}/${fence}`);
    if (mayBeLost || said === undefined || status === 'running') return;
    // What an attempt says after it was cancelled, or its next slot has ended it, is heard only if the disk refuses that.
    const isHeard =
      status === 'cancelled' || lastError?.code === 'cancelled' ? said.atEnd.has(progress) : progress === said.last;
    must(isHeard, () => `job ${seq} shows the progress ${progress}, its attempt said ${said.last} last`);
  }

  /** A job that was enqueued is there exactly when its attempt has succeeded, and once. */
  #checkChildren(jobs: readonly Job[]): void {
    const there = new Map<string, Job>();
    for (const job of jobs) {
      const { parentId, payload, seq } = job.spec;
      if (parentId === undefined) continue;
      must(!there.has(payload), () => `jobs ${there.get(payload)?.spec.seq} and ${seq} were enqueued once`);
      there.set(payload, job);
    }
    for (const [attempt, payloads] of this.#promised.children) {
      const succeeded = this.#succeeded.has(attempt);
      const parent = Number(attempt.split('/')[0]);
      for (const payload of payloads) {
        const child = there.get(payload);
        there.delete(payload);
        if (child)
          must(child.spec.parentId?.seq === parent, () => `job ${child.spec.seq} is of another parent than ${parent}`);
        if (succeeded)
          must(child !== undefined || this.#promised.retains, () => `attempt ${attempt} succeeded without ${payload}`);
        else must(child === undefined, () => `${payload} was made, and attempt ${attempt} has not succeeded`);
      }
    }
    must(there.size === 0, () => `${[...there.keys()]} was enqueued by no attempt that has ended`);
  }

  /** With the world at rest and threads free: nothing that is due is left, but for suspects that wait for another. */
  checkNothingWaits(): void {
    const { scheduler, pool, born, queries, clock } = this.#world;
    if (scheduler.mode.writes !== 'at_once' || pool.free <= 0) return;
    if (!born.clean && pool.attempts.size > 0) return;
    const { settings } = scheduler;
    if (settings.server.paused) return;
    const handled = new Set(this.#world.handlers.map(({ name }) => name));
    const busy = new Set([...pool.attempts.values()].map(({ name }) => name));
    for (const job of queries.list({ ...everything, filter: { statuses: ['pending'] } }).jobs) {
      const { spec, state } = job;
      const wait = scheduler.waitingFor(job);
      // At the end all limits are taken away.
      if (wait === 'rate' || wait === 'type_concurrency' || wait === 'group_concurrency') continue;
      if (spec.name === 'limited' && busy.has('limited')) continue;
      if (pool.placesOf(spec.name) <= [...pool.attempts.values()].filter(({ name }) => name === spec.name).length)
        continue;
      if (!handled.has(spec.name) || settings.types.get(spec.name)?.paused || isHeld(state)) continue;
      const lateMs = clock.now() - state.due;
      if (scheduler.waitingFor(job) === 'previous_run') continue;
      must(lateMs < 0, () => `job ${spec.seq} has been due for ${lateMs} ms and waits for nothing`);
    }
  }

  /** At the end, with the world quiet: nothing that is due has been left, and a check of the store finds nothing. */
  checkNothingLeft(): void {
    const { pool, queries, clock } = this.#world;
    must(pool.attempts.size === 0, 'an attempt never ended');
    for (const { spec, state } of queries.list(everything).jobs) {
      const { status, due, interruptions } = state;
      must(status !== 'running', () => `job ${spec.seq} is running in no worker`);
      const waits = status === 'pending' && due <= clock.now();
      must(!waits, () => `job ${spec.seq} was due ${clock.now() - due} ms ago and has not run`);
      if (!isRepeating(spec)) must(status !== 'pending', () => `job ${spec.seq} is pending still`);
      must(
        interruptions < limits.interruptions,
        () => `job ${spec.seq} was interrupted ${interruptions} times in a row`,
      );
    }
    this.checkDisk();
  }

  /** What is on disk at any moment passes the check that users have for their directories, and for backups, which have no journal. */
  checkDisk(): void {
    const faults: string[] = [];
    const { kv, clock } = this.#world;
    for (const store of [kv, overJournal(kv, kv.journal)]) checkStore(store, clock.now(), (line) => faults.push(line));
    must(faults.length === 0, () => `a check of the store finds ${faults.length} faults: ${faults[0]}`);
  }
}

/**
 * No two jobs that are pending or running have one key, unless one has taken it while the other ran. What has lost its key does not run again.
 *
 * @param isAhead specs may be newer than states
 */
function checkKeys(jobs: readonly Job[], isAhead: boolean): void {
  const owners = new Map<string, number>();
  for (const { spec, state } of jobs) {
    const place = placeOf(spec);
    const hasEnded = state.status !== 'pending' || isAhead;
    must(!spec.keyLost || hasEnded, () => `job ${spec.seq} has lost its key and is to run again`);
    if (place === undefined || spec.keyLost || isFinished(state.status)) continue;
    const other = owners.get(place);
    must(other === undefined, () => `jobs ${other} and ${spec.seq} both have the key ${place}`);
    owners.set(place, spec.seq);
  }
}

/** What was asked for while a job ran holds when its attempt has ended. */
function checkComing({ spec, state }: Job, known: PromisedJob): void {
  if (known.coming === undefined || state.status === 'running' || state.status === 'cancelled') return;
  must(spec.payload !== known.payload, () => `job ${spec.seq} has ended and has not become what was asked for`);
  must(spec.successor === undefined, () => `job ${spec.seq} is ${state.status} and has still to become another`);
  known.payload = spec.payload;
  known.coming = undefined;
}

/** An attempt that its next slot has ended was told, and none that is to be ended so goes on. */
function checkOvertaken({ scheduler, pool, memtable, clock }: World): void {
  const { types, server } = scheduler.settings;
  for (const seq of pool.attempts.keys()) {
    const job = memtable.job(seq);
    if (!job || !isRepeating(job.spec)) continue;
    const { spec, state } = job;
    if (state.status === 'pending')
      must(pool.aborted.includes(seq), () => `job ${seq} was overtaken and its attempt not told`);
    const isPaused = server.paused || types.get(spec.name)?.paused || isHeld(state);
    if (spec.overlap !== 'cancel_running' || isPaused || scheduler.mode.writes !== 'at_once') continue;
    const lateMs = clock.now() - (nextDueInRun(spec, state) ?? Number.POSITIVE_INFINITY);
    // What is paused is looked at again each second.
    must(lateMs < 30_000, () => `job ${seq} runs, and its next slot has been due for ${lateMs} ms`);
  }
}
