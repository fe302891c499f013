/** Events read in order tell the state: whoever follows them knows where every job stands. */
import fc from 'fast-check';
import t from 'tap';
import { pause, resume, run } from '../../src/domain/control/pausing.js';
import * as decisions from '../../src/domain/decisions.js';
import { type EventBody, type EventType, eventTypes } from '../../src/domain/events.js';
import type { Job, Trigger } from '../../src/domain/job.js';
import { noDetail } from '../../src/domain/job.js';
import { next, type Status } from '../../src/domain/lifecycle.js';
import { update } from '../../src/domain/update.js';
import { everyMinute, everyTenSeconds, noon, sampleSpec } from '../store/samples.js';

const acts = [
  'start',
  'succeed',
  'fail',
  'refuse',
  'interrupt',
  'unbegun',
  'cancel',
  'retry',
  'update',
  'reschedule',
  'see',
  'pause',
  'resume',
  'run',
] as const;

function act(what: (typeof acts)[number], job: Job, now: number): decisions.Decision | undefined {
  const failure = { name: 'Error', message: 'no', code: 'handler_error', retryable: what !== 'refuse' } as const;
  switch (what) {
    case 'start':
      return decisions.start(job, now);
    case 'succeed':
      return decisions.succeed(job, { durationMs: 3 }, now);
    case 'fail':
    case 'refuse':
      return decisions.fail(job, failure, now);
    case 'interrupt':
    case 'unbegun':
      return decisions.interrupt(job, what === 'interrupt', now);
    case 'cancel':
      return decisions.cancel(job, now);
    case 'retry':
      return decisions.retry(job, now);
    case 'update':
      return update(job, { payload: '{}' }, now);
    case 'reschedule':
      return update(job, { trigger: { kind: 'once', due: now + 500 } }, now);
    case 'see':
      return decisions.miss(job, now);
    case 'pause':
      return pause(job, {}, now);
    case 'resume':
      return resume(job, now);
    case 'run':
      return run(job, now);
    default:
      return what satisfies never;
  }
}

const possible: Record<(typeof acts)[number], readonly Status[]> = {
  start: ['pending'],
  succeed: ['running'],
  fail: ['running'],
  refuse: ['running'],
  interrupt: ['running'],
  unbegun: ['running'],
  cancel: ['pending', 'running'],
  pause: ['pending', 'running'],
  resume: ['pending', 'running'],
  run: ['pending'],
  retry: ['failed'],
  update: ['pending'],
  reschedule: ['pending'],
  see: ['pending'],
};

interface Told {
  status: Status;
  due: number;
  retryCount: number;
  starts: number;
}

function hear(told: Told, event: EventBody): void {
  switch (event.type) {
    case 'job.scheduled':
      Object.assign(told, { status: 'pending', due: event.triggerAt, retryCount: 0 });
      return;
    case 'job.updated':
      told.due = event.triggerAt;
      return;
    case 'job.started':
      told.status = 'running';
      told.starts++;
      return;
    case 'job.completed':
      told.status = 'success';
      return;
    case 'job.failed':
      Object.assign(told, { status: 'failed', retryCount: event.retryCount });
      return;
    case 'job.retrying':
      Object.assign(told, { status: 'pending', due: event.nextRetryAt, retryCount: event.retryCount });
      return;
    case 'job.cancelled':
      told.status = 'cancelled';
      return;
    case 'job.paused':
    case 'job.resumed':
      return;
    default:
      event satisfies never;
  }
}

const anyLife = fc.record({
  trigger: fc.constantFrom<Trigger>(everyMinute, everyTenSeconds, { kind: 'once', due: noon }, {
    ...everyMinute,
    repeat: false,
  } as Trigger),
  maxRetries: fc.integer({ min: 0, max: 2 }),
  retryDelayMs: fc.constantFrom(0, 500, 20_000),
  misfire: fc.constantFrom('run_once' as const, 'skip' as const),
  acts: fc.array(fc.tuple(fc.constantFrom(...acts), fc.constantFrom(0, 1, 400, 9000, 65_000)), { maxLength: 60 }),
});

t.test('the events of any life lead to its state', async (t) => {
  const heard = new Set<EventType>();
  fc.assert(
    fc.property(anyLife, ({ acts: life, ...spec }) => {
      let now = noon - 1000;
      const born = decisions.create(sampleSpec(spec), now);
      let job: Job = { spec: sampleSpec(spec), state: born.state, detail: noDetail };
      const told: Told = { status: 'pending', due: 0, retryCount: 0, starts: 0 };
      let missedAt = Number.NaN;
      let updated = false;
      const take = (decision: decisions.Decision): void => {
        job = { spec: decision.spec ?? job.spec, state: decision.state, detail: decision.detail ?? job.detail };
        for (const event of decision.events) {
          heard.add(event.type);
          hear(told, event);
        }
        // One of several missed that is made due at once is the one change that is not told: it is told when it starts.
        if (decision.events.length === 0) missedAt = decision.state.due;
      };
      take(born);
      for (const [what, wait] of life) {
        now += wait;
        if (!possible[what].includes(job.state.status)) continue;
        // Of what an extra occurrence takes the place of, its event does not tell.
        if (what === 'reschedule' || what === 'run') updated = true;
        const decision = act(what, job, now);
        if (decision) take(decision);
        const { status, due, retryCount, fence } = job.state;
        if (status !== told.status || fence !== told.starts) return false;
        if (status === 'pending' && due !== told.due && due !== missedAt) return false;
        if (!updated && status !== 'cancelled' && retryCount !== told.retryCount) return false;
      }
      return true;
    }),
    { numRuns: 1000 },
  );
  t.same([...heard].sort(), [...eventTypes].sort(), 'each type of event was heard');
});

t.test('every step is told, in the order that subscribers are promised', async (t) => {
  const types = (decision: decisions.Decision | undefined): EventType[] =>
    (decision?.events ?? []).map(({ type }) => type);
  const job = (trigger: Trigger, status: Status, maxRetries = 0): Job => {
    const spec = sampleSpec({ trigger, maxRetries });
    return { spec, state: { ...decisions.create(spec, noon).state, status, attempt: 1 }, detail: noDetail };
  };
  const once: Trigger = { kind: 'once', due: noon };
  t.same(types(act('succeed', job(once, 'running'), noon)), ['job.completed']);
  t.same(types(act('succeed', job(everyMinute, 'running'), noon)), ['job.completed', 'job.scheduled']);
  t.same(types(act('fail', job(once, 'running'), noon)), ['job.failed']);
  t.same(types(act('fail', job(once, 'running', 1), noon)), ['job.failed', 'job.retrying']);
  t.same(types(act('fail', job(everyMinute, 'running'), noon)), ['job.failed', 'job.scheduled']);
  t.same(types(act('interrupt', job(once, 'running'), noon)), ['job.retrying']);
  t.same(types(act('retry', job(once, 'failed'), noon)), ['job.retrying']);
  t.ok(next('failed', 'retry'));
});
