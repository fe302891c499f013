import t from 'tap';
import { pause, resume } from '../../../src/domain/control/pausing.js';
import { snooze } from '../../../src/domain/control/snoozing.js';
import { everyMinute, noon, runningJob } from '../../store/samples.js';
import { hour, minute } from '../decisions-support.js';

t.test('the same attempt comes again after the wait, and no retry is used', async (t) => {
  const job = runningJob({}, { retryCount: 2, attempt: 3, interruptions: 2 });
  const now = noon + 5;
  t.strictSame(snooze(job, 600_000, now), {
    state: { ...job.state, status: 'pending', due: now + 600_000, interruptions: 0, finishedAt: now, updatedAt: now },
    events: [{ type: 'job.retrying', nextRetryAt: now + 600_000, retryCount: 2, cause: 'snooze' }],
  });
});

t.test('it gives way to the next occurrence, and its own is skipped', async (t) => {
  const job = runningJob({ trigger: everyMinute }, { skipped: 4, lastOutcome: 'success' });
  t.match(snooze(job, minute - 1, noon).state, { status: 'pending', due: noon + minute - 1, attempt: 1, skipped: 4 });
  const { state, events } = snooze(job, minute, noon);
  t.match(state, { status: 'pending', due: noon + minute, attempt: 0, skipped: 5, lastOutcome: 'success' });
  t.strictSame(events, [{ type: 'job.scheduled', triggerAt: noon + minute, isRepeat: true }]);
});

t.test('what came due meanwhile is skipped as well; an extra occurrence is none of the schedule', async (t) => {
  const job = runningJob({ trigger: everyMinute });
  const late = noon + 2.5 * minute;
  t.match(snooze(job, hour, late).state, { due: noon + 3 * minute, skipped: 3 });
  const extra = runningJob({ trigger: everyMinute }, { nextSlot: noon + minute });
  t.match(snooze(extra, hour, noon).state, { due: noon + minute, skipped: 0, nextSlot: 0 });
});

t.test('the last occurrence has none to give way to', async (t) => {
  const job = runningJob({ trigger: everyMinute, maxRuns: 1 }, { runCount: 1 });
  t.match(snooze(job, hour, noon).state, { status: 'pending', due: noon + hour, attempt: 1 });
});

t.test('one that would start too late has expired', async (t) => {
  const single = snooze(runningJob({ expiresAfterMs: minute }), 2 * minute, noon);
  t.match(single, {
    state: { status: 'failed' },
    detail: { lastError: { code: 'expired' } },
    counts: 'failed',
    events: [{ type: 'job.failed', final: true }],
  });
  const repeating = snooze(runningJob({ trigger: everyMinute, expiresAfterMs: 1000 }), 2000, noon);
  t.match(repeating.state, { status: 'pending', due: noon + minute, skipped: 1, lastOutcome: undefined });
});

t.test('beyond the last instant there is, it waits until that', async (t) => {
  t.equal(snooze(runningJob(), 1e15, noon).state.due, 253_402_300_799_999);
});

t.test('one that is paused over its next slot is skipped, not failed', async (t) => {
  const job = runningJob({ trigger: everyMinute });
  const snoozed = { ...job, state: snooze(job, 10, noon).state };
  const held = { ...job, state: pause(snoozed, {}, noon + 1).state };
  t.match(resume(held, noon + 1.5 * minute)?.state, { due: noon + 2 * minute, skipped: 2, lastOutcome: undefined });
});
