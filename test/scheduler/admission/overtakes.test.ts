/** When the slot comes that ends an attempt: one entry for each job, however often the job is written meanwhile. */
import t from 'tap';
import type { Job } from '../../../src/domain/job.js';
import { Overtakes } from '../../../src/scheduler/admission/overtakes.js';
import type { Ledger } from '../../../src/scheduler/ledger.js';
import { World } from '../../support/world.js';
import { cron, make, minute } from '../worlds.js';

/** A job that runs, and the part by itself, with what it has looked at. */
function begin(): { world: World; job: Job; overtakes: Overtakes; looked: number[] } {
  const world = new World();
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true, overlap: 'cancel_running' });
  world.pass(minute);
  const looked: number[] = [];
  // A job that no longer runs: nothing follows from the look.
  const ledger = {
    unlessUnreadable: (_seq: number, look: () => void) => look(),
    lookupWritten: (one: number) => void looked.push(one),
  } as unknown as Ledger;
  return { world, job: world.memtable.job(seq) as Job, overtakes: new Overtakes(world, ledger), looked };
}

t.test('a job that is written a thousand times while it runs has one entry', async (t) => {
  const { world, job, overtakes, looked } = begin();
  for (let commit = 0; commit < 1000; commit++) overtakes.await(job);
  t.equal(overtakes.size, 1);
  t.equal(overtakes.nextAt, world.clock.now() + minute);
  world.clock.advance(minute);
  overtakes.overtakeDue();
  t.same(looked, [job.spec.seq], 'and is looked at once');
  t.equal(overtakes.size, 0);
  overtakes.await(job);
  t.equal(overtakes.size, 1, 'then it may be waited for again');
});

t.test('a slot that comes earlier now is not missed, and the later one is out of date', async (t) => {
  const { world, job, overtakes, looked } = begin();
  overtakes.await(job);
  const earlier = world.clock.now() + 1000;
  overtakes.await({
    ...job,
    spec: { ...job.spec, trigger: { ...cron('1 * * * * *'), timezone: 'UTC', repeat: true } } as Job['spec'],
  });
  t.equal(overtakes.nextAt, earlier);
  world.clock.advance(2 * minute);
  overtakes.overtakeDue();
  t.same(looked, [job.spec.seq]);
  t.equal(overtakes.size, 0);
});
