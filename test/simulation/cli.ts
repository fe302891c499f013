/**
 * Runs simulated lives: `npm run simulate -- --seeds 10000 --seed 42 --steps 2000`. `--seed` is the first seed. A failure
 * prints the seed, the shortened trace and the commands that replay it, and the exit code is 1; `--only 3,7-9` leaves out
 * all other steps, as those commands do, and prints the whole trace.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { InvalidArgumentError } from 'commander';
import { commandLine, wholeNumber } from '../../bench/support/command-line.js';
import { live, parseSteps, report } from './shrink.js';

const shrinkingMs = 30_000;
const progressMs = 10_000;

const {
  seed: first,
  seeds,
  steps,
  ...only
} = commandLine('simulate', 'Simulated lives of the server on a clock, a disk and a pool that misbehave.')
  .option('--seeds <number>', 'how many lives', wholeNumber(), 1000)
  .option('--seed <number>', 'seed of the first', wholeNumber(), 1)
  .option('--steps <number>', 'steps of each', wholeNumber(), 300)
  .option('--only <steps>', 'leave out all other steps, such as 3,7-9, and print the whole trace', chosenSteps)
  .parse()
  .opts<{ seed: number; seeds: number; steps: number; only?: number[] }>();

function chosenSteps(text: string): number[] {
  try {
    return parseSteps(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Lives seeds until none is left, here and in other threads; each takes the next that nobody has. */
function liveAll(taken: Int32Array, failed: (text: string) => void): void {
  for (let index = Atomics.add(taken, 0, 1); index < seeds; index = Atomics.add(taken, 0, 1)) {
    const failure = live({ seed: first + index, steps, ...only });
    if (!failure) continue;
    return failed(`${report(failure, shrinkingMs)}\nThat was seed number ${index + 1} of this run.`);
  }
}

/** On all cores. Says now and then how far it is: long lives take seconds each. */
function main(): void {
  const begun = performance.now();
  const seconds = (): string => ((performance.now() - begun) / 1000).toFixed(1);
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const progress = setInterval(() => {
    console.error(`${Math.max(0, taken[0]! - threads)} of ${seeds} lives held, ${seconds()} s`);
  }, progressMs);
  const threads = Math.max(1, Math.min(availableParallelism(), seeds));
  let running = threads;
  for (let thread = 0; thread < threads; thread++) {
    const worker = new Worker(fileURLToPath(import.meta.url), { argv: process.argv.slice(2), workerData: taken });
    worker.on('message', (text: string) => {
      console.log(text);
      process.exit(1);
    });
    worker.on('exit', (code) => {
      if (code !== 0) process.exit(code);
      if (--running > 0) return;
      clearInterval(progress);
      console.log(`${seeds} lives of ${steps} steps held, in ${seconds()} s`);
    });
  }
}

if (isMainThread) main();
else liveAll(workerData as Int32Array, (text) => parentPort?.postMessage(text));
