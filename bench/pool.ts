/**
 * The worker pool alone, nothing stored: no-op attempts a second in batches, and the time of one by itself, beside one
 * `piscina.run` per job. `node dist/bench/pool.js [attempts] [threads]`; what docs/design.md quotes.
 */
import { WorkerPool } from '../src/pool/pool.js';
import { median } from './support/bench.js';
import { runHelper } from './support/processes.js';
import { handlersDir } from './support/server-process.js';

const attempts = Number(process.argv[2] ?? 300_000);
const threads = Number(process.argv[3] ?? 2);
const singles = 2000;

let ended = (_count: number): void => {};
const pool = new WorkerPool({
  handlersDir,
  threads,
  threadMemoryMiB: 256,
  graceMs: 1000,
  events: { outcomes: (outcomes) => ended(outcomes.length), room: () => ended(0) },
});
await pool.start();

let seq = 0;
function dispatch(): void {
  seq++;
  pool.dispatch({
    jobSeq: seq,
    fence: 1,
    jobId: `job_1_${seq}`,
    name: 'noop',
    payload: '{}',
    attempt: 1,
    scheduledFor: 0,
    timeoutMs: 60_000,
    alone: false,
  });
}

/** Keeps the pool full until so many attempts have ended; how many a second. */
function run(count: number): Promise<number> {
  const begun = performance.now();
  let left = count;
  let unsent = count;
  const fill = (): void => {
    for (let free = pool.free; free > 0 && unsent > 0; free--, unsent--) dispatch();
    pool.flush();
  };
  return new Promise((done) => {
    ended = (some) => {
      left -= some;
      if (left === 0) done(count / ((performance.now() - begun) / 1000));
      else fill();
    };
    fill();
  });
}

await run(20_000);
const perSecond = await run(attempts);
const latencies: number[] = [];
for (let i = 0; i < singles; i++) latencies.push(1e6 / (await run(1)));
await pool.stop();
const raw = await runHelper<{ perSecond: number }>('ceilings/piscina.js', { threads, tasks: attempts });
const show = (value: number): string => Math.round(value).toLocaleString('en-US');
console.log(
  `the pool in batches, ${threads} threads: ${show(perSecond)} attempts/s; one by itself: ${show(median(latencies))} µs`,
);
console.log(`one piscina.run per job: ${show(raw.perSecond)}/s`);
