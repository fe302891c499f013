/**
 * Does it stay as fast when there is much? Ingest, lateness and throughput beside so many pending jobs that are due in the
 * coming thirty days. The first size is the ceiling of the others.
 */
import { closedLoop, Promised } from './ingest.js';
import { measureLateness, steady } from './lateness.js';
import { atLeast, type Bench, type Figures, medians, type Run } from './support/bench.js';
import { filledDirectory } from './support/filled.js';
import { ServerProcess } from './support/server-process.js';
import { measureThroughput } from './throughput.js';

export interface GrowthPlan {
  /** Pending jobs, ascending. */
  readonly jobs: readonly number[];
  readonly rounds: number;
  readonly ingestSeconds: number;
  readonly lateness: { readonly perSecond: number; readonly seconds: number };
  readonly backlog: number;
}

const connections = 256;
const least = 0.8;

async function measure(jobs: number, plan: GrowthPlan, run: Run): Promise<Figures> {
  const server = await ServerProcess.start({ dataDir: await filledDirectory(jobs, run) });
  run.finally(() => server.discard());
  const rounds: Figures[] = [];
  const { perSecond, seconds } = plan.lateness;
  await measureThroughput(server, Math.min(2000, plan.backlog), run);
  for (let round = 0; round < plan.rounds; round++) {
    const promised = new Promised();
    const before = await server.total();
    const ingested = await closedLoop(server.port, connections, plan.ingestSeconds, promised);
    run.equal(promised.refused, 0, 'requests not answered with 201');
    run.equal(await server.total(), before + promised.created, 'jobs listed');
    await server.quiet();
    const late = await measureLateness(server, steady(perSecond, seconds), run);
    await server.quiet();
    const ran = await measureThroughput(server, plan.backlog, run);
    await server.quiet();
    rounds.push({
      ingestPerSecond: ingested.perSecond!,
      latenessP50Ms: late.p50Ms!,
      latenessP99Ms: late.p99Ms!,
      throughputPerSecond: ran.perSecond!,
    });
  }
  await server.discard();
  return medians(rounds);
}

export const growth: Bench<GrowthPlan> = {
  name: 'growth',
  question: 'Speed by pending jobs',
  plans: {
    small: {
      jobs: [10_000, 100_000],
      rounds: 1,
      ingestSeconds: 1,
      lateness: { perSecond: 1000, seconds: 1 },
      backlog: 10_000,
    },
    full: {
      jobs: [10_000, 100_000, 1_000_000, 10_000_000],
      rounds: 3,
      ingestSeconds: 5,
      lateness: { perSecond: 1000, seconds: 5 },
      backlog: 100_000,
    },
  },
  async run(plan, run) {
    const found: Figures[] = [];
    for (const jobs of plan.jobs) {
      const figures = await measure(jobs, plan, run);
      found.push(figures);
      const first = found[0]!;
      const what = `${jobs.toLocaleString('en-US')} pending jobs`;
      if (found.length === 1) {
        run.find({ what, figures });
        continue;
      }
      const ratios = ['ingestPerSecond', 'throughputPerSecond'].map((name) => figures[name]! / first[name]!);
      const ratio = Math.min(...ratios, first.latenessP99Ms! / figures.latenessP99Ms!);
      const musts = jobs === plan.jobs.at(-1) ? [atLeast(`each at least ${least} of the first`, ratio, least)] : [];
      run.find({ what, figures, ratio, must: musts });
    }
  },
};
