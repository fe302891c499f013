/** What becomes of a job on its way, field by field, and what is told about it. */
import fc from 'fast-check';
import t from 'tap';
import { create, miss, start, succeed } from '../../src/domain/decisions.js';
import { type JobDetail, type JobState, noDetail, type Trigger } from '../../src/domain/job.js';
import { countOccurrences } from '../../src/domain/slots/trigger.js';
import { everyMinute, everyTenSeconds, noon, runningJob, sampleJob, sampleSpec } from '../store/samples.js';
import { hour, lastErrorAt, minute, passedOver } from './decisions-support.js';

t.test('create', async (t) => {
  const born: JobState = {
    status: 'pending',
    due: noon,
    occurrence: noon,
    updatedAt: noon - 5000,
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

  t.test('a retry and an attempt that was interrupted are never missed', async (t) => {
    t.equal(miss(sampleJob(repeating, { attempt: 1, retryCount: 1 }), noon + hour), undefined);
    t.equal(miss(sampleJob(repeating, { attempt: 1, interruptions: 1 }), noon + hour), undefined);
  });

  t.test('run_once makes one of them due at once and counts them all', async (t) => {
    const job = sampleJob(repeating, {
      missed: 5,
      skipped: 2,
      fence: 9,
      startedAt: noon - 9000,
      finishedAt: noon - 8000,
    });
    // 0 s, 10 s and 20 s are more than a second late; 30 s is not yet.
    const now = noon + 30_500;
    t.strictSame(miss(job, now), {
      state: { ...job.state, occurrence: noon + 20_000, due: now, updatedAt: now, missed: 8 },
      events: [],
      passed: [passedOver('missed', noon, noon + 10_000, 2)],
    });
  });

  t.test('skip waits for the next and counts them all', async (t) => {
    const job = sampleJob({ ...repeating, misfire: 'skip' }, { missed: 5, skipped: 2, fence: 9 });
    t.strictSame(miss(job, noon + 30_500), {
      state: { ...job.state, occurrence: noon + 30_000, due: noon + 30_000, updatedAt: noon + 30_500, missed: 8 },
      events: [{ type: 'job.scheduled', triggerAt: noon + 30_000, isRepeat: true }],
      passed: [passedOver('missed', noon, noon + 20_000, 3)],
    });
  });

  t.test('an occurrence that is late by a second at most is not missed with those before it', async (t) => {
    const at = (now: number) => miss(sampleJob({ ...repeating, misfire: 'skip' }), now)?.state;
    t.match(at(noon + 21_000), { missed: 2, due: noon + 20_000 });
    t.match(at(noon + 21_001), { missed: 3, due: noon + 30_000 });
  });

  t.test('one that was interrupted before it began is counted, too, where it is passed over', async (t) => {
    const interrupted = sampleJob({ ...repeating, misfire: 'skip' }, { due: noon + 3500, fence: 1 });
    const { state, passed } = miss(interrupted, noon + 30_500) as NonNullable<ReturnType<typeof miss>>;
    t.equal(state.missed, 3);
    t.same(passed, [passedOver('missed', noon, noon + 20_000, 3)]);
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
  t.test('a new attempt has a new fence, and its end is open', async (t) => {
    const job = sampleJob(
      {},
      {
        attempt: 2,
        fence: 40,
        retryCount: 2,
        interruptions: 1,
        startedAt: noon - hour,
        finishedAt: noon - hour + 1,
        skipped: 3,
        missed: 4,
      },
    );
    t.same(start(job, noon + 7), {
      state: {
        ...job.state,
        status: 'running',
        attempt: 3,
        fence: 41,
        startedAt: noon + 7,
        finishedAt: 0,
        updatedAt: noon + 7,
      },
      events: [{ type: 'job.started', attempt: 3 }],
    });
  });

  t.test('after the last fence that fits its place on disk comes the first', async (t) => {
    const leaseAfter = (fence: number) => start(sampleJob({}, { fence }), noon).state.fence;
    t.equal(leaseAfter(0), 1);
    t.equal(leaseAfter(2 ** 32 - 2), 2 ** 32 - 1);
    t.equal(leaseAfter(2 ** 32 - 1), 1);
  });
});

t.test('succeed', async (t) => {
  const told = { type: 'job.completed', durationMs: 100 };

  t.test('a one-shot job is a success', async (t) => {
    const job = runningJob({}, { retryCount: 1, attempt: 2, fence: 2, interruptions: 1 });
    t.strictSame(succeed(job, { durationMs: 100 }, noon), {
      state: { ...job.state, status: 'success', finishedAt: noon, updatedAt: noon, interruptions: 0 },
      events: [told],
      passed: undefined,
      counts: 'completed',
    });
  });

  t.test('a repeating job is pending for its next occurrence, with nothing left of this one', async (t) => {
    const job = runningJob(
      { trigger: everyTenSeconds },
      { attempt: 3, retryCount: 2, interruptions: 1, fence: 12, skipped: 1, missed: 6 },
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
        lastOutcome: 'success',
        finishedAt: noon + 200,
        updatedAt: noon + 200,
      },
      events: [told, { type: 'job.scheduled', triggerAt: noon + 10_000, isRepeat: true }],
      passed: undefined,
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
