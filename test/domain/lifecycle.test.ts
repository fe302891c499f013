/** The transition table against the decisions: every status with every step, allowed or refused as the table says. */
import t from 'tap';
import { pause, resume, resumeInTime, run } from '../../src/domain/control/pausing.js';
import { loseKey, replace, replaceLater } from '../../src/domain/control/replacing.js';
import { snooze } from '../../src/domain/control/snoozing.js';
import * as decisions from '../../src/domain/decisions.js';
import type { Job } from '../../src/domain/job.js';
import {
  isFinished,
  lifecycle,
  next,
  type Status,
  type Step,
  statusCode,
  statuses,
} from '../../src/domain/lifecycle.js';
import { reschedule } from '../../src/domain/slots/reschedule.js';
import { update } from '../../src/domain/update.js';
import { everyTenSeconds, noon, sampleJob } from '../store/samples.js';

const once = { maxRetries: 0 };
const repeating = { trigger: everyTenSeconds, maxRetries: 0 };
const failure = { name: 'Error', message: 'no', code: 'handler_error', retryable: true } as const;
const hour = 3_600_000;
const ahead = { occurrence: noon + hour, due: noon + hour, startedAt: noon + hour, updatedAt: noon + hour };
const expiring = { expiresAfterMs: 1000 };
/** Nothing follows the occurrence that is overdue. */
const last = { ...repeating, endAt: noon - 20_000 };
const overdue = { due: noon - 20_000, occurrence: noon - 20_000 };

/** For each step, the decisions that take it: a job in a status, made to take the step. */
const ways: Record<Step, readonly ((status: Status) => decisions.Decision | undefined)[]> = {
  update: [
    (status) => update(at(status), { payload: '{}' }, noon),
    (status) => update(at(status), { trigger: { kind: 'once', due: noon + 1 } }, noon),
  ],
  replace: [
    (status) => replace(at(status), sampleJob({ payload: '{}' }).spec, noon),
    (status) => replaceLater(at(status, repeating), sampleJob(repeating).spec, noon),
    (status) => loseKey(at(status), noon),
  ],
  cancel: [(status) => decisions.cancel(at(status), noon), (status) => decisions.cancel(at(status, repeating), noon)],
  retry: [(status) => decisions.retry(at(status), noon)],
  start: [(status) => decisions.start(at(status), noon)],
  miss: [
    (status) => decisions.miss(sampleJob({ ...repeating, misfire: 'run_once' }, { status, ...overdue }), noon),
    (status) => decisions.miss(sampleJob({ ...repeating, misfire: 'skip' }, { status, ...overdue }), noon),
  ],
  skip: [
    (status) => decisions.expire(sampleJob({ ...repeating, ...expiring }, { status, ...overdue }), noon),
    (status) => decisions.expire(sampleJob({ ...repeating, ...expiring }, { status, ...overdue, attempt: 1 }), noon),
  ],
  expire: [
    (status) => decisions.expire(sampleJob(expiring, { status, ...overdue }), noon),
    (status) => decisions.expire(sampleJob({ ...last, ...expiring }, { status, ...overdue, attempt: 1 }), noon),
  ],
  end: [
    (status) => decisions.expire(sampleJob({ ...last, ...expiring }, { status, ...overdue }), noon),
    (status) => decisions.miss(sampleJob({ ...last, misfire: 'skip' }, { status, ...overdue }), noon),
  ],
  endFailed: [
    (status) =>
      decisions.miss(sampleJob({ ...last, misfire: 'skip' }, { status, ...overdue, lastOutcome: 'failed' }), noon),
  ],
  succeed: [(status) => decisions.succeed(at(status), { durationMs: 1 }, noon)],
  fail: [
    (status) => decisions.fail(at(status), failure, noon),
    (status) => decisions.fail(at(status, { maxRetries: 3 }), { ...failure, retryable: false }, noon),
    (status) => decisions.interrupt(sampleJob(once, { status, interruptions: 2 }), true, noon),
  ],
  retryLater: [
    (status) => decisions.fail(at(status, { maxRetries: 1 }), failure, noon),
    (status) => decisions.interrupt(sampleJob({ maxRetries: 1 }, { status, interruptions: 2 }), true, noon),
  ],
  recur: [
    (status) => decisions.succeed(at(status, repeating), { durationMs: 1 }, noon),
    (status) => decisions.fail(at(status, repeating), failure, noon),
    (status) => snooze(at(status, repeating), hour, noon),
  ],
  snooze: [(status) => snooze(at(status), hour, noon), (status) => snooze(at(status, repeating), 10, noon)],
  interrupt: [
    (status) => decisions.interrupt(at(status), true, noon),
    (status) => decisions.interrupt(at(status), false, noon),
  ],
  run: [(status) => run(sampleJob(once, { status, due: noon + hour }), noon)],
  pause: [(status) => pause(at(status), {}, noon), (status) => pause(at(status, repeating), { until: noon }, noon)],
  resume: [
    (status) => resume(sampleJob(once, { status, pause: {} }), noon),
    (status) => resumeInTime(sampleJob(repeating, { status, pause: { until: noon } }), noon),
  ],
  reschedule: [
    (status) =>
      reschedule(sampleJob(repeating, { status, ...ahead, attempt: status === 'pending' ? 0 : 1 }), noon, {
        aheadSince: noon + hour,
        shownBefore: noon,
      }),
  ],
};

function at(status: Status, spec: Parameters<typeof sampleJob>[0] = once): Job {
  return sampleJob(spec, { status, attempt: status === 'pending' ? 0 : 1 });
}

const steps = Object.keys(ways) as Step[];

for (const status of statuses) {
  for (const step of steps) {
    const to = next(status, step);
    t.test(`a ${status} job ${to ? `becomes ${to} by` : 'refuses to'} ${step}`, async (t) => {
      for (const way of ways[step]) {
        if (to) t.equal(way(status)?.state.status, to);
        else t.throws(() => way(status), { message: `a ${status} job was to ${step}` });
      }
    });
  }
}

t.test('the table knows no step that is not tried here', async (t) => {
  for (const status of statuses)
    t.same(
      Object.keys(lifecycle[status]).filter((step) => !steps.includes(step as Step)),
      [],
    );
  for (const step of steps)
    t.ok(
      statuses.some((status) => next(status, step)),
      `${step} leads somewhere`,
    );
});

t.test('a finished job leaves its status only when a user asks for it', async (t) => {
  const ofUsers: Step[] = ['cancel', 'retry'];
  for (const status of statuses.filter(isFinished)) {
    t.same(
      Object.keys(lifecycle[status]).filter((step) => !ofUsers.includes(step as Step)),
      [],
      status,
    );
  }
  t.same(lifecycle.success, {}, 'success is for ever');
  t.same(lifecycle.cancelled, { cancel: 'cancelled' }, 'cancelled stays cancelled');
});

t.test('every status can be reached from pending', async (t) => {
  const reached = new Set<Status>(['pending']);
  for (const status of reached) for (const to of Object.values(lifecycle[status])) reached.add(to);
  t.same([...reached].sort(), [...statuses].sort());
});

t.test('only a finished job has nothing to come', async (t) => {
  t.same(statuses.filter(isFinished), ['success', 'failed', 'cancelled']);
});

t.test('the codes of events are those of the API', async (t) => {
  t.same(statusCode, { pending: 0, running: 1, success: 2, failed: 3, cancelled: 4 });
  t.same(
    statuses.map((status) => statusCode[status]),
    [0, 1, 2, 3, 4],
    'the place in the list',
  );
});
