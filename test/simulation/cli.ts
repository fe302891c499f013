/**
 * Runs simulated lives: `npm run simulate -- --seeds 10000 --seed 42 --steps 2000`. `--seed` is the first seed. A failure
 * prints the seed, the shortened trace and the commands that replay it, and the exit code is 1; `--only 3,7-9` leaves out
 * all other steps, as those commands do, and prints the whole trace.
 */
import { parseArgs } from 'node:util';
import { live, parseSteps, report } from './shrink.js';

const shrinkingMs = 30_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '300' },
    only: { type: 'string' },
  },
});

function wholeNumber(name: 'seeds' | 'seed' | 'steps'): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${name} takes a whole number, not ${values[name]}`);
  process.exit(2);
}

const [first, seeds, steps] = [wholeNumber('seed'), wholeNumber('seeds'), wholeNumber('steps')];
const only = values.only === undefined ? {} : { only: parseSteps(values.only) };
const begun = performance.now();
for (let seed = first; seed < first + seeds; seed++) {
  const failure = live({ seed, steps, ...only });
  if (!failure) continue;
  console.log(report(failure, shrinkingMs));
  console.log(`That was seed number ${seed - first + 1} of this run.`);
  process.exit(1);
}
console.log(`${seeds} lives of ${steps} steps held, in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
