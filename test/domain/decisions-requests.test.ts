import fc from 'fast-check';
import t from 'tap';
import { cancel, create, fail, miss, retry, start, succeed } from '../../src/domain/decisions.js';
import { type JobSpec, noDetail, type Trigger } from '../../src/domain/job.js';
import { countOccurrences, nextOccurrence } from '../../src/domain/slots/trigger.js';
import { update } from '../../src/domain/update.js';
import { everyMinute, everyTenSeconds, noon, sampleJob, sampleSpec } from '../store/samples.js';
import { failure, hour, lastErrorAt, minute } from './decisions-support.js';

t.test('cancel', async (t) => {
  for (const status of ['pending', 'running'] as const) {
    t.test(`a ${status} job ends, a repeating one too`, async (t) => {
      for (const trigger of [everyTenSeconds, { kind: 'once', due: noon } as const]) {
        const job = sampleJob({ trigger }, { status, attempt: 1, retryCount: 1, fence: 4, startedAt: noon - 5 });
        t.strictSame(cancel(job, noon + 1), {
          state: { ...job.state, status: 'cancelled', finishedAt: noon + 1, updatedAt: noon + 1 },
          events: [{ type: 'job.cancelled', previousStatus: status }],
          counts: 'cancelled',
        });
      }
    });
  }
});

t.test('retry', async (t) => {
  t.test('a failed job begins anew, due now; its fence goes on', async (t) => {
    const job = sampleJob(
      {},
      {
        status: 'failed',
        attempt: 4,
        retryCount: 3,
        interruptions: 1,
        fence: 4,
        startedAt: noon - 9,
        finishedAt: noon - 1,
      },
      lastErrorAt(noon - 1),
    );
    t.strictSame(retry(job, noon + hour), {
      state: {
        ...job.state,
        status: 'pending',
        due: noon + hour,
        attempt: 0,
        retryCount: 0,
        interruptions: 0,
        finishedAt: 0,
        updatedAt: noon + hour,
      },
      events: [{ type: 'job.retrying', nextRetryAt: noon + hour, retryCount: 0, cause: 'manual' }],
    });
  });
});

t.test('update', async (t) => {
  t.test('without a trigger the due time and the retries stay', async (t) => {
    const job = sampleJob({}, { attempt: 1, retryCount: 1, interruptions: 1, due: noon + minute });
    const change = {
      payload: '{"order":2}',
      maxRetries: 9,
      retryDelayMs: 1,
      backoff: 'fixed',
      timeoutMs: 5,
      misfire: 'skip',
    } as const;
    t.strictSame(update(job, change, noon + 3), {
      spec: { ...job.spec, ...change },
      state: { ...job.state, updatedAt: noon + 3 },
      events: [{ type: 'job.updated', triggerAt: noon + minute, isRepeat: false }],
    });
  });

  t.test('a single run is moved: it keeps the retries that it was granted', async (t) => {
    const job = sampleJob(
      {},
      { attempt: 2, retryCount: 2, interruptions: 1, fence: 2, due: noon + minute, skipped: 3, missed: 4 },
    );
    const trigger: Trigger = { kind: 'once', due: noon + hour };
    t.strictSame(update(job, { trigger }, noon + 3), {
      spec: { ...job.spec, trigger },
      state: { ...job.state, due: noon + hour, occurrence: noon + hour, updatedAt: noon + 3 },
      events: [{ type: 'job.updated', triggerAt: noon + hour, isRepeat: false }],
    });
  });

  t.test('a new schedule counts from now', async (t) => {
    const decision = update(sampleJob({ trigger: everyTenSeconds }), { trigger: everyMinute }, noon + 5);
    t.match(decision.state, { due: noon + minute, occurrence: noon + minute });
    t.strictSame(decision.events, [{ type: 'job.updated', triggerAt: noon + minute, isRepeat: true }]);
  });

  t.test('what identifies a job stays', async (t) => {
    const job = sampleJob({ idempotencyKey: 'k' });
    t.match(update(job, { trigger: everyMinute }, noon).spec, {
      seq: 7,
      idSeconds: job.spec.idSeconds,
      name: 'noop',
      createdAt: job.spec.createdAt,
      idempotencyKey: 'k',
    });
  });

  t.test('a moved occurrence leaves the schedule and the retries alone', async (t) => {
    for (const trigger of [everyMinute, everyTenSeconds]) {
      const job = sampleJob(
        { trigger },
        { attempt: 2, retryCount: 2, interruptions: 1, fence: 2, skipped: 3, missed: 4 },
      );
      t.strictSame(update(job, { movedTo: noon + hour, maxRetries: 5 }, noon + 3), {
        spec: { ...job.spec, maxRetries: 5 },
        state: { ...job.state, due: noon + hour, occurrence: noon + hour, updatedAt: noon + 3 },
        events: [{ type: 'job.updated', triggerAt: noon + hour, isRepeat: true }],
      });
    }
  });

  t.test('one that is moved into the past is due now, and not missed', async (t) => {
    const job = sampleJob({ trigger: everyMinute, misfire: 'skip' }, { due: noon + hour, occurrence: noon + hour });
    const { state, spec } = update(job, { movedTo: 0 }, noon + 3);
    t.match(state, { due: noon + 3, occurrence: noon + 3 });
    t.equal(miss({ ...job, spec: spec as JobSpec, state }, noon + 1003), undefined);
  });

  t.test('after it the schedule goes on with the first slot behind it; none before is counted', async () => {
    fc.assert(
      fc.property(
        fc.constantFrom(everyMinute, everyTenSeconds),
        fc.integer({ min: -2 * hour, max: 2 * hour }),
        fc.integer({ min: 0, max: 5 * minute }),
        fc.boolean(),
        (trigger, offset, lastsMs, succeeds) => {
          const job = create(sampleSpec({ trigger, maxRetries: 0 }), noon - minute);
          const pending = { spec: job.spec as JobSpec, state: job.state, detail: noDetail };
          const moved = { ...pending, state: update(pending, { movedTo: noon + offset }, noon - minute).state };
          const { due } = moved.state;
          const started = { ...moved, state: start(moved, due).state };
          const end = due + lastsMs;
          const { state } = succeeds ? succeed(started, { durationMs: lastsMs }, end) : fail(started, failure, end);
          return (
            due === Math.max(noon + offset, noon - minute) &&
            state.due === nextOccurrence(trigger, end) &&
            state.occurrence === state.due &&
            state.skipped === countOccurrences(trigger, due, end) &&
            state.missed === 0
          );
        },
      ),
    );
  });

  t.test('one that is missed where it was moved to is missed once, with the slots behind it', async (t) => {
    const job = sampleJob({ trigger: everyTenSeconds, misfire: 'skip' });
    const moved = { ...job, state: update(job, { movedTo: noon + 25_000 }, noon).state };
    t.match(miss(moved, noon + 41_001)?.state, { missed: 3, due: noon + 50_000, occurrence: noon + 50_000 });
    const once = { ...moved, spec: { ...job.spec, misfire: 'run_once' as const } };
    const missed = miss(once, noon + 41_001);
    t.match(missed?.state, { missed: 3, due: noon + 41_001, occurrence: noon + 40_000 });
  });
});
