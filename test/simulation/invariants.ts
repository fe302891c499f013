/** What must hold after every step of a simulated life. Each check throws with what it found. */
import type { JobEvent } from '../../src/domain/events.js';
import { isRepeating } from '../../src/domain/job.js';
import { isFinished, type Status, statuses } from '../../src/domain/lifecycle.js';
import type { World } from '../support/world.js';
import type { Promised } from './promised.js';

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** All checks of one moment. */
export function checkInvariants(world: World, promised: Promised): void {
  checkAcknowledged(world, promised);
  checkSets(world, promised);
  const { events } = world.queries.eventsAfter(0, Number.POSITIVE_INFINITY);
  checkEvents(world, events);
  checkStory(world, events, promised);
  must(world.fatal.length === 0, `the server gave up: ${world.fatal.join()}`);
}

function checkAcknowledged(world: World, promised: Promised): void {
  for (const [seq, known] of promised.jobs) {
    const job = world.memtable.job(seq);
    if (!job) {
      must(promised.mayBeRemoved(seq), `job ${seq} was acknowledged and is gone`);
      continue;
    }
    must(job.spec.payload === known.payload, `job ${seq} has another payload than was acknowledged`);
    must(job.spec.idSeconds === known.idSeconds, `job ${seq} has another id than was acknowledged`);
    if (known.cancelled) must(job.state.status === 'cancelled', `job ${seq} was cancelled and is ${job.state.status}`);
  }
}

function checkSets(world: World, promised: Promised): void {
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
    const { total } = world.queries.list({ status, limit: 1, offset: 0 });
    must(total === counted[status], `a list counts ${total} of ${counted[status]} ${status} jobs`);
  }
  const all = world.queries.list({ limit: 1000, offset: 0 });
  const newestFirst = all.jobs.every((job, i) => i === 0 || job.spec.seq < (all.jobs[i - 1]?.spec.seq ?? 0));
  must(newestFirst, 'a list is not newest first');
  for (const name of promised.names) {
    const byName = all.jobs.filter((job) => job.spec.name === name).length;
    must(world.queries.list({ name, limit: 1, offset: 0 }).total === byName, `the set of type ${name} is wrong`);
  }
}

function checkEvents(world: World, events: readonly JobEvent[]): void {
  events.forEach((event, i) => must(event.seq === i + 1, `event ${event.seq} stands at place ${i + 1}`));
  must(world.queries.lastEvent() === events.length, 'the last event has another number than there are events');
  world.events.forEach((event, i) => {
    const before = world.events[i - 1];
    must(!before || event.seq === before.seq + 1, `event ${event.seq} was published after ${before?.seq}`);
    must(
      events[event.seq - 1]?.body.type === event.body.type,
      `event ${event.seq} was published and is not in the log`,
    );
  });
  const count = (type: string): number => events.filter(({ body }) => body.type === type).length;
  const finals = events.filter(({ body }) => body.type === 'job.failed' && body.final).length;
  const { completed, failed, cancelled } = world.queries.totals();
  must(completed === count('job.completed'), 'the total of completed is not that of the events');
  must(failed === finals, 'the total of failed is not that of the events');
  must(cancelled === count('job.cancelled'), 'the total of cancelled is not that of the events');
}

/** Events, read in order, lead to the states that are there. */
function checkStory(world: World, events: readonly JobEvent[], promised: Promised): void {
  const told = new Map<number, { status: Status; scheduledFor: number }>();
  for (const { jobSeq, body, seq } of events) {
    const job = told.get(jobSeq) ?? { status: 'pending', scheduledFor: Number.NEGATIVE_INFINITY };
    told.set(jobSeq, job);
    switch (body.type) {
      case 'job.scheduled':
        must(body.triggerAt > job.scheduledFor, `event ${seq} schedules job ${jobSeq} for an instant a second time`);
        job.status = 'pending';
        job.scheduledFor = body.triggerAt;
        break;
      case 'job.updated':
        must(job.status === 'pending', `event ${seq} updates a ${job.status} job`);
        job.scheduledFor = Number.NEGATIVE_INFINITY;
        break;
      case 'job.started':
        must(job.status === 'pending', `event ${seq} starts a ${job.status} job`);
        job.status = 'running';
        break;
      case 'job.completed':
        must(job.status === 'running', `event ${seq} completes a ${job.status} job`);
        job.status = 'success';
        break;
      case 'job.failed':
        must(job.status === 'running', `event ${seq} fails a ${job.status} job`);
        job.status = 'failed';
        break;
      case 'job.retrying':
        must(job.status === 'failed' || job.status === 'running', `event ${seq} retries a ${job.status} job`);
        job.status = 'pending';
        break;
      case 'job.cancelled':
        must(body.previousStatus === job.status, `event ${seq} cancels a ${job.status} job as ${body.previousStatus}`);
        job.status = 'cancelled';
        break;
      default:
        body satisfies never;
    }
  }
  for (const [seq, { status }] of told) {
    const state = world.memtable.state(seq);
    if (state) must(state.status === status, `the events tell that job ${seq} is ${status}, it is ${state.status}`);
    else must(isFinished(status) && promised.mayBeRemoved(seq), `job ${seq} is gone and was ${status}`);
  }
}

/** At the end, with the world quiet: nothing that is due has been left. */
export function checkNothingLeft(world: World): void {
  must(world.pool.attempts.size === 0, 'an attempt never ended');
  must(world.scheduler.runningAttempts === 0, 'an attempt is booked that no worker has');
  for (const job of world.queries.list({ limit: 1000, offset: 0 }).jobs) {
    const { status, due } = job.state;
    must(status !== 'running', `job ${job.spec.seq} is running in no worker`);
    const waits = status === 'pending' && due <= world.clock.now();
    must(!waits, `job ${job.spec.seq} was due ${world.clock.now() - due} ms ago and has not run`);
    if (!isRepeating(job.spec)) must(status !== 'pending', `job ${job.spec.seq} is pending still`);
  }
}
