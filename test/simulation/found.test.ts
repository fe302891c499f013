/** Lives that have failed once, and the fault was mended. Each is long, since short ones did not find it. */
import t from 'tap';
import { live, report } from './shrink.js';

const found: readonly [why: string, seed: number, steps: number][] = [
  ['a record on disk before the jobs were looked at hid from the next server that the clock was set back', 9152, 700],
];

for (const [why, seed, steps] of found) {
  t.test(`life ${seed}: ${why}`, async (t) => {
    const failure = live({ seed, steps });
    t.equal(failure && report(failure, 10_000), undefined);
  });
}
