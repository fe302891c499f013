/** Lives a range of seeds; a failure shows the seed, the end of its trace and the command that replays it. */
import type { Test } from 'tap';
import { Simulation } from './simulation.js';

export const stepsPerLife = 150;

export function liveSeeds(t: Test, first: number, count: number): void {
  for (let seed = first; seed < first + count; seed++) {
    const simulation = new Simulation({ seed, steps: stepsPerLife });
    try {
      simulation.run();
    } catch (error) {
      const replay = `npm run simulate -- --seeds 1 --seed ${seed} --steps ${stepsPerLife}`;
      t.comment(simulation.trace.slice(-30).join('\n'));
      t.fail(`seed ${seed}: ${(error as Error).message}; replay: ${replay}`);
      return;
    }
  }
  t.pass(`${count} lives held`);
}
