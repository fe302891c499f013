/**
 * Runs simulated lives: `npm run simulate -- --seeds 10000 --seed 42 --steps 2000`. `--seed` is the first seed. A failure
 * prints the seed, the end of its trace and the command that replays it, and the exit code is 1.
 */
import { parseArgs } from 'node:util';
import { Simulation } from './simulation.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '300' },
  },
});
const first = Number(values.seed);
const seeds = Number(values.seeds);
const steps = Number(values.steps);
const begun = performance.now();
for (let seed = first; seed < first + seeds; seed++) {
  const simulation = new Simulation({ seed, steps });
  try {
    simulation.run();
  } catch (error) {
    console.log(simulation.trace.slice(-40).join('\n'));
    console.log(`seed ${seed} failed after ${simulation.trace.length} notes, as seed ${seed - first + 1} of this run:`);
    console.log((error as Error).stack);
    console.log(`replay: npm run simulate -- --seeds 1 --seed ${seed} --steps ${steps}`);
    process.exit(1);
  }
}
console.log(`${seeds} lives of ${steps} steps held, in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
