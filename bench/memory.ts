/**
 * How much memory does it take to have many jobs waiting? Resident memory with so many pending jobs, spread over thirty
 * days, after a restart and when all is quiet. The part that is private to the process is told beside it: the rest are
 * pages of the store's file, which the system takes back when it needs room.
 */
import { atMost, type Bench } from './support/bench.js';
import { filledDirectory } from './support/filled.js';
import { type Memory, ServerProcess } from './support/server-process.js';

export interface MemoryPlan {
  /** Pending jobs, ascending. */
  readonly jobs: readonly number[];
}

const million = 1_000_000;

export const memory: Bench<MemoryPlan> = {
  name: 'memory',
  question: 'Resident memory by pending jobs',
  plans: {
    small: { jobs: [0, 100_000] },
    full: { jobs: [0, 100_000, million, 10 * million] },
  },
  async run(plan, run) {
    const found = new Map<number, Memory>();
    for (const jobs of plan.jobs) {
      const server = await ServerProcess.start({ dataDir: await filledDirectory(jobs, run) });
      run.finally(() => server.discard());
      run.equal(await server.total('&status=pending'), jobs, 'pending jobs');
      await server.quiet();
      const { rssMiB, privateMiB } = server.memory();
      await server.discard();
      found.set(jobs, { rssMiB, privateMiB });
      const added = (than: number): number => rssMiB - (found.get(than)?.rssMiB ?? rssMiB);
      const musts = [];
      if (jobs === million) musts.push(atMost('at most 100 MiB more than with none', added(0), 100));
      if (jobs === 10 * million)
        musts.push(
          atMost(
            'no more added than by 1 million',
            added(0),
            (found.get(million)?.rssMiB ?? 0) - (found.get(0)?.rssMiB ?? 0),
          ),
        );
      run.find({
        what: `${jobs.toLocaleString('en-US')} pending jobs`,
        figures: { rssMiB, privateMiB, addedMiB: added(0) },
        must: musts,
      });
    }
  },
};
