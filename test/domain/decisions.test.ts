/** What every decision makes of a job, field by field, and what is told about it. */
import fc from 'fast-check';
import t from 'tap';
import {
  cancel,
  create,
  type Failure,
  fail,
  interrupt,
  miss,
  retry,
  start,
  succeed,
  update,
} from '../../src/domain/decisions.js';
import { type JobDetail, type JobState, noDetail, type Trigger } from '../../src/domain/job.js';
import { countOccurrences } from '../../src/domain/trigger.js';
import { everyMinute, everyTenSeconds, noon, runningJob, sampleJob, sampleSpec } from '../store/samples.js';

const minute = 60_000;
const hour = 60 * minute;
const failure: Failure = { name: 'TypeError', message: 'no such order', code: 'handler_error', retryable: true };
const lastErrorAt = (at: number): JobDetail => ({
  lastError: { name: 'TypeError', message: 'no such order', code: 'handler_error', at },
});

t.test('create', async (t) => {
  const born: JobState = {
    status: 'pending',
    due: noon,
    occurrence: noon,
    updatedAt: noon - 5000,
    startedAt: 0,
    finishedAt: 0,
    lease: 0,
    attempt: 0,
    retryCount: 0,
    interruptions: 0,
    skipped: 0,
    missed: 0,
  };

  t.test('a job for one instant is pending for it', async (t) => {
    const spec = sampleSpec();
    t.strictSame(create(spec, noon - 5000), {
      spec,
      state: born,
      detail: noDetail,
      events: [{ type: 'job.scheduled', triggerAt: noon, isRepeat: false }],
    });
  });

  t.test('an instant in the past is kept: the job is due at once', async (t) => {
    const { state } = create(sampleSpec({ trigger: { kind: 'once', due: -1 } }), noon);
    t.match(state, { due: -1, occurrence: -1, updatedAt: noon });
  });

  t.test('a cron job waits for the next match, repeating or not', async (t) => {
    for (const repeat of [true, false]) {
      const { state, events } = create(sampleSpec({ trigger: { ...everyMinute, repeat } as Trigger }), noon);
      t.match(state, { due: noon + minute, occurrence: noon + minute });
      t.strictSame(events, [{ type: 'job.scheduled', triggerAt: noon + minute, isRepeat: repeat }]);
    }
  });

  t.test('an interval is due at the first point of its grid', async (t) => {
    const { state, events } = create(sampleSpec({ trigger: everyTenSeconds }), noon - 5000);
    t.strictSame(state, born);
    t.strictSame(events, [{ type: 'job.scheduled', triggerAt: noon, isRepeat: true }]);
  });
});

t.test('miss', async (t) => {
  const repeating = { trigger: everyTenSeconds };

  t.test('one-shot jobs are never missed', async (t) => {
    t.equal(miss(sampleJob(), noon + 1000 * hour), undefined);
    t.equal(miss(sampleJob({ trigger: { ...everyMinute, repeat: false } as Trigger }), noon + 1000 * hour), undefined);
  });

  t.test('up to one second late is in time', async (t) => {
    for (const late of [0, 1, 999, 1000]) t.equal(miss(sampleJob(repeating), noon + late), undefined, `${late} ms`);
    t.ok(miss(sampleJob(repeating), noon + 1001));
  });

  t.test('a retry and an attempt that was cut short are never missed', async (t) => {
    t.equal(miss(sampleJob(repeating, { attempt: 1, retryCount: 1 }), noon + hour), undefined);
    t.equal(miss(sampleJob(repeating, { attempt: 1, interruptions: 1 }), noon + hour), undefined);
  });

  t.test('run_once makes one of them due at once and counts them all', async (t) => {
    const job = sampleJob(repeating, {
      missed: 5,
      skipped: 2,
      lease: 9,
      startedAt: noon - 9000,
      finishedAt: noon - 8000,
    });
    // 0 s, 10 s and 20 s are more than a second late; 30 s is not yet.
    const now = noon + 30_500;
    t.strictSame(miss(job, now), {
      state: { ...job.state, occurrence: noon + 20_000, due: now, updatedAt: now, missed: 8 },
      events: [],
    });
  });

  t.test('skip waits for the next and counts them all', async (t) => {
    const job = sampleJob({ ...repeating, misfire: 'skip' }, { missed: 5, skipped: 2, lease: 9 });
    t.strictSame(miss(job, noon + 30_500), {
      state: { ...job.state, occurrence: noon + 30_000, due: noon + 30_000, updatedAt: noon + 30_500, missed: 8 },
      events: [{ type: 'job.scheduled', triggerAt: noon + 30_000, isRepeat: true }],
    });
  });

  t.test('an occurrence that is late by a second at most is not missed with those before it', async (t) => {
    const at = (now: number) => miss(sampleJob({ ...repeating, misfire: 'skip' }), now)?.state;
    t.match(at(noon + 21_000), { missed: 2, due: noon + 20_000 });
    t.match(at(noon + 21_001), { missed: 3, due: noon + 30_000 });
  });

  t.test('a job that was missed and is seen late again counts only what is new', async (t) => {
    const first = miss(sampleJob(repeating), noon + 5000);
    t.match(first?.state, { missed: 1, occurrence: noon, due: noon + 5000 });
    const waiting = { ...sampleJob(repeating), state: first?.state as JobState };
    t.equal(miss(waiting, noon + 10_500), undefined, 'nothing has been missed since');
    t.match(miss(waiting, noon + 11_001)?.state, { missed: 2, occurrence: noon + 10_000, due: noon + 11_001 });
  });

  t.test('a cron job that was down over three slots', async (t) => {
    for (const misfire of ['run_once', 'skip'] as const) {
      const decision = miss(sampleJob({ trigger: everyMinute, misfire }), noon + 2 * minute + 2000);
      t.equal(decision?.state.missed, 3, misfire);
      t.equal(decision?.state.due, misfire === 'skip' ? noon + 3 * minute : noon + 2 * minute + 2000);
      t.equal(decision?.state.occurrence, misfire === 'skip' ? noon + 3 * minute : noon + 2 * minute);
    }
  });

  t.test('years of downtime are counted at once', async (t) => {
    const days = 3653;
    const decision = miss(
      sampleJob({ trigger: { kind: 'cron', expression: '* * * * * *', timezone: 'Asia/Shanghai', repeat: true } }),
      noon + days * 24 * hour,
    );
    t.equal(decision?.state.missed, days * 86_400 - 1, 'every second from the first to the one before the last');
  });

  t.test('what is counted is exactly what lies before the last second', async () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 20_000 }),
        fc.integer({ min: 0, max: 10 * hour }),
        fc.boolean(),
        (everyMs, late, skip) => {
          const trigger: Trigger = { kind: 'interval', everyMs, firstDue: noon };
          const now = noon + late;
          const decision = miss(sampleJob({ trigger, misfire: skip ? 'skip' : 'run_once' }), now);
          const cutoff = now - 1001;
          if (cutoff < noon) return decision === undefined;
          const missed = countOccurrences(trigger, noon - 1, cutoff);
          if (decision?.state.missed !== missed) return false;
          const { due, occurrence } = decision.state;
          return skip
            ? due === occurrence && due > cutoff && due - everyMs <= cutoff
            : due === now && occurrence <= cutoff && occurrence + everyMs > cutoff;
        },
      ),
      { numRuns: 500 },
    );
  });
});

t.test('start', async (t) => {
  t.test('a new attempt has a new lease, and its end is open', async (t) => {
    const job = sampleJob(
      {},
      {
        attempt: 2,
        lease: 40,
        retryCount: 2,
        interruptions: 1,
        startedAt: noon - hour,
        finishedAt: noon - hour + 1,
        skipped: 3,
        missed: 4,
      },
    );
    t.strictSame(start(job, noon + 7), {
      state: {
        ...job.state,
        status: 'running',
        attempt: 3,
        lease: 41,
        startedAt: noon + 7,
        finishedAt: 0,
        updatedAt: noon + 7,
      },
      events: [{ type: 'job.started', attempt: 3 }],
    });
  });
});

t.test('succeed', async (t) => {
  const told = { type: 'job.completed', durationMs: 100 };

  t.test('a one-shot job is a success', async (t) => {
    const job = runningJob({}, { retryCount: 1, attempt: 2, lease: 2, interruptions: 1 });
    t.strictSame(succeed(job, { durationMs: 100 }, noon), {
      state: { ...job.state, status: 'success', finishedAt: noon, updatedAt: noon, interruptions: 0 },
      events: [told],
      counts: 'completed',
    });
  });

  t.test('a repeating job is pending for its next occurrence, with nothing left of this one', async (t) => {
    const job = runningJob(
      { trigger: everyTenSeconds },
      { attempt: 3, retryCount: 2, interruptions: 1, lease: 12, skipped: 1, missed: 6 },
    );
    t.strictSame(succeed(job, { durationMs: 100 }, noon + 200), {
      state: {
        ...job.state,
        status: 'pending',
        due: noon + 10_000,
        occurrence: noon + 10_000,
        attempt: 0,
        retryCount: 0,
        interruptions: 0,
        finishedAt: noon + 200,
        updatedAt: noon + 200,
      },
      events: [told, { type: 'job.scheduled', triggerAt: noon + 10_000, isRepeat: true }],
      counts: 'completed',
    });
  });

  t.test('occurrences that came due meanwhile are skipped and counted', async (t) => {
    const at = (now: number) =>
      succeed(runningJob({ trigger: everyTenSeconds }, { skipped: 2 }), { durationMs: 1 }, now).state;
    t.match(at(noon + 9999), { skipped: 2, due: noon + 10_000 });
    t.match(at(noon + 10_000), { skipped: 3, due: noon + 20_000 });
    t.match(at(noon + 39_000), { skipped: 5, due: noon + 40_000 });
  });

  t.test('a clock that was set back does not run the same occurrence again', async (t) => {
    const { state } = succeed(runningJob({ trigger: everyTenSeconds }), { durationMs: 1 }, noon - hour);
    t.match(state, { due: noon + 10_000, occurrence: noon + 10_000, skipped: 0 });
  });

  t.test('the length of a run is told in whole milliseconds, never below none', async (t) => {
    const durations = [1.4, 1.5, 0.2, -3].map((durationMs) => succeed(runningJob(), { durationMs }, noon).events[0]);
    t.strictSame(
      durations,
      [1, 2, 0, 0].map((durationMs) => ({ type: 'job.completed', durationMs })),
    );
  });

  t.test('the detail holds the latest result, and the last error for ever', async (t) => {
    const { lastError } = lastErrorAt(noon - hour) as Required<JobDetail>;
    const detail = (before: JobDetail, success: { result?: string; resultOmitted?: string }) =>
      succeed(runningJob({}, {}, before), { durationMs: 1, ...success }, noon).detail;
    t.equal(detail(noDetail, {}), undefined, 'none before, none now: nothing to write');
    t.equal(detail({ lastError }, {}), undefined, 'an error before, no result: nothing to write');
    t.strictSame(detail(noDetail, { result: '1' }), { result: '1' });
    t.strictSame(detail({ lastError }, { result: 'null' }), { lastError, result: 'null' });
    t.strictSame(detail({ lastError, result: '1' }, {}), { lastError }, 'an old result does not stay');
    t.strictSame(detail({ result: '1' }, { resultOmitted: 'too large' }), { resultOmitted: 'too large' });
    t.strictSame(detail({ resultOmitted: 'too large' }, { result: '2' }), { result: '2' });
    t.strictSame(detail({ resultOmitted: 'too large' }, {}), {});
    t.strictSame(detail(noDetail, { result: '' }), { result: '' }, 'an empty text is a result');
  });
});

t.test('fail', async (t) => {
  t.test('a retry comes one delay after the failure', async (t) => {
    const job = runningJob({}, { interruptions: 2, lease: 5, skipped: 1 });
    const now = noon + 333;
    t.strictSame(fail(job, failure, now), {
      state: {
        ...job.state,
        status: 'pending',
        due: now + minute,
        retryCount: 1,
        interruptions: 0,
        finishedAt: now,
        updatedAt: now,
      },
      events: [
        { type: 'job.failed', error: 'no such order', retryCount: 1, maxRetries: 3, final: false },
        { type: 'job.retrying', nextRetryAt: now + minute, retryCount: 1, cause: 'failure' },
      ],
      detail: lastErrorAt(now),
    });
  });

  t.test('the last failure is final and grants nothing', async (t) => {
    const job = runningJob({}, { retryCount: 3, attempt: 4, interruptions: 1 });
    t.strictSame(fail(job, failure, noon), {
      state: { ...job.state, status: 'failed', interruptions: 0, finishedAt: noon, updatedAt: noon },
      events: [{ type: 'job.failed', error: 'no such order', retryCount: 3, maxRetries: 3, final: true }],
      detail: lastErrorAt(noon),
      counts: 'failed',
    });
  });

  t.test('retries back off: doubling up to 24 hours, or fixed', async (t) => {
    const wait = (retryCount: number, spec: object): number => {
      const { state } = fail(runningJob({ maxRetries: 100, ...spec }, { retryCount }), failure, noon);
      return (state.due - noon) / minute;
    };
    t.same(
      [0, 1, 2, 3, 10, 11, 99].map((n) => wait(n, {})),
      [1, 2, 4, 8, 1024, 1440, 1440],
    );
    t.same(
      [0, 1, 99].map((n) => wait(n, { backoff: 'fixed' })),
      [1, 1, 1],
    );
    t.equal(wait(0, { retryDelayMs: 0 }), 0, 'none: at once');
  });

  t.test('as many retries as allowed are granted, none with max_retries 0', async (t) => {
    for (const maxRetries of [0, 1, 2, 100]) {
      let job = runningJob({ maxRetries, retryDelayMs: 1 });
      let granted = 0;
      for (;;) {
        const { state } = fail(job, failure, noon);
        if (state.status === 'failed') break;
        granted++;
        job = { ...job, state: start({ ...job, state }, noon).state };
      }
      t.equal(granted, maxRetries);
      t.equal(job.state.attempt, maxRetries + 1);
    }
  });

  t.test('a handler may refuse further retries', async (t) => {
    const decision = fail(runningJob(), { ...failure, retryable: false }, noon);
    t.equal(decision.state.status, 'failed');
    t.equal(decision.counts, 'failed');
    t.strictSame(decision.events, [
      { type: 'job.failed', error: 'no such order', retryCount: 0, maxRetries: 3, final: true },
    ]);
  });

  t.test('the error replaces an earlier one; a result stays', async (t) => {
    const before: JobDetail = { ...lastErrorAt(noon - hour), result: '1' };
    const timeout: Failure = { name: 'Timeout', message: 'too long', code: 'timeout', retryable: true };
    t.strictSame(fail(runningJob({}, {}, before), timeout, noon).detail, {
      lastError: { name: 'Timeout', message: 'too long', code: 'timeout', at: noon },
      result: '1',
    });
  });

  t.test('a retry gives way to the next occurrence', async (t) => {
    const at = (retryDelayMs: number) =>
      fail(runningJob({ trigger: everyTenSeconds, retryDelayMs }), failure, noon + 1000);
    t.match(at(8999), {
      state: { status: 'pending', due: noon + 9999, retryCount: 1 },
      events: [{ final: false }, { type: 'job.retrying' }],
    });
    t.equal(at(8999).counts, undefined);
    for (const delay of [9000, 9001, hour]) {
      const decision = at(delay);
      t.match(
        decision.state,
        { status: 'pending', due: noon + 10_000, occurrence: noon + 10_000, retryCount: 0, attempt: 0 },
        `${delay} ms`,
      );
      t.strictSame(decision.events, [
        { type: 'job.failed', error: 'no such order', retryCount: 0, maxRetries: 3, final: true },
        { type: 'job.scheduled', triggerAt: noon + 10_000, isRepeat: true },
      ]);
      t.equal(decision.counts, 'failed');
    }
  });

  t.test('a repeating job that uses up its retries is pending for its next occurrence', async (t) => {
    const job = runningJob({ trigger: everyMinute }, { retryCount: 3, attempt: 4, skipped: 1 });
    const decision = fail(job, failure, noon + 2 * minute + 5);
    t.match(decision.state, {
      status: 'pending',
      due: noon + 3 * minute,
      occurrence: noon + 3 * minute,
      retryCount: 0,
      attempt: 0,
      skipped: 3,
      finishedAt: noon + 2 * minute + 5,
    });
    t.match(decision.detail, lastErrorAt(noon + 2 * minute + 5));
  });

  t.test('a retry of an occurrence keeps its place on the grid', async (t) => {
    const job = runningJob({ trigger: everyMinute, retryDelayMs: 100 });
    t.equal(fail(job, failure, noon + 50).state.occurrence, noon);
  });
});

t.test('interrupt', async (t) => {
  t.test('an attempt that was cut short runs again at once, uncharged', async (t) => {
    const job = runningJob({}, { retryCount: 2, attempt: 3, lease: 8, skipped: 1, missed: 2 });
    t.strictSame(interrupt(job, true, noon + 9), {
      state: {
        ...job.state,
        status: 'pending',
        due: noon + 9,
        interruptions: 1,
        finishedAt: noon + 9,
        updatedAt: noon + 9,
      },
      events: [{ type: 'job.retrying', nextRetryAt: noon + 9, retryCount: 2, cause: 'interruption' }],
    });
  });

  t.test('an attempt that had not begun did not happen, except for its lease', async (t) => {
    const job = runningJob({}, { attempt: 3, lease: 8, interruptions: 2 });
    t.strictSame(interrupt(job, false, noon + 9), {
      state: {
        ...job.state,
        status: 'pending',
        due: noon + 9,
        attempt: 2,
        interruptions: 2,
        finishedAt: 0,
        updatedAt: noon + 9,
      },
      events: [{ type: 'job.retrying', nextRetryAt: noon + 9, retryCount: 0, cause: 'interruption' }],
    });
  });

  t.test('the third in a row is a failure of the kind worker_lost, with its retries', async (t) => {
    let job = runningJob({ maxRetries: 1 });
    for (const counted of [1, 2]) {
      const { state } = interrupt(job, true, noon);
      t.match(state, { status: 'pending', interruptions: counted, retryCount: 0 });
      job = { ...job, state: start({ ...job, state }, noon).state };
    }
    const third = interrupt(job, true, noon);
    t.match(third.state, { status: 'pending', interruptions: 0, retryCount: 1, due: noon + minute });
    t.match(third.events, [
      { type: 'job.failed', final: false, retryCount: 1 },
      { type: 'job.retrying', cause: 'failure' },
    ]);
    t.match(third.detail?.lastError, { name: 'WorkerLost', code: 'worker_lost', at: noon });
    t.match(third.detail?.lastError?.message, /3 times in a row/);
    const exhausted = interrupt({ ...job, state: { ...job.state, retryCount: 1 } }, true, noon);
    t.match(exhausted, { state: { status: 'failed', interruptions: 0 }, counts: 'failed' });
  });

  t.test('one that had not begun does not make the third', async (t) => {
    const decision = interrupt(runningJob({}, { interruptions: 2 }), false, noon);
    t.match(decision.state, { status: 'pending', interruptions: 2 });
  });

  t.test('a failure in between begins the count anew', async (t) => {
    t.equal(fail(runningJob({}, { interruptions: 2 }), failure, noon).state.interruptions, 0);
  });
});

t.test('cancel', async (t) => {
  for (const status of ['pending', 'running'] as const) {
    t.test(`a ${status} job ends, a repeating one too`, async (t) => {
      for (const trigger of [everyTenSeconds, { kind: 'once', due: noon } as const]) {
        const job = sampleJob({ trigger }, { status, attempt: 1, retryCount: 1, lease: 4, startedAt: noon - 5 });
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
  t.test('a failed job begins anew, due now; its lease goes on', async (t) => {
    const job = sampleJob(
      {},
      {
        status: 'failed',
        attempt: 4,
        retryCount: 3,
        interruptions: 1,
        lease: 4,
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
      { attempt: 2, retryCount: 2, interruptions: 1, lease: 2, due: noon + minute, skipped: 3, missed: 4 },
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
});
