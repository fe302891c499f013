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
