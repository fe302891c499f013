/**
 * Runs lives of clusters: `npm run simulate:cluster -- --seeds 300 --seed 42 --steps 8000`. `--seed` is the first seed. A failure prints
 * its seed and what did not hold, and the exit code is 1.
 */
import { commandLine, wholeNumber } from '../../../bench/support/command-line.js';
import { live } from './life.js';

const {
  seed: first,
  seeds,
  steps,
} = commandLine('simulate:cluster', 'Simulated lives of nodes, on clocks, machines and a database that misbehave.')
  .option('--seeds <number>', 'how many lives', wholeNumber(), 300)
  .option('--seed <number>', 'seed of the first', wholeNumber(), 1)
  .option('--steps <number>', 'steps of each', wholeNumber(), 8000)
  .parse()
  .opts<{ seed: number; seeds: number; steps: number }>();

const begun = performance.now();
let failed = 0;
for (let seed = first; seed < first + seeds; seed++) {
  const { faults } = await live({ seed, steps });
  if (faults.length === 0) continue;
  failed++;
  console.log(`seed ${seed}:\n  ${faults.slice(0, 5).join('\n  ')}`);
}
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
console.log(`${seeds - failed} of ${seeds} lives of ${steps} steps held, in ${seconds} s`);
process.exitCode = failed > 0 ? 1 : 0;
