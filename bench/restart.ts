/**
 * How soon is a server back that was killed? kill -9 with so many pending jobs, right after more work came in, so that
 * there is a log to replay; then the time until it listens, and until the first job that came due meanwhile has begun.
 */
import { atMost, type Bench, type Figures, medians, type Run, sleep } from './support/bench.js';
import { createAll } from './support/fill.js';
import { filledDirectory } from './support/filled.js';
import { dueBody, orderBody } from './support/job-bodies.js';
import { ServerProcess } from './support/server-process.js';

export interface RestartPlan {
  /** Pending jobs, ascending. */
  readonly jobs: readonly number[];
  readonly rounds: number;
}

const million = 1_000_000;
/** Made just before the end, so that they are in the log and not in the trees. */
const freshJobs = 10_000;
/** From being made to being due: the process is killed in between. */
const dueInMs = 400;
const beganLimitMs = 60_000;

/** Numbers the jobs whose start is awaited. */
let lastNumber = 0;

async function killAndStart(server: ServerProcess, run: Run): Promise<Figures> {
  const before = await server.total();
  const number = ++lastNumber;
  await createAll(server, run, freshJobs, (index) => orderBody(index));
  const { status } = await server.ask('POST', '/jobs', dueBody('stamp', Date.now() + dueInMs, `{"n":${number}}`));
  run.equal(status, 201, 'answer to the job that is to be due');
  await server.crash();
  await sleep(dueInMs);
  await server.start();
  const { listeningAfterMs, startedAt } = server;
  const began = await beginning(server, number);
  run.equal(await server.total(), before + freshJobs + 1, 'jobs listed after kill -9');
  run.check(began !== undefined, 'the job that came due meanwhile did not run');
  return { listeningMs: listeningAfterMs, firstDueMs: (began ?? Number.NaN) - startedAt };
}

/** When the awaited job began; what it notes reaches the disk once a second. */
async function beginning(server: ServerProcess, number: number): Promise<number | undefined> {
  for (const end = Date.now() + beganLimitMs; Date.now() < end; await sleep(100)) {
    const stamp = server.stamps().find(({ job }) => job === number);
    if (stamp) return stamp.began;
  }
  return undefined;
}

export const restart: Bench<RestartPlan> = {
  name: 'restart',
  question: 'From kill -9 to listening, and to the first job that is due',
  plans: {
    small: { jobs: [0, 100_000], rounds: 2 },
    full: { jobs: [0, 100_000, million, 10 * million], rounds: 3 },
  },
  async run(plan, run) {
    for (const jobs of plan.jobs) {
      const server = await ServerProcess.start({ dataDir: await filledDirectory(jobs, run) });
      run.finally(() => server.discard());
      const rounds: Figures[] = [];
      for (let round = 0; round < plan.rounds; round++) rounds.push(await killAndStart(server, run));
      await server.discard();
      const figures = medians(rounds);
      const musts = [];
      const slowest = Math.max(figures.listeningMs!, figures.firstDueMs!);
      if (jobs === million) musts.push(atMost('at most 1 s', slowest / 1000, 1));
      if (jobs === 10 * million) musts.push(atMost('at most 2 s', slowest / 1000, 2));
      run.find({ what: `${jobs.toLocaleString('en-US')} pending jobs`, figures, must: musts });
    }
  },
};
