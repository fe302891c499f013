/** Jobs for tests: one of each kind by hand, any at all for properties. */

import fc from 'fast-check';
import { type EventBody, eventTypes, type JobEvent } from '../../src/domain/events.js';
import type { Job, JobDetail, JobSpec, JobState, LastError, TraceContext, Trigger } from '../../src/domain/job.js';
import { noDetail } from '../../src/domain/job.js';
import { statuses } from '../../src/domain/lifecycle.js';
import { limits } from '../../src/domain/limits.js';
import type { Counters } from '../../src/store/port.js';

/** The present instant of most tests: a whole minute. */
export const noon = Date.UTC(2026, 0, 1, 12);

export const everyMinute: Trigger = { kind: 'cron', expression: '0 * * * * *', timezone: 'UTC', repeat: true };
export const everyTenSeconds: Trigger = { kind: 'interval', everyMs: 10_000, firstDue: noon };

export function sampleSpec(more: Partial<JobSpec> = {}): JobSpec {
  return {
    seq: 7,
    idSeconds: Math.floor(noon / 1000) - 60,
    name: 'noop',
    payload: '{"order":1}',
    trigger: { kind: 'once', due: noon },
    maxRetries: 3,
    retryDelayMs: 60_000,
    backoff: 'exponential',
    timeoutMs: 300_000,
    misfire: 'run_once',
    createdAt: noon - 60_000,
    ...more,
  };
}

export function sampleState(more: Partial<JobState> = {}): JobState {
  return {
    status: 'pending',
    due: noon,
    occurrence: noon,
    updatedAt: noon - 60_000,
    startedAt: 0,
    finishedAt: 0,
    fence: 0,
    attempt: 0,
    retryCount: 0,
    interruptions: 0,
    skipped: 0,
    missed: 0,
    runCount: 0,
    lastOutcome: undefined,
    pause: null,
    nextSlot: 0,
    ...more,
  };
}

export function sampleJob(
  spec: Partial<JobSpec> = {},
  state: Partial<JobState> = {},
  detail: JobDetail = noDetail,
): Job {
  return { spec: sampleSpec(spec), state: sampleState(state), detail };
}

/** A job in its first attempt, begun 100 ms ago. */
export function runningJob(
  spec: Partial<JobSpec> = {},
  state: Partial<JobState> = {},
  detail: JobDetail = noDetail,
): Job {
  return sampleJob(spec, { status: 'running', attempt: 1, fence: 1, startedAt: noon - 100, ...state }, detail);
}

// --- Any job at all, within the limits of the product ---

const instant = fc.integer({ min: 0, max: limits.maxInstantMs });
/** A due time may lie before 1970. */
const due = fc.integer({ min: -62_135_596_800_000, max: limits.maxInstantMs });
const duration = fc.integer({ min: 0, max: 10 * 366 * 86_400_000 });
export const anySeq = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 2 ** 48 - 1 }));
const u8 = fc.integer({ min: 0, max: 255 });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const key = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 255,
});
const text = fc.string({ unit: 'grapheme', maxLength: 60 });
export const anyName = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,30}$/);

export const anyTrigger: fc.Arbitrary<Trigger> = fc.oneof(
  fc.record({ kind: fc.constant('once' as const), due }),
  fc.record({
    kind: fc.constant('cron' as const),
    expression: fc.constantFrom('* * * * * *', '0 0 * * *', '@hourly', '0 30 2 * * MON-FRI'),
    timezone: fc.constantFrom('UTC', 'Asia/Shanghai', 'America/Argentina/ComodRivadavia'),
    repeat: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('interval' as const),
    everyMs: fc.integer({ min: 10, max: 10 * 366 * 86_400_000 }),
    firstDue: due,
  }),
);

const hex = (digits: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));
const anyTrace: fc.Arbitrary<TraceContext> = fc.record(
  { traceId: hex(32), spanId: hex(16), flags: u8, state: fc.stringMatching(/^[a-z]{1,20}=[0-9]{1,20}$/) },
  { requiredKeys: ['traceId', 'spanId', 'flags'], noNullPrototype: true },
);

export const anySpec: fc.Arbitrary<JobSpec> = fc
  .record(
    {
      seq: anySeq,
      idSeconds: fc.integer({ min: 0, max: Math.floor(limits.maxInstantMs / 1000) }),
      name: anyName,
      payload: fc
        .dictionary(text, fc.oneof(text, fc.integer(), fc.boolean()), { maxKeys: 5 })
        .map((value) => JSON.stringify(value)),
      trigger: anyTrigger,
      maxRetries: fc.integer({ min: 0, max: limits.maxRetries }),
      retryDelayMs: duration,
      backoff: fc.constantFrom('exponential' as const, 'fixed' as const),
      timeoutMs: duration,
      misfire: fc.constantFrom('run_once' as const, 'skip' as const),
      createdAt: instant,
      idempotencyKey: key,
      alreadyRan: fc.array(fc.record({ from: due, until: due }, { noNullPrototype: true }), {
        minLength: 1,
        maxLength: 3,
      }),
      trace: anyTrace,
      priority: fc.integer({ min: -limits.maxPriority, max: limits.maxPriority }),
      tags: fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_.:/@-]{1,64}$/), { minLength: 1, maxLength: limits.tags }),
      expiresAfterMs: duration,
      expiresFrom: instant,
      maxRetryDelayMs: duration,
      retryJitter: fc.double({ min: 0, max: 1, noNaN: true }),
      startAt: due,
      endAt: due,
      maxRuns: fc.integer({ min: 1, max: limits.maxRuns }),
      jitterMs: duration,
      parentId: fc.record({ seq: instant, idSeconds: instant }),
    },
    {
      requiredKeys: [
        'seq',
        'idSeconds',
        'name',
        'payload',
        'trigger',
        'maxRetries',
        'retryDelayMs',
        'backoff',
        'timeoutMs',
        'misfire',
        'createdAt',
      ],
      noNullPrototype: true,
    },
  )
  .map((spec) => spec as JobSpec);

const instants = fc.record({ due, occurrence: due, runCount: fc.constant(0), lastOutcome: fc.constant(undefined) });
/** Only repeating jobs count runs, and these are never due before 1970. */
const instantsAndRuns = fc.record({
  due: instant,
  occurrence: instant,
  runCount: u32,
  lastOutcome: fc.constantFrom('success' as const, 'failed' as const, undefined),
});

export const anyState: fc.Arbitrary<JobState> = fc
  .record(
    {
      status: fc.constantFrom(...statuses),
      when: fc.oneof(instants, instantsAndRuns),
      updatedAt: instant,
      startedAt: instant,
      finishedAt: instant,
      fence: u32,
      attempt: fc.integer({ min: 0, max: 65_535 }),
      retryCount: u8,
      interruptions: u8,
      skipped: u32,
      missed: u32,
      pause: fc.constant(null),
      nextSlot: fc.constant(0),
    },
    { noNullPrototype: true },
  )
  .map(({ when, ...state }) => ({ ...state, ...when }));

const anyError: fc.Arbitrary<LastError> = fc.record(
  {
    name: text,
    message: text,
    code: fc.constantFrom('handler_error' as const, 'timeout' as const, 'worker_lost' as const, 'expired' as const),
    at: instant,
  },
  { noNullPrototype: true },
);

export const anyDetail: fc.Arbitrary<JobDetail> = fc
  .record({ lastError: anyError, result: text, resultOmitted: text }, { requiredKeys: [], noNullPrototype: true })
  .map((detail) => detail as JobDetail);

export const anyBody: fc.Arbitrary<EventBody> = fc
  .constantFrom(...eventTypes)
  .chain((type): fc.Arbitrary<EventBody> => {
    const of = <T extends EventBody>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<EventBody> =>
      fc.record(model, { noNullPrototype: true }) as unknown as fc.Arbitrary<EventBody>;
    switch (type) {
      case 'job.scheduled':
        return of({ type: fc.constant(type), triggerAt: due, isRepeat: fc.boolean() });
      case 'job.updated':
        return fc.oneof(
          of({ type: fc.constant(type), triggerAt: due, isRepeat: fc.boolean() }),
          of({
            type: fc.constant(type),
            triggerAt: due,
            isRepeat: fc.constant(true),
            ended: fc.constantFrom('success' as const, 'failed' as const),
          }),
        );
      case 'job.started':
        return of({ type: fc.constant(type), attempt: u32 });
      case 'job.completed':
        return of({ type: fc.constant(type), durationMs: instant });
      case 'job.failed':
        return of({ type: fc.constant(type), error: text, retryCount: u8, maxRetries: u8, final: fc.boolean() });
      case 'job.retrying':
        return of({
          type: fc.constant(type),
          nextRetryAt: due,
          retryCount: u8,
          cause: fc.constantFrom('failure' as const, 'manual' as const, 'interruption' as const, 'snooze' as const),
        });
      case 'job.cancelled':
        return of({ type: fc.constant(type), previousStatus: fc.constantFrom(...statuses) });
      case 'job.paused':
      case 'job.resumed':
        return fc.record(
          { type: fc.constant(type), status: fc.constantFrom('pending', 'running'), until: instant, reason: text },
          { requiredKeys: ['type', 'status'], noNullPrototype: true },
        );
      default:
        return type satisfies never;
    }
  });

/** An event without its number, which follows from its place in the log. */
export const anyEvent: fc.Arbitrary<Omit<JobEvent, 'seq'>> = fc.record(
  { jobSeq: anySeq, idSeconds: fc.integer({ min: 0, max: 2 ** 40 }), jobName: anyName, at: instant, body: anyBody },
  { noNullPrototype: true },
);

const total = fc.integer({ min: 0, max: 2 ** 47 });
export const anyCounters: fc.Arbitrary<Counters> = fc.record(
  {
    nextSeq: anySeq,
    jobs: total,
    lastEvent: fc.integer({ min: 1000, max: 2 ** 47 }),
    completed: total,
    failed: total,
    cancelled: total,
    idSeconds: total,
  },
  { noNullPrototype: true },
);
