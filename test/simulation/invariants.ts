/** What must hold after every step of a simulated life. Each check throws with what it found. */
import type { JobEvent } from '../../src/domain/events.js';
import { isRepeating, type Job } from '../../src/domain/job.js';
import { isFinished, type Status, statuses } from '../../src/domain/lifecycle.js';
import { limits } from '../../src/domain/limits.js';
import { checkStore } from '../../src/store/check.js';
import type { World } from '../support/world.js';
import type { Promised } from './promised.js';
import { tellStory } from './story.js';

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const everything = { limit: 10_000, offset: 0 } as const;

/** All checks of one moment. */
export function checkInvariants(world: World, promised: Promised): void {
  const { jobs } = world.queries.list(everything);
  checkAcknowledged(world, promised);
  checkSets(world, promised, jobs);
  checkRunning(world);
  const { events } = world.queries.eventsAfter(0, Number.POSITIVE_INFINITY);
  checkEvents(world, events);
  checkStory(world, events, promised);
  must(world.fatal.length === 0, `the server gave up: ${world.fatal.join()}`);
  must(!world.logged.some((line) => line.includes('damaged')), `the server met damage: ${world.logged.join()}`);
}

function checkAcknowledged(world: World, promised: Promised): void {
  for (const [seq, known] of promised.jobs) {
    const job = world.memtable.job(seq);
    if (!job) {
      must(promised.retains, `job ${seq} was acknowledged and is gone`);
      continue;
    }
    const { payload, idSeconds } = job.spec;
    must(
      payload === known.payload || known.unanswered.has(payload),
      `job ${seq} has another payload than was acknowledged`,
    );
    must(idSeconds === known.idSeconds, `job ${seq} has another id than was acknowledged`);
    if (known.cancelled) must(job.state.status === 'cancelled', `job ${seq} was cancelled and is ${job.state.status}`);
  }
}

function checkSets(world: World, promised: Promised, jobs: readonly Job[]): void {
  const counted = Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>;
  for (let seq = 1; seq < world.scheduler.ledger.committed.nextSeq; seq++) {
    const status = world.memtable.state(seq)?.status;
    const inSet = world.sets.statusOf(seq);
    must(status === inSet, `job ${seq} is ${status} and in the set of ${inSet}`);
    if (status) counted[status]++;
  }
  for (const status of statuses) {
    must(
      world.sets.count(status) === counted[status],
      `${counted[status]} jobs are ${status}, the set counts ${world.sets.count(status)}`,
    );
    const total = world.sets.total(status, undefined);
    must(total === counted[status], `a list counts ${total} of ${counted[status]} ${status} jobs`);
  }
  const all = statuses.reduce((sum, status) => sum + counted[status], 0);
  must(
    jobs.length === all && world.sets.total(undefined, undefined) === all,
    `a list has ${jobs.length} of ${all} jobs`,
  );
  jobs.forEach((job, i) => {
    const { seq, idSeconds, payload } = job.spec;
    const newer = jobs[i - 1]?.spec;
    must(
      !newer || (seq < newer.seq && idSeconds <= newer.idSeconds),
      `jobs ${newer?.seq} and ${seq} are out of order, or their ids`,
    );
    must(!promised.refused.has(payload), `job ${seq} has a payload whose request was refused`);
  });
  for (const name of promised.names) {
    const byName = jobs.filter((job) => job.spec.name === name);
    const typeId = world.types.find(name);
    const total = typeId === undefined ? 0 : world.sets.total(undefined, typeId);
    must(total === byName.length, `${byName.length} jobs are of type ${name}, the set counts ${total}`);
    const listed = world.queries.list({ ...everything, name }).jobs.length;
    must(listed === byName.length, `${byName.length} jobs are of type ${name}, a list has ${listed}`);
    if (typeId === undefined) continue;
    for (const status of statuses) {
      const both = byName.filter((job) => job.state.status === status).length;
      must(world.sets.total(status, typeId) === both, `the number of ${status} jobs of type ${name} is wrong`);
    }
  }
}

/** With nothing left to be written, what is running is what the pool runs. */
function checkRunning(world: World): void {
  const { ledger } = world.scheduler;
  if (!world.scheduler.settled || ledger.writing || world.store.pending > 0) return;
  for (const seq of ledger.active.keys())
    must(world.pool.attempts.has(seq), `job ${seq} is held to be in the pool and is not`);
  for (const seq of world.pool.attempts.keys())
    must(ledger.active.has(seq), `job ${seq} is in the pool and not held to be`);
  for (const seq of world.sets.each('running'))
    must(world.pool.attempts.has(seq), `job ${seq} is running in no worker`);
}

function checkEvents(world: World, events: readonly JobEvent[]): void {
  events.forEach((event, i) => must(event.seq === i + 1, `event ${event.seq} stands at place ${i + 1}`));
  must(world.queries.lastEvent() === events.length, 'the last event has another number than there are events');
  const [first] = world.events;
  world.events.forEach((event, i) => {
    must(
      event.seq === (first as JobEvent).seq + i,
      `event ${event.seq} was published after ${world.events[i - 1]?.seq}`,
    );
    const logged = events[event.seq - 1];
    const same = logged?.body.type === event.body.type && logged.jobSeq === event.jobSeq && logged.at === event.at;
    must(same, `event ${event.seq} was published and is not in the log`);
  });
  const published = world.events.at(-1)?.seq ?? world.born.lastEvent;
  must(published === events.length, `event ${events.length} is on disk, ${published} was the last to be published`);
  const count = (type: string): number => events.filter(({ body }) => body.type === type).length;
  const finals = events.filter(({ body }) => body.type === 'job.failed' && body.final).length;
  const { completed, failed, cancelled, running } = world.queries.totals();
  must(completed === count('job.completed'), 'the total of completed is not that of the events');
  must(failed === finals, 'the total of failed is not that of the events');
  must(cancelled === count('job.cancelled'), 'the total of cancelled is not that of the events');
  must(running === world.sets.count('running'), 'the total of running is not that of the states');
}

/** Events, read in order, lead to the states and details that are there. */
function checkStory(world: World, events: readonly JobEvent[], promised: Promised): void {
  for (const [seq, told] of tellStory(events)) {
    const state = world.memtable.state(seq);
    if (!state) {
      must(isFinished(told.status) && promised.retains, `job ${seq} is gone and was ${told.status}`);
      continue;
    }
    const { status, due, lease, startedAt, retryCount, missed } = state;
    must(status === told.status, `the events tell that job ${seq} is ${told.status}, it is ${status}`);
    must(lease === told.starts, `job ${seq} was started ${told.starts} times, its lease is ${lease}`);
    must(startedAt === told.startedAt, `job ${seq} began at ${told.startedAt}, its state has ${startedAt}`);
    must(
      retryCount === (told.retryCount ?? retryCount),
      `the events tell of ${told.retryCount} retries of job ${seq}, its state of ${retryCount}`,
    );
    // One of several missed that is made due at once is not told of.
    if (status === 'pending' && missed === 0)
      must(due === told.due, `job ${seq} is due at ${due}, the events tell ${told.due}`);
    const { lastError, result } = world.memtable.detail(seq);
    must(
      lastError?.at === told.failedAt && lastError?.message === told.error,
      `job ${seq} shows another error than was told`,
    );
    const outcome = told.completedLease === undefined ? undefined : promised.outcome(seq, told.completedLease);
    const expected = outcome?.kind === 'succeeded' ? outcome.result : undefined;
    must(result === expected, `job ${seq} shows the result ${result}, its latest success had ${expected}`);
  }
}

/** With the world at rest and threads free: nothing that is due has been left, but for suspects that wait for another. */
export function checkNothingWaits(world: World): void {
  if (world.scheduler.blockedMs !== undefined || world.pool.free <= 0) return;
  if (!world.born.clean && world.pool.attempts.size > 0) return;
  const busy = new Set([...world.pool.attempts.values()].map(({ name }) => name));
  for (const { spec, state } of world.queries.list({ ...everything, status: 'pending' }).jobs) {
    if (spec.name === 'limited' && busy.has('limited')) continue;
    must(
      state.due > world.clock.now(),
      `job ${spec.seq} has been due for ${world.clock.now() - state.due} ms and waits for nothing`,
    );
  }
}

/** At the end, with the world quiet: nothing that is due has been left, and a check of the store finds nothing. */
export function checkNothingLeft(world: World): void {
  must(world.pool.attempts.size === 0, 'an attempt never ended');
  for (const { spec, state } of world.queries.list(everything).jobs) {
    const { status, due, interruptions } = state;
    must(status !== 'running', `job ${spec.seq} is running in no worker`);
    const waits = status === 'pending' && due <= world.clock.now();
    must(!waits, `job ${spec.seq} was due ${world.clock.now() - due} ms ago and has not run`);
    if (!isRepeating(spec)) must(status !== 'pending', `job ${spec.seq} is pending still`);
    must(interruptions < limits.interruptions, `job ${spec.seq} was cut short ${interruptions} times in a row`);
  }
  const faults: string[] = [];
  checkStore(world.kv, world.clock.now(), (line) => faults.push(line));
  must(faults.length === 0, `a check of the store finds: ${faults.join('; ')}`);
}
