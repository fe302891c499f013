/**
 * How many no-op jobs a second go from due to success on disk? A backlog that was made in another order than it comes due
 * in, all of it due within moments; timed from the first due time until the statistics, which tell what is on disk, have
 * counted the last. Held against one `piscina.run` per job with nothing stored, and against the storage layout alone.
 */
import type { StorageLoad, StorageSpeed } from './ceilings/storage.js';
import { atLeast, type Bench, type Figures, median, medians, type Run, ratiosOf, sleep } from './support/bench.js';
import { ahead, createAll } from './support/fill.js';
import { dueBody } from './support/job-bodies.js';
import { runHelper } from './support/processes.js';
import { ServerProcess } from './support/server-process.js';
import { withMainThread } from './support/thread-time.js';

export interface ThroughputPlan {
  readonly threads: readonly number[];
  readonly jobs: number;
  readonly rounds: number;
  /** Runs of piscina and jobs of the storage alone, to hold against; 0: measure no ceiling. */
  readonly ceilingJobs: number;
}

/** The backlog comes due over so long: faster than anything here runs jobs. */
const spreadMs = (jobs: number): number => Math.ceil(jobs / 400);
const stride = 7_368_787;
/** Of the storage alone; at 40,000 a second and a flush every 7 ms. */
const perCommit = 300;

/**
 * Makes a backlog, lets it run and counts.
 *
 * @param more further members of the `index`-th job's body, as JSON with a comma before each
 */
export async function measureThroughput(
  server: ServerProcess,
  jobs: number,
  run: Run,
  more: (index: number) => string = () => '',
): Promise<Figures> {
  const place = (index: number): number => Math.floor((((index * stride) % jobs) / jobs) * spreadMs(jobs));
  return ahead(jobs, 0, run, async (due, ready) => {
    const before = await server.stats();
    await createAll(server, run, jobs, (index) => dueBody('noop', due + place(index), '{}', more(index)));
    await server.quiet(due - Date.now() - 200);
    const waiting = await server.stats();
    try {
      ready();
    } catch (error) {
      // The next try begins by counting: what this one made must have run by then.
      await server.completed(before.completed + jobs);
      throw error;
    }
    run.equal(waiting.pending - before.pending, jobs, 'jobs pending before the first was due');
    run.equal(waiting.completed, before.completed, 'jobs completed before the first was due');
    await sleep(due - Date.now());
    const { tookSeconds, ...main } = await withMainThread(server.pid, async () => ({
      tookSeconds: ((await server.completed(before.completed + jobs)) - due) / 1000,
    }));
    const after = await server.stats();
    run.equal(after.completed - before.completed, jobs, 'successes');
    run.equal(after.failed + after.running + after.pending - before.pending, 0, 'jobs that failed or still wait');
    return { perSecond: jobs / tookSeconds!, tookSeconds: tookSeconds!, ...main };
  });
}

export const throughput: Bench<ThroughputPlan> = {
  name: 'throughput',
  question: 'No-op jobs per second from due to success on disk',
  plans: {
    small: { threads: [1, 2], jobs: 20_000, rounds: 2, ceilingJobs: 50_000 },
    full: { threads: [1, 2], jobs: 200_000, rounds: 3, ceilingJobs: 200_000 },
  },
  async run({ threads, jobs, rounds, ceilingJobs }, run) {
    for (const count of threads) {
      const server = await ServerProcess.start({ threads: count });
      run.finally(() => server.discard());
      await measureThroughput(server, Math.min(2000, jobs), run);
      const ours: Figures[] = [];
      const raw: number[] = [];
      const storage: number[] = [];
      for (let round = 0; round < rounds; round++) {
        ours.push(await measureThroughput(server, jobs, run));
        if (ceilingJobs === 0) continue;
        await server.quiet();
        raw.push(
          (await runHelper<{ perSecond: number }>('ceilings/piscina.js', { threads: count, tasks: ceilingJobs }))
            .perSecond,
        );
        const load: StorageLoad = { jobs: ceilingJobs, completions: ceilingJobs, perCommit };
        storage.push((await runHelper<StorageSpeed>('ceilings/storage.js', load)).completionsPerSecond);
      }
      run.equal(
        await server.total('&status=success'),
        Math.min(2000, jobs) + rounds * jobs,
        'jobs listed as successful',
      );
      await server.discard();
      report(
        run,
        `${count} thread${count === 1 ? '' : 's'}`,
        medians(ours),
        median(raw),
        median(storage),
        ratiosOf(
          ours.map(({ perSecond }) => perSecond!),
          storage,
        ),
      );
    }
  },
};

function report(
  run: Run,
  what: string,
  figures: Figures,
  raw: number,
  storage: number,
  ratios: readonly number[],
): void {
  const perSecond = figures.perSecond!;
  const fast = atLeast('at least 40,000/s', perSecond, 40_000);
  if (Number.isNaN(raw)) {
    run.find({ what, figures, must: [fast] });
    return;
  }
  run.find({
    what,
    figures,
    ceiling: {
      what: 'one piscina.run per job; storage alone',
      figures: { piscinaPerSecond: raw, storagePerSecond: storage },
    },
    ratio: perSecond / storage,
    ratios,
    must: [
      fast,
      atLeast('above piscina.run (1 is as fast)', perSecond / raw, 1),
      atLeast('at least 0.5 of the storage alone', perSecond / storage, 0.5),
    ],
  });
}
