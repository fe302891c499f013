/** Lives a range of seeds; a failure shows the seed, the shortened trace and the commands that replay it. */
import type { Test } from 'tap';
import { live, report } from './shrink.js';

const stepsPerLife = 150;
const shrinkingMs = 10_000;

export function liveSeeds(t: Test, first: number, count: number): void {
  for (let seed = first; seed < first + count; seed++) {
    const failure = live({ seed, steps: stepsPerLife });
    if (!failure) continue;
    t.comment(report(failure, shrinkingMs));
    t.fail(`seed ${seed}: ${failure.error.message}`);
    return;
  }
  t.pass(`${count} lives held`);
}
