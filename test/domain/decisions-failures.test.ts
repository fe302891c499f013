import t from 'tap';
import { type Failure, fail, interrupt, start } from '../../src/domain/decisions.js';
import type { JobDetail } from '../../src/domain/job.js';
import { everyMinute, everyTenSeconds, noon, runningJob } from '../store/samples.js';
import { failure, hour, lastErrorAt, minute } from './decisions-support.js';

t.test('fail', async (t) => {
  t.test('a retry comes one delay after the failure', async (t) => {
    const job = runningJob({}, { interruptions: 2, fence: 5, skipped: 1 });
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
    t.same(fail(job, failure, noon), {
      state: { ...job.state, status: 'failed', interruptions: 0, finishedAt: noon, updatedAt: noon },
      events: [{ type: 'job.failed', error: 'no such order', retryCount: 3, maxRetries: 3, final: true }],
      detail: lastErrorAt(noon),
      passed: undefined,
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

  t.test('a failure may say how long its retry waits, up to what the backoff may reach', async (t) => {
    const dueAfter = (retryAfterMs: number, retryDelayMs = 60_000) =>
      fail(runningJob({ retryDelayMs }), { ...failure, retryAfterMs }, noon).state.due - noon;
    t.equal(dueAfter(0), 0);
    t.equal(dueAfter(1500), 1500);
    t.equal(dueAfter(100 * hour), 24 * hour);
    t.equal(dueAfter(100 * hour, 48 * hour), 48 * hour, 'one who wants to wait so long may');
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
  t.test('an attempt that was interrupted runs again at once, uncharged', async (t) => {
    const job = runningJob({}, { retryCount: 2, attempt: 3, fence: 8, skipped: 1, missed: 2 });
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

  t.test('an attempt that had not begun did not happen, except for its fence', async (t) => {
    const job = runningJob({}, { attempt: 3, fence: 8, interruptions: 2 });
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

  t.test('those that were asked for count as one, however many there are', async (t) => {
    let job = runningJob({});
    for (let restart = 1; restart <= 5; restart++) {
      const { state } = interrupt(job, true, noon, true);
      t.match(state, { status: 'pending', interruptions: 1 }, `restart ${restart}`);
      job = { ...job, state: start({ ...job, state }, noon).state };
    }
    t.match(interrupt(runningJob({}, { interruptions: 2 }), true, noon, true).state, { interruptions: 2 });
    t.match(interrupt(runningJob({}, { interruptions: 0 }), false, noon, true).state, { interruptions: 0 });
  });

  t.test('one that had not begun does not make the third', async (t) => {
    const decision = interrupt(runningJob({}, { interruptions: 2 }), false, noon);
    t.match(decision.state, { status: 'pending', interruptions: 2 });
  });

  t.test('a failure in between begins the count anew', async (t) => {
    t.equal(fail(runningJob({}, { interruptions: 2 }), failure, noon).state.interruptions, 0);
  });
});
