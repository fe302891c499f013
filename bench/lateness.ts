/**
 * How long after its due time does a job's handler begin? Jobs that come due at a steady rate, and a crowd that comes due
 * in one millisecond. The handler itself notes when it began. Nothing may begin early, and everything once.
 */
import { atMost, type Bench, type Figures, type Must, medians, type Run, sleep } from './support/bench.js';
import { ahead, createAll } from './support/fill.js';
import { dueBody } from './support/job-bodies.js';
import { Latencies } from './support/latencies.js';
import { Helper } from './support/processes.js';
import { ServerProcess } from './support/server-process.js';

export interface LatenessPlan {
  /** Jobs a second, and for how many seconds. */
  readonly steady: readonly { readonly perSecond: number; readonly seconds: number }[];
  /** Jobs that are due at once; 0: leave it out. */
  readonly crowd: number;
  readonly rounds: number;
}

/** Milliseconds after the first due time, ascending. */
type Offsets = readonly number[];

/** For the process of the timers to be ready. */
const marginMs = 1000;
/** The handler's notes reach the disk once a second. */
const notesLimitMs = 5000;

export function steady(perSecond: number, seconds: number): Offsets {
  return Array.from({ length: perSecond * seconds }, (_, index) => Math.floor((index * 1000) / perSecond));
}

/** Numbers jobs over all rounds of a process, since the notes of all lie together. */
let lastNumber = 0;

/** As `measureLateness` at a steady rate, while something else goes on that begins with the first due job. */
export function steadyBeside(
  server: ServerProcess,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
  run: Run,
  begin: () => Promise<void>,
): Promise<Figures> {
  return measureLateness(server, steady(perSecond, seconds), run, begin);
}

/**
 * Makes the jobs ahead of time, lets them run, and reads when each began.
 *
 * @param begin called at the first due time; the jobs are waited for once it has resolved
 */
export async function measureLateness(
  server: ServerProcess,
  offsets: Offsets,
  run: Run,
  begin?: () => Promise<void>,
): Promise<Figures> {
  return ahead(offsets.length, 0, run, async (from, ready) => {
    const first = lastNumber;
    lastNumber += offsets.length;
    const { completed } = await server.stats();
    await createAll(server, run, offsets.length, (index) =>
      dueBody('stamp', from + offsets[index]!, `{"n":${first + index}}`),
    );
    await server.quiet(from - Date.now() - 100);
    ready();
    if (begin) {
      await sleep(from - Date.now());
      await begin();
    }
    await sleep(from + offsets.at(-1)! - Date.now());
    await server.completed(completed + offsets.length, 100);
    return read(server, first, from, offsets, run);
  });
}

async function read(server: ServerProcess, first: number, from: number, offsets: Offsets, run: Run): Promise<Figures> {
  const ofRound = (): { job: number; began: number }[] =>
    server.stamps().filter(({ job }) => job >= first && job < first + offsets.length);
  let stamps = ofRound();
  for (const end = Date.now() + notesLimitMs; stamps.length < offsets.length && Date.now() < end; stamps = ofRound())
    await sleep(100);
  const latencies = new Latencies();
  for (const { job, began } of stamps) latencies.add(began - (from + offsets[job - first]!));
  run.equal(stamps.length, offsets.length, 'handler starts noted');
  run.equal(new Set(stamps.map(({ job }) => job)).size, offsets.length, 'jobs that began');
  run.check(latencies.min >= 0, `a job began ${-latencies.min} ms before it was due`);
  return { ...latencies.figures(), minMs: latencies.min };
}

/** `setTimeout` at the same instants, in a process of its own. */
async function measureTimers(offsets: Offsets): Promise<Figures> {
  const from = Math.ceil((Date.now() + marginMs) / 1000) * 1000;
  const helper = new Helper<{ from: number; offsets: Offsets }, { lateness: number[] }>('ceilings/timers.js');
  try {
    const { lateness } = await helper.ask({ from, offsets });
    const latencies = new Latencies();
    for (const ms of lateness) latencies.add(ms);
    return { ...latencies.figures(), minMs: latencies.min };
  } finally {
    await helper.end();
  }
}

export const lateness: Bench<LatenessPlan> = {
  name: 'lateness',
  question: 'From the due time to the start of the handler',
  plans: {
    small: {
      steady: [
        { perSecond: 100, seconds: 2 },
        { perSecond: 1000, seconds: 3 },
        { perSecond: 10_000, seconds: 2 },
      ],
      crowd: 10_000,
      rounds: 1,
    },
    full: {
      steady: [
        { perSecond: 100, seconds: 20 },
        { perSecond: 1000, seconds: 20 },
        { perSecond: 10_000, seconds: 10 },
      ],
      crowd: 10_000,
      rounds: 3,
    },
  },
  async run(plan, run) {
    const server = await ServerProcess.start();
    run.finally(() => server.discard());
    await measureLateness(server, steady(500, 1), run);
    for (const { perSecond, seconds } of plan.steady) {
      const [figures, timers] = await inTurn(server, steady(perSecond, seconds), plan.rounds, run);
      report(run, `${perSecond.toLocaleString('en-US')} jobs/s`, figures, timers, bounds(perSecond, figures));
    }
    if (plan.crowd > 0) {
      const [figures, timers] = await inTurn(server, Array<number>(plan.crowd).fill(0), plan.rounds, run);
      report(run, `${plan.crowd.toLocaleString('en-US')} jobs due in one millisecond`, figures, timers, []);
    }
  },
};

async function inTurn(server: ServerProcess, offsets: Offsets, rounds: number, run: Run): Promise<[Figures, Figures]> {
  const ours: Figures[] = [];
  const timers: Figures[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await measureLateness(server, offsets, run));
    await server.quiet();
    timers.push(await measureTimers(offsets));
  }
  return [medians(ours), medians(timers)];
}

function report(run: Run, what: string, figures: Figures, timers: Figures, musts: Must[]): void {
  const ratio = figures.p99Ms! / timers.p99Ms!;
  run.find({ what, figures, ceiling: { what: 'setTimeout alone', figures: timers }, ratio, must: musts });
}

function bounds(perSecond: number, figures: Figures): Must[] {
  if (perSecond === 1000) {
    return [atMost('p50 at most 1 ms', figures.p50Ms!, 1), atMost('p99 at most 4 ms', figures.p99Ms!, 4)];
  }
  return perSecond === 10_000 ? [atMost('p99 at most 15 ms', figures.p99Ms!, 15)] : [];
}
