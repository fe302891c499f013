/** What a job remembers of the slots that it ran for by a clock that was ahead. */
import t from 'tap';
import { miss, start, succeed } from '../../../src/domain/decisions.js';
import type { Job } from '../../../src/domain/job.js';
import { reschedule } from '../../../src/domain/slots/reschedule.js';
import { hasRunFor } from '../../../src/domain/slots/schedule.js';
import { noon, sampleJob } from '../../store/samples.js';

const everyMs = 500;
const aheadMs = 70_000;

t.test('with jitter, too, the missed slot that was made up for does not run again', async (t) => {
  for (let seq = 1; seq <= 200; seq++) {
    const trigger = { kind: 'interval', everyMs, firstDue: noon } as const;
    const job = sampleJob({ seq, trigger, jitterMs: 2000, misfire: 'run_once' });
    const ahead = noon + aheadMs + 33 * (seq % 7);
    const caughtUp = miss(job, ahead)?.state as Job['state'];
    const running: Job = { ...job, state: start({ ...job, state: caughtUp }, ahead).state };
    const waiting: Job = { ...job, state: succeed(running, { durationMs: 1 }, ahead + 1).state };
    const spec = reschedule(waiting, noon, { aheadSince: ahead, shownBefore: noon })?.spec as Job['spec'];
    const slot = caughtUp.occurrence;
    const known = [slot - everyMs, slot].map((instant) => hasRunFor(spec, instant));
    if (known[0] === false && known[1] === true) continue;
    t.same(known, [false, true], `job ${seq}: of the slot before, and of the one that ran`);
    return;
  }
  t.pass('200 jobs, each with its own jitter');
});

t.test(
  'a job that a clock which was ahead earlier has made does not run again for what it ran by this one',
  async (t) => {
    const second = 1000;
    const slot = noon + 20 * second;
    const trigger = { kind: 'interval', everyMs: 20 * second, firstDue: slot } as const;
    const sample = sampleJob({ seq: 1, trigger, misfire: 'run_once', createdAt: noon + 70 * second });
    const job: Job = { ...sample, state: { ...sample.state, due: slot, occurrence: slot, startedAt: 0 } };
    const late = noon + 45 * second;
    const running: Job = { ...job, state: start(job, late).state };
    const waiting: Job = { ...job, state: succeed(running, { durationMs: 1 }, late + 1).state };
    const clock = { aheadSince: noon + 42 * second, shownBefore: noon + 38 * second };
    const now = noon + 10 * second;
    const again = reschedule(waiting, now, clock);
    t.ok(hasRunFor(again?.spec as Job['spec'], slot));
    t.ok((again?.state.due as number) > slot);
    const unstarted: Job = {
      ...job,
      state: { ...job.state, due: slot + 40 * second, occurrence: slot + 40 * second, updatedAt: late },
    };
    t.equal(reschedule(unstarted, now, clock)?.state.due, slot, 'one that has never run is due at its next slot');
  },
);
